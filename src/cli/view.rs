//! `wirefin view`: opens the source, fills a store in the background, and shows the screen.

mod feed;
mod pause;
mod save;
mod spool;

use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::thread;

use self::feed::Behind;
use self::pause::{Handle, PauseSource};
use self::save::Packets;
use self::spool::PacketSpool;
use super::input::Opened;
use super::selection::Selection;
use super::{args, conflicts, report, sandbox, size::Size};
use crate::capture::{Files, Source};
use crate::pipeline;
use crate::store::{Bounds, Phase, Recorder, Shared};
use crate::tui::{self, Options};

/// Show a capture on the terminal: its conversations, and their messages over time
///
/// Press ? for the keys. Messages are shown as they are read; those that do not fit in memory are moved to a temporary
/// file. Theme, times and mouse can be configured in wirefin/config.toml in the usual place for configurations.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Keep at most this much of older payloads, and of packets captured with -i, in temporary files [default: 8GiB]
    #[arg(long, value_name = "SIZE")]
    spool: Option<Size>,

    /// Use this theme: dark, light, colour-blind or none
    #[arg(long, value_name = "NAME")]
    theme: Option<String>,

    /// Show times as absolute (UTC), local, relative or delta
    #[arg(long, value_name = "HOW")]
    time: Option<String>,

    /// Neither restore nor save filters, bookmarks, theme and times
    ///
    /// They are saved in wirefin/screen.json in the usual place for the state of programs, `$XDG_STATE_HOME` or
    /// ~/.local/state.
    #[arg(long)]
    no_state: bool,

    #[command(flatten)]
    input: args::Input,

    #[command(flatten)]
    selection: Selection,
}

/// The memory used besides the store: for reading, analysis, and the screen.
const REST: u64 = 48 << 20;

/// Returns whether there is a terminal that a screen can be shown on.
pub(super) fn is_possible() -> bool {
    std::io::stdout().is_terminal() && !is_dumb()
}

/// Returns whether the terminal does not support drawing a screen, or its type is unknown.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}

impl Args {
    /// Shows `input` with the default settings.
    pub(super) const fn of(input: args::Input, selection: Selection) -> Args {
        Args { input, selection, spool: None, theme: None, time: None, no_state: false }
    }

    /// Returns the limits of the store.
    fn bounds(&self) -> Bounds {
        let mut bounds = Bounds::default();
        let memory = self.input.memory.map_or(bounds.memory, |size| size.0 as u64);
        bounds.memory = memory.saturating_sub(REST).max(memory / 2);
        bounds.spool = self.spool.map_or(bounds.spool, |size| size.0 as u64);
        bounds
    }

    /// Returns the settings of the screen, from the arguments and the configuration, and a message about them.
    fn options(&self) -> anyhow::Result<(Options, Option<String>)> {
        let options = Options {
            theme: self.theme.clone(),
            time: self.time.clone(),
            filter: self.selection.text(),
            keeps_state: !self.no_state,
            ..Options::default()
        };
        let Some(file) = Options::file() else { return Ok((options, None)) };
        match options.clone().with_file(&file) {
            Ok(chosen) => Ok((chosen, None)),
            Err(error) => Ok((options, Some(passed_over(error)?))),
        }
    }

    /// Confines the program: exported files may be written anywhere, but the network stays blocked.
    fn confine(&self, opened: &mut Opened) -> anyhow::Result<()> {
        if !self.input.no_sandbox {
            opened.needs.read.push("/".into());
            opened.needs.write.push("/".into());
            opened.needs.terminal = true;
            opened.needs.landlock = opened.stays_root;
            sandbox::enter(&opened.needs, self.input.require_sandbox, self.input.quiet)?;
        }
        Ok(())
    }

