/// The outcome of a successful run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Success, with nothing more to report.
    Fine,
    /// `check` found what it looks for.
    Findings,
    /// `check` found nothing, but could not judge everything.
    Unjudged,
    /// A filter matched nothing, and the user asked for an exit code.
    NoMatch,
    /// A signal with this number ended it before its files were read to their end.
    Interrupted(u8),
}

impl Outcome {
    /// Returns the exit code, as listed in `--help`.
    pub const fn code(self) -> u8 {
        match self {
            Outcome::Fine => 0,
            Outcome::Findings | Outcome::NoMatch => 1,
            Outcome::Unjudged => 3,
            Outcome::Interrupted(signal) => 128_u8.saturating_add(signal),
        }
    }
}

/// The meanings of the exit codes. If several apply, 2 takes precedence over 1, and 1 over 3.
pub(super) const EXIT_CODES: [(&str, &str); 5] = [
    ("0", "success, including a live capture ended by Ctrl-C"),
    ("1", "check found a broken rule; or, with --exit-code, a filter matched nothing"),
    (
        "2",
        "wrong usage, or an input or output failed; a damaged or truncated input counts as failed, after its readable part was written",
    ),
    ("3", "check found nothing, but could not judge everything"),
    ("130, 143", "files were not read to their end because of SIGINT (Ctrl-C) or SIGTERM"),
];

/// Lists the exit codes for the end of the help.
pub(super) fn exit_codes() -> String {
    let line = |(code, words): &(&str, &str)| format!("\n  {code:<8}  {words}");
    format!(
        "Exit codes (if several apply, 2 takes precedence over 1, and 1 over 3):{}",
        EXIT_CODES.iter().map(line).collect::<String>()
    )
}
