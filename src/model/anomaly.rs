//! Anomalies and their rules. `list.rs` declares them; the types here are generated from that list.

use std::borrow::Cow;
use std::fmt;

/// The severity of an [`Anomaly`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// A limit of the capture or of wirefin; no peer is at fault.
    Note,
    /// A SHOULD was broken, or something is suspicious.
    Warning,
    /// A MUST was broken.
    Error,
}

impl Severity {
    /// All severities, from least to most severe.
    pub const ALL: [Severity; 3] = [Severity::Note, Severity::Warning, Severity::Error];

    /// Returns the word used in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// The rule that an [`Anomaly`] breaks, or the limit of the capture that it reports; shared by all with the same code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The kebab-case name: stable, and never reused for another rule.
    pub code: &'static str,
    /// The severity of breaking it.
    pub severity: Severity,
    /// The section that states the rule; `None` if no document does.
    pub spec: Option<&'static str>,
    /// One sentence describing the problem, without the evidence.
    pub sentence: &'static str,
    /// The rule as quoted from its document, or in our words, as Markdown.
    pub text: &'static str,
    /// The names of the evidence fields.
    pub evidence: &'static [&'static str],
}

/// One value of an anomaly's evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence<'a> {
    /// A count, length, offset or code.
    Number(u64),
    /// Text that may come from the wire: escape it before it reaches a terminal.
    Text(Cow<'a, str>),
}

/// A type that can be used as evidence.
trait AsEvidence {
    fn as_evidence(&self) -> Option<Evidence<'_>>;
}

macro_rules! number_evidence {
    ($($number:ty)*) => {$(
        impl AsEvidence for $number {
            fn as_evidence(&self) -> Option<Evidence<'_>> {
                Some(Evidence::Number(u64::from(*self)))
            }
        }
    )*};
}
number_evidence!(u8 u16 u32 u64);

impl AsEvidence for Box<str> {
    fn as_evidence(&self) -> Option<Evidence<'_>> {
        Some(Evidence::Text(Cow::Borrowed(self)))
    }
}

impl AsEvidence for &'static str {
    fn as_evidence(&self) -> Option<Evidence<'_>> {
        Some(Evidence::Text(Cow::Borrowed(self)))
    }
}

impl<T: AsEvidence> AsEvidence for Option<T> {
    fn as_evidence(&self) -> Option<Evidence<'_>> {
        self.as_ref().and_then(AsEvidence::as_evidence)
    }
}

/// Returns the section of a rule; `none` if no document states it.
macro_rules! section {
    (none) => {
        None
    };
    ($spec:literal) => {
        Some($spec)
    };
}

/// Declares every anomaly once: the rule's text, the variant with its evidence, the code, the severity, the section and
/// the sentence shown.
macro_rules! anomalies {
    ($(
        $(#[doc = $text:literal])+
        $variant:ident { $( $field:ident : $type:ty = $about:literal ),* $(,)? }
            = $code:literal, $severity:ident, $spec:tt, $sentence:literal;
    )*) => {
        /// A fault with its evidence: one variant per rule or limit of the capture.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Anomaly {
            $( $(#[doc = $text])+ $variant { $( #[doc = $about] $field: $type ),* }, )*
        }

        /// The index of each variant's rule in [`Anomaly::RULES`].
        enum Place {
            $( $variant, )*
        }

        impl Anomaly {
            /// All rules.
            pub const RULES: &'static [Rule] = &[$( Rule {
                code: $code,
                severity: Severity::$severity,
                spec: section!($spec),
                sentence: $sentence,
                text: concat!($($text),+),
                evidence: &[$( stringify!($field) ),*],
            } ),*];

            pub(super) const fn place(&self) -> usize {
                match self { $( Anomaly::$variant { .. } => Place::$variant as usize, )* }
            }

            /// Calls `each` with the name and the value of every piece of evidence, in a fixed order.
            pub fn evidence<'a>(&'a self, #[allow(unused)] mut each: impl FnMut(&'static str, Evidence<'a>)) {
                match self {
                    $( Anomaly::$variant { $( $field ),* } => {
                        $( if let Some(value) = $field.as_evidence() { each(stringify!($field), value); } )*
                    } )*
                }
            }
        }
    };
}

mod list;

pub use list::Anomaly;

impl Anomaly {
    /// Returns the rule shared by all anomalies with this code.
    #[allow(clippy::indexing_slicing, reason = "each variant has its place")]
    pub const fn rule(&self) -> &'static Rule {
        &Self::RULES[self.place()]
    }

    /// Lists the evidence in one line; its texts may come from the wire.
    pub fn evidence_words(&self) -> String {
        let mut words = Vec::new();
        self.evidence(|name, value| {
            words.push(match value {
                Evidence::Number(number) => format!("{name} {number}"),
                Evidence::Text(text) => format!("{name} \"{text}\""),
            });
        });
        words.join(", ")
    }

    /// Returns the stable kebab-case name.
    pub const fn code(&self) -> &'static str {
        self.rule().code
    }

    /// Returns its severity.
    pub const fn severity(&self) -> Severity {
        self.rule().severity
    }

    /// Returns whether it explains why a TLS connection was not decrypted.
    pub const fn explains_missing_decryption(&self) -> bool {
        matches!(
            self,
            Anomaly::TlsNoKeys { .. }
                | Anomaly::TlsKeysWrong { .. }
                | Anomaly::TlsHandshakeMissing { .. }
                | Anomaly::TlsSuiteUnsupported { .. }
        )
    }

    /// Returns the section that states the rule; `None` if no document does.
    pub const fn spec(&self) -> Option<&'static str> {
        self.rule().spec
    }
}

/// Shows one sentence describing the problem, without the evidence.
impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule().sentence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_anomaly_has_the_rule_of_its_own_line() {
        let first = Anomaly::BadMethod { method: "POST".into() };
        let last = Anomaly::NotFollowed { file: "a".into(), problem: "b".into() };
        let within = Anomaly::BadUtf8 { offset: 3 };
        assert_eq!([first.code(), last.code(), within.code()], ["bad-method", "not-followed", "bad-utf8"]);
        assert_eq!((within.severity(), within.spec()), (Severity::Error, Some("RFC 6455 §8.1")));
        assert_eq!(within.to_string(), "a text message is not UTF-8");
        assert_eq!(within.rule().text.trim(), "Text that is not UTF-8 (RFC 6455 §8.1).");
        assert_eq!(Anomaly::RULES.last(), Some(last.rule()));
    }

    #[test]
    fn codes_are_kebab_case_and_unique() {
        for (at, rule) in Anomaly::RULES.iter().enumerate() {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            assert!(rule.code.bytes().all(plain), "{}", rule.code);
            assert!(!Anomaly::RULES[..at].iter().any(|other| other.code == rule.code), "{}", rule.code);
        }
    }

    #[test]
    fn the_evidence_has_the_names_that_the_rule_lists() {
        let anomaly = Anomaly::BadKey { key: "x".into(), decoded_length: None };
        let mut found = Vec::new();
        anomaly.evidence(|name, value| found.push((name, value)));
        assert_eq!(found, [("key", Evidence::Text("x".into()))], "absent evidence is left out");
        assert_eq!(anomaly.rule().evidence, ["key", "decoded_length"]);
    }
}
