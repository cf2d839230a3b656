//! Restoring the state of the previous run, and saving it for the next.

use std::path::Path;
use std::{fs, io};

use super::clock::TimeForm;
use super::columns::ChosenColumns;
use super::config::Options;
use super::remembered::Remembered;
use super::state::App;
use super::theme::Theme;

/// The maximum number of lines per history, and of captures with bookmarks.
const KEPT: usize = 100;

impl App {
    /// Restores the state of the previous run, except what the options set.
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

    /// Saves the state for the next run.
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

    /// Returns the path of the capture, if it is a single file.
    fn capture_name(&self) -> Option<String> {
        let file = self.feed.file()?;
        Some(fs::canonicalize(&file).unwrap_or(file).to_string_lossy().into_owned())
    }
}