    pub(super) fn run(self) -> anyhow::Result<()> {
        if self.input.only_websocket {
            anyhow::bail!("--only-websocket goes with print and export");
        }
        if io::stdout().is_terminal() && is_dumb() {
            anyhow::bail!("a terminal with TERM=dumb can show no screen: use `wirefin print`");
        }
        let mut bounds = self.bounds();
        let (options, note) = self.options()?;
        conflicts::check(&self.input, None)?;
        let run = self.input.options()?;
        let mut opened = self.input.open_quietly()?;
        let (meter, counts) = (opened.meter.take(), opened.counts.clone());
        let is_live = !self.input.interfaces.is_empty() || self.input.follow;
        let pause = Handle::default();
        if is_live {
            let source = std::mem::replace(&mut opened.source, Box::new(Files::from_readers([])));
            opened.source = Box::new(PauseSource::new(source, pause.clone()));
        }
        let (mut opened, saver, ()) = self.input.settle(opened, false, |_, _| Ok(()))?;
        let run = pipeline::Options { keys: super::run::watch_keys(run.keys, saver.as_ref()), ..run };
        let user = opened.user.as_ref().map(ToString::to_string);
        if options.keeps_state {
            tui::make_state_folder();
        }
        self.confine(&mut opened)?;
        let mut source = opened.source;
        let again = !is_live && self.input.files.iter().all(|path| path.is_file());
        let packets = if again {
            Packets::Files(self.input.files.clone())
        } else {
            // Payloads and packets share the space for temporary files.
            bounds.spool /= 2;
            let kept = PacketSpool::new(bounds.spool);
            source = Box::new(kept.watch(source));
            Packets::PacketSpool(kept)
        };
        let store = Shared::new(bounds);
        let mut behind =
            Behind::new(title(&self.input), store.clone(), packets).with_meter(meter).written_by(user);
        if let Some(note) = note {
            behind.tell(note);
        }
        if is_live {
            behind = behind.live(pause, counts);
        }
        let loader = thread::spawn({
            let store = store.clone();
            move || fill(&mut *source, &run, &store)
        });
        let shown = tui::run(&store, Box::new(behind), &options);
        // The loader notices that the store was told to stop; one blocked by a pipe is not waited for.
        let read = loader.is_finished().then(|| loader.join().ok()).flatten().transpose();
        if let Some(saver) = saver {
            saver.finish()?;
        }
        shown?;
        read?.map_or(Ok(()), |summary| report::damage(&summary))
    }
}

/// Describes that the configuration was ignored if it may not be read: the home folder may be another user's, as with
/// `su`, and its settings are not required.
fn passed_over(error: tui::ConfigError) -> Result<String, tui::Error> {
    match error {
        tui::ConfigError::Read(path, error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Ok(format!("{}: {error}: all is as by default", path.display()))
        }
        error => Err(tui::Error::Config(error)),
    }
}

/// Fills the store; how that ended is recorded in it.
fn fill(
    source: &mut dyn Source,
    options: &pipeline::Options,
    store: &Shared,
) -> Result<pipeline::Summary, pipeline::Error> {
    let result = pipeline::run(source, options, &mut Recorder::new(store.clone()));
    store.enter(match &result {
        Ok(_) => Phase::Complete,
        Err(error) => Phase::Failed(error.to_string()),
    });
    result
}

/// Describes the input in a few words.
fn title(input: &args::Input) -> String {
    let name = |path: &std::path::PathBuf| {
        if path == Path::new("-") {
            return "standard input".to_owned();
        }
        path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
    };
    match input.files.as_slice() {
        [] => input.interfaces.join(" "),
        [one] => name(one),
        [one, more @ ..] => {
            format!("{} and {}", name(one), crate::text::count(more.len() as u64, "more file"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_that_may_not_be_read_is_passed_over_and_any_other_fault_is_not() {
        let read = |kind: io::ErrorKind| passed_over(tui::ConfigError::Read("c.toml".into(), kind.into()));
        let note = read(io::ErrorKind::PermissionDenied).unwrap();
        assert!(note.starts_with("c.toml: ") && note.ends_with(": all is as by default"), "{note}");
        assert!(read(io::ErrorKind::InvalidData).is_err());
    }
}
