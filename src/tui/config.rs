use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::clock::TimeForm;
use super::columns::ChosenColumns;
use super::matcher::Matcher;
use super::theme::{RowColour, Theme};

/// The options of the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The name of the theme; `None` for that of the configuration, or one that suits the terminal.
    pub theme: Option<String>,
    /// The format of times: `absolute`, `local`, `relative` or `delta`.
    pub time: Option<String>,
    /// Whether the mouse is enabled; `None` means that it is.
    pub mouse: Option<bool>,
    /// The initial filter, in the language of [`crate::filter`].
    pub filter: Option<String>,
    /// The fields of additional timeline columns, separated by commas.
    pub columns: Option<String>,
    /// Named filters, which can be entered by name in a prompt.
    pub filters: Vec<(String, String)>,
    /// Filters and the colours of the rows that match them; the first match applies.
    pub colours: Vec<(String, RowColour)>,
    /// Whether filters, bookmarks and similar state are kept for the next run.
    pub keeps_state: bool,
}

/// The reason why a configuration is invalid.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {0}")]
    Read(PathBuf, #[source] std::io::Error),
    /// A line is invalid.
    #[error("{path}:{line}: {problem}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line number, from 1.
        line: usize,
        /// The problem.
        problem: String,
    },
}

impl Options {
    /// Reads the configuration file, if it exists; options already set take precedence.
    pub fn with_file(self, path: &Path) -> Result<Options, ConfigError> {
        match std::fs::read_to_string(path) {
            Ok(text) => self.with_text(&text, path),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(self),
            Err(e) => Err(ConfigError::Read(path.to_owned(), e)),
        }
    }

    /// Returns the path of the configuration file: `wirefin/config.toml` in `$XDG_CONFIG_HOME` or `~/.config`.
    pub fn file() -> Option<PathBuf> {
        let given = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let base = given.or_else(|| Some(std::env::home_dir()?.join(".config")))?;
        Some(base.join("wirefin").join("config.toml"))
    }

    /// Parses TOML; options already set take precedence.
    fn with_text(mut self, text: &str, path: &Path) -> Result<Options, ConfigError> {
        let wrong = |at: Option<Range<usize>>, problem: String| {
            let before = text.get(..at.map_or(0, |at| at.start)).unwrap_or_default();
            let line = before.matches('\n').count().saturating_add(1);
            ConfigError::Line { path: path.to_owned(), line, problem }
        };
        let checked = |text: Spanned<String>, check: fn(&str) -> Result<(), String>| {
            check(text.get_ref()).map_err(|problem| wrong(Some(text.span()), problem))?;
            Ok(text.into_inner())
        };
        let file: File = toml::from_str(text).map_err(|e| wrong(e.span(), e.message().to_owned()))?;
        let set = |chosen: &mut Option<String>, value: Option<Spanned<String>>, check| {
            let value = value.map(|value| checked(value, check)).transpose()?;
            *chosen = chosen.take().or(value);
            Ok(())
        };
        set(&mut self.theme, file.theme, theme)?;
        set(&mut self.time, file.time, time)?;
        set(&mut self.columns, file.columns, columns)?;
        self.mouse = self.mouse.or(file.mouse);
        for (name, text) in file.filters {
            self.filters.push((name, checked(text, filter)?));
        }
        // The first match applies.
        let mut colours: Vec<_> = file.colours.into_iter().collect();
        colours.sort_by_key(|(text, _)| text.span().start);
        for (text, colour) in colours {
            self.colours.push((checked(text, filter)?, colour));
        }
        Ok(self)
    }
}

/// The contents of a configuration file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    theme: Option<Spanned<String>>,
    time: Option<Spanned<String>>,
    columns: Option<Spanned<String>>,
    mouse: Option<bool>,
    filters: BTreeMap<String, Spanned<String>>,
    colours: BTreeMap<Spanned<String>, RowColour>,
}

fn theme(name: &str) -> Result<(), String> {
    let found = Theme::named(name).map(drop);
    found.ok_or_else(|| format!("a theme is one of {}", Theme::NAMES.join(", ")))
}

fn time(name: &str) -> Result<(), String> {
    TimeForm::named(name).map(drop).ok_or("time is absolute, local, relative or delta".to_owned())
}

fn columns(text: &str) -> Result<(), String> {
    ChosenColumns::parse(text).map(drop).map_err(|mistake| format!("columns: {}", mistake.expected))
}

fn filter(text: &str) -> Result<(), String> {
    Matcher::parse(text).map(drop).map_err(|mistake| format!("the filter {text:?}: {}", mistake.expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Options, ConfigError> {
        Options::default().with_text(text, Path::new("c"))
    }

    #[test]
    fn what_was_chosen_stands_before_the_file() {
        let chosen = Options { theme: Some("light".to_owned()), ..Options::default() };
        let text = "# mine\ntheme = \"none\"\ntime = \"delta\" # since the row before\n\nmouse = false\n";
        let want = Options { time: Some("delta".to_owned()), mouse: Some(false), ..chosen.clone() };
        assert_eq!(chosen.with_text(text, Path::new("c")).unwrap(), want);
    }

    #[test]
    fn colours_go_by_filters_in_the_order_of_the_file() {
        let text = "[colours]\n# slow\n\"rtt > 1s\" = \"red\"\n'text contains \"#=\"' = 'grey'\n'len > 1' = 'blue'\n";
        let want = [
            ("rtt > 1s", RowColour::Red),
            ("text contains \"#=\"", RowColour::Grey),
            ("len > 1", RowColour::Blue),
        ];
        assert_eq!(read(text).unwrap().colours, want.map(|(text, colour)| (text.to_owned(), colour)));
        let named = read("[filters] # by name\nslow = 'rtt > 1s' \n[colours] # by filter\n").unwrap();
        assert_eq!(named.filters, [("slow".to_owned(), "rtt > 1s".to_owned())]);
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (text, want) in [
            ("theme = 'pink'", "c:1: a theme is one of dark, light, colour-blind, none"),
            ("\ncolour", "c:2: key with no value"),
            ("[colours]\n'len > many' = \"red\"", "c:2: the filter \"len > many\": expected a size such as"),
            ("[colours]\n\"rtt\" = \"pink\"", "c:2: unknown variant `pink`, expected one of `red`, `yellow`"),
            ("x = 1", "c:1: unknown field `x`, expected one of `theme`, `time`, `columns`, `mouse`"),
            ("columns = \"len,many\"", "c:1: columns: expected a field such as opcode, len or text"),
            ("[filters]\nslow = 'many'", "c:2: the filter \"many\": expected a field such as opcode"),
        ] {
            let found = read(text).unwrap_err().to_string();
            assert!(found.starts_with(want), "{found}");
        }
    }
}
