//! Parsing of the command line by clap, with better handling of some mistakes.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser, Subcommand};

#[cfg(feature = "live")]
use super::interfaces;
use super::outcome::exit_codes;
#[cfg(feature = "tui")]
use super::view;
use super::{check, completions, explain, export, man, print, schema, stats};
use crate::text::nearest;

/// A topic of `wirefin help` that is not a command.
const FILTER_TOPIC: &str = "filter";

/// The text after the help.
const AFTER_HELP: &str = "Without a command, `wirefin FILE` is `wirefin view FILE` on a terminal, and with a flag that only view has. Elsewhere, and with a flag that only print has, it is `wirefin print FILE`. `wirefin help filter` explains the language of -Y.";

/// The WebSocket analyzer for network traffic.
///
/// wirefin reads capture files (pcap and pcapng, plain, gzip, zstd or lz4), reassembles the TCP streams, finds the
/// WebSocket conversations in them, verifies their handshakes, shows every message in order, unmasked and with its
/// fragments joined, and reports what was lost or broken.
#[derive(Debug, Parser)]
#[command(
    name = "wirefin",
    bin_name = "wirefin",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_long_help = format!("{AFTER_HELP}\n\n{}", exit_codes()),
    after_help = AFTER_HELP
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,

    #[command(flatten)]
    pub(super) print: print::Args,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Print(print::Args),
    Export(export::Args),
    Stats(stats::Args),
    Check(check::Args),
    Explain(explain::Args),
    Rules(check::List),
    #[cfg(feature = "live")]
    Interfaces(interfaces::Args),
    #[cfg(feature = "tui")]
    View(view::Args),
    Schema(schema::Args),
    Man(man::Args),
    Completions(completions::Args),
}

/// Parses the command line, which begins with the program's name.
///
/// If no command is named, a flag that only view has implies view.
pub(super) fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    if arguments.len() == 1 && is_piped() {
        return Err(nothing_to_read(Cli::command()));
    }
    let arguments = &with_tshark_flags(arguments)?[..];
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
            (ErrorKind::UnknownArgument, named) => Err(advised(error, &all, named)),
            (ErrorKind::ArgumentConflict, named) if is_of_files_and_interfaces(&error) => {
                let text =
                    "either files or interfaces are read; give capture filters with -f, as in -f 'port 80'";
                Err(named.unwrap_or(all).error(ErrorKind::ArgumentConflict, text))
            }
            _ => Err(error),
        }
    })
}

/// Returns the output of `wirefin help filter`, if the command line requests that.
pub(super) fn filter_help(arguments: &[OsString]) -> Option<String> {
    let [_, help, topic] = arguments else { return None };
    (help == "help" && topic == FILTER_TOPIC).then(|| {
        let width = super::args::columns().unwrap_or(100).clamp(60, 110);
        format!("{}\n", crate::filter::manual(width))
    })
}

/// Handles the flags of tshark: `-r FILE` names a file, `-n` and `-l` are the default anyway, and `-t` and `-T` are
/// rejected with a hint to our own flags. If the first word is similar to a command and not a file, the error suggests
/// the command.
fn with_tshark_flags(arguments: &[OsString]) -> Result<Vec<OsString>, clap::Error> {
    let mut all = Cli::command();
    if let Some(text) = nearly_a_command(&all, arguments) {
        return Err(all.error(ErrorKind::InvalidSubcommand, text));
    }
    let mut taken = Vec::with_capacity(arguments.len());
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let letters = argument.to_str().and_then(|text| text.strip_prefix('-')).unwrap_or_default();
        let has_other = letters.bytes().any(|byte| !b"nlr".contains(&byte));
        match letters {
            "-" => {
                taken.push(argument.clone());
                taken.extend(rest.by_ref().cloned());
            }
            "t" => {
                return Err(all.error(
                    ErrorKind::UnknownArgument,
                    "there is no -t: use `print --time` with relative (tshark's -t r), delta (-t d), utc (-t u or -t ud), local (-t ad) or epoch (-t e)",
                ));
            }
            "T" => {
                let text = "there is no -T: use `print --fields time,from,len` (tshark's -T fields), or `export` with --format ndjson or json (-T json, -T ek)";
                return Err(all.error(ErrorKind::UnknownArgument, text));
            }
            // The value of -r is an ordinary file argument, which follows anyway.
            _ if !letters.is_empty() && !has_other => {}
            _ => match letters.strip_prefix('r') {
                Some(file) => taken.push(file.into()),
                None => taken.push(argument.clone()),
            },
        }
    }
    Ok(taken)
}

/// Returns the command or topic of `help` that a first word is similar to, if it is neither one of them nor a file.
fn nearly_a_command(all: &clap::Command, arguments: &[OsString]) -> Option<String> {
    let (word, topic, wanted) = match arguments {
        [_, help, word, ..] if help == "help" => (word.to_str()?, Some(FILTER_TOPIC), "help on"),
        [_, word, ..] if !std::path::Path::new(word).exists() => {
            (word.to_str()?, None, "file and no command")
        }
        _ => return None,
    };
    let names: Vec<&str> = all.get_subcommands().map(clap::Command::get_name).chain(topic).collect();
    if word == "version" && topic.is_none() {
        return Some("there is no command `version`: use --version".to_owned());
    }
    if names.contains(&word) || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    let near = nearest(word, names)?;
    Some(format!("there is no {wanted} `{word}`; did you mean `{near}`?"))
}

fn is_of_view(all: &clap::Command, error: &clap::Error) -> bool {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return false };
    let mut flags = all.find_subcommand("view").into_iter().flat_map(clap::Command::get_arguments);
    flags.any(|arg| arg.get_long().is_some_and(|long| flag.strip_prefix("--") == Some(long)))
}

