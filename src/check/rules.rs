use std::collections::BTreeSet;
use std::fmt::Write;

use super::Form;
use crate::event::{Anomaly, Severity};

/// Says which rules count.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Those that count; `None` for all.
    only: Option<BTreeSet<&'static str>>,
    ignored: BTreeSet<&'static str>,
}

/// Says that there is no such rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no rule called {0}: `wirefin rules` lists them")]
pub struct UnknownRule(pub String);

impl Rules {
    /// Takes the codes of the rules that count, all where there are none, and of those that do not.
    ///
    /// # Errors
    ///
    /// Where there is no rule of such a code.
    pub fn new<'a>(
        only: impl IntoIterator<Item = &'a str>,
        ignored: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, UnknownRule> {
        let only = only.into_iter().map(known).collect::<Result<BTreeSet<_>, _>>()?;
        let ignored = ignored.into_iter().map(known).collect::<Result<_, _>>()?;
        Ok(Rules { only: (!only.is_empty()).then_some(only), ignored })
    }

    /// Tells whether a rule counts.
    pub fn count(&self, code: &str) -> bool {
        !self.ignored.contains(code) && self.only.as_ref().is_none_or(|only| only.contains(code))
    }
}

fn known(code: &str) -> Result<&'static str, UnknownRule> {
    let code = code.trim();
    let found = Anomaly::ALL.iter().find(|(known, ..)| *known == code);
    found.map(|(known, ..)| *known).ok_or_else(|| UnknownRule(code.to_owned()))
}

/// Lists every rule: its code, how bad it is to break it, and where it stands.
pub fn list(form: Form) -> String {
    let mut out = String::new();
    match form {
        Form::Text => {
            let width = Anomaly::ALL.iter().map(|(code, ..)| code.len()).max().unwrap_or(0);
            for (code, severity, spec) in Anomaly::ALL {
                let line = format!("{code:width$}  {:7}  {}", severity.name(), spec.unwrap_or_default());
                // Writing into a string cannot fail.
                let _ = writeln!(out, "{}", line.trim_end());
            }
        }
        Form::Json => {
            let rule = |(code, severity, spec): &(&str, Severity, Option<&str>)| serde_json::json!({"code": code, "severity": severity.name(), "spec": spec});
            let rules: Vec<_> = Anomaly::ALL.iter().map(rule).collect();
            let _ = writeln!(out, "{}", serde_json::Value::from(rules));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_and_ignore_pick_rules() {
        let rules = Rules::new([], [" bad-utf8 "]).unwrap();
        assert!(!rules.count("bad-utf8") && rules.count("no-close"));
        let rules = Rules::new(["no-close", "bad-utf8"], ["bad-utf8"]).unwrap();
        assert!(!rules.count("bad-utf8") && rules.count("no-close") && !rules.count("gap"));
        assert_eq!(Rules::new(["no-closed"], []).unwrap_err(), UnknownRule("no-closed".into()));
    }

    #[test]
    fn every_rule_is_listed_once() {
        let text = list(Form::Text);
        assert_eq!(text.lines().count(), Anomaly::ALL.len());
        assert!(text.contains("bad-utf8") && text.contains("  error    RFC 6455 §8.1\n"));
        let json: serde_json::Value = serde_json::from_str(&list(Form::Json)).unwrap();
        assert_eq!(json.as_array().unwrap().len(), Anomaly::ALL.len());
    }
}
