//! Taking over the terminal, and restoring it in all circumstances.

use std::io::{self, Stdout, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture, Event, KeyCode,
    KeyModifiers,
};
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use rustix::event::{PollFd, PollFlags, Timespec};

/// Whether the terminal is taken over, so that it is restored only once.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// A terminal that was taken over; it is restored on drop.
pub(super) struct Screen {
    pub(super) terminal: Terminal<CrosstermBackend<Stdout>>,
    mouse: bool,
}

/// Takes over the terminal.
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

/// Restores the terminal if it was taken over; called on every exit path, including panics and signals.
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

    /// Restores the terminal, suspends the process, and takes the terminal over again when it is resumed.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        give_back();
        #[cfg(unix)]
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
        take(self.mouse)?;
        self.repaint()
    }

    /// Clears the screen, so that it is redrawn entirely.
    ///
    /// [`Terminal::clear`] would query the cursor position and wait for an answer that may never come.
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

/// The signals that request termination or suspension.
#[derive(Debug, Default)]
pub(super) struct Signals {
    end: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    #[cfg(unix)]
    handle: Option<signal_hook::iterator::Handle>,
}

/// The time allowed for an orderly exit after a signal.
#[cfg(unix)]
const GRACE: Duration = Duration::from_secs(1);

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
                    // If the terminal is gone, reading keys may block forever: exit from here.
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

/// The time allowed for the terminal to report its background colour.
const ANSWER: Duration = Duration::from_millis(150);

/// Queries the background colour of the terminal (OSC 11), and returns whether it is light, or `None` if there is no
/// answer in time.
pub(super) fn is_light() -> Option<bool> {
    let mut out = io::stdout();
    // Every terminal answers the second query, so an answer to the first cannot follow that.
    out.write_all(b"\x1b]11;?\x07\x1b[c").and_then(|()| out.flush()).ok()?;
    let input = io::stdin();
    let (begun, mut answer) = (Instant::now(), Vec::new());
    while !answer.ends_with(b"c") {
        let left = ANSWER.checked_sub(begun.elapsed())?;
        let wait = Timespec { tv_sec: 0, tv_nsec: left.subsec_nanos().into() };
        let mut ready = [PollFd::new(&input, PollFlags::IN)];
        if rustix::event::poll(&mut ready, Some(&wait)).ok()? == 0 || answer.len() > 1024 {
            return None;
        }
        let mut bytes = [0; 256];
        let read = rustix::io::read(&input, &mut bytes).ok().filter(|read| *read > 0)?;
        answer.extend_from_slice(bytes.get(..read)?);
    }
    luminance(&answer).map(|light| light > 0.5)
}

/// Returns the luminance of the colour in an answer to OSC 11, from 0 to 1.
fn luminance(answer: &[u8]) -> Option<f64> {
    let text = String::from_utf8_lossy(answer);
    let (_, colour) = text.split_once("]11;rgb:")?;
    let colour = colour.split(['\x07', '\x1b']).next()?;
    let parts = colour.split('/').map(|part| {
        let most = 16_f64.powi(i32::try_from(part.len()).ok()?) - 1.0;
        Some(f64::from(u32::from_str_radix(part, 16).ok()?) / most.max(1.0))
    });
    let parts: Vec<f64> = parts.collect::<Option<_>>()?;
    let [red, green, blue] = parts.as_slice() else { return None };
    Some(0.2126 * red + 0.7152 * green + 0.0722 * blue)
}

/// A late answer of the terminal that arrives as key events.
#[derive(Debug, Default)]
pub(super) struct LateAnswer {
    left: u32,
}

impl LateAnswer {
    /// Returns whether an event belongs to such an answer, which begins with `ESC ]` and ends with `BEL` or `ESC \`.
    pub(super) fn has(&mut self, event: &Event) -> bool {
        let Event::Key(key) = event else { return false };
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        if self.left == 0 {
            self.left = if alt && key.code == KeyCode::Char(']') { 40 } else { 0 };
            return self.left > 0;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let ends = alt && key.code == KeyCode::Char('\\') || control && key.code == KeyCode::Char('g');
        self.left = if ends { 0 } else { self.left.saturating_sub(1) };
        true
    }
}

/// Copies bytes to the clipboard through the terminal (OSC 52).
pub(super) fn copy(bytes: &[u8]) -> io::Result<()> {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(bytes);
    let mut out = io::stdout();
    write!(out, "\x1b]52;c;{encoded}\x07")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossterm::event::KeyEvent;

    #[test]
    fn backgrounds_are_light_or_dark() {
        for (answer, light) in [
            (&b"\x1b]11;rgb:ffff/ffff/ffff\x07\x1b[?1;2c"[..], Some(1.0)),
            (b"\x1b]11;rgb:00/00/00\x1b\\\x1b[?62c", Some(0.0)),
            (b"\x1b[?1;2c", None),
            (b"\x1b]11;rgb:zz/00/00\x07\x1b[c", None),
        ] {
            assert_eq!(luminance(answer).map(f64::round), light, "{answer:?}");
        }
    }

    #[test]
    fn a_late_answer_presses_no_key() {
        let key = |c, modifiers| Event::Key(KeyEvent::new(KeyCode::Char(c), modifiers));
        let mut late = LateAnswer::default();
        assert!(!late.has(&key('j', KeyModifiers::NONE)));
        assert!(late.has(&key(']', KeyModifiers::ALT)));
        assert!("11;rgb:ffff/q".chars().all(|c| late.has(&key(c, KeyModifiers::NONE))));
        assert!(late.has(&key('\\', KeyModifiers::ALT)));
        assert!(!late.has(&key('q', KeyModifiers::NONE)));
    }
}
