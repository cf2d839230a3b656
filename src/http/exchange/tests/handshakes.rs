//! What is read from the heads of an upgrade, and which violations are reported.

use super::*;

/// Runs the valid handshake with text replaced in the request and in the response.
fn altered(request: (&str, &str), response: (&str, &str)) -> (Vec<Output>, Vec<String>) {
    assert!(REQUEST.contains(request.0) && RESPONSE.contains(response.0), "the text to replace is missing");
    let (request, response) =
        (REQUEST.replace(request.0, request.1), RESPONSE.replace(response.0, response.1));
    let (_, outputs, _) = run(&[c(&request), s(&response)]);
    let names = names(&outputs);
    (outputs, names)
}

fn request_fault(from: &str, to: &str) -> Vec<String> {
    altered((from, to), ("", "")).1
}

fn response_fault(from: &str, to: &str) -> Vec<String> {
    altered(("", ""), (from, to)).1
}

#[test]
fn the_handshake_of_the_rfc_has_no_fault() {
    let (_, outputs, used) = run(&[c(REQUEST), s(RESPONSE)]);
    assert_eq!(names(&outputs), ["upgraded"]);
    let found = handshake(&outputs);
    assert_eq!(found.url.as_deref(), Some("ws://server.example.com:9001/chat?x=1"));
    let accept = Accept {
        key: Some("dGhlIHNhbXBsZSBub25jZQ==".into()),
        found: Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".into()),
        expected: Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".into()),
        valid: true,
    };
    assert_eq!(found.accept, Some(accept));
    assert_eq!(found.subprotocol.as_deref(), Some("chat"));
    assert!(found.deflate.is_some() && !found.per_frame);
    assert_eq!(found.request.as_ref().unwrap().headers.len(), 8);
    assert_eq!(found.response.as_ref().unwrap().status, 101);
    assert_eq!(used, [REQUEST.len(), RESPONSE.len()]);
}

#[test]
fn frames_behind_the_answer_are_left_to_the_caller() {
    let answer = [RESPONSE.as_bytes(), PLAIN].concat();
    let (mut machine, outputs, used) = run(&[c(REQUEST), S(&answer), S(PLAIN), C(MASKED)]);
    assert_eq!(names(&outputs), ["upgraded"]);
    assert_eq!(used, [REQUEST.len(), RESPONSE.len(), 0, 0]);
    assert_eq!(machine.take_early(Side::Client), []);
}

#[test]
fn bytes_before_the_answer_are_held_and_told() {
    let request = [REQUEST.as_bytes(), MASKED].concat();
    let (mut machine, outputs, used) = run(&[C(&request), Gap(Side::Client, 9), C(MASKED), s(RESPONSE)]);
    assert_eq!(names(&outputs), ["client data-before-handshake", "upgraded"]);
    assert_eq!(used, [request.len(), MASKED.len(), RESPONSE.len()]);
    let early = [
        BufferedBytes::Bytes(MASKED.to_vec(), At::default()),
        BufferedBytes::Gap(Lost::Exact(9)),
        BufferedBytes::Bytes(MASKED.to_vec(), At::default()),
    ];
    assert_eq!(machine.take_early(Side::Client), early);
    assert_eq!(machine.take_early(Side::Client), []);
}

