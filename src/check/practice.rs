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
    ("jsonrpc-unasked", "one of the two sides': counted at the end"),
    ("checksum-wrong", "the network's"),
    ("tls-no-keys tls-keys-wrong tls-keys-late keylog-line keylog-replaced", "the key log's"),
    ("tls-early-data-rejected", "nobody's: the client sends it again"),
    ("proxy-refused", "the proxy's"),
    ("overlap-differs fragment-overlap", "the network's, or an attacker's"),
    (
        "gap resynchronised lost-sync ambiguous-framing missing-handshake handshake-truncated capture-damaged \
         capture-dropped captured-twice interface-changed h2-header-unknown h2-block-lost h2-resynchronised \
         tls-handshake-missing tls-records-lost tls-unverified tls-mid-stream deflate-history-lost body-skipped \
         subprotocol-compression",
        "the capture's",
    ),
    (
        "other-upgrade inflate-limit limit-reached message-truncated not-saved not-followed \
         tls-suite-unsupported subprotocol-mistaken",
        "wirefin's",
    ),
];

/// Those whose doing no peer can notice, and what peers do then.
#[cfg(test)]
const UNNOTICED: [&str; 3] = ["the capture's", "wirefin's", "the key log's"];
const NOTHING: &str = "not noticeable: it concerns only the capture or its analysis.";

