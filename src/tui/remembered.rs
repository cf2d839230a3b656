//! The state kept between runs: filters, searches, theme, time format, columns, and bookmarks by capture.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The state kept between runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Remembered {
    pub(super) filters: Vec<String>,
    pub(super) searches: Vec<String>,
    /// These are set only if they were chosen on the screen.
    pub(super) theme: Option<String>,
    pub(super) time: Option<String>,
    pub(super) columns: Option<String>,
    /// The bookmarked entries of each capture, by its path.
    pub(super) bookmarks: BTreeMap<String, BTreeSet<u32>>,
}

impl Remembered {
    /// Returns the path of the file: `wirefin/screen.json` in `$XDG_STATE_HOME` or `~/.local/state`.
    pub(super) fn file() -> Option<PathBuf> {
        let given = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let base = given.or_else(|| Some(std::env::home_dir()?.join(".local/state")))?;
        Some(base.join("wirefin").join("screen.json"))
    }

    /// Creates the folder of the file, because a sandbox may later allow creating files but not folders.
    pub(super) fn make_folder() {
        if let Some(folder) = Remembered::file().as_deref().and_then(Path::parent) {
            // Without the folder, the state is not saved.
            let _ = fs::create_dir_all(folder);
        }
    }

    /// Reads the state; a missing or invalid file yields the default.
    pub(super) fn read(path: &Path) -> Remembered {
        fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    /// Writes the state, readable only by its owner.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        // Renamed when complete: if two runs end at once, the file is that of one of them.
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
