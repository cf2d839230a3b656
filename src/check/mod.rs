//! The rules of RFC 6455 and RFC 7692, held against a capture: a test assertion for servers and clients.
//!
//! [`Check`] gathers every broken rule while events pass; [`Findings`] is what it comes to. Which rules count is said by
//! [`Rules`], and [`list`] lists them all.

mod findings;
mod rules;

pub use findings::{Check, Finding, Findings};
pub use rules::{Rules, UnknownRule, list};

/// Name of a form in which findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

impl Form {
    /// Lists every form: its name and what it is.
    pub const LIST: &'static [(&'static str, &'static str, Form)] = &[
        ("text", "a paragraph a finding", Form::Text),
        ("json", "one JSON object with everything", Form::Json),
    ];

    /// Returns the form called `name`; `None` where there is none.
    pub fn named(name: &str) -> Option<Form> {
        Form::LIST.iter().find(|(known, ..)| *known == name).map(|(.., form)| *form)
    }
}
