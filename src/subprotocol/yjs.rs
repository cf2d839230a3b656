//! Yjs: y-websocket and Hocuspocus (y-protocols; lib0 variable-length numbers): synchronisation and awareness of shared
//! documents.

use super::decoder::{Decoder, Out, UnitBuilder};
use super::input::Input;
use super::protocol::{Evidence, Protocol};
use super::unit::Format;

pub(super) static YJS: Protocol = Protocol {
    // The numbers are small and the lengths must lead exactly to the end of the message: three such messages decide.
    sign: |input, _| match Message::read(input.head()) {
        // A document, its token and possibly a version, all printable, and nothing after them.
        Some(message)
            if !input.is_text()
                && message.is_exact
                && message.kind == "auth"
                && message.text.is_some_and(|it| !it.is_empty() && !it.contains(char::is_control)) =>
        {
            Evidence::Sure
        }
        Some(message) if !input.is_text() && message.is_exact => Evidence::Weak,
        _ => Evidence::Against,
    },
    ..Protocol::new("yjs", |_| Box::new(Yjs))
};

const NAME: &str = "yjs";

/// Bounds the number of clients shown per message.
const MAX_CLIENTS: u64 = 16;

/// The scope of synchronisation.
const SYNC: u64 = 1;

/// A parsed message.
struct Message<'a> {
    kind: &'static str,
    /// The document name, with which messages of Hocuspocus begin.
    document: Option<&'a str>,
    data: &'a [u8],
    text: Option<&'a str>,
    /// Whether its lengths lead exactly to the end of the message.
    is_exact: bool,
}

/// Reads an integer of seven bits per byte, least significant first (lib0, `readVarUint`).
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (n, byte) in bytes.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7f) << n.saturating_mul(7);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(n.saturating_add(1)..)?));
        }
    }
    None
}

/// Reads length-prefixed bytes.
fn bytes_of(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = number(bytes)?;
    rest.split_at_checked(usize::try_from(length).ok()?)
}

