use std::fmt::Write as _;
use std::io::{self, Write as _};

use clap::{Arg, Command};

#[cfg(feature = "tui")]
use crate::tui::keys;

/// Write the manual page: `wirefin man | man -l -` shows it
///
/// It is made from what --help says and from the table of the screen's keys. To install it: `wirefin man > /usr/local/share/man/man1/wirefin.1`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

impl Args {
    #[expect(clippy::unused_self, reason = "all commands are run so")]
    pub(super) fn run(&self, program: Command) -> anyhow::Result<()> {
        io::stdout().write_all(page(program).as_bytes())?;
        Ok(())
    }
}

/// Returns the manual page of the program, in the macros of man(7).
fn page(mut program: Command) -> String {
    program.build();
    let mut out = Page::default();
    let version = program.get_version().unwrap_or_default();
    out.line(&format!(".TH WIREFIN 1 \"\" \"wirefin {version}\" \"User Commands\""));
    out.head("NAME");
    out.text(&format!("wirefin - {}", first_line(&program)));
    out.head("SYNOPSIS");
    out.text("wirefin FILE...");
    out.line(".br");
    out.text("wirefin COMMAND [OPTION]... [FILE]...");
    out.head("DESCRIPTION");
    out.text(&styled(program.get_long_about().or(program.get_about())));
    out.text(&styled(program.get_after_help()));
    out.head("COMMANDS");
    let mut told = Vec::new();
    for command in program.get_subcommands().filter(|it| it.get_name() != "help") {
        out.line(&format!(".SS {}", escaped(command.get_name())));
        out.text(&styled(command.get_long_about().or(command.get_about())));
        let options: Vec<&Arg> = command.get_arguments().filter(|it| it.get_id() != "help").collect();
        // What several commands understand is told with the first of them.
        let (again, new): (Vec<&Arg>, Vec<&Arg>) = options
            .into_iter()
            .partition(|arg| told.contains(&(arg.get_id().clone(), styled(arg.get_help()))));
        for arg in &new {
            out.option(arg);
            told.push((arg.get_id().clone(), styled(arg.get_help())));
        }
        if !again.is_empty() {
            let names: Vec<String> = again.iter().map(|arg| name(arg)).collect();
            out.paragraph(&format!("As above: {}.", names.join(", ")));
        }
    }
    #[cfg(feature = "tui")]
    write_keys(&mut out);
    out.head("FILES");
    out.item(
        "$XDG_CONFIG_HOME/wirefin/config.toml, ~/.config/wirefin/config.toml",
        "What the screen is to look like, as lines of name = value: theme (dark, light, colour-blind, none), time (absolute, relative, delta), mouse (true, false).",
    );
    out.head("ENVIRONMENT");
    out.item("NO_COLOR", "Where it is set and not empty, nothing is coloured unless a flag says so.");
    out.head("EXIT STATUS");
    out.item("0", "All went well.");
    out.item("1", "check found a broken rule.");
    out.item("2", "The command line was wrong, or something could not be read or written.");
    out.0
}

/// Writes what the keys and the mouse do on the screen.
#[cfg(feature = "tui")]
fn write_keys(out: &mut Page) {
    out.head("KEYS");
    out.text("On the screen of wirefin view:");
    for group in keys::TABLE {
        out.line(&format!(".SS {}", group.title));
        for binding in group.bindings {
            out.item(&binding.keys.join(", "), binding.help);
        }
    }
    for (title, table) in [("The mouse", keys::MOUSE), ("Signs", keys::SIGNS)] {
        out.line(&format!(".SS {title}"));
        for (what, help) in table {
            out.item(what, help);
        }
    }
}

fn first_line(command: &Command) -> String {
    styled(command.get_about()).lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}

fn styled(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}

/// Returns the shortest name of an argument.
fn name(arg: &Arg) -> String {
    match (arg.get_short(), arg.get_long()) {
        (Some(short), _) => format!("-{short}"),
        (None, Some(long)) => format!("--{long}"),
        (None, None) => values(arg),
    }
}

fn values(arg: &Arg) -> String {
    arg.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// A page that is being written.
#[derive(Default)]
struct Page(String);

impl Page {
    /// Writes a line that is meant for the formatter.
    fn line(&mut self, line: &str) {
        let _ = writeln!(self.0, "{line}");
    }

    fn head(&mut self, title: &str) {
        self.line(&format!(".SH {title}"));
    }

    /// Writes text, its empty lines as paragraphs.
    fn text(&mut self, text: &str) {
        for line in text.lines() {
            match line.trim() {
                "" => self.line(".PP"),
                words => self.line(&escaped(words)),
            }
        }
    }

    fn paragraph(&mut self, text: &str) {
        self.line(".PP");
        self.text(text);
    }

    fn item(&mut self, term: &str, words: &str) {
        self.line(".TP");
        self.line(&format!(".B {}", escaped(term)));
        for line in words.lines().filter(|line| !line.trim().is_empty()) {
            self.line(&escaped(line.trim()));
        }
    }

    fn option(&mut self, arg: &Arg) {
        let flags = [arg.get_short().map(|it| format!("-{it}")), arg.get_long().map(|it| format!("--{it}"))];
        let mut term = flags.into_iter().flatten().collect::<Vec<_>>().join(", ");
        if arg.get_action().takes_values() {
            let blank = if term.is_empty() { "" } else { " " };
            let _ = write!(term, "{blank}{}", values(arg));
        }
        let mut words = styled(arg.get_long_help().or(arg.get_help()));
        let known: Vec<String> = arg
            .get_possible_values()
            .iter()
            .filter(|_| arg.get_action().takes_values())
            .map(|value| match value.get_help() {
                Some(help) => format!("{}: {help}", value.get_name()),
                None => value.get_name().to_owned(),
            })
            .collect();
        if !known.is_empty() {
            let _ = write!(words, "\nOne of {}.", known.join("; "));
        }
        if let Some(default) = arg.get_default_values().first().filter(|_| arg.get_action().takes_values()) {
            let _ = write!(words, "\nDefault: {}.", default.to_string_lossy());
        }
        self.item(&term, &words);
    }
}

/// Returns words as the formatter takes them for what they are.
fn escaped(words: &str) -> String {
    let words = words.replace('\\', "\\e").replace('-', "\\-");
    if words.starts_with(['.', '\'']) { format!("\\&{words}") } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn tells_of_every_command_flag_and_key() {
        let page = page(super::super::Cli::command());
        let mut program = super::super::Cli::command();
        program.build();
        for command in program.get_subcommands().filter(|it| it.get_name() != "help") {
            assert!(page.contains(&format!(".SS {}\n", command.get_name())), "{}", command.get_name());
            for long in command.get_arguments().filter_map(Arg::get_long).filter(|long| *long != "help") {
                assert!(page.contains(&escaped(&format!("--{long}"))), "--{long} of {}", command.get_name());
            }
        }
        for (_, help) in keys::MOUSE.iter().chain(keys::SIGNS) {
            assert!(page.contains(help), "{help}");
        }
        for binding in keys::TABLE.iter().flat_map(|group| group.bindings) {
            let item = format!(".B {}\n{}\n", escaped(&binding.keys.join(", ")), escaped(binding.help));
            assert!(page.contains(&item), "{item}");
        }
    }

    #[test]
    fn no_text_is_taken_for_a_request() {
        let known = [".TH", ".SH", ".SS", ".PP", ".TP", ".B", ".br"];
        for line in page(super::super::Cli::command()).lines() {
            let request = line.split(' ').next().unwrap_or_default();
            assert!(!line.starts_with(['.', '\'']) || known.contains(&request), "{line}");
        }
    }
}
