//! gRPC over WebSocket as improbable-eng's `grpc-web` does it, sub-protocol `grpc-websockets`: headers, then messages
//! with their lengths ahead, then trailers.

use crate::model::Side;

use super::choice::Protocol;
use super::decoder::{Decoder, Out};
use super::input::Input;
use super::unit::Format;

pub(super) static GRPC: Protocol = Protocol {
    headers: &["grpc-websockets"],
    ..Protocol::new("grpc-websockets", |opening| Box::new(Grpc { path: opening.path().into(), asked: false }))
};

const NAME: &str = "grpc-websockets";

/// The scope of the one call of a conversation.
const CALL: u64 = 1;

/// A decoder of gRPC's frames.
#[derive(Debug)]
struct Grpc {
    /// The service and method that the URL names.
    path: Box<str>,
    asked: bool,
}

impl Decoder for Grpc {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        let head = input.head();
        if input.from == Side::Client {
            return self.client(head, input, out);
        }
        let mut rest = head;
        while let Some((flags, length, body)) = frame(rest) {
            let known = body.get(..length.min(body.len())).unwrap_or_default();
            self.server(flags, known, known.len() == length, out);
            rest = body.get(length..).unwrap_or_default();
        }
    }
}

/// Takes a frame's head off: its flags and its length.
fn frame(bytes: &[u8]) -> Option<(u8, usize, &[u8])> {
    let (head, body) = bytes.split_at_checked(5)?;
    let (flags, length) = head.split_first()?;
    Some((*flags, length.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte)), body))
}

impl Grpc {
    fn client(&mut self, head: &[u8], input: &Input<'_>, out: &mut Out<'_>) {
        if !self.asked {
            self.asked = true;
            let mut unit = out.unit(NAME, "headers");
            unit.name(&self.path).body(Format::Text, head);
            unit.ask(CALL, "");
            return;
        }
        match head {
            [1] => {
                out.unit(NAME, "finish send").name(&self.path);
            }
            [0, rest @ ..] => match frame(rest) {
                Some((_, length, body)) => {
                    let known = body.get(..length.min(body.len())).unwrap_or_default();
                    let mut unit = out.unit(NAME, "message");
                    unit.name(&self.path).body_of(Format::Binary, known, length as u64);
                    if known.len() < length {
                        unit.incomplete();
                    }
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

    fn server(&self, flags: u8, body: &[u8], whole: bool, out: &mut Out<'_>) {
        if flags & 0x80 == 0 {
            let mut unit = out.unit(NAME, "message");
            unit.name(&self.path).body(Format::Binary, body);
            if !whole {
                unit.incomplete();
            }
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
        unit.name(&self.path).body(Format::Text, body);
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
            (Side::Server, b"\0\0\0\0\x02ho"),
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
                "grpc-websockets message name=/lab.Echo/Say role=progress of=/lab.Echo/Say latency=3",
                "grpc-websockets trailers name=/lab.Echo/Say role=answer of=/lab.Echo/Say latency=4 error=x grpc-status=5",
            ]
        );
    }
}
