use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context as _;

use super::args::Input;
use super::conflicts;
use super::privileges::{Step, User};
use super::sandbox::{self, Needs};
use super::stop;
use crate::capture::{
    Counts, Description, Files, Follow, KeyLogs, LinkSources, ReadProgress, Saver, Source, StopCondition,
    Target,
};
use crate::pipeline::{Flows, Summary};
use crate::text::count;
use crate::wire::{self, DecodeError};

/// The opened input.
pub(super) struct Opened {
    pub(super) source: Box<dyn Source + Send>,
    /// The progress of reading, where it is known.
    pub(super) meter: Option<ReadProgress>,
    /// The packet and drop counts of interfaces.
    pub(super) counts: Option<Counts>,
    /// Whether a signal requested a stop.
    pub(super) stopped: Arc<AtomicBool>,
    /// Which signal.
    pub(super) heard: stop::Heard,
    /// What the sandbox must permit.
    pub(super) needs: Needs,
    pub(super) interfaces: Vec<Description>,
    origins: LinkSources,
    /// The file that is followed.
    followed: Option<String>,
    /// The user that we became.
    pub(super) user: Option<User>,
    /// Whether we stay root, without capabilities, which requires Landlock.
    pub(super) stays_root: bool,
}

impl Input {
    /// Opens the input, which ends when a signal requests it.
    pub(super) fn open(&self, paged: bool) -> anyhow::Result<Opened> {
        let until = stop::until(&self.autostop);
        let heard = stop::install_handlers(&until, paged)?;
        let opened = self.open_until(until)?;
        Ok(Opened { heard, ..opened })
    }

    /// Opens the input for callers that handle signals themselves.
    #[cfg(feature = "tui")]
    pub(super) fn open_quietly(&self) -> anyhow::Result<Opened> {
        self.open_until(stop::until(&self.autostop))
    }

    fn open_until(&self, until: StopCondition) -> anyhow::Result<Opened> {
        let mut opened = Opened {
            source: Box::new(Files::from_readers([])),
            meter: None,
            counts: None,
            stopped: Arc::clone(&until.stopped),
            heard: stop::Heard::default(),
            needs: Needs::default(),
            interfaces: Vec::new(),
            origins: LinkSources::default(),
            followed: None,
            user: None,
            stays_root: false,
        };
        if !self.interfaces.is_empty() {
            self.open_live(until, &mut opened)?;
        } else if self.follow {
            let [file] = self.files.as_slice() else { anyhow::bail!("--follow takes one file") };
            if file == Path::new("-") {
                anyhow::bail!(
                    "--follow takes a file by its name; standard input is read until it ends without it"
                );
            }
            let follow = Follow::open(file, until)?;
            opened.needs.read.push(follow.folder().to_owned());
            opened.followed = Some(file.display().to_string());
            opened.source = Box::new(follow);
        } else {
            self.reject_words()?;
            let files = Files::open_until(&self.files, until)?;
            opened.meter = Some(files.meter());
            opened.origins = files.origins();
            opened.needs.read.clone_from(&self.files);
            opened.source = Box::new(files);
        }
        if self.interfaces.is_empty() {
            opened.source = self.filtered(opened.source)?;
        }
        Ok(opened)
    }

    /// Fails if names of missing files look like a capture filter or a text to search for.
    fn reject_words(&self) -> anyhow::Result<()> {
        const OF_FILTERS: [&str; 9] = ["tcp", "port", "host", "src", "dst", "ip", "ip6", "net", "portrange"];
        let is_missing = |file: &&PathBuf| file.as_path() != Path::new("-") && !file.exists();
        let missing: Vec<_> =
            self.files.iter().filter(is_missing).map(|file| file.to_string_lossy()).collect();
        let Some(first) = missing.first() else { return Ok(()) };
        if first.split(' ').next().is_some_and(|word| OF_FILTERS.contains(&word)) {
            anyhow::bail!(
                "there is no file {first}; give capture filters with -f: -f '{}'",
                missing.join(" ")
            );
        }
        if missing.len() < self.files.len() && !first.contains(['.', '/']) {
            anyhow::bail!("there is no file {first}; to search for texts, use -Y '\"{first}\"'");
        }
        Ok(())
    }

