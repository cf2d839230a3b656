//! gRPC over WebSocket as implemented by improbable-eng's `grpc-web`, sub-protocol `grpc-websockets`: headers, then
//! length-prefixed messages, then trailers.

use std::sync::Arc;

use crate::model::Side;

use super::decoder::{Decoder, Out, UnitBuilder};
use super::input::Input;
use super::protocol::{Evidence, Protocol};
use super::schema::Schema;
use super::stream::{Framing, Measure, Next, Packet, Stream};
use super::unit::Format;

pub(super) static GRPC: Protocol = Protocol {
    headers: &["grpc-websockets"],
    // Trailers are framed, the client's headers are not.
    sign: |input, _| match (input.from, input.head()) {
        (Side::Server, head) => match frames(head) {
            Some(trailers) if memchr::memmem::find(trailers, b"grpc-status:").is_some() => Evidence::Sure,
            Some(_) => Evidence::Neutral,
            None => Evidence::Against,
        },
        (_, [0, rest @ ..]) if frames(rest).is_some() => Evidence::Neutral,
        (_, head)
            if !input.is_text()
                && memchr::memmem::find(head, b"content-type: application/grpc-web").is_some() =>
        {
            Evidence::Sure
        }
        (_, [1]) => Evidence::Neutral,
        _ => Evidence::Against,
    },
    ..Protocol::new("grpc-websockets", |opening| {
        let (path, schema) = (opening.path().into(), opening.schema.clone());
        Box::new(Grpc { path, schema, server: Stream::default() })
    })
};

const NAME: &str = "grpc-websockets";

/// The scope of the single call of a conversation.
const CALL: u64 = 1;

/// A decoder for gRPC frames.
#[derive(Debug)]
struct Grpc {
    /// The service and method named by the URL.
    path: Box<str>,
    /// The user's message types, if any.
    schema: Option<Arc<dyn Schema>>,
    /// Go's server sends the head of a frame and its message as separate messages.
    server: Stream,
}

/// The framing of gRPC: flags, a length, and that many bytes.
struct Frames;

impl Framing for Frames {
    fn measure(&self, head: &[u8]) -> Measure {
        match frame(head) {
            None => Measure::More,
            Some((flags, length, _)) if flags & 0x7e == 0 => {
                Measure::Length((length as u64).saturating_add(5))
            }
            Some(_) => Measure::Impossible,
        }
    }

    fn fits(&self, packet: &[u8]) -> bool {
        !packet.is_empty()
    }
}

impl Decoder for Grpc {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        let head = input.head();
        if input.from == Side::Client {
            return self.client(head, input, out);
        }
        let Grpc { path, schema, server: frames } = self;
        let part = frames.message(input, &Frames, |next| match next {
            Next::Packet(packet) => server(path, schema.as_deref(), &packet, out),
            Next::Lost if input.is_whole() => out.contradiction(),
            Next::Lost => {}
        });
        if part {
            out.part();
        }
    }

    fn lost(&mut self, from: Side) {
        if from == Side::Server {
            self.server.lose();
        }
    }

    fn end(&mut self, out: &mut Out<'_>) {
        self.server.report_rest(NAME, out);
    }

    fn allocated(&self) -> usize {
        self.server.allocated()
    }
}

/// Returns the trailers if the bytes consist entirely of frames, empty if there are none; `None` otherwise.
fn frames(bytes: &[u8]) -> Option<&[u8]> {
    let (mut rest, mut trailers) = (bytes, &[][..]);
    while !rest.is_empty() {
        let (flags, length, body) = frame(rest).filter(|(flags, ..)| flags & 0x7e == 0)?;
        let (body, behind) = body.split_at_checked(length)?;
        if flags & 0x80 != 0 {
            trailers = body;
        }
        rest = behind;
    }
    Some(trailers)
}

/// Splits off the head of a frame: its flags and its length.
fn frame(bytes: &[u8]) -> Option<(u8, usize, &[u8])> {
    let (head, body) = bytes.split_at_checked(5)?;
    let (flags, length) = head.split_first()?;
    Some((*flags, length.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte)), body))
}

