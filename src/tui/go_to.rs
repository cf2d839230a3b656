//! Going somewhere: to a packet, a moment, a conversation, a message; and into a conversation and back.

use std::str::FromStr;
use std::time::Duration;

use super::clock::{self, TimeForm};
use super::partner::partner;
use super::state::App;
use crate::model::Timestamp;
use crate::store::{Entry, EntryKind, Store};

/// Where the screen was before it showed one conversation alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Isolated {
    line: usize,
    scope: Option<u32>,
    entry: Option<u32>,
    top: usize,
}

/// A place that can be gone to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Target {
    /// A packet, by its number in the capture.
    Packet(u64),
    /// A conversation, by the name it is shown with: the number of its first packet.
    Conversation(String),
    /// A message, by its number among those shown, from 1.
    Message(u64),
    /// A time of day as rows tell it, in nanoseconds since midnight.
    Clock(u64),
    /// A moment since the capture began.
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

/// Reads `12:00`, `12:00:05` or `12:00:05.25` as nanoseconds since midnight.
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

impl App {
    /// Goes to what was asked for; the error says why it cannot.
    pub(super) fn go_to_target(&mut self, target: Target) -> Result<(), String> {
        let shared = self.store.clone();
        if let Target::Conversation(name) = &target {
            let at = shared.lock().conversations().iter().position(|it| it.number().to_string() == *name);
            let slot = at
                .and_then(|at| u32::try_from(at).ok())
                .ok_or(format!("there is no conversation #{name}"))?;
            self.choose_slot(slot);
            return Ok(());
        }
        let store = shared.lock();
        let rows = &self.timeline.rows;
        let entry = |row: usize| rows.get(&store, row).and_then(|n| store.entry(n));
        let row = match &target {
            Target::Packet(packet) => {
                (0..rows.len()).find(|row| entry(*row).is_some_and(|it| it.packet() >= *packet))
            }
            Target::Message(number) => (0..rows.len())
                .filter(|row| entry(*row).is_some_and(|it| it.what() == EntryKind::Message))
                .nth(usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX)),
            Target::Clock(_) | Target::Since(_) => {
                let from = moment(&store, &target, self.form.time);
                (0..rows.len()).find(|row| entry(*row).is_some_and(|it| it.time() >= from))
            }
            Target::Conversation(_) => None,
        };
        let row = row.ok_or("nothing that is shown comes at or after it")?;
        let found = entry(row).map(|it| (it.packet(), it.time()));
        self.select(&store, row);
        drop(store);
        match (target, found) {
            (Target::Packet(asked), Some((packet, _))) if packet != asked => {
                self.say(format!("packet {asked} is of no row; this is the next, packet {packet}"));
            }
            (Target::Clock(_) | Target::Since(_), Some((_, time))) => {
                self.say(format!(
                    "the first row from there on, at {}",
                    clock::of_day(self.form.time.shifted(time), 6)
                ));
            }
            _ => {}
        }
        Ok(())
    }

    /// Goes from a question to its answer, from an answer to its question, and so with pings and pongs.
    pub(super) fn go_to_partner(&mut self) {
        let shared = self.store.clone();
        let mut store = shared.lock();
        match self.timeline.entry.and_then(|number| partner(&mut store, number)) {
            Some(number) => self.go_to(&store, number),
            None => self.say("no question or answer of this row is known"),
        }
    }

    /// Shows only the conversation of the selected row; [`App::end_isolation`] goes back.
    pub(super) fn isolate(&mut self) {
        let shared = self.store.clone();
        let slot = self.timeline.entry.and_then(|n| shared.lock().entry(n).and_then(Entry::conversation));
        let Some(slot) = slot else { return self.say("this row is of no conversation") };
        if self.timeline.rows.scope() == Some(slot) {
            return self.say("only this conversation is shown already");
        }
        let before = Isolated {
            line: self.conversations.selected,
            scope: self.timeline.rows.scope(),
            entry: self.timeline.entry,
            top: self.timeline.top,
        };
        self.choose_slot(slot);
        self.isolated = Some(before);
    }

    /// Shows again what was shown before [`App::isolate`], at the place where that was.
    pub(super) fn end_isolation(&mut self) {
        let Some(Isolated { line, scope, entry, top }) = self.isolated.take() else { return };
        self.conversations.selected = line;
        self.show_scope(scope);
        let shared = self.store.clone();
        if let Some(entry) = entry {
            self.go_to(&shared.lock(), entry);
        }
        self.timeline.top = top;
    }

    /// Shows one conversation, and has the list show which.
    fn choose_slot(&mut self, slot: u32) {
        let line = self.conversations.order.iter().position(|other| *other == slot);
        self.conversations.selected = line.map_or(0, |line| line.saturating_add(1));
        self.show_scope(Some(slot));
    }
}

/// Returns the moment that a target means.
fn moment(store: &Store, target: &Target, form: TimeForm) -> Timestamp {
    const DAY: i64 = 86_400_000_000_000;
    let began = store.began();
    match target {
        Target::Since(since) => began.plus(*since),
        Target::Clock(clock) => {
            let began = form.shifted(began);
            let midnight = began.as_nanos().saturating_sub(began.as_nanos().rem_euclid(DAY));
            let today = midnight.saturating_add(i64::try_from(*clock).unwrap_or(0));
            // A capture over midnight: what lies before its beginning is of the next day.
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
