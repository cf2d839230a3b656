use std::collections::BTreeSet;
use std::fmt::Write;

use super::practice::{fault, practice};
use crate::event::{Anomaly, Rule};
use crate::text::{self, nearest};

/// The minimum width for wrapped sentences, in columns.
const NARROWEST: usize = 20;

/// The set of rules that are checked.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The selected rules; `None` means all.
    only: Option<BTreeSet<&'static str>>,
    ignored: BTreeSet<&'static str>,
}

/// The name of a rule that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no rule called {0}: {way_out}", way_out = self.way_out())]
pub struct UnknownRule(pub String);

impl UnknownRule {
    fn way_out(&self) -> String {
        let near = nearest(&self.0, Anomaly::RULES.iter().map(|rule| rule.code));
        near.map_or_else(|| "`wirefin rules` lists them".to_owned(), |near| format!("did you mean {near}?"))
    }
}

impl Rules {
    /// Selects rules by the codes of those included, all if there are none, and of those excluded.
    ///
    /// # Errors
    ///
    /// Fails if there is no rule with one of the codes.
    pub fn new<'a>(
        only: impl IntoIterator<Item = &'a str>,
        ignored: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, UnknownRule> {
        let only = only.into_iter().map(known).collect::<Result<BTreeSet<_>, _>>()?;
        let ignored = ignored.into_iter().map(known).collect::<Result<_, _>>()?;
        Ok(Rules { only: (!only.is_empty()).then_some(only), ignored })
    }

    /// Returns whether a rule is checked.
    pub fn includes(&self, code: &str) -> bool {
        !self.ignored.contains(code) && self.only.as_ref().is_none_or(|only| only.contains(code))
    }
}

/// Returns the rule called `code`.
pub(super) fn known(code: &str) -> Result<&'static str, UnknownRule> {
    let code = code.trim();
    let found = Anomaly::RULES.iter().find(|rule| rule.code == code);
    found.map(|rule| rule.code).ok_or_else(|| UnknownRule(code.to_owned()))
}

/// Lists every rule: its code, its severity, its section of the specification, and a sentence.
///
/// If `columns` is given, lines are wrapped to that width, with sentences continuing below their start.
pub fn list(columns: Option<usize>) -> String {
    let mut out = String::new();
    let code = Anomaly::RULES.iter().map(|rule| rule.code.len()).max().unwrap_or(0);
    let place = Anomaly::RULES.iter().filter_map(|rule| rule.spec.map(|it| it.chars().count()));
    let place = place.max().unwrap_or(0);
    for rule in Anomaly::RULES {
        let (severity, spec) = (rule.severity.name(), rule.spec.unwrap_or_default());
        let head = format!("{:code$}  {severity:7}  {spec:place$}  ", rule.code);
        let indent = head.chars().count();
        // If too little room is left beside the code, wrapping is better left to the terminal.
        let fits = |columns: &usize| columns.saturating_sub(indent) >= NARROWEST;
        out.push_str(&head);
        text::wrap(&mut out, rule.sentence, indent, columns.filter(fits).unwrap_or(usize::MAX));
    }
    out
}

/// Returns the full description of one rule, in lines of at most `columns`.
///
/// # Errors
///
/// Fails if there is no rule with this code.
pub fn describe(code: &str, columns: Option<usize>) -> Result<String, UnknownRule> {
    let code = known(code)?;
    let mut out = format!("{code}\n");
    let Some(rule) = Anomaly::RULES.iter().find(|rule| rule.code == code) else { return Ok(out) };
    for (name, words) in [
        ("says", rule.sentence),
        ("severity", rule.severity.name()),
        ("section", rule.spec.unwrap_or("none")),
        ("whose doing", fault(code)),
        ("evidence", &rule.evidence.join(", ")),
        ("meaning", rule.text),
        ("real peers", practice(code)),
    ] {
        if !words.is_empty() {
            let head = format!("  {name:11}  ");
            out.push_str(&head);
            text::wrap(&mut out, words, head.len(), columns.unwrap_or(usize::MAX));
        }
    }
    Ok(out)
}

/// Lists all rules as an array of JSON objects.
pub fn list_json() -> String {
    let json = |Rule { code, severity, spec, sentence, .. }: &Rule| {
        let severity = severity.name();
        serde_json::json!({"rule": code, "severity": severity, "spec": spec, "explanation": sentence})
    };
    let rules: Vec<_> = Anomaly::RULES.iter().map(json).collect();
    format!("{}\n", serde_json::Value::from(rules))
}

