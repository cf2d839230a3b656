//! Jupyter's kernel messages over WebSocket: `v1.kernel.websocket.jupyter.org`, and the earlier JSON form (Jupyter
//! Server, "WebSocket kernel wire protocols"; Jupyter Client, "Messaging in Jupyter").

use super::decoder::{Decoder, Out};
use super::input::Input;
use super::json::{self, Value};
use super::protocol::{Evidence, Protocol};
use super::unit::Format;
use crate::websocket::Opcode;

pub(super) static JUPYTER: Protocol = Protocol {
    headers: &["v1.kernel.websocket.jupyter.org"],
    url: |opening| opening.path().contains("/api/kernels/") && opening.path().ends_with("/channels"),
    members: &["header"],
    sign: |input, _| match Message::read(input) {
        Some(message) if message.parts[0].is_some_and(|it| it.get("msg_type").is_some()) => Evidence::Sure,
        _ => Evidence::Against,
    },
    ..Protocol::new("jupyter", |_| Box::new(Jupyter))
};

const NAME: &str = "jupyter";

/// The scope of message IDs.
const REQUESTS: u64 = 1;

/// Bounds the number of parts of a message that are examined.
const MAX_PARTS: u64 = 64;

/// A decoder for Jupyter; its only state is the open questions.
#[derive(Debug)]
struct Jupyter;

/// A parsed message: its channel, header, parent header and content.
struct Message<'a> {
    channel: Option<std::borrow::Cow<'a, str>>,
    parts: [Option<Value<'a>>; 3],
    buffers: u64,
}

