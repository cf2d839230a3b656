//! XMPP over WebSocket (RFC 7395): each message is one XML element. Only its name, its attributes and the name of its
//! first child are parsed.

use crate::model::Side;

use super::decoder::{Decoder, Out, UnitBuilder};
use super::input::Input;
use super::protocol::{Evidence, Protocol};
use super::unit::Format;

pub(super) static XMPP: Protocol = Protocol {
    headers: &["xmpp"],
    sign: |input, _| match Element::read(input.head()) {
        Some(it) if it.name == b"open" && it.attribute(b"xmlns") == Some(FRAMING) => Evidence::Sure,
        Some(it) if matches!(it.local(), b"iq" | b"presence" | b"message" | b"features") => Evidence::Weak,
        _ => Evidence::Against,
    },
    ..Protocol::new("xmpp", |_| Box::new(Xmpp))
};

const NAME: &str = "xmpp";

const FRAMING: &[u8] = b"urn:ietf:params:xml:ns:xmpp-framing";

/// The scopes of iq stanzas and of streams.
const QUERIES: u64 = 1;
const STREAMS: u64 = 2;

/// An XML start tag.
struct Element<'a> {
    name: &'a [u8],
    attributes: &'a [u8],
    /// What follows it.
    rest: &'a [u8],
    empty: bool,
}

impl<'a> Element<'a> {
    /// Parses the start tag at the start of the bytes, skipping white space and an XML declaration.
    fn read(bytes: &'a [u8]) -> Option<Element<'a>> {
        let mut bytes = bytes.trim_ascii_start();
        if bytes.starts_with(b"<?") {
            let end = memchr::memchr(b'>', bytes)?;
            bytes = bytes.get(end.checked_add(1)?..)?.trim_ascii_start();
        }
        let tag = bytes.strip_prefix(b"<")?;
        let name_end =
            tag.iter().position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'))?;
        let (name, behind) = tag.split_at_checked(name_end)?;
        name.first().filter(|byte| byte.is_ascii_alphabetic() || **byte == b'_')?;
        let mut quote = None;
        let end = behind.iter().position(|byte| match (quote, byte) {
            (None, b'>') => true,
            (None, b'"' | b'\'') => {
                quote = Some(*byte);
                false
            }
            (Some(open), byte) if open == *byte => {
                quote = None;
                false
            }
            _ => false,
        })?;
        let (attributes, rest) = behind.split_at_checked(end)?;
        let (attributes, empty) = match attributes.strip_suffix(b"/") {
            Some(attributes) => (attributes, true),
            None => (attributes, false),
        };
        Some(Element { name, attributes, rest: rest.get(1..)?, empty })
    }

    /// Returns its name without a prefix.
    fn local(&self) -> &'a [u8] {
        memchr::memchr(b':', self.name)
            .and_then(|at| self.name.get(at.saturating_add(1)..))
            .unwrap_or(self.name)
    }

    /// Returns the value of an attribute, as sent.
    fn attribute(&self, name: &[u8]) -> Option<&'a [u8]> {
        let mut rest = self.attributes;
        loop {
            let equals = memchr::memchr(b'=', rest)?;
            let (key, value) = rest.split_at_checked(equals)?;
            let value = value.get(1..)?.trim_ascii_start();
            let (quote, value) = value.split_first()?;
            let end = memchr::memchr(*quote, value)?;
            if key.trim_ascii() == name {
                return value.get(..end);
            }
            rest = value.get(end.checked_add(1)?..)?;
        }
    }

    /// Returns its first child element.
    fn child(&self) -> Option<Element<'a>> {
        if self.empty { None } else { Element::read(self.rest).filter(|child| !child.name.is_empty()) }
    }

    /// Returns whether the rest contains an element with this name.
    fn contains(&self, name: &str) -> bool {
        let open = format!("<{name}");
        memchr::memmem::find(self.rest, open.as_bytes()).is_some()
    }
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// A decoder for XMPP; its only state is the open questions.
#[derive(Debug)]
struct Xmpp;

