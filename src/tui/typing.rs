//! Processing of the input line: a filter, a search, a target or a file name.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::columns::{self, ChosenColumns};
use super::completion;
use super::effect::{Arrival, Effect, Panel, PromptKind};
use super::effects::remember;
use super::feed::Choice;
use super::matcher::Matcher;
use super::pattern::Pattern;
use super::prompt::Prompt;
use super::search::Search;
use super::state::App;
use crate::filter::Candidate;
use crate::text;

impl App {
    /// Opens a prompt.
    pub(super) fn ask(&mut self, ask: PromptKind, text: &str) {
        let history: &[String] = match ask {
            PromptKind::Filter => &self.typed.filters,
            PromptKind::Search => &self.typed.searches,
            _ => &[],
        };
        let mut prompt = Prompt::new(ask, text, history);
        if matches!(ask, PromptKind::Export | PromptKind::Save) {
            prompt.extent = self.extent(ask);
            prompt.propose(free(text));
        }
        self.prompt = Some(prompt);
        self.typed();
    }

    /// Updates the completions after an edit, and previews the line.
    pub(super) fn typed(&mut self) {
        let Some(prompt) = &mut self.prompt else { return };
        let (store, rows) = (&self.store, &self.timeline.rows);
        prompt.suggest(|ask, text, cursor| match ask {
            PromptKind::Filter => {
                let mut found = named(&self.typed.named, text, cursor);
                found.extend(completion::candidates(&mut store.lock(), rows, text, cursor));
                found
            }
            PromptKind::Columns => columns::candidates(text, cursor),
            _ => Vec::new(),
        });
        self.try_line();
    }

    /// Previews the effect of the line while it is being typed.
    pub(super) fn try_line(&mut self) {
        let Some(prompt) = &mut self.prompt else { return };
        prompt.mistake = None;
        match prompt.ask {
            PromptKind::Narrow => prompt.text().clone_into(&mut self.conversations.narrow),
            PromptKind::Filter if prompt.text().trim().is_empty() => {
                self.timeline.show_filter(&self.store.lock(), None);
            }
            PromptKind::Columns => {
                let mistake = ChosenColumns::parse(prompt.text()).err();
                prompt.mistake = mistake.map(|mistake| (mistake.column, mistake.expected));
            }
            PromptKind::Filter => match Matcher::parse(meant(&self.typed.named, prompt.text())) {
                Ok(matcher) => self.timeline.show_filter(&self.store.lock(), Some(matcher)),
                Err(mistake) => prompt.mistake = Some((mistake.column, mistake.expected)),
            },
            _ => {}
        }
        self.timeline.has_invalid_filter = prompt.ask == PromptKind::Filter && prompt.mistake.is_some();
    }

    /// Closes the prompt and restores the previous view.
    pub(super) fn cancel(&mut self) {
        match self.prompt.take().map(|prompt| prompt.ask) {
            Some(PromptKind::Filter) => {
                let before =
                    Matcher::parse(&self.typed.filter).ok().filter(|_| !self.typed.filter.is_empty());
                self.timeline.show_filter(&self.store.lock(), before);
                self.timeline.has_invalid_filter = false;
            }
            Some(PromptKind::Narrow) => self.conversations.narrow.clear(),
            _ => {}
        }
    }

    /// Performs what was typed; on failure the prompt stays open and shows the reason.
    pub(super) fn accept(&mut self) -> Effect {
        let Some(mut prompt) = self.prompt.take() else { return Effect::None };
        let text = prompt.text().trim().to_owned();
        let done = match prompt.ask {
            PromptKind::Filter | PromptKind::Columns if prompt.mistake.is_some() => {
                self.prompt = Some(prompt);
                return Effect::None;
            }
            PromptKind::Filter => {
                meant(&self.typed.named, &text).clone_into(&mut self.typed.filter);
                remember(&mut self.typed.filters, &self.typed.filter);
                Ok(Effect::None)
            }
            PromptKind::Columns => {
                ChosenColumns::parse(&text).map_err(|mistake| mistake.expected).map(|it| {
                    self.remembered.columns = Some(it.text.clone());
                    self.timeline.columns = it;
                    Effect::None
                })
            }
            PromptKind::GoTo => text.parse().map_err(str::to_owned).and_then(|target| {
                let store = self.store.lock();
                self.timeline.go_to_target(&store, target)
            }),
            PromptKind::Search if text.is_empty() => Ok(Effect::NextHit(true)),
            PromptKind::Search => Pattern::parse(&text).map(|pattern| {
                remember(&mut self.typed.searches, &text);
                let is_here = !self.detail.document.hits(Some(&pattern)).is_empty();
                self.search = Search::new(pattern);
                // With the focus on the detail, the message shown is searched first.
                if self.panel == Panel::Detail && is_here {
                    Effect::Hit(self.timeline.selected, Arrival::FirstHit)
                } else {
                    Effect::NextHit(true)
                }
            }),
            PromptKind::Narrow => Ok(Effect::None),
            PromptKind::Export | PromptKind::Save if text.is_empty() => Ok(Effect::None),
            PromptKind::Export | PromptKind::Save => match self.write(prompt.ask, &text) {
                Ok(()) => Ok(Effect::None),
                Err((name, why)) => {
                    prompt.propose(name);
                    Err(why)
                }
            },
        };
        done.unwrap_or_else(|why| {
            prompt.mistake = Some((0, why));
            self.prompt = Some(prompt);
            Effect::None
        })
    }