fn is_of_files_and_interfaces(error: &clap::Error) -> bool {
    let arguments = [ContextKind::InvalidArg, ContextKind::PriorArg].map(|kind| error.get(kind));
    let names = arguments.into_iter().flatten().map(ToString::to_string);
    let is_one = |name: &String| name.contains("--interface <NAME>") || name.contains("[FILE]");
    names.filter(is_one).count() == 2
}

/// Flags of tshark and tcpdump, each with its counterpart here.
const ELSEWHERE: [(&str, &str); 7] = [
    ("-z", "`wirefin stats` sums up, and `wirefin explain` says what each connection is"),
    ("-e", "`print --fields time,from,len` names the fields"),
    ("-D", "`wirefin interfaces` lists what can be sniffed"),
    ("-R", "-Y filters messages"),
    ("-A", "`print` shows texts, and --full whole ones"),
    ("-X", "-x shows payloads as hex dumps"),
    ("-d", "ports need not be named: WebSockets are found on any"),
];

/// Returns an error that names the flag that may be meant by one of another program, or by the name of a format.
fn advised(error: clap::Error, all: &clap::Command, named: Option<clap::Command>) -> clap::Error {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return error };
    let has_format = |command: &clap::Command| {
        let format = command.get_arguments().find(|arg| arg.get_long() == Some("format"));
        let values = format.map(clap::Arg::get_possible_values).unwrap_or_default();
        flag.strip_prefix("--").is_some_and(|name| values.iter().any(|value| value.get_name() == name))
    };
    let name = flag.trim_start_matches('-');
    let advice = if named.as_ref().is_some_and(has_format) {
        format!("use --format {name}")
    } else if let Some(other) = all.get_subcommands().find(|it| has_format(it)) {
        format!("use `wirefin {} --format {name}`", other.get_name())
    } else if let Some((_, advice)) = ELSEWHERE.iter().find(|(other, _)| other == flag) {
        (*advice).to_owned()
    } else {
        return error;
    };
    let text = format!("there is no {flag}: {advice}");
    named.unwrap_or_else(|| all.clone()).error(ErrorKind::UnknownArgument, text)
}

/// Returns whether the missing argument is the input, rather than `--write <FILE>`.
fn wants_input(error: &clap::Error) -> bool {
    matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::Strings(missing)) if missing.iter().any(|it| it.starts_with("<FILE>")))
}

/// Returns whether standard input is a pipe.
fn is_piped() -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    std::fs::metadata("/dev/stdin").is_ok_and(|it| it.file_type().is_fifo())
}

fn nothing_to_read(mut command: clap::Command) -> clap::Error {
    let text = "nothing to read: name a FILE, `-` for standard input, or an interface with `-i NAME`";
    command.error(ErrorKind::MissingRequiredArgument, text)
}

#[cfg(test)]
mod tests {
    use super::Command as Named;
    use super::*;

    fn parsed(line: &str) -> Result<Cli, clap::Error> {
        parse(&line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn a_flag_that_only_view_has_means_view() {
        for line in [
            "wirefin a.pcap --theme light",
            "wirefin --theme=light a.pcap",
            "wirefin a.pcap --spool 1G -Y rtt",
            "wirefin -q --theme light a.pcap b.pcap",
        ] {
            let cli = parsed(line).unwrap();
            assert!(matches!(cli.command, Some(Named::View(_))), "{line}");
        }
    }

    #[test]
    fn hands_that_know_tshark_are_understood() {
        for line in [
            "wirefin -r a.pcap",
            "wirefin print -nr a.pcap -l",
            "wirefin export -n -ra.pcap",
            "wirefin stats -r a.pcap",
        ] {
            assert!(parsed(line).is_ok(), "{line}");
        }
        let text = |line| parsed(line).unwrap_err().to_string();
        assert!(text("wirefin print -t ad a.pcap").contains("--time"));
        assert!(text("wirefin -T json a.pcap").contains("export"));
        assert!(text("wirefin prnt a.pcap").contains("did you mean `print`"));
        assert!(text("wirefin help filtr").contains("did you mean `filter`"));
        assert!(text("wirefin help exprt").contains("did you mean `export`"));
        assert!(text("wirefin chekc a.pcap").contains("did you mean `check`"));
        assert!(parsed("wirefin -- -r").is_ok() && parsed("wirefin capture").is_ok());
        assert!(text("wirefin -z conv,tcp -r a.pcap").contains("`wirefin stats` sums up"));
        assert!(text("wirefin -i any port 80").contains("-f 'port 80'"));
        assert!(text("wirefin print -i any port 80").contains("-f 'port 80'"));
        assert!(text("wirefin version").contains("use --version"));
        assert!(parsed("wirefin print -vv a.pcap").is_ok());
    }

    #[test]
    fn the_name_of_a_format_is_answered_with_the_flag() {
        let text = |line| parsed(line).unwrap_err().to_string();
        for (line, advice) in [
            ("wirefin check --json a.pcap", "there is no --json: use --format json"),
            ("wirefin check a.pcap --sarif", "there is no --sarif: use --format sarif"),
            ("wirefin explain --json a.pcap", "there is no --json: use --format json"),
            ("wirefin print --json a.pcap", "there is no --json: use `wirefin export --format json`"),
            ("wirefin --ndjson a.pcap", "there is no --ndjson: use `wirefin export --format ndjson`"),
        ] {
            assert!(text(line).contains(advice), "{line}: {}", text(line));
        }
        assert!(!text("wirefin check --jsn a.pcap").contains("--format jsn"));
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
    fn what_can_be_read_is_reported_where_nothing_was_named() {
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
