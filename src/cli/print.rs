use std::ffi::OsStr;

use super::plan::Request;
use super::{Outcome, args, run};
use crate::export::{Fields, Print};
use crate::text::Zone;
use crate::view::{self, Printer};

/// Print one line per event, for people
///
/// Each line has the seconds since the first packet, the connection (the number of its first packet in the capture, as
/// in Wireshark), → from the client or ← from the server, its kind, its length, and its content. Characters that
/// control a terminal are shown as pictures or numbers; · represents a byte that was not captured.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    end: args::Count,

    /// Show handshakes in full, and every frame
    #[arg(short, long, overrides_with = "verbose")]
    verbose: bool,

    /// Show payloads as hex dumps too
    #[arg(short = 'x', long)]
    hex: bool,

    /// Show texts in full, however long they are, which is the default if the output is not a terminal
    #[arg(long, conflicts_with = "width")]
    full: bool,

    /// Fit lines into this many columns [default: the terminal's width]
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(40..))]
    width: Option<u16>,

    /// Show JSON below its row, indented and coloured
    #[arg(long)]
    pretty: bool,

    /// Show times in this form
    #[arg(long, value_name = "CLOCK", default_value = "relative")]
    time: Time,

    /// Print these fields of each message, separated by tabs: time,from,len,json.type
    ///
    /// They are those of filters, and `json` and `sub` with a path: `wirefin help filter` lists them. Several values of
    /// one field are separated by commas; tabs, line feeds and backslashes in values are escaped. With `anomaly` or
    /// `severity` among them, anomalies have lines, too.
    #[arg(long, value_name = "FIELDS", value_parser = columns, conflicts_with_all = ["template", "verbose", "hex", "pretty", "full", "width", "color"])]
    fields: Option<Fields>,

    /// Print a line of this form for each message, with fields in braces: '{time} {from} {text}'
    #[arg(long, value_name = "TEMPLATE", value_parser = template, conflicts_with_all = ["verbose", "hex", "pretty", "full", "width", "color"])]
    template: Option<Fields>,

    /// Do not use a pager (`less`) when the output for files goes to a terminal
    #[arg(long)]
    no_pager: bool,

    /// Colour the lines
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Color,

    #[command(flatten)]
    request: Request,
}

fn columns(text: &str) -> Result<Fields, String> {
    Fields::columns(text).map_err(|error| error.to_string())
}

fn template(text: &str) -> Result<Fields, String> {
    if !text.replace("{{", "").contains('{') {
        return Err("it has no field: write fields in braces, as in '{time} {from} {text}'".to_owned());
    }
    Fields::template(text).map_err(|error| error.to_string())
}

/// The way in which times are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Time {
    #[value(help = "seconds since the first packet")]
    Relative,
    #[value(help = "seconds since the previous message of the conversation")]
    Delta,
    #[value(
        alias = "absolute",
        help = "the time of day in UTC, with the date where it changes; `absolute` is the same"
    )]
    Utc,
    #[value(help = "the time of day here, with the date where it changes")]
    Local,
    #[value(help = "seconds since 1970")]
    Epoch,
}

impl From<Time> for view::Clock {
    fn from(time: Time) -> Self {
        match time {
            Time::Relative => view::Clock::Relative,
            Time::Delta => view::Clock::Delta,
            Time::Utc => view::Clock::OfDay(Zone::UTC),
            Time::Local => view::Clock::OfDay(local()),
            Time::Epoch => view::Clock::Epoch,
        }
    }
}

/// Returns the time zone of this machine, or the one given by TZ.
fn local() -> Zone {
    let zone = jiff::tz::TimeZone::system();
    let (first, last) = (jiff::Timestamp::UNIX_EPOCH, jiff::Timestamp::MAX);
    let mut changes = vec![(0, zone.to_offset(first).seconds())];
    // Captures are from these centuries.
    let later = zone.following(first).take_while(|change| change.timestamp() < last);
    changes.extend(later.take(600).map(|change| (change.timestamp().as_second(), change.offset().seconds())));
    // It is read once and lives as long as the program.
    Zone::new(Vec::leak(changes))
}

/// The line width for complete texts, far above the maximum length of a message.
const WHOLE: usize = usize::MAX / 8;

/// The condition on which lines are coloured.
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
    /// Decides, given whether the output is a terminal, and the values of `NO_COLOR` and `TERM`.
    fn decide(self, terminal: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
        match self {
            Color::Auto => {
                terminal && no_color.is_none_or(OsStr::is_empty) && term.is_none_or(|it| it != "dumb")
            }
            Color::Always => true,
            Color::Never => false,
        }
    }
}

impl Args {
    /// Returns whether no option was given that only print supports.
    #[cfg(feature = "tui")]
    pub(super) fn is_plain(&self) -> bool {
        let output =
            self.request.output.file.is_some() || self.request.output.exit_code || self.end.count.is_some();
        let columns = self.fields.is_some() || self.template.is_some() || self.no_pager;
        let lines =
            columns || self.full || self.pretty || self.width.is_some() || self.time != Time::Relative;
        !(output || lines || self.verbose || self.hex || self.color != Color::Auto)
    }

    /// Returns the input and the selection of messages.
    #[cfg(feature = "tui")]
    pub(super) fn into_input(self) -> (args::Input, super::selection::Selection) {
        (self.request.input, self.request.selection)
    }

    /// Returns the maximum width of a line, in columns.
    fn width(&self) -> usize {
        match (self.full, self.width) {
            (true, _) => WHOLE,
            (false, Some(width)) => width.into(),
            (false, None) => self.request.output.columns().unwrap_or(WHOLE),
        }
    }

    pub(super) fn run(&self) -> anyhow::Result<Outcome> {
        let plan = self.request.plan()?;
        let plan = plan.stop_after(self.end.count).paged(!self.no_pager);
        if let Some(fields) = self.fields.as_ref().or(self.template.as_ref()) {
            return run::write(&plan, fields.clone().with_clock(self.time.into()));
        }
        let [no_color, term] = ["NO_COLOR", "TERM"].map(std::env::var_os);
        let colour =
            self.color.decide(self.request.output.is_terminal(), no_color.as_deref(), term.as_deref());
        let settings = view::Settings {
            colour,
            verbose: self.verbose,
            hex: self.hex,
            width: self.width(),
            clock: self.time.into(),
            pretty: self.pretty,
            dated: true,
        };
        run::write(&plan, Print(Printer::new(settings)))
    }
}

#[cfg(test)]
mod tests {
    use super::Color;
    use std::ffi::OsStr;

    #[test]
    fn colour_follows_the_terminal_no_color_and_the_flag_in_this_order() {
        let set = Some(OsStr::new("1"));
        let [xterm, dumb] = ["xterm", "dumb"].map(|term| Some(OsStr::new(term)));
        assert!(
            Color::Auto.decide(true, None, xterm) && Color::Auto.decide(true, Some(OsStr::new("")), None)
        );
        assert!(!Color::Auto.decide(true, set, xterm) && !Color::Auto.decide(false, None, xterm));
        assert!(!Color::Auto.decide(true, None, dumb));
        assert!(Color::Always.decide(false, set, dumb) && !Color::Never.decide(true, None, xterm));
    }
}