impl<'a> Message<'a> {
    fn read(bytes: &'a [u8]) -> Option<Message<'a>> {
        Self::plain(bytes)
            .filter(|it| it.is_exact)
            .or_else(|| Self::hocuspocus(bytes))
            .or_else(|| Self::plain(bytes))
    }

    /// Parses a message of y-websocket.
    fn plain(bytes: &'a [u8]) -> Option<Message<'a>> {
        let (kind, rest) = number(bytes)?;
        Self::body(kind, rest, None, false)
    }

    /// Parses a message of Hocuspocus, which begins with the document name.
    fn hocuspocus(bytes: &'a [u8]) -> Option<Message<'a>> {
        let (name, rest) = bytes_of(bytes)?;
        let name =
            std::str::from_utf8(name).ok().filter(|it| !it.is_empty() && !it.contains(char::is_control))?;
        let (kind, rest) = number(rest)?;
        Self::body(kind, rest, Some(name), true)
    }

    fn body(kind: u64, rest: &'a [u8], document: Option<&'a str>, hocuspocus: bool) -> Option<Message<'a>> {
        let message = |kind, data, text, rest: &[u8]| {
            Some(Message { kind, document, data, text, is_exact: rest.is_empty() })
        };
        match kind {
            // Hocuspocus sends the reply to a step with a different message number.
            0 | 4 if kind == 0 || hocuspocus => {
                let (step, rest) = number(rest)?;
                let name = match step {
                    0 => "sync step 1",
                    1 => "sync step 2",
                    2 => "update",
                    _ => return None,
                };
                let (data, rest) = bytes_of(rest)?;
                message(name, data, None, rest)
            }
            1 => {
                let (data, rest) = bytes_of(rest)?;
                message("awareness", data, None, rest)
            }
            2 if hocuspocus => {
                let (step, rest) = number(rest)?;
                let (text, mut rest) = bytes_of(rest)?;
                // Newer clients append their version.
                if step == 0
                    && let Some((version, [])) = bytes_of(rest)
                    && version.iter().all(u8::is_ascii_graphic)
                {
                    rest = &[];
                }
                let name = match step {
                    0 => "auth",
                    1 => "permission denied",
                    2 => "authenticated",
                    _ => return None,
                };
                message(name, &[], Some(std::str::from_utf8(text).ok()?), rest)
            }
            2 => {
                let (_, rest) = number(rest)?;
                let (text, rest) = bytes_of(rest)?;
                message("permission denied", &[], Some(std::str::from_utf8(text).ok()?), rest)
            }
            3 => message("query awareness", &[], None, rest),
            5 | 6 if hocuspocus => {
                let (text, rest) = bytes_of(rest)?;
                let name = if kind == 5 { "stateless" } else { "broadcast stateless" };
                message(name, &[], Some(std::str::from_utf8(text).ok()?), rest)
            }
            7 if hocuspocus => message("close", &[], None, &[]),
            8 if hocuspocus => message("sync status", &[], None, &[]),
            _ => None,
        }
    }
}

/// A decoder for Yjs; its only state is the open questions.
#[derive(Debug)]
struct Yjs;

impl Decoder for Yjs {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        let Some(message) = Message::read(input.head()) else {
            return if input.is_whole() {
                out.contradiction();
            } else {
                out.unit(NAME, "message").incomplete();
            };
        };
        let mut unit = out.unit(NAME, message.kind);
        if let Some(document) = message.document {
            unit.text("document", document);
        }
        match (message.kind, message.text) {
            ("auth", Some(token)) => {
                unit.text("token", token).secret(token.as_bytes());
            }
            ("permission denied", reason) => {
                unit.error(reason.unwrap_or("permission denied"));
            }
            (_, Some(text)) => {
                unit.body(Format::Text, text.as_bytes());
            }
            ("awareness", None) => awareness(message.data, &mut unit),
            (_, None) if !message.data.is_empty() => {
                unit.body(Format::Binary, message.data);
            }
            _ => {}
        }
        match message.kind {
            "sync step 1" => unit.ask(SYNC, message.document),
            "sync step 2" => {
                unit.answer(SYNC, message.document);
            }
            _ => {}
        }
    }
}

/// Sets the state that each client announces: its number, a clock, and JSON (y-protocols, `encodeAwarenessUpdate`).
fn awareness(data: &[u8], unit: &mut UnitBuilder<'_>) {
    let Some((clients, mut rest)) = number(data) else { return };
    unit.number("clients", clients);
    for n in 0..clients.min(MAX_CLIENTS) {
        let Some((client, behind)) = number(rest) else { break };
        let Some((state, behind)) = number(behind).and_then(|(_, behind)| bytes_of(behind)) else { break };
        unit.number("clientID", client).listed();
        if n == 0 {
            unit.body(Format::Json, state);
        } else {
            unit.json("state", state).listed();
        }
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::lines_of;
    use super::super::{Opening, Reader};
    use crate::model::Side;
    use crate::websocket::Opcode;

    #[test]
    fn steps_updates_and_awareness() {
        let mut reader = Reader::named("yjs", &Opening::default()).unwrap();
        let mut lines = Vec::new();
        for (n, (from, bytes)) in [
            (Side::Client, &[0, 0, 1, 0][..]),
            (Side::Server, &[0, 1, 2, 0, 0]),
            (Side::Client, &[0, 2, 3, 1, 1, 1]),
            (Side::Client, &[1, 6, 1, 9, 0, 2, b'{', b'}']),
            (Side::Client, &[4, b'd', b'o', b'c', b'1', 2, 0, 2, b't', b'k']),
            (Side::Client, &[4, b'd', b'o', b'c', b'1', 2, 0, 2, b't', b'k', 3, b'4', b'.', b'8']),
            (Side::Server, &[4, b'd', b'o', b'c', b'1', 2, 1, 2, b'n', b'o']),
        ]
        .into_iter()
        .enumerate()
        {
            lines.extend(lines_of(&mut reader, from, Opcode::BINARY, bytes, n as u64));
        }
        let lines: Vec<_> = lines.iter().map(|it| it.split(" body").next().unwrap()).collect();
        assert_eq!(
            lines,
            [
                "yjs sync step 1 role=question",
                "yjs sync step 2 role=answer latency=1",
                "yjs update",
                "yjs awareness clients=1 clientID=9",
                "yjs auth document=doc1 token=(tk)",
                "yjs auth document=doc1 token=(tk)",
                "yjs permission denied error=no document=doc1",
            ]
        );
    }
}
