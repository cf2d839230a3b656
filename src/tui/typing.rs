//! What keys do while a line is typed: a filter, a search, the name of a file.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::completion;
use super::feed::Choice;
use super::matcher::Matcher;
use super::pattern::Pattern;
use super::prompt::{Prompt, PromptKind};
use super::state::{App, Effect};
use crate::view;

impl App {
    pub(super) fn prompt_key(&mut self, key: &KeyEvent) -> Effect {
        let Some(prompt) = &mut self.prompt else { return Effect::None };
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => return self.cancel(),
            KeyCode::Char('c' | 'g') if control => return self.cancel(),
            KeyCode::Char('z') if control => return Effect::Suspend,
            KeyCode::Char('l') if control => return Effect::Redraw,
            KeyCode::Enter => return self.accept(),
            KeyCode::Tab | KeyCode::BackTab => {
                prompt.complete(key.code == KeyCode::Tab);
                self.try_filter();
                return Effect::None;
            }
            KeyCode::Char('a') if control => prompt.home(),
            KeyCode::Char('e') if control => prompt.end(),
            KeyCode::Char('u') if control => prompt.clear(),
            KeyCode::Char('w') if control => prompt.rub_word(),
            KeyCode::Char('h') if control => prompt.backspace(),
            KeyCode::Char(_) if control => {}
            KeyCode::Char(c) => prompt.insert(c.encode_utf8(&mut [0; 4])),
            KeyCode::Backspace => prompt.backspace(),
            KeyCode::Delete => prompt.delete(),
            KeyCode::Left => prompt.left(),
            KeyCode::Right => prompt.right(),
            KeyCode::Home => prompt.home(),
            KeyCode::End => prompt.end(),
            KeyCode::Up | KeyCode::Down => {
                let history = if prompt.ask == PromptKind::Search { &self.searches } else { &self.filters };
                prompt.recall(history, key.code == KeyCode::Up);
            }
            _ => {}
        }
        self.typed();
        Effect::None
    }

    /// Shows what a filter makes of the messages while it is typed.
    pub(super) fn typed(&mut self) {
        let shared = self.store.clone();
        if let Some(prompt) = &mut self.prompt {
            let rows = &self.timeline.rows;
            prompt.suggest(|text, cursor| completion::candidates(&mut shared.lock(), rows, text, cursor));
        }
        self.try_filter();
        if let Some(prompt) = self.prompt.as_ref().filter(|prompt| prompt.ask == PromptKind::Narrow) {
            self.conversations.narrow.clone_from(&prompt.text);
        }
    }

    fn try_filter(&mut self) {
        let Some(prompt) = &mut self.prompt else { return };
        prompt.mistake = None;
        if prompt.ask != PromptKind::Filter {
            return;
        }
        if prompt.text.trim().is_empty() {
            return self.show_filter(None);
        }
        match Matcher::parse(&prompt.text) {
            Ok(matcher) => self.show_filter(Some(matcher)),
            Err(mistake) => prompt.mistake = Some((mistake.column, mistake.expected)),
        }
    }

    fn cancel(&mut self) -> Effect {
        let Some(prompt) = self.prompt.take() else { return Effect::None };
        if prompt.ask == PromptKind::Filter {
            let before =
                (!self.filter_text.is_empty()).then(|| Matcher::parse(&self.filter_text).ok()).flatten();
            self.show_filter(before);
        }
        if prompt.ask == PromptKind::Narrow {
            self.conversations.narrow.clear();
        }
        Effect::None
    }

    fn accept(&mut self) -> Effect {
        let Some(mut prompt) = self.prompt.take() else { return Effect::None };
        let text = prompt.text.trim().to_owned();
        match prompt.ask {
            PromptKind::Filter => {
                if prompt.mistake.is_some() {
                    self.prompt = Some(prompt);
                } else {
                    remember(&mut self.filters, &text);
                    self.filter_text = text;
                }
            }
            PromptKind::Narrow => {}
            PromptKind::GoTo => {
                let gone = text.parse().map_err(str::to_owned).and_then(|target| self.go_to_target(target));
                if let Err(words) = gone {
                    prompt.mistake = Some((0, words));
                    self.prompt = Some(prompt);
                }
            }
            PromptKind::Search if text.is_empty() => self.seek(true),
            PromptKind::Search => match Pattern::parse(&text) {
                Ok(pattern) => {
                    remember(&mut self.searches, &text);
                    self.search_for(Some(pattern));
                    self.seek(true);
                }
                Err(words) => {
                    prompt.mistake = Some((0, words));
                    self.prompt = Some(prompt);
                }
            },
            PromptKind::Export | PromptKind::Save if text.is_empty() => {}
            PromptKind::Export | PromptKind::Save => {
                if let Err(again) = self.write(prompt.ask, &text) {
                    self.prompt = Some(Prompt { extent: prompt.extent, ..*again });
                }
            }
        }
        Effect::None
    }

    /// Begins to write what is shown; where that cannot be, returns what is asked instead.
    fn write(&mut self, ask: PromptKind, text: &str) -> Result<(), Box<Prompt>> {
        let path = Path::new(text);
        let again =
            |name: &str, why: String| Box::new(Prompt { mistake: Some((0, why)), ..Prompt::new(ask, name) });
        let ends = path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase());
        let fits: &[&str] = if ask == PromptKind::Save { &["pcapng"] } else { &["ndjson", "json"] };
        if !ends.is_some_and(|end| fits.contains(&end.as_str())) {
            return Err(again(text, format!("the name must end with .{}", fits.join(" or ."))));
        }
        let shown = self.choice();
        let begun = match ask {
            PromptKind::Save => self.feed.save(path, shown),
            _ => self.feed.export(path, shown),
        };
        begun.map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => {
                again(&free(text), "it is there already: what about this name?".to_owned())
            }
            _ => again(text, plain(&e)),
        })
    }

    /// Asks where to write, and says what and how much that is.
    pub(super) fn ask_where(&mut self, ask: PromptKind, name: &str) {
        let shown = self.choice();
        let conversations = view::counted(shown.connections.len() as u64, "conversation");
        let extent = match ask {
            PromptKind::Save => format!("the packets of {conversations}: "),
            _ => format!("{} of {conversations}: ", view::counted(shown.entries.len() as u64, "row")),
        };
        self.prompt = Some(Prompt { extent, ..Prompt::new(ask, &free(name)) });
    }

    /// Says which entries are shown, and of which connections they are.
    fn choice(&self) -> Choice {
        let shared = self.store.clone();
        let store = shared.lock();
        let rows = &self.timeline.rows;
        let mut entries: Vec<u32> = (0..rows.len()).filter_map(|row| rows.get(&store, row)).collect();
        entries.sort_unstable();
        let slots: BTreeSet<u32> =
            entries.iter().filter_map(|number| store.entry(*number)?.conversation()).collect();
        let connections =
            slots.iter().filter_map(|slot| store.conversations().get(*slot as usize)).map(|c| c.id).collect();
        Choice { entries, connections }
    }
}

/// Returns `name`, or with a number before its ending where that is taken: `shown-2.ndjson`.
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

/// Says in plain words why a file could not be made.
fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such folder".to_owned(),
        // Whoever knows why says it.
        io::ErrorKind::PermissionDenied if error.get_ref().is_some() => error.to_string(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "this is a folder".to_owned(),
        _ => error.to_string(),
    }
}

/// Puts a line at the end of a history, once.
pub(super) fn remember(history: &mut Vec<String>, text: &str) {
    if !text.is_empty() {
        history.retain(|line| line != text);
        history.push(text.to_owned());
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
