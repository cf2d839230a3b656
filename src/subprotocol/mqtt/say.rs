//! Units for the packets of MQTT, in the terms of its specification.

use std::time::Duration;

use crate::model::{Anomaly, Side};

use super::super::decoder::{Out, UnitBuilder};
use super::super::input::Input;
use super::super::stream::Packet;
use super::super::unit::{Format, Role};
use super::packet::{
    self, AUTH, CONNACK, CONNECT, DISCONNECT, KINDS, PINGREQ, PINGRESP, PUBACK, PUBCOMP, PUBLISH, PUBREC,
    PUBREL, Reader, SUBACK, SUBSCRIBE, UNSUBACK, UNSUBSCRIBE, Value,
};
use super::words::{reason, return_code};
use super::{NAME, Session, scope};

/// The scope of requests with a response topic (MQTT 5.0 §4.10).
const REQUESTS: u64 = 0x200;

/// Emits a packet; of an incomplete one, the part before the missing bytes.
pub(super) fn packet(session: &mut Session, packet: &Packet<'_>, input: &Input<'_>, out: &mut Out<'_>) {
    let first = packet.bytes.first().copied().unwrap_or_default();
    let kind = first >> 4;
    let requested = kind == PUBLISH && answers_request(session, first, packet.bytes, out);
    let unknown_alias = kind == PUBLISH && unknown_alias(session, input.from, first, packet.bytes);
    let mut unit = out.unit(NAME, KINDS.get(usize::from(kind)).copied().unwrap_or_default());
    unit.took(packet.first, packet.messages);
    if !packet.is_whole() {
        unit.incomplete();
    }
    let mut reader = Reader::new(packet::body(packet.bytes));
    let reader = &mut reader;
    // Each reads as far as data is available.
    let _: Option<()> = match kind {
        CONNECT => connect(session, &mut unit, reader),
        CONNACK => connack(session, &mut unit, reader),
        PUBLISH => publish(session, &mut unit, first, reader, packet, input.from, requested),
        PUBACK | PUBREC | PUBREL | PUBCOMP => acknowledge(session, &mut unit, kind, reader),
        SUBSCRIBE | UNSUBSCRIBE => subscribe(session, &mut unit, kind, reader),
        SUBACK | UNSUBACK => granted(session, &mut unit, kind, reader),
        PINGREQ => {
            unit.heartbeat();
            unit.ask(scope(PINGREQ), 0);
            Some(())
        }
        PINGRESP => {
            unit.heartbeat();
            unit.answer(scope(PINGREQ), 0);
            Some(())
        }
        DISCONNECT | AUTH => leave(session, &mut unit, kind, reader, input.from),
        _ => None,
    };
    if unknown_alias && !session.lossy {
        out.anomaly(Anomaly::MqttTopicAlias {});
    }
}

fn connect(session: &mut Session, unit: &mut UnitBuilder<'_>, reader: &mut Reader<'_>) -> Option<()> {
    session.connected = true;
    // Whatever follows in the packet, the answer is CONNACK.
    unit.ask(scope(CONNECT), 0);
    reader.text()?;
    let version = reader.byte()? & 0x7f;
    unit.number("protocol_version", version);
    let flags = reader.byte()?;
    unit.flag("clean_start", flags & 0x02 != 0);
    let keep_alive = reader.two()?;
    unit.number("keep_alive", keep_alive);
    session.keep_alive = (keep_alive > 0).then(|| Duration::from_secs(u64::from(keep_alive)));
    if version == 5 {
        let properties = reader.properties()?;
        say_properties(unit, properties, |id, value| {
            if let (39, Value::Number(most)) = (id, value) {
                session.most.client = Some(most);
            }
        });
    }
    unit.text("client_id", reader.text()?);
    if flags & 0x04 != 0 {
        if version == 5 {
            say_properties(unit, reader.properties()?, |_, _| {});
        }
        unit.text("will_topic", reader.text()?);
        let payload = reader.binary()?;
        match std::str::from_utf8(payload) {
            Ok(text) => unit.text("will_payload", text),
            Err(_) => unit.bytes("will_payload", payload),
        };
        unit.number("will_qos", flags >> 3 & 3).flag("will_retain", flags & 0x20 != 0);
    }
    if flags & 0x80 != 0 {
        unit.text("user_name", reader.text()?);
    }
    if flags & 0x40 != 0 {
        let password = reader.binary()?;
        match std::str::from_utf8(password) {
            Ok(text) => unit.text("password", text),
            Err(_) => unit.bytes("password", password),
        }
        .secret(password);
    }
    Some(())
}

