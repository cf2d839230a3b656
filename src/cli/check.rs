use anyhow::Context as _;

use super::plan::Request;
use super::report::note;
use super::{Outcome, args, run};
use crate::check::{self, Check, FailurePolicy, FindingsFormat, Rules, WriteOptions};
use crate::event::Severity;

/// Check a capture against RFC 6455, RFC 7692 and related protocols
///
/// Exits with 1 if a rule is broken, and with 3 if none is but not everything could be judged: a TLS connection without
/// keys that may be a WebSocket, bytes that were not captured, files that were not read to their end, parts of a
/// conversation that a filter excluded. It can serve as a test assertion for servers and clients.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Exit with 1 for this severity or higher
    #[arg(long, value_name = "SEVERITY", default_value = "error")]
    fail_on: FailOn,

    /// Exit with 1 if one of these rules is broken, whatever its severity
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    deny: Vec<String>,

    /// Check only these rules
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    rules: Vec<String>,

    /// Exclude these rules
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    ignore: Vec<String>,

    /// Write in this format
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = args::one_of(FindingsFormat::LIST.to_vec()))]
    format: FindingsFormat,

    #[command(flatten)]
    request: Request,
}

/// List every rule: its code, severity, section of the specification, and description
#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Describe this rule in full instead
    #[arg(value_name = "RULE", conflicts_with = "format")]
    rule: Option<String>,

    /// Write in this format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: ListFormat,
}

/// The format of the list of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ListFormat {
    #[value(help = "one line per rule")]
    Text,
    #[value(help = "an array of JSON objects")]
    Json,
}

/// The minimum severity with which a broken rule fails the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    #[value(help = "a MUST is broken")]
    Error,
    #[value(help = "a SHOULD is broken, or something is suspicious")]
    Warning,
    #[value(help = "the capture is incomplete")]
    Note,
}

impl From<FailOn> for Severity {
    fn from(least: FailOn) -> Severity {
        match least {
            FailOn::Error => Severity::Error,
            FailOn::Warning => Severity::Warning,
            FailOn::Note => Severity::Note,
        }
    }
}

impl Args {
    pub(super) fn run(&self) -> anyhow::Result<Outcome> {
        let rules =
            Rules::new(self.rules.iter().map(String::as_str), self.ignore.iter().map(String::as_str))?;
        let bar = FailurePolicy::new(self.fail_on.into(), self.deny.iter().map(String::as_str))?;
        let input =
            self.request.input.files.first().map_or_else(|| "-".into(), |file| file.to_string_lossy());
        let manner = WriteOptions { form: self.format, rules: &rules, bar: &bar, input: &input };
        let plan = self.request.plan()?;
        let by_message = plan.filters_messages();
        let filtered = plan.filter.is_some();
        run::gather(&plan, Check::new(rules.clone()), |check, end, to| {
            let findings = check.findings();
            findings.write(manner, to)?;
            let judged_none = filtered && findings.conversations() == (0, 0, 0);
            if by_message && !judged_none {
                note("only what matches the filter was judged");
            }
            Ok(if findings.fail(&bar) {
                Outcome::Findings
            } else if judged_none
                || by_message
                || findings.unjudged() > 0
                || findings.judged_in_part() > 0
                || end.stopped_early
            {
                Outcome::Unjudged
            } else {
                Outcome::Fine
            })
        })
    }
}

impl List {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let list = match (&self.rule, self.format) {
            (Some(rule), _) => check::describe(rule, args::columns())?,
            (None, ListFormat::Text) => check::list(args::columns()),
            (None, ListFormat::Json) => check::list_json(),
        };
        super::stdout::write_stdout(list.as_bytes()).context("cannot write standard output")?;
        Ok(())
    }
}