impl Grpc {
    fn client(&mut self, head: &[u8], input: &Input<'_>, out: &mut Out<'_>) {
        match head {
            [1] => name(&mut out.unit(NAME, "finish send"), &self.path),
            // They come first, and nothing else begins with such a byte.
            [b'\r' | b' '..=b'~', ..] => {
                let mut unit = out.unit(NAME, "headers");
                name(&mut unit, &self.path);
                unit.body_of(Format::Text, head, input.length);
                if !input.is_whole() {
                    unit.incomplete();
                }
                unit.ask(CALL, "");
            }
            [0, rest @ ..] => match frame(rest) {
                Some((flags, length, body)) => {
                    let bytes = body.get(..length.min(body.len())).unwrap_or_default();
                    let message = Message { flags, bytes, length: length as u64, from: Side::Client };
                    let mut unit = out.unit(NAME, "message");
                    name(&mut unit, &self.path);
                    message.say(&self.path, self.schema.as_deref(), &mut unit);
                }
                None if input.is_whole() => out.contradiction(),
                None => {
                    out.unit(NAME, "message").incomplete();
                }
            },
            [] => {}
            _ => out.contradiction(),
        }
    }
}

/// A message in a frame.
struct Message<'a> {
    flags: u8,
    bytes: &'a [u8],
    length: u64,
    from: Side,
}

impl Message<'_> {
    /// Adds its content, decoded with the user's type for the method, if there is one.
    fn say(&self, path: &str, schema: Option<&dyn Schema>, unit: &mut UnitBuilder<'_>) {
        let is_whole = self.bytes.len() as u64 == self.length;
        if !is_whole {
            unit.incomplete();
        }
        // The first bit means that it is compressed.
        if self.flags & 1 != 0 || !is_whole {
            unit.body_of(Format::Binary, self.bytes, self.length);
            return;
        }
        let typed = schema.and_then(|schema| {
            let [taken, given] = schema.method(path)?;
            let message = if self.from == Side::Client { taken } else { given };
            Some((schema.json(&message, self.bytes)?, message))
        });
        match typed {
            Some((json, message)) => unit.text("message_type", &message).body(Format::Json, json.as_bytes()),
            None => unit.body(Format::Protobuf, self.bytes),
        };
    }
}

/// Names a unit after the called method, if known.
fn name(unit: &mut UnitBuilder<'_>, path: &str) {
    if !path.is_empty() {
        unit.name(path);
    }
}

/// Emits a frame from the server: a message, headers or trailers.
fn server(path: &str, schema: Option<&dyn Schema>, packet: &Packet<'_>, out: &mut Out<'_>) {
    let flags = packet.bytes.first().copied().unwrap_or_default();
    let body = packet.bytes.get(5..).unwrap_or_default();
    if flags & 0x80 == 0 {
        let mut unit = out.unit(NAME, "message");
        unit.took(packet.first, packet.messages);
        name(&mut unit, path);
        let length = packet.length.saturating_sub(5);
        Message { flags, bytes: body, length, from: Side::Server }.say(path, schema, &mut unit);
        unit.progress(CALL, "");
        return;
    }
    let text = String::from_utf8_lossy(body);
    let header = |name: &str| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let status = header("grpc-status");
    let mut unit = out.unit(NAME, if status.is_some() { "trailers" } else { "headers" });
    unit.took(packet.first, packet.messages);
    name(&mut unit, path);
    unit.body_of(Format::Text, body, packet.length.saturating_sub(5));
    if !packet.is_whole() {
        unit.incomplete();
    }
    let Some(status) = status else {
        unit.progress(CALL, "");
        return;
    };
    unit.text("grpc-status", &status);
    if status != "0" {
        unit.error(&header("grpc-message").unwrap_or_else(|| format!("status {status}")));
    }
    unit.answer(CALL, "");
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::super::{Opening, Reader};
    use super::*;

    #[test]
    fn a_call_with_trailers() {
        let opening = Opening {
            subprotocol: Some("grpc-websockets".into()),
            target: Some("/lab.Echo/Say".into()),
            ..Opening::default()
        };
        let trailers = b"\x80\0\0\0\x1dgrpc-status:5\r\ngrpc-message:x";
        let messages: &[(Side, &[u8])] = &[
            (Side::Client, b"content-type: application/grpc-web+proto\r\n"),
            (Side::Client, b"\0\0\0\0\0\x02hi"),
            (Side::Client, b"\x01"),
            (Side::Server, b"\0\0\0\0\x02"),
            (Side::Server, b"ho"),
            (Side::Server, trailers),
        ];
        let lines: Vec<_> = said(&mut Reader::new(opening), messages)
            .iter()
            .map(|it| it.split(" body").next().unwrap().to_owned())
            .collect();
        assert_eq!(
            lines,
            [
                "grpc-websockets headers name=/lab.Echo/Say role=question",
                "grpc-websockets message name=/lab.Echo/Say",
                "grpc-websockets finish send name=/lab.Echo/Say",
                "grpc-websockets message name=/lab.Echo/Say role=progress of=/lab.Echo/Say latency=3 messages=2",
                "grpc-websockets trailers name=/lab.Echo/Say role=answer of=/lab.Echo/Say latency=5 error=x grpc-status=5",
            ]
        );
    }
}
