//! SockJS over WebSocket (the SockJS protocol 0.3.3): JSON strings in frames identified by one letter. The strings may
//! themselves belong to a sub-protocol.

use crate::model::Side;

use super::choice::Choice;
use super::decoder::{Decoder, Out};
use super::input::Input;
use super::json::{self, Shape, Value};
use super::protocol::{Evidence, Protocol};
use super::unit::Format;

pub(super) static SOCKJS: Protocol = Protocol {
    url: |opening| is_session(opening.path()),
    sign: |input, _| match (input.from, input.head()) {
        (Side::Server, b"o" | b"h") => Evidence::Neutral,
        (Side::Server, [b'a', b'[', b'"', ..]) => Evidence::Weak,
        (Side::Client, [b'[', b'"', ..]) => Evidence::Neutral,
        _ => Evidence::Against,
    },
    ..Protocol::new("sockjs", |_| Box::new(SockJs { inner: Choice::inside(1) }))
};

const NAME: &str = "sockjs";

/// Returns whether a path ends in `/<server>/<session>/websocket`, where the server is three digits.
fn is_session(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let is_server = |part: &str| part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.next() == Some("websocket")
        && parts.next().is_some_and(|session| !session.is_empty())
        && parts.next().is_some_and(is_server)
}

/// A decoder for SockJS.
#[derive(Debug)]
struct SockJs {
    inner: Choice,
}

impl Decoder for SockJs {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        let head = input.head();
        match (input.from, head.split_first()) {
            (Side::Client, Some((b'[' | b'"', _))) => self.strings(head, input, out),
            (Side::Server, Some((b'a' | b'm', rest))) => self.strings(rest, input, out),
            (Side::Server, Some((b'o', []))) => {
                out.unit(NAME, "open");
            }
            (Side::Server, Some((b'h', []))) => {
                out.unit(NAME, "heartbeat").heartbeat();
            }
            (Side::Server, Some((b'c', rest))) => close(rest, out),
            (_, None) => {}
            _ => out.contradiction(),
        }
    }

    fn lost(&mut self, from: Side) {
        self.inner.lost(from);
    }

    fn end(&mut self, out: &mut Out<'_>) {
        self.inner.end(out);
    }

    fn allocated(&self) -> usize {
        self.inner.allocated()
    }
}

fn close(rest: &[u8], out: &mut Out<'_>) {
    let items: Vec<Value<'_>> =
        json::read(rest).map(|value| value.items().take(2).collect()).unwrap_or_default();
    let mut unit = out.unit(NAME, "close");
    if let Some(code) = items.first().and_then(Value::number) {
        unit.number("code", code);
    }
    if let Some(reason) = items.get(1).and_then(Value::text) {
        unit.text("reason", &reason);
    }
}

impl SockJs {
    fn strings(&mut self, bytes: &[u8], input: &Input<'_>, out: &mut Out<'_>) {
        let Some(value) = json::read(bytes) else { return out.contradiction() };
        let single = [value];
        let items: Box<dyn Iterator<Item = Value<'_>>> =
            if value.shape == Shape::Array { Box::new(value.items()) } else { Box::new(single.into_iter()) };
        for item in items {
            let Some(text) = item.text() else {
                if item.whole {
                    out.contradiction();
                } else {
                    out.unit(NAME, "message").incomplete();
                }
                continue;
            };
            self.string(text.as_bytes(), item.inner(), input, out);
        }
    }

    /// Emits a string: as a unit of the sub-protocol inside, else as a message.
    fn string(&mut self, text: &[u8], raw: &[u8], input: &Input<'_>, out: &mut Out<'_>) {
        let inner = Input { bytes: text, missing: &[], length: text.len() as u64, ..*input };
        if !self.inner.is_plain() {
            let outer = out.inside.replace(NAME);
            let depth = out.depth;
            self.inner.message(&inner, out);
            (out.inside, out.depth) = (outer, depth);
        }
        if self.inner.name().is_none() {
            // A text without escapes is in the message unchanged.
            let body = if raw == text { raw } else { text };
            out.unit(NAME, "message").body(Format::Text, body);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::super::{Opening, Reader};
    use super::*;

    fn reader() -> Reader {
        let target = Some("/echo/317/gcwvs5vn/websocket".into());
        Reader::new(Opening { target, ..Opening::default() })
    }

    #[test]
    fn frames_of_one_letter() {
        let messages: &[(Side, &[u8])] = &[
            (Side::Server, b"o"),
            (Side::Client, b"[\"hello\",\"two\"]"),
            (Side::Server, b"a[\"q\\\"\"]"),
            (Side::Server, b"h"),
            (Side::Server, b"c[3001,\"go away\"]"),
        ];
        assert_eq!(
            said(&mut reader(), messages),
            [
                "sockjs open",
                "sockjs message body=hello",
                "sockjs message body=two",
                "sockjs message body=q\"",
                "sockjs heartbeat heartbeat=",
                "sockjs close code=3001 reason=go away",
            ]
        );
        assert!(!is_session("/echo/31/x/websocket") && !is_session("/websocket"));
    }

    #[test]
    fn stomp_inside_is_read() {
        let messages: &[(Side, &[u8])] = &[
            (Side::Server, b"o"),
            (Side::Client, b"[\"CONNECT\\naccept-version:1.2\\n\\n\\u0000\"]"),
            (Side::Server, b"a[\"CONNECTED\\nversion:1.2\\n\\n\\u0000\"]"),
        ];
        assert_eq!(
            said(&mut reader(), messages),
            [
                "sockjs open",
                "stomp CONNECT inside=sockjs role=question accept-version=1.2",
                "stomp CONNECTED inside=sockjs role=answer latency=1 version=1.2",
            ]
        );
    }
}