    /// Passes only those packets of files that match -f.
    #[cfg(feature = "live")]
    fn filtered(&self, source: Box<dyn Source + Send>) -> anyhow::Result<Box<dyn Source + Send>> {
        Ok(match &self.filter {
            Some(filter) => Box::new(crate::capture::CaptureFilter::new(source, filter)?),
            None => source,
        })
    }

    #[cfg(not(feature = "live"))]
    fn filtered(&self, source: Box<dyn Source + Send>) -> anyhow::Result<Box<dyn Source + Send>> {
        if self.filter.is_some() {
            anyhow::bail!("this wirefin was built without libpcap, which -f needs (the feature `live`)");
        }
        Ok(source)
    }

    /// Opens the files once more, with their filter and keys, for a pass that precedes the one for the output.
    pub(super) fn reopen(&self, stopped: &Arc<AtomicBool>) -> anyhow::Result<Box<dyn Source + Send>> {
        let until = StopCondition { stopped: Arc::clone(stopped), ..StopCondition::default() };
        let source = self.filtered(Box::new(Files::open_until(&self.files, until)?))?;
        let keys = KeyLogs::open(&self.keylogs(), false)?;
        Ok(if keys.is_empty() { source } else { Box::new(keys.watch(source)) })
    }

    #[cfg(feature = "live")]
    fn open_live(&self, until: StopCondition, opened: &mut Opened) -> anyhow::Result<()> {
        let live = crate::capture::Live::open(&self.settings(), until)?;
        opened.counts = Some(live.counts());
        opened.interfaces = live.descriptions();
        // The drop counters are read there, and so is whether an interface is up.
        opened.needs.read.extend(live.system_folders());
        opened.source = Box::new(live);
        Ok(())
    }

    #[cfg(not(feature = "live"))]
    #[expect(clippy::unused_self, reason = "as with the feature")]
    fn open_live(&self, _: StopCondition, _: &mut Opened) -> anyhow::Result<()> {
        anyhow::bail!("this wirefin was built without live capture (the feature `live`)")
    }

    #[cfg(feature = "live")]
    fn settings(&self) -> crate::capture::Settings {
        let default = crate::capture::Settings::default();
        crate::capture::Settings {
            interfaces: self.interfaces.clone(),
            filter: self.filter.clone(),
            ring: self.buffer.map_or(default.ring, |size| size.0),
            snap_length: self.snap_length.unwrap_or(default.snap_length),
            promiscuous: !self.no_promiscuous,
        }
    }

    /// Returns where packets are saved, if that was requested.
    pub(super) fn target(&self) -> Option<Target> {
        Some(Target {
            file: self.write.clone()?,
            most_bytes: self.rotate_size.map(|megabytes| megabytes.saturating_mul(1_000_000)),
            most_time: self.rotate_seconds.map(Duration::from_secs),
            files: self.rotate_files,
            with_secrets: self.with_secrets,
            ..Target::default()
        })
    }

    /// Drops the privileges needed for opening interfaces, opens the output with `output`, and begins to save.
    ///
    /// Output files are created by the user that we become. The user `nobody`, whom root becomes if it was not called
    /// through sudo, could create none: in this case they are created before, as root, and written in place, which
    /// `output` is told by its argument. Rotation continues to create files, and therefore keeps root's identity,
    /// without its capabilities, if Landlock is available.
    pub(super) fn settle<T>(
        &self,
        opened: Opened,
        chosen: bool,
        output: impl FnOnce(&Opened, bool) -> anyhow::Result<T>,
    ) -> anyhow::Result<(Opened, Option<Saver>, T)> {
        let mut opened = opened;
        let step = if self.interfaces.is_empty() { None } else { Some(Step::choose(self.user.as_deref())?) };
        if let Some(step @ Step::BecomeNobody(_)) = step {
            let to = output(&opened, true)?;
            let (mut opened, saver) = self.save(opened, chosen)?;
            opened.stays_root = self.rotate_size.is_some() || self.rotate_seconds.is_some();
            if opened.stays_root && self.no_sandbox {
                anyhow::bail!("{}", sandbox::ROTATION);
            }
            opened.user = step.take(opened.stays_root)?;
            return Ok((opened, saver, to));
        }
        opened.user = step.map(|step| step.take(false)).transpose()?.flatten();
        let to = output(&opened, false)?;
        let (opened, saver) = self.save(opened, chosen)?;
        Ok((opened, saver, to))
    }