/// The reaction of real peers to a broken rule that they can notice.
const PRACTICE: &[(&str, &str)] = &[
    ("bad-method", "servers answer 400, 404 or 405; Node's `ws` answers 405."),
    ("bad-http-version", "servers answer 400; some answer 505 or close."),
    (
        "missing-header bad-upgrade-header bad-connection-header",
        "servers answer 400 or 426; browsers fail the connection if the response lacks the field.",
    ),
    ("repeated-header", "most silently use the first or the last of them."),
    ("bad-key", "`ws` and `websockets` answer 400; lenient servers hash whatever they received."),
    ("bad-websocket-version", "servers answer 400 or 426 with the versions they support."),
    (
        "accept-mismatch",
        "every browser fails the connection with 1006 (Chromium: \"Incorrect 'Sec-WebSocket-Accept' header value\"); \
             curl and hand-written clients continue.",
    ),
    ("content-length-in-101", "most clients ignore it; .NET's closes such a connection after some time."),
    (
        "transfer-encoding-in-101 chunked-frames",
        "clients fail at the first frame: a chunk size is not a frame header.",
    ),
    (
        "http-in-stream",
        "`ws` says \"Invalid WebSocket frame: RSV1 must be clear\" and closes with 1006. \
             Typical causes are two WebSocket servers on one HTTP server, and proxies that reuse the connection \
             for another request.",
    ),
    (
        "text-in-stream",
        "`ws` says \"Invalid WebSocket frame: RSV2 and RSV3 must be clear\" and browsers \
             \"One or more reserved bits are on\"; \
             both end with 1006. Typical causes are PHP warnings, error pages and debug output.",
    ),
    ("subprotocol-not-offered", "browsers fail the connection; many libraries do not check."),
    (
        "extension-not-offered extension-accepted-twice bad-deflate-parameter",
        "browsers and `ws` fail the connection before the first message.",
    ),
    ("data-before-handshake", "servers that read ahead treat it as the first frames; others lose it."),
    ("refused-without-version", "clients cannot tell which version to try; they give up."),
    ("unmasked-client-frame", "servers close with 1002; a few lenient ones continue."),
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
    ("length-not-minimal", "most accept it; strict ones close with 1002."),
    ("length-top-bit", "peers close with 1002 or 1009."),
    ("bad-utf8 bad-close-reason", "conforming peers close with 1007; lenient ones show U+FFFD."),
    ("close-body-one-byte bad-close-code", "conforming peers answer 1002 and end TCP."),
    ("frame-after-close", "peers discard the frames that follow."),
    ("no-close-echo", "the other side waits for its time-out and ends TCP; it may report 1006."),
    (
        "ping-not-answered",
        "the sender of the pings considers the connection dead and closes it, often with 1011.",
    ),
    ("no-close", "the other side reports 1006."),
    ("deflate-damaged deflate-distance", "peers close with 1007 or 1002, or end TCP."),
    ("repeated-mask-key zero-mask-key", "no peer checks; proxies that inspect traffic may be misled."),
    (
        "not-websocket",
        "peers read garbage as frames and close with 1002; proxies that only look at 101 pass it on.",
    ),
    ("origin-foreign", "browsers send cookies to any host; only the server can refuse."),
    (
        "bad-subprotocol-header",
        "browsers throw an exception if a page offers names that are not tokens, or one twice; `ws` answers 400.",
    ),
    ("bad-extension-header", "`ws` and `websockets` answer 400; browsers fail the connection."),
    ("folded-header", "Chromium and Go join the lines; Rust's `httparse` rejects them by default."),
    ("bare-line-feed", "Chromium, Go and nginx accept it; Node.js has rejected it since llhttp 9."),
    ("malformed-header", "servers answer 400; clients fail the handshake."),
    (
        "space-before-colon",
        "servers answer 400, as they must; a proxy that forwards it permits request smuggling.",
    ),
    ("old-protocol", "browsers dropped the drafts in 2012; current servers answer 400 or 426."),
    ("other-upgrade", "Docker's and Kubernetes' clients request one: both sides intend it."),
    ("unfinished-frame unfinished-message", "the receiver discards the part it has and reports 1006."),
    (
        "h2-preface h2-settings-first h2-stream-id h2-continuation h2-padding h2-setting-value",
        "peers end the connection with GOAWAY, most often PROTOCOL_ERROR.",
    ),
    ("h2-frame-size", "peers end the connection with GOAWAY (FRAME_SIZE_ERROR)."),
    (
        "h2-stream-state",
        "peers answer with STREAM_CLOSED or PROTOCOL_ERROR; frames that crossed a reset are ignored.",
    ),
    (
        "h2-compression",
        "peers end the connection with GOAWAY (COMPRESSION_ERROR): their tables would no longer agree.",
    ),
    ("h2-flow-control", "peers reset the stream, or end the connection, with FLOW_CONTROL_ERROR."),
    (
        "h2-window-update",
        "peers reset the stream with PROTOCOL_ERROR, or end the connection if it is the connection's window.",
    ),
    ("h2-goaway", "the receiver opens another connection for unprocessed streams."),
    (
        "h2-connect-not-enabled",
        "browsers do not: they open another connection with HTTP/1.1; servers answer with an error or RST_STREAM.",
    ),
    (
        "h2-pseudo-header h2-field-name h2-connection-header",
        "the request is malformed: peers answer 400, or reset the stream with PROTOCOL_ERROR.",
    ),
    ("h2-no-close", "the other side reports 1006."),
    ("origin-missing", "programs other than browsers send none, and most servers accept that."),
    ("credentials-in-clear", "neither side complains; anyone on the path can read them."),
    (
        "token-in-url",
        "many services require it, because pages cannot set header fields; servers and proxies \
         write URLs to their logs.",
    ),
    (
        "token-in-subprotocol",
        "many services require it, because pages cannot set header fields; Kubernetes' API server \
         accepts bearer tokens this way and does not echo them.",
    ),
    (
        "compression-ratio",
        "receivers with a limit close with 1009: `ws` at 100 MiB and `websockets` at 1 MiB by default.",
    ),
    ("proxy-refused", "clients report that the connection failed, without an HTTP status."),
    (
        "overlap-differs",
        "receivers keep one of the two, depending on the system; traffic inspection may see the other.",
    ),
    ("checksum-wrong", "the receiver discards the segment, and the sender retransmits it."),
    ("fragment-overlap", "current systems discard the whole datagram."),
    ("body-unreadable", "the receiver, which agreed on the coding, decodes it."),
    ("body-unfinished", "`EventSource` discards the event and connects again."),
    ("subprotocol-unfinished", "the receiver discards the packet when the connection ends."),
    ("engineio-ping-side", "Engine.IO's server closes the connection (\"invalid heartbeat direction\")."),
    ("engineio-pong-late", "Engine.IO's server closes the connection (\"ping timeout\")."),
    (
        "engineio-payload-too-long",
        "Engine.IO's server closes the connection: its limit is `maxHttpBufferSize`.",
    ),
    (
        "socketio-attachments",
        "Socket.IO's parser fails (\"got plaintext data when reconstructing a packet\"), and the connection is closed.",
    ),
    ("mqtt-text-message", "brokers close the connection, as they must."),
    (
        "mqtt-malformed-packet mqtt-reserved-flags",
        "brokers close the connection, in MQTT 5.0 after a DISCONNECT with reason 0x81.",
    ),
    ("mqtt-packet-too-large", "the receiver disconnects with reason 0x95."),
    ("mqtt-keep-alive", "the broker closes the connection and publishes the Will Message."),
    ("mqtt-no-disconnect", "the broker publishes the Will Message, if there is one."),
    ("mqtt-topic-alias", "the receiver disconnects with reason 0x94 or 0x82."),
    ("signalr-record", "the receiver cannot parse it and closes the connection with an error."),
    (
        "signalr-silence",
        "the other side closes: clients after `serverTimeout`, servers after `ClientTimeoutInterval`.",
    ),
    ("jsonrpc-unasked", "clients ignore responses with an unknown id; some log them."),
    ("graphql-duplicate-id", "`graphql-ws` closes with 4409."),
    ("graphql-closed", "clients of `graphql-ws` treat most of these codes as fatal and do not reconnect."),
    (
        "graphql-misnamed",
        "a server that follows the handshake does not know the messages, and `graphql-ws` closes with 4400.",
    ),
    ("stomp-version", "clients use the version in `CONNECTED`."),
    ("wamp-opcode", "Autobahn closes with 1002."),
    ("ocpp-message", "systems differ: some answer with CALLERROR, others discard it silently."),
    ("ocpp-outstanding", "most answer nevertheless; strict ones discard the second call."),
    ("tunnel-inside", "both ends know the inner protocol; proxies on the path do not."),
    ("tls-bad-record", "the receiver sends `bad_record_mac` and ends TCP."),
    ("tls-early-data-rejected", "the client sends the same bytes again after the handshake."),
    (
        "tls-truncated",
        "most libraries treat it as the end; OpenSSL 3 reports \"unexpected eof while reading\".",
    ),
    ("tls-alert", "after a fatal alert both sides end TCP; browsers report 1006."),
];

/// Returns who is responsible for a broken rule.
pub(super) fn fault(rule: &str) -> &'static str {
    find(FAULTS, rule).unwrap_or("whoever sent it: `from`")
}

/// Returns how real peers react to a broken rule.
pub(super) fn practice(rule: &str) -> &'static str {
    find(PRACTICE, rule).unwrap_or(NOTHING)
}

fn find(table: &[(&str, &'static str)], rule: &str) -> Option<&'static str> {
    table.iter().find(|(rules, _)| rules.split(' ').any(|it| it == rule)).map(|(_, words)| *words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Anomaly, Severity};

    #[test]
    fn every_rule_that_a_peer_can_notice_says_what_it_does() {
        for rule in Anomaly::RULES {
            let is_noticed = !UNNOTICED.contains(&fault(rule.code));
            assert!(find(PRACTICE, rule.code).is_some() || !is_noticed, "{}", rule.code);
        }
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
            let is_ours = UNNOTICED[..2].contains(&fault(rule.code));
            assert!(!is_ours || rule.severity == Severity::Note, "{}", rule.code);
        }
    }
}
