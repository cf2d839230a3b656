use std::io;

use anyhow::Context as _;
use clap::{Arg, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::filter;
#[cfg(feature = "tui")]
use crate::tui::keys;

/// Write the manual page; `wirefin man | man -l -` shows it
///
/// It is generated from the help, the fields of the filter language, and the table of the screen's keys. To install it:
/// `wirefin man > /usr/local/share/man/man1/wirefin.1`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

impl Args {
    #[expect(clippy::unused_self, reason = "all commands are run so")]
    pub(super) fn run(&self, program: Command) -> anyhow::Result<()> {
        super::stdout::write_stdout(&page(program)?).context("cannot write standard output")?;
        Ok(())
    }
}

/// Returns the manual page of the program, in the macros of man(7).
fn page(mut program: Command) -> io::Result<Vec<u8>> {
    program.build();
    let mut page = Vec::new();
    let man = Man::new(program.clone());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    write_commands(&program, &mut page)?;
    let mut rest = Roff::new();
    write_filters(&mut rest);
    #[cfg(feature = "tui")]
    write_keys(&mut rest);
    rest.control("SH", ["FILES"]);
    item(
        &mut rest,
        "$XDG_CONFIG_HOME/wirefin/config.toml, ~/.config/wirefin/config.toml",
        "The configuration of the screen, as TOML: theme (dark, light, colour-blind, none), time (absolute, local, relative, delta), columns, mouse (true, false), and the tables [filters] and [colours].",
    );
    rest.control("SH", ["ENVIRONMENT"]);
    item(&mut rest, "NO_COLOR", "If set and not empty, output is not coloured unless a flag requests it.");
    rest.control("SH", ["EXIT STATUS"]);
    for (code, words) in super::outcome::EXIT_CODES {
        item(&mut rest, code, words);
    }
    rest.control("PP", []).text([roman("If several apply, 2 takes precedence over 1, and 1 over 3.")]);
    page.extend(rest.to_roff().as_bytes());
    Ok(page)
}

/// Writes every command with its options; options shared by several commands are written with the first of them.
fn write_commands(program: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let mut told: Vec<(clap::Id, String)> = Vec::new();
    page.extend(Roff::new().control("SH", ["COMMANDS"]).to_roff().as_bytes());
    for command in program.get_subcommands().filter(|it| it.get_name() != "help") {
        let about = styled(command.get_long_about().or(command.get_about()));
        let mut head = Roff::new();
        head.control("SS", [command.get_name()]);
        for paragraph in about.split("\n\n") {
            head.text([roman(paragraph)]).control("PP", []);
        }
        page.extend(head.to_roff().as_bytes());
        let of = |arg: &Arg| (arg.get_id().clone(), styled(arg.get_help()));
        let arguments = command.get_arguments().filter(|arg| arg.get_id() != "help");
        let (again, new): (Vec<&Arg>, Vec<&Arg>) = arguments.partition(|arg| told.contains(&of(arg)));
        let shown: Vec<clap::Id> = new.iter().map(|arg| arg.get_id().clone()).collect();
        let names: Vec<String> = again.iter().map(|arg| name(arg)).collect();
        told.extend(new.into_iter().map(of));
        let only = command.clone().mut_args(|arg| {
            let hidden = !shown.contains(arg.get_id());
            with_aliases(arg).hide(hidden)
        });
        let mut options = Vec::new();
        Man::new(only).render_options_section(&mut options)?;
        page.extend(below_command(&String::from_utf8_lossy(&options)).as_bytes());
        if !names.is_empty() {
            let words = format!("As above: {}.", names.join(", "));
            page.extend(Roff::new().control("PP", []).text([roman(words)]).to_roff().as_bytes());
        }
    }
    Ok(())
}

/// Appends the aliases of an argument to its help.
fn with_aliases(arg: Arg) -> Arg {
    let Some(aliases) = arg.get_visible_aliases().filter(|aliases| !aliases.is_empty()) else { return arg };
    let help = styled(arg.get_long_help().or(arg.get_help()));
    let help = format!("{help} --{} is the same.", aliases.join(", --"));
    arg.long_help(help)
}

/// Converts section headings to paragraph headings, because they are within a command.
fn below_command(options: &str) -> String {
    let line = |line: &str| match line.strip_prefix(".SH ") {
        Some("OPTIONS") => String::new(),
        Some(title) => format!(".PP\n.B {title}\n"),
        None => format!("{line}\n"),
    };
    options.lines().map(line).collect()
}

/// Writes the filter language: examples, operators, and the fields.
fn write_filters(out: &mut Roff) {
    out.control("SH", ["FILTERS"]);
    out.text([roman(format!("This is the language of -Y. {}", filter::ABOUT))]);
    for (title, items) in filter::chapters() {
        out.control("SS", [title]);
        for (term, words) in items {
            item(out, &term, &words);
        }
    }
}

/// Writes the actions of the keys and the mouse on the screen.
#[cfg(feature = "tui")]
fn write_keys(out: &mut Roff) {
    out.control("SH", ["KEYS"]);
    out.text([roman("On the screen of wirefin view:")]);
    for group in keys::TABLE {
        out.control("SS", [group.title]);
        for binding in group.bindings {
            item(out, &binding.keys.join(", "), binding.help);
        }
    }
    for (title, table) in [("The mouse", keys::MOUSE), ("Signs", keys::SIGNS)] {
        out.control("SS", [title]);
        for (what, help) in table {
            item(out, what, help);
        }
    }
}

fn item(out: &mut Roff, term: &str, words: &str) {
    out.control("TP", []).text([bold(term)]).text([roman(words)]);
}

fn styled(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}

/// Returns the shortest name of an argument.
fn name(arg: &Arg) -> String {
    match (arg.get_short(), arg.get_long()) {
        (Some(short), _) => format!("-{short}"),
        (None, Some(long)) => format!("--{long}"),
        (None, None) => arg.get_id().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn page() -> String {
        String::from_utf8(super::page(super::super::parse::Cli::command()).unwrap()).unwrap()
    }

    /// Returns a text escaped for the page.
    fn escaped(text: &str) -> String {
        let text = Roff::new().text([roman(text)]).to_roff();
        text.trim_end().to_owned()
    }

    #[test]
    fn tells_of_every_command_and_flag() {
        let page = page();
        let mut program = super::super::parse::Cli::command();
        program.build();
        for command in program.get_subcommands().filter(|it| it.get_name() != "help") {
            assert!(page.contains(&format!(".SS {}\n", command.get_name())), "{}", command.get_name());
            let longs = command.get_arguments().flat_map(|arg| {
                arg.get_long().into_iter().chain(arg.get_visible_aliases().into_iter().flatten())
            });
            for long in longs.filter(|long| *long != "help") {
                let told = page.contains(&escaped(&format!("--{long}")));
                assert!(told, "--{long} of {}", command.get_name());
            }
        }
    }

    #[test]
    fn options_of_several_commands_stand_there_once() {
        let page = page();
        assert_eq!(page.matches(&format!("{}\\fR \\fI", escaped("--max-message"))).count(), 1);
        assert!(page.contains("As above: "));
    }

    #[test]
    fn tells_of_every_field() {
        let page = page();
        for field in filter::Field::ALL {
            assert!(page.contains(&escaped(field.about())), "{field}");
        }
    }

    #[cfg(feature = "tui")]
    #[test]
    fn tells_of_every_key() {
        let page = page();
        for (_, help) in keys::MOUSE.iter().chain(keys::SIGNS) {
            assert!(page.contains(&escaped(help)), "{help}");
        }
        for binding in keys::TABLE.iter().flat_map(|group| group.bindings) {
            assert!(page.contains(&escaped(&binding.keys.join(", "))), "{:?}", binding.keys);
            assert!(page.contains(&escaped(binding.help)), "{}", binding.help);
        }
    }
}
