//! The rules of RFC 6455 and RFC 7692, held against a capture: a test assertion for servers and clients.
//!
//! [`Check`] gathers every broken rule while events pass; [`Findings`] is what it comes to, and each form of writing it
//! has a file. Which rules count is said by [`Rules`], which of them fail the check by [`Bar`], and [`list`] lists them
//! all. `security` judges what no single frame shows.
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

pub use findings::{Bar, Check, Finding, Findings};
pub use rules::{Rules, UnknownRule, describe, list, list_json, markdown};

/// Name of a form in which findings are written.
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
    /// Lists every form: its name and what it is.
    pub const LIST: &'static [(&'static str, &'static str, FindingsFormat)] = &[
        ("text", "a paragraph a finding", FindingsFormat::Text),
        ("json", "one JSON object with everything", FindingsFormat::Json),
        ("junit", "a JUnit report with a test case for each rule", FindingsFormat::Junit),
        ("sarif", "a SARIF 2.1.0 log", FindingsFormat::Sarif),
        ("github", "annotations of a GitHub workflow", FindingsFormat::Github),
    ];

    /// Returns the form called `name`; `None` where there is none.
    pub fn named(name: &str) -> Option<FindingsFormat> {
        FindingsFormat::LIST.iter().find(|(known, ..)| *known == name).map(|(.., form)| *form)
    }
}

/// The form and the rules by which findings are written.
#[derive(Clone, Copy, Debug)]
pub struct Manner<'a> {
    /// In which form.
    pub form: FindingsFormat,
    /// Which rules count.
    pub rules: &'a Rules,
    /// Which of them fail the check.
    pub bar: &'a Bar,
    /// What names the capture.
    pub input: &'a str,
}

impl Findings {
    /// Writes them, and a summary.
    pub fn write(&self, manner: Manner<'_>, to: &mut dyn Write) -> io::Result<()> {
        let Manner { form, rules, bar, input } = manner;
        match form {
            FindingsFormat::Text => text::write(self, to),
            FindingsFormat::Json => json::write(self, to),
            FindingsFormat::Junit => junit::write(self, rules, bar, to),
            FindingsFormat::Sarif => sarif::write(self, rules, input, to),
            FindingsFormat::Github => github::write(self, input, to),
        }
    }
}
