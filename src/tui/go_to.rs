//! Navigation to a packet, moment, conversation or message, and into a single conversation and back.

use std::str::FromStr;
use std::time::Duration;

use super::clock::{self, TimeForm};
use super::effect::Effect;
use super::state::{App, Isolated};
use super::timeline::Timeline;
use crate::event::ConnId;
use crate::model::Timestamp;
use crate::store::{Entry, EntryKind, Store};

/// A navigation target.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Target {
    /// A packet, by its number in the capture.
    Packet(u64),
    /// A conversation, by its displayed name: the number of its first packet.
    Conversation(String),
    /// A message, by its number among the rows shown, from 1.
    Message(u64),
    /// A time of day as displayed in rows, in nanoseconds since midnight.
    Clock(u64),
    /// A time since the start of the capture.
    Since(Duration),
}

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str =
            "a packet (1234), a time (12:00:05 or +3.5), a conversation (#4) or a message (m17)";
        let number = |text: &str| text.trim().replace([',', '_'], "").parse().map_err(|_| EXPECTED);
        if let Some(rest) = text.strip_prefix('#') {
            return if rest.is_empty() { Err(EXPECTED) } else { Ok(Target::Conversation(rest.to_owned())) };
        }
        if let Some(rest) = text.strip_prefix(['m', 'M']) {
            return number(rest).map(Target::Message);
        }
        if let Some(rest) = text.strip_prefix('+') {
            let seconds = rest.trim().trim_end_matches('s').trim_end().parse().map_err(|_| EXPECTED)?;
            return Duration::try_from_secs_f64(seconds).map(Target::Since).map_err(|_| EXPECTED);
        }
        if text.contains(':') {
            time_of_day(text).map(Target::Clock).ok_or(EXPECTED)
        } else {
            number(text).map(Target::Packet)
        }
    }
}

/// Parses `12:00`, `12:00:05` or `12:00:05.25` into nanoseconds since midnight.
fn time_of_day(text: &str) -> Option<u64> {
    let mut parts = text.trim().splitn(3, ':');
    let hours: u64 = parts.next()?.parse().ok().filter(|hours| *hours < 24)?;
    let minutes: u64 = parts.next()?.parse().ok().filter(|minutes| *minutes < 60)?;
    let seconds: f64 =
        parts.next().unwrap_or("0").parse().ok().filter(|seconds| (0.0..60.0).contains(seconds))?;
    let whole =
        hours.saturating_mul(3600).saturating_add(minutes.saturating_mul(60)).saturating_mul(1_000_000_000);
    Some(whole.saturating_add((seconds * 1e9).round() as u64))
}

impl Timeline {
    /// Moves to a target; the error describes why that is impossible.
    pub(super) fn go_to_target(&mut self, store: &Store, target: Target) -> Result<Effect, String> {
        let rows = &self.rows;
        let entry = |row: usize| rows.get(store, row).and_then(|n| store.entry(n));
        let first =
            |is_it: &dyn Fn(&Entry) -> bool| (0..rows.len()).find(|row| entry(*row).is_some_and(is_it));
        let row = match &target {
            Target::Conversation(name) => {
                // Of several conversations on a connection, the first is chosen.
                let is_it = |id: ConnId| id.to_string() == *name || id.packet.to_string() == *name;
                let slot = (0..).zip(store.conversations()).find(|(_, it)| is_it(it.id));
                let slot = slot.map(|(slot, _)| Effect::Choose(slot));
                return slot.ok_or(format!("there is no conversation #{name}"));
            }
            Target::Packet(packet) => first(&|it| it.packet() >= *packet),
            Target::Message(number) => (0..rows.len())
                .filter(|row| entry(*row).is_some_and(|it| it.what() == EntryKind::Message))
                .nth(usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX)),
            Target::Clock(_) | Target::Since(_) => {
                let from = moment(store, &target, self.form.time);
                first(&|it| it.time() >= from)
            }
        };
        let row = row.ok_or("nothing that is shown comes at or after it")?;
        let found = entry(row).copied();
        self.select(store, row);
        Ok(match (target, found) {
            (Target::Packet(asked), Some(found)) if found.packet() != asked => Effect::Say(format!(
                "packet {asked} is of no row; this is the next, packet {}",
                found.packet()
            )),
            (Target::Clock(_) | Target::Since(_), Some(found)) => {
                let time = clock::of_day(self.form.time.shifted(found.time()), 6);
                Effect::Say(format!("the first row from there on, at {time}"))
            }
            _ => Effect::None,
        })
    }
}

impl App {
    /// Shows only the conversation of the selected row; [`App::end_isolation`] returns.
    pub(super) fn isolate(&mut self) -> Effect {
        let entry = self.timeline.entry;
        let slot = entry.and_then(|n| self.store.lock().entry(n).and_then(Entry::conversation));
        let Some(slot) = slot else { return Effect::say("this row is of no conversation") };
        let scope = self.timeline.rows.chosen.scope;
        if scope == Some(slot) {
            return Effect::say("only this conversation is shown already");
        }
        self.isolated =
            Some(Isolated { line: self.conversations.selected, scope, entry, top: self.timeline.top });
        self.choose_slot(slot);
        Effect::None
    }

    /// Restores the view from before [`App::isolate`], at its position.
    pub(super) fn end_isolation(&mut self) -> Effect {
        let Some(Isolated { line, scope, entry, top }) = self.isolated.take() else { return Effect::None };
        self.conversations.selected = line;
        let store = self.store.lock();
        self.timeline.show_scope(&store, scope);
        let effect = entry.map_or(Effect::None, |entry| self.timeline.go_to(&store, entry));
        self.timeline.top = top;
        effect
    }

    /// Shows one conversation and selects it in the list.
    pub(super) fn choose_slot(&mut self, slot: u32) {
        self.conversations.select(slot);
        self.timeline.show_scope(&self.store.lock(), Some(slot));
    }
}

/// Returns the moment of a target.
fn moment(store: &Store, target: &Target, form: TimeForm) -> Timestamp {
    const DAY: i64 = 86_400_000_000_000;
    let began = store.began();
    match target {
        Target::Since(since) => began.plus(*since),
        Target::Clock(clock) => {
            let began = form.shifted(began);
            let midnight = began.as_nanos().saturating_sub(began.as_nanos().rem_euclid(DAY));
            let today = midnight.saturating_add(i64::try_from(*clock).unwrap_or(0));
            // In a capture that spans midnight, a time of day before its start is on the next day.
            let is_before = today.saturating_add(1_000_000_000) < began.as_nanos();
            form.unshifted(Timestamp::from_nanos(if is_before { today.saturating_add(DAY) } else { today }))
        }
        _ => began,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read() {
        for (text, target) in [
            ("1,234", Target::Packet(1234)),
            ("#4.3", Target::Conversation("4.3".to_owned())),
            ("m17", Target::Message(17)),
            ("+3.5", Target::Since(Duration::from_millis(3500))),
            ("+2 s", Target::Since(Duration::from_secs(2))),
            ("12:00", Target::Clock(43_200_000_000_000)),
            ("12:00:05.25", Target::Clock(43_205_250_000_000)),
        ] {
            assert_eq!(text.parse(), Ok(target), "{text}");
        }
        for wrong in ["", "x", "#", "25:00", "1:60", "+-3", "m"] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }
}
