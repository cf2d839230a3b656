use std::collections::BTreeMap;

use crate::event::{Anomaly, ConnId, CountMap, Event, Kind, Reason, RunStats, Severity};
use crate::model::{Packet, Timestamp};
use crate::session::{Analyzer, Counts};
use crate::wire::{DecodeError, Unread};

/// A summary of what a run saw, so that nothing is omitted silently.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Packets.
    pub packets: u64,
    /// Bytes of packets, as captured.
    pub bytes: u64,
    /// Packets truncated by the snap length.
    pub cut: u64,
    /// The original length of the longest of them.
    pub longest_cut: u32,
    /// TCP segments.
    pub segments: u64,
    /// IP fragments kept for reassembly.
    pub fragments: u64,
    /// Packets that could not be decoded down to TCP.
    pub unreadable: u64,
    /// The reason for the first of them.
    pub stop: Option<DecodeError>,
    /// Packets that were not decoded down to TCP, by content; the first `KINDS` kinds, and the number of all others.
    pub unread: (BTreeMap<Unread, u64>, u64),
    /// TCP connections.
    pub connections: u64,
    /// TLS connections, including nested ones.
    pub tls: u64,
    /// TLS connections with decrypted records.
    pub decrypted: u64,
    /// The first of those without, by port, name and protocols.
    pub encrypted: Vec<(ConnId, Box<str>)>,
    /// Responses that are streams of server-sent events.
    pub event_streams: u64,
    /// Requests of Engine.IO's long polling.
    pub polls: u64,
    /// Conversations.
    pub conversations: u64,
    /// Upgrades that were refused or never answered.
    pub refused: u64,
    /// Messages and control frames.
    pub messages: u64,
    /// Anomalies of severity note, warning and error.
    pub anomalies: [u64; 3],
    /// Connections without output, by their kind, in the order of [`Reason::NAMES`].
    pub unshown: [u64; Reason::NAMES.len()],
    /// Those of them that may hold WebSockets all the same, in the same order.
    pub may_hide: [u64; Reason::NAMES.len()],
    /// The other protocols among them, by name.
    pub protocols: CountMap<&'static str>,
    /// Conversations of whose handshake a part or all was not captured.
    pub no_handshake: u64,
    /// Messages with missing bytes, not counting those left unfinished by their senders.
    pub incomplete: u64,
    /// The conversation of the last message, if that is incomplete.
    pub(crate) last_incomplete: Option<ConnId>,
    /// Gaps in conversations.
    pub gaps: u64,
    /// Places at which an input is damaged or truncated.
    pub damaged: u64,
    /// The first of them by file and offset, and the problem there.
    pub damage: Option<(Box<str>, u64, Box<str>)>,
    /// Segments of conversations that were captured more than once.
    pub captured_again: u64,
    /// Segments discarded because of a wrong checksum.
    pub damaged_segments: u64,
    /// The first and the last packet's time.
    pub times: Option<(Timestamp, Timestamp)>,
}

/// The maximum number of kinds of unread packets that are counted separately.
const KINDS: usize = 256;

impl Summary {
    /// Returns the most important numbers.
    pub fn tally(&self) -> RunStats {
        let anomalies = self.anomalies.iter().fold(0, |sum: u64, n| sum.saturating_add(*n));
        RunStats { conversations: self.conversations, messages: self.messages, anomalies }
    }

    /// Counts a packet.
    pub(super) fn count_packet(&mut self, packet: &Packet<'_>) {
        self.packets = self.packets.saturating_add(1);
        self.bytes = self.bytes.saturating_add(packet.data.len() as u64);
        if u64::from(packet.original_length) > packet.data.len() as u64 {
            self.cut = self.cut.saturating_add(1);
            self.longest_cut = self.longest_cut.max(packet.original_length);
        }
    }

    /// Counts a packet that could not be decoded down to TCP.
    pub(super) fn give_up(&mut self, stop: DecodeError) {
        self.unreadable = self.unreadable.saturating_add(1);
        self.stop.get_or_insert(stop);
        if let Some(unread) = Unread::of_error(&stop) {
            self.pass_over(unread);
        }
    }

    /// Counts a packet that is not decoded down to TCP.
    pub(super) fn pass_over(&mut self, unread: Unread) {
        let (kinds, others) = &mut self.unread;
        let has_place = kinds.len() < KINDS || kinds.contains_key(&unread);
        let count = if has_place { kinds.entry(unread).or_default() } else { others };
        *count = count.saturating_add(1);
    }