#[test]
fn a_widely_copied_sample_does_not_match() {
    let (outputs, names) = altered(
        ("dGhlIHNhbXBsZSBub25jZQ==", "7+C600xYybOv2zmJ69RQsw=="),
        ("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "fYoqiH14DgI+SylEMwM2sDLzDiO="),
    );
    assert_eq!(names, ["server accept-mismatch", "upgraded"]);
    let accept = handshake(&outputs).accept.as_ref().unwrap();
    assert!(!accept.valid);
    assert_eq!(accept.found.as_deref(), Some("fYoqiH14DgI+SylEMwM2sDLzDiO="));
}

#[test]
fn another_published_sample_matches() {
    let (outputs, names) = altered(
        ("dGhlIHNhbXBsZSBub25jZQ==", "Zx8rNEkBE4xnwifpuh8DHQ=="),
        ("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "52Rg3vW4JQ1yWpkvFlsTsiezlqw="),
    );
    assert_eq!(names, ["upgraded"]);
    assert!(handshake(&outputs).accept.as_ref().unwrap().valid);
}

#[test]
fn a_tutorial_server_folds_its_head() {
    let response = "HTTP/1.1 101 Web Socket Protocol Handshake\r\n Upgrade: WebSocket\r\n Connection: Upgrade\r\n\
        sec-websocket-accept:s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let (_, outputs, _) = run(&[c(REQUEST), s(response)]);
    assert_eq!(names(&outputs), ["server folded-header", "upgraded"]);
    assert!(handshake(&outputs).accept.as_ref().unwrap().valid);
}

#[test]
fn requests_that_break_a_rule() {
    let cases = [
        ("GET /", "POST /", "client bad-method"),
        ("HTTP/1.1", "HTTP/1.0", "client bad-http-version"),
        ("Host: server.example.com:9001\r\n", "", "client missing-header"),
        ("Host: ", "Host: a\r\nHost: ", "client repeated-header"),
        ("Upgrade: websocket\r\n", "", "client missing-header"),
        ("Upgrade: websocket", "Upgrade: web-socket", "client bad-upgrade-header"),
        ("Connection: keep-alive, Upgrade\r\n", "", "client missing-header"),
        ("keep-alive, Upgrade", "keep-alive", "client bad-connection-header"),
        ("Sec-WebSocket-Version: 13\r\n", "", "client missing-header"),
        ("Version: 13", "Version: 8", "client bad-websocket-version"),
        ("Version: 13", "Version: 13\r\nSec-WebSocket-Version: 13", "client repeated-header"),
        ("chat, superchat", "chat, chat", "client bad-subprotocol-header"),
        ("chat, superchat", "chat, super chat", "client bad-subprotocol-header"),
        ("Extensions: ", "Extensions: a b, ", "client bad-extension-header"),
        ("client_max_window_bits", "client_max_window_bits=16", "client bad-deflate-parameter"),
        ("Origin: ", "Origin : ", "client space-before-colon"),
        ("Origin: http", "Origin=http", "client malformed-header"),
        ("Origin: http://example.com\r\n", "Origin: http://example.com\n", "client bare-line-feed"),
        ("example.com\r\nSec", "example.com\r\n /path\r\nSec", "client folded-header"),
    ];
    for (from, to, code) in cases {
        assert_eq!(request_fault(from, to), [code, "upgraded"], "{from:?} -> {to:?}");
    }
}

#[test]
fn keys_that_are_not_16_bytes() {
    for key in ["dGhlIHNhbXBsZSBub25jZQ", "AAAA", "not base64!", ""] {
        let found = request_fault("dGhlIHNhbXBsZSBub25jZQ==", key);
        assert_eq!(found, ["client bad-key", "server accept-mismatch", "upgraded"], "{key:?}");
    }
}

#[test]
fn a_missing_key_is_reported_once() {
    let found = request_fault("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "");
    assert_eq!(found, ["client missing-header", "upgraded"]);
}

#[test]
fn answers_that_break_a_rule() {
    let cases = [
        ("HTTP/1.1", "HTTP/1.0", "server bad-http-version"),
        ("Upgrade: websocket\r\n", "", "server missing-header"),
        ("Upgrade: websocket", "Upgrade: websocket, x", "server bad-upgrade-header"),
        ("Connection: Upgrade\r\n", "", "server missing-header"),
        ("Connection: Upgrade", "Connection: close", "server bad-connection-header"),
        ("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", "", "server missing-header"),
        ("s3pPLMBi", "S3pPLMBi", "server accept-mismatch"),
        (
            "Sec-WebSocket-Accept:",
            "Sec-WebSocket-Accept: x\r\nSec-WebSocket-Accept:",
            "server repeated-header",
        ),
        ("Protocol: chat", "Protocol: other", "server subprotocol-not-offered"),
        ("Protocol: chat", "Protocol: Chat", "server subprotocol-not-offered"),
        ("Protocol: chat", "Protocol: chat, superchat", "server subprotocol-not-offered"),
        ("Protocol: chat", "Protocol: chat\r\nSec-WebSocket-Protocol: superchat", "server repeated-header"),
        ("permessage-deflate", "permessage-deflate, x-other", "server extension-not-offered"),
        ("permessage-deflate", "permessage-deflate, permessage-deflate", "server extension-accepted-twice"),
        ("permessage-deflate", "permessage-deflate; x", "server bad-deflate-parameter"),
        ("permessage-deflate", "permessage-deflate;", "server bad-extension-header"),
    ];
    for (from, to, code) in cases {
        let found = response_fault(from, to);
        let mut expected = vec![code, "upgraded"];
        if to.starts_with("Sec-WebSocket-Accept: x") {
            expected.insert(1, "server accept-mismatch");
        }
        assert_eq!(found, expected, "{from:?} -> {to:?}");
    }
}

#[test]
fn the_case_and_the_layout_of_fields_do_not_matter() {
    let request =
        REQUEST.replace("Upgrade: websocket", "UPGRADE:WebSocket").replace("keep-alive, Upgrade", "UPGRADE");
    let request = request.replace("chat, superchat", "chat\r\nsec-websocket-protocol: superchat");
    let response =
        RESPONSE.replace("Upgrade: websocket", "upgrade:WEBSOCKET").replace(" Switching Protocols", "");
    let response = response.replace("Protocol: chat", "Protocol: superchat");
    assert_eq!(reported(&[c(&request), s(&response)]), ["upgraded"]);
}

#[test]
fn evidence_is_bounded() {
    let long = "é".repeat(3000);
    let (outputs, _) = altered(("Upgrade: websocket", &format!("Upgrade: {long}")), ("", ""));
    let Output::Anomaly { anomaly: Anomaly::BadUpgradeHeader { found }, .. } = &outputs[0] else { panic!() };
    assert_eq!(found.chars().count(), 256);
}

#[test]
fn many_faults_of_one_kind_are_reported_a_few_times() {
    let lines = "no field\r\n".repeat(1000);
    let found = request_fault("Origin: ", &format!("{lines}Origin: "));
    assert_eq!(found.len(), 9);
}

#[test]
fn bytes_that_are_not_utf8_are_read_as_latin_1() {
    let request = [&REQUEST.as_bytes()[..REQUEST.len() - 2], b"X: caf\xe9\r\n\r\n"].concat();
    let (_, outputs, _) = run(&[C(&request), s(RESPONSE)]);
    let headers = &handshake(&outputs).request.as_ref().unwrap().headers;
    assert_eq!(&*headers.last().unwrap().value, "café");
}

#[test]
fn urls_of_absolute_targets_and_without_a_host() {
    let url = |request: &str| {
        let (_, outputs, _) = run(&[c(request), s(RESPONSE)]);
        handshake(&outputs).url.as_deref().map(str::to_owned)
    };
    let absolute = |target: &str| url(&REQUEST.replace("/chat?x=1", target)).unwrap();
    assert_eq!(absolute("ws://h:1/a"), "ws://h:1/a");
    assert_eq!(absolute("http://h/a"), "ws://h/a");
    assert_eq!(absolute("https://h/a"), "wss://h/a");
    assert_eq!(absolute("/redirect?to=http://h/a"), "ws://server.example.com:9001/redirect?to=http://h/a");
    assert_eq!(url(&REQUEST.replace("Host: server.example.com:9001\r\n", "")), None);
}

#[test]
fn an_old_draft_is_named_and_accused_of_nothing() {
    let request = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\r\n^n:ds[4U";
    let response = "HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Location: ws://h/\r\n\r\n8jKS'y:G*Co,Wxa-";
    let found = reported(&[c(request), s(response)]);
    assert_eq!(found[0], "client old-protocol");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[1].starts_with("upgraded"), "{found:?}");
}

#[test]
fn an_upgrade_to_http_2_ends_the_exchanges() {
    let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n";
    let response = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    let frames = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let answer = [response.as_bytes(), &frames].concat();
    let (_, outputs, used) = run(&[c(request), S(&answer)]);
    assert_eq!(names(&outputs), ["http2"]);
    assert_eq!(used, [request.len(), response.len()]);
    // A response for something other than what was requested, or another protocol, is not an upgrade.
    assert!(reported(&[c(REQUEST), s(response)]).ends_with(&["refused".to_owned(), "not-http".to_owned()]));
    assert_eq!(
        reported(&[c(request), s(&response.replace("h2c", "TLS/1.0"))]),
        ["server other-upgrade", "not-http"]
    );
}

/// The preface is sent after the response; if packets are reordered, it is captured before it.
#[test]
fn a_preface_waits_for_the_answer_to_an_offer_of_http_2_and_a_request_does_not() {
    let offer = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n";
    let answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let (mut machine, outputs, _) = run(&[c(offer), c(preface), s(answer)]);
    assert_eq!(names(&outputs), ["http2"]);
    let early = machine.take_early(Side::Client);
    assert!(matches!(&early[..], [BufferedBytes::Bytes(bytes, _)] if bytes == preface.as_bytes()));
    assert!(reported(&[c(offer), s(OK), c(offer), c("GET /a HTTP/1.1\r\n\r\n"), s(OK), s(OK)]).is_empty());
    let head = offer.replace("GET", "HEAD");
    let upgraded =
        reported(&[c(&head), s("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), c(REQUEST), s(RESPONSE)]);
    assert_eq!(upgraded.len(), 1, "{upgraded:?}");
    assert!(upgraded[0].starts_with("upgraded"), "{upgraded:?}");
}
