use super::super::clock::grouped;
use super::{Document, FieldStyle};
use crate::event::{Meaning, Role, Severity, Unit};
use crate::text;
use crate::view;

/// The number of bytes of a body shown among the fields; the payload shows all of it.
const BODY: usize = 400;

impl Document {
    /// Adds the meaning of a message in its sub-protocol.
    pub(super) fn meaning(&mut self, meaning: Meaning<'_>) {
        for unit in meaning.units() {
            let tone =
                if unit.error().is_some() { FieldStyle::Bad(Severity::Error) } else { FieldStyle::Heading };
            let name = unit.name().map_or(String::new(), |name| format!(" {name}"));
            self.add(
                &text::printable_string(unit.protocol().as_bytes()),
                format!("{}{name}", unit.kind()),
                tone,
            );
            self.within(|it| it.unit(&unit));
        }
        if meaning.more() > 0 {
            self.note("more", format!("{} units are not kept", grouped(meaning.more())));
        } else if meaning.is_only_part() {
            self.quiet("sub-protocol", "a part of what a later message completes");
        }
    }

    fn unit(&mut self, unit: &Unit<'_>) {
        let words = [
            ("name", unit.name(), FieldStyle::Plain),
            ("id", unit.id(), FieldStyle::Plain),
            ("inside", unit.inside(), FieldStyle::Quiet),
            ("error", unit.error(), FieldStyle::Bad(Severity::Error)),
            ("of", unit.of(), FieldStyle::Plain),
        ];
        for (name, value, tone) in words {
            if let Some(value) = value {
                self.add(name, value, tone);
            }
        }
        if unit.role() != Role::Event {
            self.quiet("role", unit.role().name());
        }
        if let Some(latency) = unit.latency() {
            self.add("latency", text::span(latency), FieldStyle::Good);
        }
        if let Some(question) = unit.question() {
            let key = super::super::keys::key_for(super::super::keys::Action::Partner);
            self.plain("question", format!("packet {}: {key} goes there", grouped(question.packet)));
        }
        if unit.heartbeat() {
            self.quiet("heartbeat", "yes, it only keeps the connection alive");
        }
        if let Some(earlier) = unit.earlier() {
            let packet = grouped(earlier.at.packet);
            let text = format!(
                "the {}'s message in packet {packet}: only this one tells what it is",
                earlier.from.name()
            );
            self.plain("was", text);
        }
        if unit.messages() > 1 {
            let first = grouped(unit.first().packet);
            self.plain("took", format!("{} messages from packet {first} on", unit.messages()));
        }
        if !unit.is_complete() {
            self.note("complete", "no, bytes of it are not known");
        }
        for field in unit.fields() {
            let name = text::printable_string(field.name.as_bytes());
            self.plain(&name, view::field_text(&field));
        }
        if let Some(body) = view::body_text(unit, BODY).filter(|body| !body.is_empty()) {
            self.plain("body", body);
        }
    }
}
