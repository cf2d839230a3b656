//! SIP over WebSocket (RFC 7118, RFC 3261): one request or response per message.

use std::hash::{Hash, Hasher};

use super::decoder::{Decoder, Out, UnitBuilder};
use super::input::Input;
use super::protocol::{Evidence, Protocol};
use super::unit::Format;

pub(super) static SIP: Protocol = Protocol {
    headers: &["sip"],
    sign: |input, _| {
        let line = first_line(input.head());
        if line.ends_with(" SIP/2.0") || line.starts_with("SIP/2.0 ") {
            Evidence::Sure
        } else {
            Evidence::Against
        }
    },
    ..Protocol::new("sip", |_| Box::new(Sip))
};

const NAME: &str = "sip";

/// Bounds the header lines that are examined, in bytes.
const MAX_HEAD: usize = 16 << 10;

fn first_line(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    let bytes = bytes.get(..bytes.len().min(1024)).unwrap_or_default();
    let end = memchr::memchr(b'\r', bytes).unwrap_or(0);
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default())
}

/// Returns the value of a header by its name or its compact form (RFC 3261 §7.3.3).
fn header<'a>(head: &'a str, name: &str, compact: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        let key = key.trim();
        (key.eq_ignore_ascii_case(name) || key.eq_ignore_ascii_case(compact)).then(|| value.trim())
    })
}

/// The identifier of a transaction, common to a request and its responses.
struct Transaction<'a>(&'a str, &'a str);

impl Hash for Transaction<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
        self.1.hash(state);
    }
}

/// A decoder for SIP; its only state is the open questions.
#[derive(Debug)]
struct Sip;

impl Decoder for Sip {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        let bytes = input.head();
        if bytes.trim_ascii().is_empty() {
            // Two line ends are a ping, one is the pong (RFC 5626 §4.4.1).
            if !bytes.is_empty() && input.is_whole() {
                out.unit(NAME, "keep-alive").heartbeat();
            }
            return;
        }
        let end = memchr::memmem::find(bytes, b"\r\n\r\n");
        let head = bytes.get(..end.unwrap_or(bytes.len()).min(MAX_HEAD)).unwrap_or_default();
        let text = String::from_utf8_lossy(head);
        let line = first_line(bytes);
        let (status, method) = match line.strip_prefix("SIP/2.0 ") {
            Some(rest) => (rest.split(' ').next().and_then(|it| it.parse::<u32>().ok()), None),
            None => (None, line.split(' ').next().filter(|_| line.ends_with(" SIP/2.0"))),
        };
        if status.is_none() && method.is_none() {
            return if input.is_whole() {
                out.contradiction();
            } else {
                out.unit(NAME, "message").incomplete();
            };
        }
        let cseq = header(&text, "CSeq", "CSeq");
        let of = cseq.and_then(|it| it.split_whitespace().nth(1));
        let mut unit = out.unit(NAME, if status.is_some() { "response" } else { "request" });
        if let Some(name) = method.or(of) {
            unit.name(name);
        }
        let call = header(&text, "Call-ID", "i");
        if let Some(call) = call {
            unit.id(call);
        }
        if let Some(status) = status {
            unit.number("status", status);
        }
        add_fields(&mut unit, &text);
        let body = end.and_then(|end| bytes.get(end.saturating_add(4)..)).unwrap_or_default();
        if !body.is_empty() {
            unit.body(Format::Text, body);
        }
        if !input.is_whole() {
            unit.incomplete();
        }
        pair(
            &mut unit,
            &line,
            method,
            status,
            &Transaction(call.unwrap_or_default(), cseq.unwrap_or_default()),
        );
    }
}

/// Adds the header fields that identify the exchange and its sides.
fn add_fields(unit: &mut UnitBuilder<'_>, text: &str) {
    for (name, compact) in [("CSeq", "CSeq"), ("From", "f"), ("To", "t")] {
        if let Some(value) = header(text, name, compact) {
            unit.text(name, value);
        }
    }
    for name in ["Authorization", "Proxy-Authorization"] {
        if let Some(value) = header(text, name, name) {
            unit.text(name, value).secret(value.as_bytes());
        }
    }
}

/// Sets the error, and the role of a message in an exchange.
fn pair(
    unit: &mut UnitBuilder<'_>,
    line: &str,
    method: Option<&str>,
    status: Option<u32>,
    transaction: &Transaction<'_>,
) {
    if let Some(status) = status.filter(|status| *status >= 400) {
        let words = line.splitn(3, ' ').nth(2).unwrap_or_default();
        unit.error(&format!("{status} {words}"));
    }
    match status {
        // An ACK has no answer (RFC 3261 §17).
        None if method == Some("ACK") => {}
        None => unit.ask(1, transaction),
        Some(100..200) => {
            unit.progress(1, transaction);
        }
        Some(_) => {
            unit.answer(1, transaction);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::super::{Opening, Reader};
    use crate::model::Side;

    #[test]
    fn requests_and_responses() {
        let messages: &[(Side, &[u8])] = &[
            (Side::Client, b"REGISTER sip:h SIP/2.0\r\nCall-ID: a@b\r\nCSeq: 1 REGISTER\r\n\r\n"),
            (Side::Server, b"SIP/2.0 100 Trying\r\ni: a@b\r\nCSeq: 1 REGISTER\r\n\r\n"),
            (Side::Server, b"SIP/2.0 401 Unauthorized\r\nCall-ID: a@b\r\nCSeq: 1 REGISTER\r\n\r\n"),
            (Side::Client, b"\r\n\r\n"),
        ];
        assert_eq!(
            said(&mut Reader::new(Opening::default()), messages),
            [
                "sip request name=REGISTER id=a@b role=question CSeq=1 REGISTER",
                "sip response name=REGISTER id=a@b role=progress of=REGISTER latency=1 status=100 CSeq=1 REGISTER",
                "sip response name=REGISTER id=a@b role=answer of=REGISTER latency=2 error=401 Unauthorized status=401 CSeq=1 REGISTER",
                "sip keep-alive heartbeat=",
            ]
        );
    }
}