    /// Saves the packets read, if that was requested.
    ///
    /// If some conversations are `chosen`, only their packets.
    fn save(&self, opened: Opened, chosen: bool) -> anyhow::Result<(Opened, Option<Saver>)> {
        let mut opened = opened;
        let keys = KeyLogs::open(&self.keylogs(), self.follow || !self.interfaces.is_empty())?;
        self.needs_of_keylogs(&mut opened);
        let Some(target) = self.target() else {
            opened.beside(keys);
            return Ok((opened, None));
        };
        let target = Target { spared: conflicts::spared(&self.files), ..target };
        let file = target.file.clone();
        let sorter =
            (self.only_websocket || chosen).then(|| Box::new(Flows::new(wire::Limits::default())) as Box<_>);
        let saver = Saver::create(target, opened.interfaces.clone(), opened.counts.clone(), sorter)
            .with_context(|| format!("cannot save packets{}", opened.who()))?;
        if !saver.is_stdout() {
            opened.needs.make(&file);
        }
        // Keys that are read outside the saver are not saved.
        let (inside, outside) = if self.with_secrets { (Some(keys), None) } else { (None, Some(keys)) };
        if let Some(keys) = inside {
            opened.beside(keys);
        }
        let source = std::mem::replace(&mut opened.source, Box::new(Files::from_readers([])));
        opened.source = Box::new(saver.watch(source));
        if let Some(keys) = outside {
            opened.beside(keys);
        }
        Ok((opened, Some(saver)))
    }

    /// Notes what the sandbox must permit for reading key logs, and reports where they come from.
    fn needs_of_keylogs(&self, opened: &mut Opened) {
        for path in self.keylogs() {
            if self.is_endless() {
                opened.needs.read.push(crate::capture::folder(&path).to_owned());
            } else {
                opened.needs.read.push(path);
            }
        }
        #[cfg(feature = "tls")]
        opened.needs.read.extend_from_slice(&self.tls_key);
        if !self.quiet {
            self.say_where_keys_come_from();
        }
    }

    #[cfg(feature = "tls")]
    fn say_where_keys_come_from(&self) {
        if self.keylog.is_empty()
            && let [path] = self.keylogs().as_slice()
        {
            super::report::keys_from_environment(path);
        }
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unused_self, reason = "as with the feature")]
    const fn say_where_keys_come_from(&self) {}
}

impl Opened {
    /// Reads key logs alongside the source.
    fn beside(&mut self, keys: KeyLogs) {
        if !keys.is_empty() {
            let source = std::mem::replace(&mut self.source, Box::new(Files::from_readers([])));
            self.source = Box::new(keys.watch(source));
        }
    }

    /// Returns the names of the inputs with packets that could not be read because of their link type.
    pub(super) fn unreadable(&self, summary: &Summary) -> Option<String> {
        let Some(DecodeError::LinkType(link)) = summary.stop else { return None };
        let mut names: Vec<String> = self.origins.of(link).into_iter().map(String::from).collect();
        names.extend(self.interfaces.iter().filter(|it| it.link == link).map(|it| it.name.clone()));
        names.extend(self.followed.clone());
        let (first, more) = names.split_first()?;
        Some(match more.len() {
            0 => first.clone(),
            more => format!("{first} and {}", count(more as u64, "more input")),
        })
    }

    /// Describes whose privileges apply, if they are not the caller's, to be appended to error messages.
    pub(super) fn who(&self) -> String {
        let user = self.user.as_ref();
        user.map_or_else(String::new, |user| format!(" as {user}, who root became (--user names another)"))
    }
}
