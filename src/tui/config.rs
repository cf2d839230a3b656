use std::path::{Path, PathBuf};

use super::clock::TimeForm;
use super::columns::ChosenColumns;
use super::matcher::Matcher;
use super::theme::{RowColour, Theme};

/// The options of the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The theme's name; `None` for the one of the configuration, or what suits the terminal.
    pub theme: Option<String>,
    /// How times are told: `absolute`, `local`, `relative` or `delta`.
    pub time: Option<String>,
    /// Whether the mouse is listened to; `None` means that it is.
    pub mouse: Option<bool>,
    /// The filter to begin with, in the language of [`crate::filter`].
    pub filter: Option<String>,
    /// Fields that the timeline has columns for, with commas between them.
    pub columns: Option<String>,
    /// Filters, and the names by which they are called in a prompt.
    pub filters: Vec<(String, String)>,
    /// Filters, and the colour of the rows that they let through; the first that does counts.
    pub colours: Vec<(String, RowColour)>,
    /// Whether filters, bookmarks and the like are kept for the next run.
    pub keeps_state: bool,
}

/// The reason why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read the configuration {0}")]
    Read(PathBuf, #[source] std::io::Error),
    /// A line says nothing we know.
    #[error("{path}:{line}: {problem}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
}

impl Options {
    /// Reads the configuration file where there is one; what is chosen already stands.
    pub fn with_file(self, path: &Path) -> Result<Options, ConfigError> {
        match std::fs::read_to_string(path) {
            Ok(text) => self.with_text(&text, path),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(self),
            Err(e) => Err(ConfigError::Read(path.to_owned(), e)),
        }
    }

    /// Returns where the configuration file is: `wirefin/config.toml` in `$XDG_CONFIG_HOME` or `~/.config`.
    pub fn file() -> Option<PathBuf> {
        let given = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let base = given.or_else(|| Some(std::env::home_dir()?.join(".config")))?;
        Some(base.join("wirefin").join("config.toml"))
    }

    /// Reads lines of `name = value`, a small part of TOML.
    fn with_text(mut self, text: &str, path: &Path) -> Result<Options, ConfigError> {
        let mut section = Section::Settings;
        for (n, line) in text.lines().enumerate() {
            // In a filter a `#` may stand: there only whole lines are comments.
            let is_setting = section == Section::Settings;
            let line =
                if is_setting { line.split_once('#').map_or(line, |(head, _)| head) } else { line }.trim();
            let wrong = |problem: String| ConfigError::Line {
                path: path.to_owned(),
                line: n.saturating_add(1),
                problem,
            };
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            section = match (line.strip_prefix('[').and_then(|rest| rest.split_once(']')), section) {
                (Some(("colours", _)), _) => Section::Colours,
                (Some(("filters", _)), _) => Section::Filters,
                (Some((name, _)), _) => {
                    return Err(wrong(format!("there is no section {name:?}: colours, filters")));
                }
                (None, Section::Colours) => {
                    self.colours.push(colour_of(line).map_err(wrong)?);
                    section
                }
                (None, Section::Filters) => {
                    self.filters.push(filter_of(line).map_err(wrong)?);
                    section
                }
                (None, Section::Settings) => {
                    self.set(line).map_err(wrong)?;
                    section
                }
            };
        }
        Ok(self)
    }

    /// Takes one line of `name = value`.
    fn set(&mut self, line: &str) -> Result<(), String> {
        let (name, value) = line.split_once('=').ok_or("`name = value` is expected")?;
        let (name, value) = (name.trim(), value.trim().trim_matches('"'));
        match name {
            "theme" if Theme::named(value).is_some() => {
                self.theme.get_or_insert(value.to_owned());
            }
            "theme" => return Err(format!("a theme is one of {}", Theme::NAMES.join(", "))),
            "time" if TimeForm::named(value).is_some() => {
                self.time.get_or_insert(value.to_owned());
            }
            "time" => return Err("time is absolute, local, relative or delta".to_owned()),
            "mouse" if matches!(value, "true" | "false") => {
                self.mouse.get_or_insert(value == "true");
            }
            "mouse" => return Err("mouse is true or false".to_owned()),
            "columns" => {
                ChosenColumns::parse(value).map_err(|mistake| format!("columns: {}", mistake.expected))?;
                self.columns.get_or_insert(value.to_owned());
            }
            _ => return Err(format!("there is no setting {name:?}: theme, time, mouse, columns")),
        }
        Ok(())
    }
}