fn connack(session: &mut Session, unit: &mut UnitBuilder<'_>, reader: &mut Reader<'_>) -> Option<()> {
    unit.answer(scope(CONNECT), 0);
    let flags = reader.byte()?;
    unit.flag("session_present", flags & 1 != 0);
    let code = reader.byte()?;
    // A refused client sends nothing more.
    session.disconnected |= code != 0;
    if session.version == Some(5) {
        say_reason(unit, code);
        say_properties(unit, reader.properties()?, |id, value| match (id, value) {
            (39, Value::Number(most)) => session.most.server = Some(most),
            (19, Value::Number(seconds)) => {
                session.keep_alive = (seconds > 0).then(|| Duration::from_secs(seconds));
            }
            _ => {}
        });
    } else {
        unit.number("return_code", code);
        if code != 0 {
            unit.static_error(return_code(code));
        }
    }
    Some(())
}

/// Returns whether a PUBLISH contains the correlation data of a request made by its receiver.
fn answers_request(session: &Session, first: u8, bytes: &[u8], out: &Out<'_>) -> bool {
    if session.version != Some(5) {
        return false;
    }
    let Some(properties) = publish_properties(first, bytes) else { return false };
    let (response, correlation) = request(properties);
    response.is_none() && correlation.is_some_and(|data| out.is_asked(REQUESTS, data))
}

/// Returns whether a PUBLISH refers to its topic by an alias whose meaning is unknown.
fn unknown_alias(session: &Session, from: Side, first: u8, bytes: &[u8]) -> bool {
    let topic = Reader::new(packet::body(bytes)).text();
    if session.version != Some(5) || topic != Some("") {
        return false;
    }
    let Some(properties) = publish_properties(first, bytes) else { return false };
    alias_of(properties).is_none_or(|alias| !session.aliases[from].contains_key(&alias))
}

fn publish_properties(first: u8, bytes: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(packet::body(bytes));
    reader.text()?;
    if first & 0x06 != 0 {
        reader.two()?;
    }
    reader.properties()
}

fn alias_of(properties: &[u8]) -> Option<u16> {
    let mut reader = Reader::new(properties);
    while let Some((id, _, value)) = packet::next_property(&mut reader) {
        if let (35, Value::Number(alias)) = (id, value) {
            return u16::try_from(alias).ok();
        }
    }
    None
}

/// Returns the response topic and the correlation data from the properties.
fn request(properties: &[u8]) -> (Option<&str>, Option<&[u8]>) {
    let (mut response, mut correlation) = (None, None);
    let mut reader = Reader::new(properties);
    while let Some((id, _, value)) = packet::next_property(&mut reader) {
        match (id, value) {
            (8, Value::Text(topic)) => response = Some(topic),
            (9, Value::Bytes(data)) => correlation = Some(data),
            _ => {}
        }
    }
    (response, correlation)
}

fn publish(
    session: &mut Session,
    unit: &mut UnitBuilder<'_>,
    first: u8,
    reader: &mut Reader<'_>,
    packet: &Packet<'_>,
    from: Side,
    requested: bool,
) -> Option<()> {
    let qos = first >> 1 & 3;
    unit.number("qos", qos).flag("retain", first & 1 != 0).flag("dup", first & 8 != 0);
    let topic = reader.text();
    if topic.is_none() && session.version == Some(5) {
        // It may have defined an alias.
        session.aliases[from].clear();
    }
    let topic = topic?;
    if !topic.is_empty() {
        unit.name(topic);
    }
    let id = if qos > 0 { Some(reader.two()?) } else { None };
    let mut asks = None;
    if session.version == Some(5) {
        let Some(properties) = reader.properties() else {
            session.aliases[from].clear();
            return None;
        };
        say_properties(unit, properties, |_, _| {});
        if let Some(alias) = alias_of(properties)
            && let Some(meant) = session.alias(from, alias, topic)
        {
            unit.name(meant);
        }
        if let (Some(_), Some(data)) = request(properties) {
            asks = Some(data);
        } else if requested && let (None, Some(data)) = request(properties) {
            unit.answer(REQUESTS, data);
        }
    }
    if session.version.is_some() {
        let payload = reader.rest;
        let sent = packet.length.saturating_sub(packet.bytes.len() as u64);
        unit.body_of(format_of(payload), payload, sent.saturating_add(payload.len() as u64));
    }
    if let Some(id) = id {
        unit.id(itoa::Buffer::new().format(id));
        unit.ask(scope(if qos == 1 { PUBACK } else { PUBREC }), id);
    }
    if let Some(data) = asks {
        unit.may_ask(REQUESTS, data);
    }
    if requested {
        // It is an answer first of all, even if it will itself be acknowledged.
        unit.role(Role::Answer);
    }
    Some(())
}

