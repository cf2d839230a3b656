//! What clap makes of the command line, and what we do where it alone would not help.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory as _, Parser as _};

use super::Cli;

/// Reads the command line, the program's name first.
///
/// Where no command is named, a flag that only view has means view.
pub(super) fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(arguments).or_else(|error| {
        let mut all = Cli::command();
        all.build();
        let named = arguments.get(1).and_then(|first| all.find_subcommand(first)).cloned();
        match (error.kind(), named) {
            (ErrorKind::UnknownArgument, None) if is_of_view(&all, &error) => {
                let (name, rest) = arguments.split_at_checked(1).unwrap_or_default();
                Cli::try_parse_from([name, &["view".into()], rest].concat())
            }
            (ErrorKind::MissingRequiredArgument, Some(command)) if wants_input(&error) => {
                Err(nothing_to_read(command))
            }
            (ErrorKind::MissingRequiredArgument, None) if wants_input(&error) => Err(nothing_to_read(all)),
            _ => Err(error),
        }
    })
}

fn is_of_view(all: &Command, error: &clap::Error) -> bool {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return false };
    let mut flags = all.find_subcommand("view").into_iter().flat_map(Command::get_arguments);
    flags.any(|arg| arg.get_long().is_some_and(|long| flag.strip_prefix("--") == Some(long)))
}

/// Tells whether the input is missing; that `--write <FILE>` is missing is another matter.
fn wants_input(error: &clap::Error) -> bool {
    matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::Strings(missing)) if missing.iter().any(|it| it.starts_with("<FILE>")))
}

fn nothing_to_read(mut command: Command) -> clap::Error {
    let text = "nothing to read: name a FILE, `-` for standard input, or an interface with `-i NAME`";
    command.error(ErrorKind::MissingRequiredArgument, text)
}

#[cfg(test)]
mod tests {
    use super::super::Command as Named;
    use super::*;

    fn parsed(line: &str) -> Result<Cli, clap::Error> {
        parse(&line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn a_flag_that_only_view_has_means_view() {
        for line in [
            "wirefin a.pcap --theme light",
            "wirefin --theme=light a.pcap",
            "wirefin a.pcap --memory 1G -Y rtt",
            "wirefin -q --time delta a.pcap b.pcap",
        ] {
            let cli = parsed(line).unwrap();
            assert!(matches!(cli.command, Some(Named::View(_))), "{line}");
        }
    }

    #[test]
    fn other_commands_have_their_own_flags() {
        for line in [
            "wirefin print a.pcap --theme light",
            "wirefin a.pcap --no-such-flag",
            "wirefin a.pcap -x --theme light",
        ] {
            assert_eq!(parsed(line).unwrap_err().kind(), ErrorKind::UnknownArgument, "{line}");
        }
        assert!(parsed("wirefin a.pcap -x").unwrap().command.is_none());
    }

    #[test]
    fn what_can_be_read_is_told_where_nothing_was_named() {
        for line in [
            "wirefin print",
            "wirefin export --frames",
            "wirefin stats",
            "wirefin check",
            "wirefin view",
            "wirefin -v",
        ] {
            let text = parsed(line).unwrap_err().to_string();
            assert!(["FILE", "`-`", "-i"].iter().all(|way| text.contains(way)), "{line}: {text}");
            let usage = line.rsplit_once(' ').filter(|_| !line.contains(" -")).map_or("wirefin", |_| line);
            assert!(text.contains(&format!("Usage: {usage}")), "{line}: {text}");
        }
        let text = parsed("wirefin export -o").unwrap_err().to_string();
        assert!(!text.contains("nothing to read"), "{text}");
    }

    #[test]
    fn what_is_missing_beside_an_input_is_named() {
        for flag in ["-G 3", "-C 3", "-G 3 -W 2", "--only-websocket"] {
            let text = parsed(&format!("wirefin export -i lo {flag}")).unwrap_err().to_string();
            assert!(text.contains("--write <FILE>") && !text.contains("nothing to read"), "{flag}: {text}");
        }
        let text = parsed("wirefin export -i lo -w a.pcapng -W 2").unwrap_err().to_string();
        assert!(text.contains("--rotate-size <MB>") && text.contains("--rotate-seconds <SECONDS>"), "{text}");
        for flag in ["-C 3 -W 2", "-G 3 -W 2", "-C 3 -G 3 -W 2", "-C 3 -G 3"] {
            assert!(parsed(&format!("wirefin export -i lo -w a.pcapng {flag}")).is_ok(), "{flag}");
        }
    }
}