/// A part of the configuration.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Settings,
    Colours,
    Filters,
}

/// Reads `name = "filter"`.
fn filter_of(line: &str) -> Result<(String, String), String> {
    let (name, filter) = line.split_once('=').ok_or("`name = \"filter\"` is expected")?;
    Ok((name.trim().to_owned(), quoted_filter(filter)?))
}

/// Reads a filter in double quotes, or in single quotes, in which nothing is escaped.
fn quoted_filter(text: &str) -> Result<String, String> {
    let text = text.trim();
    let plain = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
    let filter = plain.map(str::to_owned).or_else(|| serde_json::from_str(text).ok());
    let filter = filter.ok_or("a filter in quotes is expected")?;
    let mistake = Matcher::parse(&filter).err();
    mistake.map_or(Ok(filter.clone()), |it| Err(format!("the filter {filter:?}: {}", it.expected)))
}

/// Reads `"filter" = "colour"`.
fn colour_of(line: &str) -> Result<(String, RowColour), String> {
    let (key, name) = line.rsplit_once('=').ok_or("`'filter' = \"colour\"` is expected")?;
    let filter = quoted_filter(key)?;
    let colour = RowColour::named(name.trim().trim_matches('"'))
        .ok_or_else(|| format!("a colour is one of {}", RowColour::ALL.map(|(name, _)| name).join(", ")))?;
    Ok((filter, colour))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_chosen_stands_before_the_file() {
        let chosen = Options { theme: Some("light".to_owned()), ..Options::default() };
        let text = "# mine\ntheme = \"none\"\ntime = \"delta\" # since the row before\n\nmouse = false\n";
        let read = chosen.with_text(text, Path::new("c")).unwrap();
        assert_eq!(
            read,
            Options {
                theme: Some("light".to_owned()),
                time: Some("delta".to_owned()),
                mouse: Some(false),
                ..Options::default()
            }
        );
    }

    #[test]
    fn colours_go_by_filters() {
        let text = "[colours]\n# slow\n\"rtt > 1s\" = \"red\"\n'text contains \"#=\"' = 'grey'\n"
            .replace("'grey'", "\"grey\"");
        let read = Options::default().with_text(&text, Path::new("c")).unwrap();
        let want = [("rtt > 1s", RowColour::Red), ("text contains \"#=\"", RowColour::Grey)];
        let named = "[filters] # by name\nslow = 'rtt > 1s' \n[colours] # by filter\n";
        let named = Options::default().with_text(named, Path::new("c")).unwrap();
        assert_eq!(named.filters, [("slow".to_owned(), "rtt > 1s".to_owned())]);
        assert_eq!(read.colours, want.map(|(text, colour)| (text.to_owned(), colour)));
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (text, want) in [
            ("theme = pink", "c:1: a theme is one of dark, light, colour-blind, none"),
            ("\ncolour", "c:2: `name = value` is expected"),
            (
                "[colours]\n'len > many' = \"red\"",
                "c:2: the filter \"len > many\": expected a size such as 100, 1.5k or 2MiB",
            ),
            (
                "[colours]\n\"rtt\" = \"pink\"",
                "c:2: a colour is one of red, yellow, green, blue, magenta, grey",
            ),
            ("x = 1", "c:1: there is no setting \"x\": theme, time, mouse, columns"),
            (
                "columns = \"len,many\"",
                "c:1: columns: expected a field such as opcode, len or text, or a text in quotes: \"many\"",
            ),
            (
                "[filters]\nslow = 'many'",
                "c:2: the filter \"many\": expected a field such as opcode, len or text, or a text in quotes: \"many\"",
            ),
        ] {
            assert_eq!(Options::default().with_text(text, Path::new("c")).unwrap_err().to_string(), want);
        }
    }
}