/// Returns all rules as a page of documentation.
pub fn markdown() -> String {
    let mut out = String::from(HEAD);
    for Rule { code, severity, spec, sentence, text, evidence } in Anomaly::RULES {
        let evidence: Vec<_> = evidence.iter().map(|name| format!("`{name}`")).collect();
        let evidence = if evidence.is_empty() { "—".to_owned() } else { evidence.join(", ") };
        let (severity, spec, fault) = (severity.name(), spec.unwrap_or("—"), fault(code));
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "\n## {code}\n\n*{sentence}*\n\n\
             | severity | section | whose doing | evidence |\n|---|---|---|---|\n\
             | {severity} | {spec} | {fault} | {evidence} |\n\n{text}\n"
        );
        let _ = write!(out, "\nReal peers: {}\n", practice(code));
        if CAPTURED.contains(code) {
            let keys = match *code {
                _ if code.starts_with("tls-") => "; [their keys](../captures/rules/tls.keylog)",
                _ if code.starts_with("body-") => ", for `--also sse`",
                "message-truncated" => ", for `--max-message 1k`",
                _ => "",
            };
            let ending = match *code {
                // A pcap cannot contain secrets, statistics and their position.
                "capture-dropped" | "keylog-line" | "tls-keys-late" => "pcapng",
                // Half a megabyte of almost nothing.
                "inflate-limit" => "pcap.gz",
                _ => "pcap",
            };
            let _ = write!(
                out,
                "\nCaptures: [one that breaks it](../captures/rules/{code}.{ending}), \
                 [one just inside it](../captures/rules/{code}.inside.{ending}){keys}.\n"
            );
        } else if LIVE.contains(code) {
            out.push_str("\nNo capture can show it: it happens while capturing or reading.\n");
        }
    }
    out
}

/// The rules that only a run can break, whatever the capture holds.
const LIVE: &[&str] = &["interface-changed", "keylog-replaced", "not-followed", "not-saved"];

/// The rules with captures in `captures/rules`.
const CAPTURED: &[&str] = &[
    "accept-mismatch",
    "ambiguous-framing",
    "bad-close-code",
    "bad-close-reason",
    "bad-connection-header",
    "bad-deflate-parameter",
    "bad-extension-header",
    "bad-http-version",
    "bad-key",
    "bad-method",
    "bad-subprotocol-header",
    "bad-upgrade-header",
    "bad-utf8",
    "bad-websocket-version",
    "bare-line-feed",
    "body-skipped",
    "body-unfinished",
    "body-unreadable",
    "capture-damaged",
    "capture-dropped",
    "captured-twice",
    "checksum-wrong",
    "chunked-frames",
    "close-body-one-byte",
    "compression-ratio",
    "content-length-in-101",
    "control-too-long",
    "credentials-in-clear",
    "data-before-handshake",
    "deflate-damaged",
    "deflate-distance",
    "deflate-history-lost",
    "engineio-payload-too-long",
    "engineio-ping-side",
    "engineio-pong-late",
    "extension-accepted-twice",
    "extension-not-offered",
    "folded-header",
    "fragment-overlap",
    "fragmented-control",
    "frame-after-close",
    "gap",
    "graphql-closed",
    "graphql-duplicate-id",
    "graphql-misnamed",
    "h2-block-lost",
    "h2-compression",
    "h2-connect-not-enabled",
    "h2-connection-header",
    "h2-continuation",
    "h2-field-name",
    "h2-flow-control",
    "h2-frame-size",
    "h2-goaway",
    "h2-header-unknown",
    "h2-no-close",
    "h2-padding",
    "h2-preface",
    "h2-pseudo-header",
    "h2-resynchronised",
    "h2-setting-value",
    "h2-settings-first",
    "h2-stream-id",
    "h2-stream-state",
    "h2-window-update",
    "handshake-truncated",
    "http-in-stream",
    "inflate-limit",
    "jsonrpc-unasked",
    "keylog-line",
    "length-not-minimal",
    "length-top-bit",
    "limit-reached",
    "lost-sync",
    "malformed-header",
    "masked-server-frame",
    "message-inside-message",
    "message-truncated",
    "missing-handshake",
    "missing-header",
    "mqtt-keep-alive",
    "mqtt-malformed-packet",
    "mqtt-no-disconnect",
    "mqtt-packet-too-large",
    "mqtt-reserved-flags",
    "mqtt-text-message",
    "mqtt-topic-alias",
    "no-close",
    "no-close-echo",
    "not-websocket",
    "ocpp-message",
    "ocpp-outstanding",
    "old-protocol",
    "origin-foreign",
    "origin-missing",
    "orphan-continuation",
    "other-upgrade",
    "overlap-differs",
    "ping-not-answered",
    "proxy-refused",
    "refused-without-version",
    "repeated-header",
    "repeated-mask-key",
    "reserved-opcode",
    "resynchronised",
    "rsv-without-extension",
    "rsv1-on-continuation",
    "rsv1-on-control",
    "signalr-record",
    "signalr-silence",
    "socketio-attachments",
    "space-before-colon",
    "stomp-version",
    "subprotocol-compression",
    "subprotocol-mistaken",
    "subprotocol-not-offered",
    "subprotocol-unfinished",
    "text-in-stream",
    "tls-alert",
    "tls-bad-record",
    "tls-early-data-rejected",
    "tls-handshake-missing",
    "tls-keys-late",
    "tls-keys-wrong",
    "tls-mid-stream",
    "tls-no-keys",
    "tls-records-lost",
    "tls-suite-unsupported",
    "tls-truncated",
    "tls-unverified",
    "token-in-subprotocol",
    "token-in-url",
    "transfer-encoding-in-101",
    "tunnel-inside",
    "unfinished-frame",
    "unfinished-message",
    "unmasked-client-frame",
    "wamp-opcode",
    "zero-mask-key",
];