    /// Counts one event.
    pub(super) fn count(&mut self, event: &Event<'_>) {
        let counter = match &event.kind {
            Kind::Message(message) => {
                self.last_incomplete = event.conn.filter(|_| !message.is_complete());
                self.incomplete = self.incomplete.saturating_add((!message.is_complete()).into());
                &mut self.messages
            }
            Kind::Opened(opening) => {
                let whole = opening.handshake.as_deref();
                let whole = whole.is_some_and(|it| it.request.is_some() && it.response.is_some());
                self.no_handshake = self.no_handshake.saturating_add((!whole).into());
                &mut self.conversations
            }
            Kind::Rejected(_) => &mut self.refused,
            Kind::Anomaly { anomaly, .. } => {
                match anomaly {
                    Anomaly::CapturedTwice { segments, .. } => {
                        self.captured_again = self.captured_again.saturating_add(*segments);
                    }
                    Anomaly::CaptureDamaged { file, offset, problem } => {
                        self.damaged = self.damaged.saturating_add(1);
                        self.note_damage((file.clone(), *offset, problem.clone()));
                    }
                    Anomaly::Gap { .. } => self.gaps = self.gaps.saturating_add(1),
                    // Left unfinished by its sender, so no bytes of it are missing.
                    Anomaly::UnfinishedFrame { .. } | Anomaly::UnfinishedMessage {}
                        if event.conn.is_some() && self.last_incomplete == event.conn =>
                    {
                        self.last_incomplete = None;
                        self.incomplete = self.incomplete.saturating_sub(1);
                    }
                    _ => {}
                }
                let [notes, warnings, errors] = &mut self.anomalies;
                match anomaly.severity() {
                    Severity::Note => notes,
                    Severity::Warning => warnings,
                    Severity::Error => errors,
                }
            }
            Kind::Unshown(unshown) => {
                let number = Reason::NAMES.iter().position(|(name, _)| *name == unshown.reason.name());
                let Some(number) = number else { return };
                if let Reason::Protocol(name) = unshown.reason {
                    self.protocols.add(name, 1);
                }
                if let Some(times) = self.may_hide.get_mut(number).filter(|_| unshown.may_be_websocket()) {
                    *times = times.saturating_add(1);
                }
                let Some(counter) = self.unshown.get_mut(number) else { return };
                counter
            }
            Kind::Frame(_) | Kind::Closed(_) => return,
        };
        *counter = counter.saturating_add(1);
    }

    fn note_damage(&mut self, damage: (Box<str>, u64, Box<str>)) {
        if self.damage.as_ref().is_none_or(|first| damage < *first) {
            self.damage = Some(damage);
        }
    }

    /// Adds the connections that a shard has seen.
    pub(super) fn add_connections(&mut self, analyzer: &Analyzer) {
        let counts = analyzer.counts();
        for (mine, theirs) in [
            (&mut self.connections, counts.connections),
            (&mut self.tls, counts.tls),
            (&mut self.decrypted, counts.decrypted),
            (&mut self.damaged_segments, counts.damaged),
            (&mut self.event_streams, counts.event_streams),
            (&mut self.polls, counts.polls),
        ] {
            *mine = mine.saturating_add(theirs);
        }
        self.encrypted.extend_from_slice(analyzer.encrypted());
        self.encrypted.sort();
        self.encrypted.truncate(Counts::ENCRYPTED);
    }

    /// Adds the counts of another thread.
    pub(super) fn add(&mut self, other: &Summary) {
        let [notes, warnings, errors] = &mut self.anomalies;
        for (mine, theirs) in [
            (&mut self.conversations, other.conversations),
            (&mut self.refused, other.refused),
            (&mut self.messages, other.messages),
            (&mut self.no_handshake, other.no_handshake),
            (&mut self.incomplete, other.incomplete),
            (&mut self.gaps, other.gaps),
            (&mut self.captured_again, other.captured_again),
            (&mut self.damaged, other.damaged),
            (notes, other.anomalies[0]),
            (warnings, other.anomalies[1]),
            (errors, other.anomalies[2]),
        ] {
            *mine = mine.saturating_add(theirs);
        }
        if let Some(damage) = &other.damage {
            self.note_damage(damage.clone());
        }
        let unshown = self.unshown.iter_mut().zip(other.unshown);
        for (mine, theirs) in unshown.chain(self.may_hide.iter_mut().zip(other.may_hide)) {
            *mine = mine.saturating_add(theirs);
        }
        self.protocols.absorb(other.protocols.clone());
    }
}
