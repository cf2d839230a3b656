//! The terminal: taken over and given back, whatever happens.

use std::io::{self, Stdout, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

/// Whether the terminal is ours, so that it is given back once.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// A terminal that was taken over; dropped, it is given back.
pub(super) struct Screen {
    pub(super) terminal: Terminal<CrosstermBackend<Stdout>>,
    mouse: bool,
}

/// Takes the terminal over.
fn take(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let mut out = io::stdout();
    execute!(out, EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)?;
    if mouse {
        execute!(out, EnableMouseCapture)?;
    }
    Ok(())
}

/// Gives the terminal back, if it is taken; done on every way out, panics and signals among them.
pub(super) fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        let _ = execute!(out, DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
        let _ = disable_raw_mode();
        let _ = out.flush();
    }
}

impl Screen {
    pub(super) fn open(mouse: bool) -> io::Result<Screen> {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            give_back();
            before(info);
        }));
        let taken = take(mouse).and_then(|()| Terminal::new(CrosstermBackend::new(io::stdout())));
        if taken.is_err() {
            give_back();
        }
        Ok(Screen { terminal: taken?, mouse })
    }

    /// Gives the terminal back, lets the shell stop us, and takes it again when we go on.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        give_back();
        #[cfg(unix)]
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
        take(self.mouse)?;
        self.repaint()
    }

    /// Clears the screen, so that all of it is drawn again.
    ///
    /// [`Terminal::clear`] would ask the terminal where the cursor is, and wait for an answer that may not come.
    pub(super) fn repaint(&mut self) -> io::Result<()> {
        execute!(io::stdout(), Clear(ClearType::All))?;
        self.terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// The signals that ask the program to end or to stop.
#[derive(Debug, Default)]
pub(super) struct Signals {
    end: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    #[cfg(unix)]
    handle: Option<signal_hook::iterator::Handle>,
}

/// How long we may take to end by ourselves after a signal.
#[cfg(unix)]
const GRACE: std::time::Duration = std::time::Duration::from_secs(1);

impl Signals {
    pub(super) fn listen() -> io::Result<Signals> {
        let mut signals = Signals::default();
        #[cfg(unix)]
        {
            use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
            let mut pending =
                signal_hook::iterator::Signals::new([SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP])?;
            signals.handle = Some(pending.handle());
            let (end, stop) = (Arc::clone(&signals.end), Arc::clone(&signals.stop));
            std::thread::spawn(move || {
                for signal in pending.forever() {
                    if signal == SIGTSTP {
                        stop.store(true, Ordering::Relaxed);
                        continue;
                    }
                    end.store(true, Ordering::Relaxed);
                    // Where the terminal is gone, reading keys may never return: then we end here.
                    std::thread::sleep(GRACE);
                    give_back();
                    let _ = signal_hook::low_level::emulate_default_handler(signal);
                }
            });
        }
        Ok(signals)
    }

    pub(super) fn ended(&self) -> bool {
        self.end.load(Ordering::Relaxed)
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.swap(false, Ordering::Relaxed)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(handle) = &self.handle {
            handle.close();
        }
    }
}

/// Asks the terminal to put bytes on the clipboard (OSC 52).
pub(super) fn copy(bytes: &[u8]) -> io::Result<()> {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(bytes);
    let mut out = io::stdout();
    write!(out, "\x1b]52;c;{encoded}\x07")?;
    out.flush()
}