impl Decoder for Xmpp {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        let head = input.head();
        if head.trim_ascii().is_empty() {
            // White space keeps the connection alive (RFC 6120 §4.6.1).
            if !head.is_empty() && input.is_whole() {
                out.unit(NAME, "keep-alive").heartbeat();
            }
            return;
        }
        let Some(element) = Element::read(head) else {
            return if input.is_whole() {
                out.contradiction();
            } else {
                out.unit(NAME, "stanza").incomplete();
            };
        };
        let child = element.child();
        let mut unit = out.unit(NAME, "stanza");
        unit.kind(&text(element.name));
        if let Some(child) = &child {
            unit.name(&text(child.name));
        }
        if let Some(id) = element.attribute(b"id") {
            unit.id(&text(id));
        }
        for name in ["type", "from", "to", "mechanism", "version"] {
            if let Some(value) = element.attribute(name.as_bytes()) {
                unit.text(name, &text(value));
            }
        }
        if let Some(namespace) = child.as_ref().and_then(|child| child.attribute(b"xmlns")) {
            unit.text("xmlns", &text(namespace));
        }
        if input.is_whole() && !element.empty {
            unit.body(Format::Text, head);
        }
        if !input.is_whole() {
            unit.incomplete();
        }
        judge(&mut unit, &element, child.as_ref());
        pair(&mut unit, &element, input.from);
    }
}

/// Sets credentials, errors and pings.
fn judge(unit: &mut UnitBuilder<'_>, element: &Element<'_>, child: Option<&Element<'_>>) {
    if matches!(element.local(), b"auth" | b"response") && !element.empty {
        let end = memchr::memchr(b'<', element.rest).unwrap_or(element.rest.len());
        let secret = element.rest.get(..end).unwrap_or_default();
        unit.text("credentials", &text(secret)).secret(secret);
    }
    match element.local() {
        b"failure" | b"error" => {
            unit.error(&child.map_or("failure".into(), |child| text(child.name)));
        }
        _ if element.attribute(b"type") == Some(b"error") => {
            unit.error(&condition(element));
        }
        _ => {}
    }
    let is_ping = child.is_some_and(|child| child.attribute(b"xmlns") == Some(b"urn:xmpp:ping"));
    if is_ping {
        unit.heartbeat();
    }
}

/// Makes a stanza a question or an answer (RFC 6120 §8.2.3).
fn pair(unit: &mut UnitBuilder<'_>, element: &Element<'_>, from: Side) {
    let id = element.attribute(b"id");
    match (element.local(), element.attribute(b"type")) {
        (b"iq", Some(b"get" | b"set")) => unit.ask(QUERIES, id),
        (b"iq", Some(b"result" | b"error")) => {
            unit.answer(QUERIES, id);
        }
        (b"open", _) if from == Side::Client => unit.ask(STREAMS, "open"),
        (b"open", _) => {
            unit.answer(STREAMS, "open");
        }
        _ => {}
    }
}

/// Returns the condition of an error stanza (RFC 6120 §8.3.3).
fn condition(element: &Element<'_>) -> String {
    const CONDITIONS: [&str; 12] = [
        "bad-request",
        "conflict",
        "feature-not-implemented",
        "forbidden",
        "internal-server-error",
        "item-not-found",
        "not-acceptable",
        "not-allowed",
        "not-authorized",
        "recipient-unavailable",
        "remote-server-not-found",
        "service-unavailable",
    ];
    CONDITIONS.into_iter().find(|name| element.contains(name)).unwrap_or("error").to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::super::{Opening, Reader};
    use crate::model::Side;

    #[test]
    fn stanzas_queries_and_errors() {
        let mut reader = Reader::new(Opening { subprotocol: Some("xmpp".into()), ..Opening::default() });
        let messages: &[(Side, &[u8])] = &[
            (Side::Client, br#"<open version="1.0" xmlns="urn:ietf:params:xml:ns:xmpp-framing" to="localhost"/>"#),
            (Side::Client, br#"<auth mechanism="PLAIN">AGFubg==</auth>"#),
            (Side::Client, br#"<iq type="get" to="h" id="a"><ping xmlns="urn:xmpp:ping"/></iq>"#),
            (Side::Server, br"<iq from='h' type='result' id='a'/>"),
            (Side::Client, br#"<iq type="get" id="b"><query xmlns="urn:nope"/></iq>"#),
            (
                Side::Server,
                br"<iq type='error' id='b'><error type='cancel'><service-unavailable xmlns='x'/></error></iq>",
            ),
        ];
        let lines: Vec<_> = said(&mut reader, messages)
            .iter()
            .map(|it| it.split(" body").next().unwrap().to_owned())
            .collect();
        assert_eq!(
            lines,
            [
                "xmpp open role=question to=localhost version=1.0",
                "xmpp auth mechanism=PLAIN credentials=(AGFubg==)",
                "xmpp iq name=ping id=a role=question heartbeat= type=get to=h xmlns=urn:xmpp:ping",
                "xmpp iq id=a role=answer of=ping latency=1 type=result from=h",
                "xmpp iq name=query id=b role=question type=get xmlns=urn:nope",
                "xmpp iq name=error id=b role=answer of=query latency=1 error=service-unavailable type=error",
            ]
        );
    }
}