impl<'a> Message<'a> {
    fn read(input: &Input<'a>) -> Option<Message<'a>> {
        let head = input.head();
        if input.is_text() {
            let [channel, header, parent, content] =
                json::pick(head, input.is_whole(), ["channel", "header", "parent_header", "content"])?;
            let channel = channel.and_then(|it| it.text());
            header.is_some().then_some(())?;
            return Some(Message { channel, parts: [header, parent, content], buffers: 0 });
        }
        Self::v1(input).or_else(|| Self::with_buffers(input))
    }

    /// Parses a message of the JSON form that is followed by buffers: the number of offsets, the offsets, the JSON, the
    /// buffers (Jupyter Server, `deserialize_binary_message`).
    fn with_buffers(input: &Input<'a>) -> Option<Message<'a>> {
        let head = input.head();
        let number = |n: u64| -> Option<u64> {
            let at = usize::try_from(n.checked_mul(4)?).ok()?;
            let bytes = head.get(at..at.checked_add(4)?)?;
            Some(bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
        };
        let parts = number(0).filter(|parts| (1..=MAX_PARTS).contains(parts))?;
        let (start, end) = (number(1)?, if parts > 1 { number(2)? } else { input.length });
        (start == parts.checked_add(1)?.checked_mul(4)?).then_some(())?;
        let [start, end] = [start, end].map(|at| usize::try_from(at).unwrap_or(usize::MAX).min(head.len()));
        let json = Input { bytes: head.get(start..end)?, missing: &[], opcode: Opcode::TEXT, ..*input };
        let whole = json.bytes.ends_with(b"}");
        let length = if whole { json.bytes.len() as u64 } else { input.length };
        let message = Self::read(&Input { length, ..json })?;
        Some(Message { buffers: parts.saturating_sub(1), ..message })
    }

    /// Parses a message of `v1.kernel.websocket.jupyter.org`.
    fn v1(input: &Input<'a>) -> Option<Message<'a>> {
        let head = input.head();
        // The number of offsets, the offsets, then the parts that they delimit, starting with the channel.
        let number = |n: usize| -> Option<u64> {
            let at = n.checked_mul(8)?;
            let bytes = head.get(at..at.checked_add(8)?)?;
            Some(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
        };
        let count = number(0).filter(|count| (5..=MAX_PARTS).contains(count))?;
        let mut before = count.checked_add(1)?.checked_mul(8)?;
        for n in 1..=count {
            let offset = number(usize::try_from(n).ok()?)?;
            (offset >= before && offset <= input.length).then_some(())?;
            before = offset;
        }
        (before == input.length).then_some(())?;
        let part = |n: usize| -> Option<&'a [u8]> {
            let [from, to] = [number(n)?, number(n.checked_add(1)?)?].map(usize::try_from);
            head.get(from.ok()?..to.ok()?)
        };
        let channel = part(1).map(String::from_utf8_lossy);
        let json = |n: usize| part(n).and_then(json::read);
        Some(Message { channel, parts: [json(2), json(3), json(5)], buffers: count.saturating_sub(6) })
    }
}

impl Decoder for Jupyter {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        let Some(message) = Message::read(input) else {
            return if input.is_whole() {
                out.contradiction();
            } else {
                out.unit(NAME, "message").incomplete();
            };
        };
        let [header, parent, content] = message.parts;
        let [kind, id] = header.map_or([None; 2], |it| [it.get("msg_type"), it.get("msg_id")]);
        let [kind, id] = [kind, id].map(|it| it.and_then(|it| it.text()));
        let parent = parent.and_then(|it| it.get("msg_id")).and_then(|it| it.text());
        let kind = kind.as_deref().unwrap_or("message");
        let mut unit = out.unit(NAME, "message");
        unit.kind(message.channel.as_deref().unwrap_or("message")).name(kind);
        if let Some(id) = &id {
            unit.id(id);
        }
        if let Some(channel) = &message.channel {
            unit.text("channel", channel);
        }
        if let Some(parent) = &parent {
            unit.text("parent_header.msg_id", parent);
        }
        let within = |name: &str| content.and_then(|it| it.get(name)).and_then(|it| it.text());
        for (field, name) in
            [("execution_state", "execution_state"), ("status", "status"), ("stream", "name")]
        {
            if (field != "stream" || kind == "stream")
                && let Some(value) = within(name)
            {
                unit.text(field, &value);
            }
        }
        if message.buffers > 0 {
            unit.number("buffers", message.buffers);
        }
        if kind == "error" || within("status").as_deref() == Some("error") {
            unit.error(&within("ename").unwrap_or("error".into()));
        } else if within("status").as_deref().is_some_and(|it| it.starts_with("abort")) {
            unit.static_error("aborted");
        }
        if let Some(content) = content.filter(|it| it.whole) {
            unit.body(Format::Json, content.raw);
        }
        if !input.is_whole() {
            unit.incomplete();
        }
        if kind.ends_with("_request") {
            if let Some(id) = &id {
                unit.ask(REQUESTS, &**id);
            }
        } else if let Some(parent) = &parent {
            if kind.ends_with("_reply") {
                unit.answer(REQUESTS, &**parent);
            } else {
                unit.progress(REQUESTS, &**parent);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{lines_of, said};
    use super::super::{Opening, Reader};
    use crate::model::Side;
    use crate::websocket::Opcode;

    fn packed(parts: &[&str]) -> Vec<u8> {
        let mut at = 8 * (parts.len() as u64 + 2);
        let mut bytes = (parts.len() as u64 + 1).to_le_bytes().to_vec();
        bytes.extend(at.to_le_bytes());
        for part in parts {
            at += part.len() as u64;
            bytes.extend(at.to_le_bytes());
        }
        bytes.extend(parts.concat().bytes());
        bytes
    }

    #[test]
    fn requests_and_replies_in_both_forms() {
        let opening =
            Opening { subprotocol: Some("v1.kernel.websocket.jupyter.org".into()), ..Opening::default() };
        let mut reader = Reader::new(opening);
        let request = packed(&[
            "shell",
            r#"{"msg_id":"a","msg_type":"execute_request"}"#,
            "{}",
            "{}",
            r#"{"code":"1/0"}"#,
        ]);
        let reply = packed(&[
            "shell",
            r#"{"msg_id":"b","msg_type":"execute_reply"}"#,
            r#"{"msg_id":"a"}"#,
            "{}",
            r#"{"status":"error","ename":"ZeroDivisionError"}"#,
        ]);
        assert_eq!(
            lines_of(&mut reader, Side::Client, Opcode::BINARY, &request, 1),
            [r#"jupyter shell name=execute_request id=a role=question channel=shell body={"code":"1/0"}"#]
        );
        assert_eq!(
            lines_of(&mut reader, Side::Server, Opcode::BINARY, &reply, 2),
            [
                r#"jupyter shell name=execute_reply id=b role=answer of=execute_request latency=1 error=ZeroDivisionError channel=shell parent_header.msg_id=a status=error body={"status":"error","ename":"ZeroDivisionError"}"#
            ]
        );
        let target = Some("/api/kernels/1/channels".into());
        let mut reader = Reader::new(Opening { target, ..Opening::default() });
        let text: &[u8] = br#"{"channel":"iopub","header":{"msg_id":"c","msg_type":"status"},"parent_header":{"msg_id":"a"},"content":{"execution_state":"busy"}}"#;
        assert_eq!(
            said(&mut reader, &[(Side::Server, text)]),
            [
                r#"jupyter iopub name=status id=c role=progress channel=iopub parent_header.msg_id=a execution_state=busy body={"execution_state":"busy"}"#
            ]
        );
    }
}
