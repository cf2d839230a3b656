//! Who is responsible for a broken rule, and how real peers react to it.

/// The rules that may be broken by someone other than the sender, with the responsible party.
const FAULTS: &[(&str, &str)] = &[
    (
        "bad-method bad-key bad-websocket-version data-before-handshake unmasked-client-frame zero-mask-key \
         repeated-mask-key origin-missing credentials-in-clear token-in-url token-in-subprotocol graphql-closed \
         mqtt-no-disconnect h2-preface h2-connect-not-enabled",
        "the client's",
    ),
    (
        "accept-mismatch subprotocol-not-offered extension-not-offered extension-accepted-twice \
         refused-without-version masked-server-frame content-length-in-101 transfer-encoding-in-101 \
         origin-foreign",
        "the server's",
    ),
    ("jsonrpc-unasked", "one of the two sides': it is counted at the end"),
    ("checksum-wrong", "the network's"),
    ("tls-no-keys tls-keys-wrong tls-keys-late keylog-line keylog-replaced", "the key log's"),
    ("tls-early-data-rejected", "nobody's: the client sends it again"),
    ("proxy-refused", "the proxy's"),
    ("overlap-differs fragment-overlap", "the network's, or an attacker's"),
    (
        "gap resynchronised lost-sync ambiguous-framing missing-handshake handshake-truncated capture-damaged \
         capture-dropped captured-twice interface-changed h2-header-unknown h2-block-lost h2-resynchronised \
         tls-handshake-missing tls-records-lost tls-unverified tls-mid-stream deflate-history-lost",
        "the capture's",
    ),
    (
        "other-upgrade not-inflated inflate-limit limit-reached message-truncated not-saved not-followed \
         tls-suite-unsupported subprotocol-mistaken",
        "wirefin's",
    ),
];

/// The reaction of real peers to a broken rule, as far as it is known.
const PRACTICE: &[(&str, &str)] = &[
    ("bad-method", "servers answer 400, 404 or 405; Node's `ws` answers 405."),
    ("bad-http-version", "servers answer 400; some answer 505 or close."),
    (
        "missing-header bad-upgrade-header bad-connection-header",
        "servers answer 400 or 426; browsers fail the connection where the answer lacks the field.",
    ),
    ("repeated-header", "most take the first or the last of them without a word."),
    ("bad-key", "`ws` and `websockets` answer 400; lenient servers hash whatever came."),
    ("bad-websocket-version", "servers answer 400 or 426 with the versions they know."),
    (
        "accept-mismatch",
        "every browser fails the connection with 1006 (Chromium: \"Incorrect 'Sec-WebSocket-Accept' header value\"); \
             curl and hand-written clients go on.",
    ),
    ("content-length-in-101", "most clients pass over it; .NET's closes such a connection after some time."),
    (
        "transfer-encoding-in-101 chunked-frames",
        "clients fail at the first frame: a chunk's size is no frame header.",
    ),
    (
        "http-in-stream",
        "`ws` says \"Invalid WebSocket frame: RSV1 must be clear\" and closes with 1006; \
             two servers with paths of their own on one HTTP server do it, and a request comes where a proxy \
             uses the connection again.",
    ),
    ("subprotocol-not-offered", "browsers fail the connection; many libraries do not look."),
    (
        "extension-not-offered extension-accepted-twice bad-deflate-parameter",
        "browsers and `ws` fail the connection before the first message.",
    ),
    ("data-before-handshake", "servers that read ahead treat it as the first frames; others lose it."),
    ("refused-without-version", "clients cannot tell which version to try; they give up."),
    ("unmasked-client-frame", "servers close with 1002; a few lenient ones read on."),
    (
        "masked-server-frame",
        "browsers fail the connection (Chromium: \"A server must not mask any frames\").",
    ),
    (
        "rsv-without-extension rsv1-on-continuation rsv1-on-control",
        "browsers and libraries fail the connection with 1002 (`ws`: \"RSV1 must be clear\").",
    ),
    (
        "reserved-opcode fragmented-control control-too-long message-inside-message orphan-continuation",
        "conforming peers close with 1002.",
    ),
    ("length-not-minimal", "most take it; strict ones close with 1002."),
    ("length-top-bit", "peers close with 1002 or 1009."),
    ("bad-utf8 bad-close-reason", "conforming peers close with 1007; lenient ones show U+FFFD."),
    ("close-body-one-byte bad-close-code", "conforming peers answer 1002 and end TCP."),
    ("frame-after-close", "peers discard what follows."),
    ("no-close-echo", "the other side waits for its time-out and ends TCP; it may report 1006."),
    ("ping-not-answered", "who sent the pings takes the connection for dead and closes it, often with 1011."),
    ("no-close", "the other side reports 1006."),
    ("deflate-damaged deflate-distance", "peers close with 1007 or 1002, or end TCP."),
    ("repeated-mask-key zero-mask-key", "no peer looks; proxies that inspect traffic may be misled."),
    (
        "not-websocket",
        "peers read garbage as frames and close with 1002; proxies that only look at 101 pass it on.",
    ),
    ("origin-foreign", "browsers send cookies to any host; only the server can refuse."),
];

/// Returns who is responsible for a broken rule.
pub(super) fn fault(rule: &str) -> &'static str {
    find(FAULTS, rule).unwrap_or("whoever sent it: `from`")
}

/// Returns how real peers react to a broken rule, if that is known.
pub(super) fn practice(rule: &str) -> Option<&'static str> {
    find(PRACTICE, rule)
}

fn find(table: &[(&str, &'static str)], rule: &str) -> Option<&'static str> {
    table.iter().find(|(rules, _)| rules.split(' ').any(|it| it == rule)).map(|(_, words)| *words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Anomaly, Severity};

    #[test]
    fn every_rule_of_the_handshake_and_the_frames_says_what_peers_do() {
        let silent: Vec<_> = Anomaly::RULES
            .iter()
            .filter(|rule| rule.severity == Severity::Error)
            .filter(|rule| rule.spec.is_some_and(|it| it.starts_with("RFC 6455")))
            .map(|rule| rule.code)
            .filter(|code| practice(code).is_none())
            .collect();
        assert_eq!(silent, ["bad-subprotocol-header", "bad-extension-header"]);
    }

    #[test]
    fn the_tables_name_rules_alone() {
        for name in FAULTS.iter().chain(PRACTICE).flat_map(|(rules, _)| rules.split(' ')) {
            assert!(Anomaly::RULES.iter().any(|rule| rule.code == name), "{name}");
        }
    }

    #[test]
    fn whose_doing_it_is_fits_the_severity() {
        for rule in Anomaly::RULES {
            let ours = ["the capture's", "wirefin's"].contains(&fault(rule.code));
            assert!(!ours || rule.severity == Severity::Note, "{}", rule.code);
        }
    }
}