    /// Starts to write the shown entries; on failure returns another file name to propose, and the reason.
    fn write(&mut self, ask: PromptKind, text: &str) -> Result<(), (String, String)> {
        let path = Path::new(text);
        let ends = path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase());
        let fits: &[&str] = if ask == PromptKind::Save { &["pcapng"] } else { &["ndjson", "json"] };
        if !ends.is_some_and(|end| fits.contains(&end.as_str())) {
            return Err((text.to_owned(), format!("the name must end with .{}", fits.join(" or ."))));
        }
        let shown = self.choice();
        let begun = match ask {
            PromptKind::Save => self.feed.save(path, shown),
            _ => self.feed.export(path, shown),
        };
        begun.map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => {
                (free(text), "it is there already: what about this name?".to_owned())
            }
            _ => (text.to_owned(), plain(&e)),
        })
    }

    /// Describes the data to be written and its amount.
    fn extent(&self, ask: PromptKind) -> String {
        let shown = self.choice();
        let conversations = text::counted(shown.connections.len() as u64, "conversation");
        match ask {
            PromptKind::Save => format!("the packets of {conversations}: "),
            _ => format!("{} of {conversations}: ", text::counted(shown.entries.len() as u64, "row")),
        }
    }

    /// Returns the shown entries and their connections.
    fn choice(&self) -> Choice {
        let (store, rows) = (self.store.lock(), &self.timeline.rows);
        let mut entries: Vec<u32> = (0..rows.len()).filter_map(|row| rows.get(&store, row)).collect();
        entries.sort_unstable();
        let slots: BTreeSet<u32> =
            entries.iter().filter_map(|number| store.entry(*number)?.conversation()).collect();
        let connections = slots.iter().filter_map(|slot| store.conversation(*slot)).map(|c| c.id).collect();
        Choice { entries, connections }
    }
}

/// Returns the filter named `text`, or `text` itself.
fn meant<'a>(named: &'a [(String, String)], text: &'a str) -> &'a str {
    named.iter().find(|(name, _)| name == text.trim()).map_or(text, |(_, filter)| filter)
}

/// Returns the named filters that complete a text.
fn named(named: &[(String, String)], text: &str, cursor: usize) -> Vec<Candidate> {
    let names = named.iter().map(|(name, _)| name).filter(|name| name.starts_with(text) && *name != text);
    names
        .map(|name| Candidate { text: name.clone(), replaces: 0..cursor, about: "a filter of yours" })
        .collect()
}

/// Returns `name`, with a number before its extension if the file exists: `shown-2.ndjson`.
pub(super) fn free(name: &str) -> String {
    let path = Path::new(name);
    let numbered = |n: u32| -> PathBuf {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let end = path.extension().map_or(String::new(), |end| format!(".{}", end.to_string_lossy()));
        path.with_file_name(format!("{stem}-{n}{end}"))
    };
    if std::fs::symlink_metadata(path).is_err() {
        return name.to_owned();
    }
    let found = (2..1000).map(numbered).find(|path| std::fs::symlink_metadata(path).is_err());
    found.map_or_else(|| name.to_owned(), |path| path.to_string_lossy().into_owned())
}

/// Describes why a file could not be created.
fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such folder".to_owned(),
        // A custom error carries its own explanation.
        io::ErrorKind::PermissionDenied if error.get_ref().is_some() => error.to_string(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "this is a folder".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let folder = tempfile::tempdir().unwrap();
        let name = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        assert_eq!(free(&name("shown.ndjson")), name("shown.ndjson"));
        for (taken, next) in
            [("shown.ndjson", "shown-2.ndjson"), ("shown-2.ndjson", "shown-3.ndjson"), ("bare", "bare-2")]
        {
            std::fs::write(name(taken), "").unwrap();
            let asked = if taken == "bare" { "bare" } else { "shown.ndjson" };
            assert_eq!(free(&name(asked)), name(next));
        }
    }
}
