use super::{args, trip};
use crate::export::Print;
#[cfg(feature = "tui")]
use crate::filter::Filter;
use crate::view::{self, Printer};

/// Print one line an event, for human eyes
///
/// Each line has the seconds since the first packet, the connection (the number of its first packet in the capture, as
/// Wireshark counts), → from the client or ← from the server, what it is, its length, and what it holds. What a terminal
/// would obey is shown by a picture or a number instead; · stands for a byte that was not captured.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    input: args::Input,

    #[command(flatten)]
    output: args::Output,

    #[command(flatten)]
    end: args::Count,

    /// Show handshakes in full, and every frame
    #[arg(short, long)]
    verbose: bool,

    /// Show payloads as hex dumps too
    #[arg(short = 'x', long)]
    hex: bool,

    /// Show whole texts, however long they are: so it is where the output is no terminal
    #[arg(long, conflicts_with = "width")]
    full: bool,

    /// Fit lines into this many columns: by default the terminal's
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(40..))]
    width: Option<u16>,

    /// Show times like this
    #[arg(long, value_name = "CLOCK", default_value = "relative")]
    time: Time,

    /// Colour the lines
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

/// Name of a way to show times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Time {
    #[value(help = "seconds since the first packet")]
    Relative,
    #[value(help = "of a message, seconds since the one before it in its conversation")]
    Delta,
    #[value(alias = "utc", help = "RFC 3339, in UTC")]
    Absolute,
    #[value(help = "seconds since 1970")]
    Epoch,
}

impl From<Time> for view::Clock {
    fn from(time: Time) -> Self {
        match time {
            Time::Relative => view::Clock::Relative,
            Time::Delta => view::Clock::Delta,
            Time::Absolute => view::Clock::Absolute,
            Time::Epoch => view::Clock::Epoch,
        }
    }
}

/// How wide a line may be that is shown whole: what a message may hold at most is far below it.
const WHOLE: usize = usize::MAX / 8;

/// When lines are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Color {
    #[value(help = "on a terminal, unless NO_COLOR is set")]
    Auto,
    #[value(help = "everywhere")]
    Always,
    #[value(help = "nowhere")]
    Never,
}

impl Color {
    /// Decides, given whether the output is a terminal, and the value of `NO_COLOR`.
    fn decide(self, terminal: bool, no_color: Option<&std::ffi::OsStr>) -> bool {
        match self {
            Color::Auto => terminal && no_color.is_none_or(std::ffi::OsStr::is_empty),
            Color::Always => true,
            Color::Never => false,
        }
    }
}

impl Args {
    /// Tells whether nothing was asked for that only print does.
    #[cfg(feature = "tui")]
    pub(super) fn is_plain(&self) -> bool {
        let output = self.output.file.is_some() || self.end.count.is_some();
        let lines = self.full || self.width.is_some() || self.time != Time::Relative;
        !(output || lines || self.verbose || self.hex || self.color != Color::Auto)
    }

    /// Returns what is read, and which messages are wanted.
    #[cfg(feature = "tui")]
    pub(super) fn into_input(self) -> (args::Input, Option<Filter>) {
        (self.input, self.output.only)
    }

    /// Returns how many columns a line may take.
    fn width(&self) -> usize {
        match (self.full, self.width) {
            (true, _) => WHOLE,
            (false, Some(width)) => width.into(),
            (false, None) => self.output.columns().unwrap_or(WHOLE),
        }
    }

    pub(super) fn run(&self) -> anyhow::Result<()> {
        let settings = view::Settings {
            colour: self.color.decide(self.output.is_terminal(), std::env::var_os("NO_COLOR").as_deref()),
            verbose: self.verbose,
            hex: self.hex,
            width: self.width(),
            clock: self.time.into(),
        };
        trip::run(&self.input, &self.output, self.end.count, Print(Printer::new(settings)))
    }
}

#[cfg(test)]
mod tests {
    use super::Color;
    use std::ffi::OsStr;

    #[test]
    fn colour_follows_the_terminal_no_color_and_the_flag_in_this_order() {
        let set = Some(OsStr::new("1"));
        assert!(Color::Auto.decide(true, None) && Color::Auto.decide(true, Some(OsStr::new(""))));
        assert!(!Color::Auto.decide(true, set) && !Color::Auto.decide(false, None));
        assert!(Color::Always.decide(false, set) && !Color::Never.decide(true, None));
    }
}
