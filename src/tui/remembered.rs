//! What is kept between runs: filters, searches, theme, times, and bookmarks by capture.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::clock::TimeForm;
use super::columns::ChosenColumns;
use super::config::Options;
use super::state::App;
use super::theme::Theme;

/// How many lines of each history are kept, and how many captures' bookmarks.
const KEPT: usize = 100;

/// The state that one run leaves to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Remembered {
    pub(super) filters: Vec<String>,
    pub(super) searches: Vec<String>,
    /// As far as they were chosen on the screen.
    pub(super) theme: Option<String>,
    pub(super) time: Option<String>,
    pub(super) columns: Option<String>,
    /// The bookmarked entries of each capture, by its path.
    pub(super) bookmarks: BTreeMap<String, BTreeSet<u32>>,
}

impl Remembered {
    /// Returns where it is kept: `wirefin/screen.json` in `$XDG_STATE_HOME` or `~/.local/state`.
    pub(super) fn file() -> Option<PathBuf> {
        let given = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let base = given.or_else(|| Some(std::env::home_dir()?.join(".local/state")))?;
        Some(base.join("wirefin").join("screen.json"))
    }

    /// Makes the folder that it is kept in: a sandbox may later allow files to be made, but no folders.
    pub(super) fn make_folder() {
        if let Some(folder) = Remembered::file().as_deref().and_then(Path::parent) {
            // Without it the next run begins without.
            let _ = fs::create_dir_all(folder);
        }
    }

    /// Reads what was kept; where there is nothing that can be read, nothing was.
    fn read(path: &Path) -> Remembered {
        fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    /// Writes it, for its owner alone.
    fn write(&self, path: &Path) -> io::Result<()> {
        // Renamed when it is whole: two runs that end at once leave one of theirs.
        let temporary = path.with_extension(format!("{}.new", std::process::id()));
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&temporary)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        fs::rename(&temporary, path)
    }
}

impl App {
    /// Takes up what the run before left, as far as nothing else was asked for.
    pub(super) fn recall(&mut self, path: &Path, options: &Options) {
        let kept = Remembered::read(path);
        let theme_is_free = options.theme.is_none() && self.theme.name == "dark";
        if let Some(theme) = kept.theme.as_deref().and_then(Theme::named).filter(|_| theme_is_free) {
            self.theme = theme;
        }
        if let Some(time) = kept.time.as_deref().and_then(TimeForm::named).filter(|_| options.time.is_none())
        {
            self.timeline.form.time = time;
        }
        let columns = kept.columns.as_deref().filter(|_| options.columns.is_none());
        if let Some(columns) = columns.and_then(|text| ChosenColumns::parse(text).ok()) {
            self.timeline.columns = columns;
        }
        self.typed.filters.clone_from(&kept.filters);
        self.typed.searches.clone_from(&kept.searches);
        let capture = self.capture_name();
        self.timeline.bookmarks =
            capture.and_then(|name| kept.bookmarks.get(&name).cloned()).unwrap_or_default();
        self.remembered = kept;
    }

    /// Leaves to the next run what this one had.
    pub(super) fn remember(&self, path: &Path) -> io::Result<()> {
        let newest = |lines: &Vec<String>| lines.iter().rev().take(KEPT).rev().cloned().collect();
        let mut kept = Remembered {
            filters: newest(&self.typed.filters),
            searches: newest(&self.typed.searches),
            ..self.remembered.clone()
        };
        if let Some(name) = self.capture_name() {
            kept.bookmarks.remove(&name);
            while kept.bookmarks.len() >= KEPT {
                kept.bookmarks.pop_first();
            }
            if !self.timeline.bookmarks.is_empty() {
                kept.bookmarks.insert(name, self.timeline.bookmarks.clone());
            }
        }
        if kept == Remembered::read(path) { Ok(()) } else { kept.write(path) }
    }

    /// Names the capture by its path, where that is one file.
    fn capture_name(&self) -> Option<String> {
        let file = self.feed.file()?;
        Some(fs::canonicalize(&file).unwrap_or(file).to_string_lossy().into_owned())
    }
}
