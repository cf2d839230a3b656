//! Checks the rules of RFC 6455 and RFC 7692 against a capture: a test assertion for servers and clients.
//!
//! [`Check`] is a sink that collects every broken rule; [`Findings`] is the result, and each format has a file.
//! [`Rules`] selects the rules that are checked, [`FailurePolicy`] those that fail the check, and [`list`] lists them all.
//! `security` checks what is visible only beyond a single frame.
//!
//! ```
//! use wirefin::capture::Files;
//! use wirefin::check::{Check, Rules};
//! use wirefin::event::Reducer;
//! use wirefin::pipeline::{Options, run};
//!
//! let mut files = Files::open(&["captures/rules/bad-utf8.pcap".into()])?;
//! let mut check = Reducer::new(Check::new(Rules::default()));
//! run(&mut files, &Options::default(), &mut check)?;
//! let findings = check.into_inner().findings();
//! assert!(findings.listed().iter().any(|finding| finding.anomaly.code() == "bad-utf8"));
//! # Ok::<(), wirefin::pipeline::Error>(())
//! ```

mod findings;
mod github;
mod json;
mod junit;
mod practice;
mod rules;
mod sarif;
mod security;
mod text;

use std::io::{self, Write};

pub use findings::{Check, FailurePolicy, Finding, Findings};
pub use rules::{Rules, UnknownRule, describe, list, list_json, markdown};

/// The format of the findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingsFormat {
    /// For people.
    Text,
    /// One JSON object.
    Json,
    /// A `JUnit` report.
    Junit,
    /// A SARIF log.
    Sarif,
    /// GitHub's annotations.
    Github,
}

impl FindingsFormat {
    /// Lists every format: its name and its description.
    pub const LIST: &'static [(&'static str, &'static str, FindingsFormat)] = &[
        ("text", "one paragraph per finding", FindingsFormat::Text),
        ("json", "one JSON object with everything", FindingsFormat::Json),
        ("junit", "a JUnit report with a test case for each rule", FindingsFormat::Junit),
        ("sarif", "a SARIF 2.1.0 log", FindingsFormat::Sarif),
        ("github", "annotations of a GitHub workflow", FindingsFormat::Github),
    ];

    /// Returns the format called `name`; `None` if there is none.
    pub fn named(name: &str) -> Option<FindingsFormat> {
        FindingsFormat::LIST.iter().find(|(known, ..)| *known == name).map(|(.., form)| *form)
    }
}

/// The format and the rules for writing findings.
#[derive(Clone, Copy, Debug)]
pub struct WriteOptions<'a> {
    /// The format.
    pub form: FindingsFormat,
    /// The rules that are checked.
    pub rules: &'a Rules,
    /// The rules that fail the check.
    pub bar: &'a FailurePolicy,
    /// The name of the capture.
    pub input: &'a str,
}

impl Findings {
    /// Writes the findings and a summary.
    pub fn write(&self, manner: WriteOptions<'_>, to: &mut dyn Write) -> io::Result<()> {
        let WriteOptions { form, rules, bar, input } = manner;
        match form {
            FindingsFormat::Text => text::write(self, to),
            FindingsFormat::Json => json::write(self, to),
            FindingsFormat::Junit => junit::write(self, rules, bar, to),
            FindingsFormat::Sarif => sarif::write(self, rules, input, to),
            FindingsFormat::Github => github::write(self, input, to),
        }
    }
}