/// The text before the rules.
const HEAD: &str = "\
# The rules

`wirefin check` holds a capture against these rules, and `anomaly` lines of an export name them. This page is generated from the table in
`src/model/anomaly/list.rs`; after a change there, `INSTA_UPDATE=always cargo test` writes it anew.

`error`: a MUST was broken. `warning`: a SHOULD was broken, or it is suspicious. `note`: a limit of the capture or of wirefin, or something that only a
person can judge.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_and_ignore_pick_rules() {
        let rules = Rules::new([], [" bad-utf8 "]).unwrap();
        assert!(!rules.includes("bad-utf8") && rules.includes("no-close"));
        let rules = Rules::new(["no-close", "bad-utf8"], ["bad-utf8"]).unwrap();
        assert!(!rules.includes("bad-utf8") && rules.includes("no-close") && !rules.includes("gap"));
        assert_eq!(Rules::new(["no-closed"], []).unwrap_err(), UnknownRule("no-closed".into()));
    }

    #[test]
    fn every_rule_is_listed_once_with_its_sentence() {
        let text = list(None);
        assert_eq!(text.lines().count(), Anomaly::RULES.len());
        let line = text.lines().find(|line| line.starts_with("bad-utf8 ")).unwrap();
        let words: Vec<_> = line.split("  ").map(str::trim).filter(|word| !word.is_empty()).collect();
        assert_eq!(words, ["bad-utf8", "error", "RFC 6455 §8.1", "a text message is not UTF-8"]);
        let json: serde_json::Value = serde_json::from_str(&list_json()).unwrap();
        assert_eq!(json.as_array().unwrap().len(), Anomaly::RULES.len());
        assert!(json.as_array().unwrap().iter().all(|rule| rule["explanation"].is_string()));
    }

    /// With `INSTA_UPDATE=always` in the environment, it rewrites the file instead.
    #[test]
    fn the_page_of_rules_is_the_one_of_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rules.md");
        if std::env::var_os("INSTA_UPDATE").is_some_and(|it| it == "always") {
            std::fs::write(path, markdown()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(written == markdown(), "docs/rules.md is old: run INSTA_UPDATE=always cargo test");
    }

    #[test]
    fn the_list_fits_a_terminal_and_loses_no_word() {
        let whole = list(None);
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for columns in [80, 100, 120] {
            let text = list(Some(columns));
            assert!(text.lines().all(|line| line.chars().count() <= columns), "{text}");
            assert_eq!(words(&text), words(&whole));
        }
        assert_eq!(list(Some(40)), whole);
    }
}