/// Returns how a payload without a declared format is best displayed.
fn format_of(payload: &[u8]) -> Format {
    match std::str::from_utf8(payload) {
        Ok(_) => Format::Text,
        // The payload may be truncated in the middle of a character.
        Err(error) if error.error_len().is_none() => Format::Text,
        Err(_) => Format::Binary,
    }
}

fn acknowledge(
    session: &Session,
    unit: &mut UnitBuilder<'_>,
    kind: u8,
    reader: &mut Reader<'_>,
) -> Option<()> {
    let id = reader.two()?;
    unit.id(itoa::Buffer::new().format(id));
    let code = reader.byte();
    let failed = code.is_some_and(|code| code >= 0x80);
    match kind {
        PUBREC if !failed => {
            unit.progress(scope(PUBREC), id);
        }
        PUBREL => unit.continues(scope(PUBREC), id),
        _ => {
            unit.answer(scope(kind), id);
        }
    }
    if let Some(code) = code {
        say_reason(unit, code);
        if session.version == Some(5) && !reader.rest.is_empty() {
            say_properties(unit, reader.properties()?, |_, _| {});
        }
    }
    Some(())
}

fn subscribe(session: &Session, unit: &mut UnitBuilder<'_>, kind: u8, reader: &mut Reader<'_>) -> Option<()> {
    let id = reader.two()?;
    unit.id(itoa::Buffer::new().format(id));
    // Without the version, the position of the filters is unknown, although the format usually reveals it.
    if session.version == Some(5)
        && let Some(properties) = reader.properties()
    {
        say_properties(unit, properties, |_, _| {});
    }
    let mut filters = 0_u32;
    while session.version.is_some()
        && let Some(filter) = reader.text()
    {
        if filters == 0 {
            unit.name(filter);
        }
        filters = filters.saturating_add(1);
        unit.text("topic_filters", filter).listed();
        if kind == SUBSCRIBE {
            let Some(options) = reader.byte() else { break };
            unit.number("requested_qos", options & 3).listed();
        }
    }
    unit.ask(scope(kind), id);
    Some(())
}

fn granted(session: &Session, unit: &mut UnitBuilder<'_>, kind: u8, reader: &mut Reader<'_>) -> Option<()> {
    let id = reader.two()?;
    unit.id(itoa::Buffer::new().format(id));
    unit.answer(scope(if kind == SUBACK { SUBSCRIBE } else { UNSUBSCRIBE }), id);
    if session.version == Some(5) {
        say_properties(unit, reader.properties()?, |_, _| {});
    }
    // Without the version, it is unknown whether properties precede the codes.
    while session.version.is_some()
        && let Some(code) = reader.byte()
    {
        unit.number("reason_codes", code).listed();
        if code >= 0x80 {
            unit.static_error(if session.version == Some(5) { reason(code) } else { "Failure" });
        }
    }
    Some(())
}

fn leave(
    session: &mut Session,
    unit: &mut UnitBuilder<'_>,
    kind: u8,
    reader: &mut Reader<'_>,
    from: Side,
) -> Option<()> {
    if kind == DISCONNECT {
        // After a DISCONNECT of either side, none is due from the other.
        session.disconnected = true;
    }
    let code = reader.byte()?;
    say_reason(unit, code);
    if kind == DISCONNECT && from == Side::Client && code == 0x04 {
        unit.text("reason_name", reason(code));
    }
    if !reader.rest.is_empty() {
        say_properties(unit, reader.properties()?, |_, _| {});
    }
    Some(())
}

/// Sets a reason code; those from 0x80 on are errors, 0 is omitted.
fn say_reason(unit: &mut UnitBuilder<'_>, code: u8) {
    unit.number("reason_code", code);
    if code >= 0x80 {
        unit.static_error(reason(code));
    } else if code >= 0x10 {
        unit.text("reason_name", reason(code));
    }
}

/// Sets properties by name, and passes each of them to `see`.
fn say_properties(unit: &mut UnitBuilder<'_>, properties: &[u8], mut see: impl FnMut(u64, Value<'_>)) {
    let mut reader = Reader::new(properties);
    while let Some((id, name, value)) = packet::next_property(&mut reader) {
        match value {
            Value::Number(number) => unit.number(name, number),
            Value::Text(text) => unit.text(name, text),
            Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => unit.text(name, text),
                Err(_) => unit.bytes(name, bytes),
            },
            Value::Pair(key, value) => unit.text(name, &format!("{key}={value}")).listed(),
        };
        if let (22, Value::Bytes(data)) = (id, value) {
            unit.secret(data);
        }
        see(id, value);
    }
}
