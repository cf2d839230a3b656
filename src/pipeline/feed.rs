use ahash::RandomState;

use super::Analyzer;
use super::batch::hasher_of;
use crate::event::{Event, Kind, Sink};
use crate::model::{Anomaly, At, KeyOrigin, Packet, Timestamp};
use crate::services;
use crate::session::{self, Keys, Limits};
use crate::wire::{self, Decoded, Decoder};

/// An analyzer of packets that are pushed one by one, on the caller's thread.
///
/// ```
/// use wirefin::event::{Event, Sink};
/// use wirefin::model::{At, LinkType, Packet, Timestamp};
/// use wirefin::pipeline::Feed;
///
/// struct Show;
///
/// impl Sink for Show {
///     fn event(&mut self, event: &Event<'_>) {
///         println!("{event}");
///     }
/// }
///
/// let mut feed = Feed::default();
/// let data = [0_u8; 60];
/// let at = At { packet: 1, time: Timestamp::new(1_700_000_000, 0) };
/// feed.push(&Packet { at, link: LinkType::ETHERNET, original_length: 60, data: &data }, &mut Show);
/// feed.finish(&mut Show);
/// ```
#[derive(Debug)]
pub struct Feed {
    decoder: Decoder,
    analyzer: Analyzer,
    hasher: RandomState,
    /// The current tick; `None` before the first packet.
    tick: Option<Timestamp>,
    last: At,
    keys: Keys,
}

impl Default for Feed {
    fn default() -> Self {
        Feed::new(Limits::default(), wire::Limits::default())
    }
}

impl Feed {
    /// Creates a feed that decodes every sub-protocol, including those of the bundled rules.
    pub fn new(limits: Limits, fragments: wire::Limits) -> Self {
        Feed {
            decoder: Decoder::new(fragments),
            analyzer: Analyzer::new(session::Options { subprotocols: services::settings(), ..limits.into() }),
            hasher: RandomState::with_seeds(0, 0, 0, 0),
            tick: None,
            last: At::default(),
            keys: Keys::default(),
        }
    }

    /// Analyzes the next packet; a number or a time that does not come after the previous one is replaced by one that
    /// does.
    pub fn push(&mut self, packet: &Packet<'_>, sink: &mut dyn Sink) {
        if self.tick.is_none() {
            self.hasher = hasher_of(packet);
        }
        let time = if self.tick.is_some() { packet.at.time.max(self.last.time) } else { packet.at.time };
        self.advance(time, sink);
        self.last = At { packet: packet.at.packet.max(self.last.packet.saturating_add(1)), time };
        let at = self.last;
        if let Decoded::Tcp(segment) = self.decoder.decode(&Packet { at, ..*packet }) {
            self.analyzer.push(self.hasher.hash_one(segment.flow.key()), &segment, at, sink);
        }
        while let Some(anomaly) = self.decoder.next_anomaly() {
            self.diagnostic(&anomaly, sink);
        }
    }

    /// Advances capture time to `now` without a packet.
    pub fn advance(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        let passed = Analyzer::tick_before(now);
        if self.tick.is_some_and(|tick| passed <= tick) {
            return;
        }
        self.tick = Some(passed);
        self.analyzer.pass(self.last.packet);
        while self.analyzer.next_due().is_some_and(|(due, _)| due <= passed) {
            self.analyzer.advance(sink);
        }
    }

    /// Adds the lines of a TLS key log, which are used for decryption from here on.
    pub fn secrets(&mut self, origin: KeyOrigin, lines: &[u8], sink: &mut dyn Sink) {
        if let Some(line) = self.keys.add(origin, lines) {
            self.diagnostic(&Anomaly::KeylogLine { line }, sink);
        }
        self.analyzer.set_keys(self.keys.clone());
        while self.analyzer.next_key_check().is_some() {
            self.analyzer.learn(self.last, sink);
        }
    }

    /// Forwards a problem of the capture itself.
    pub fn diagnostic(&mut self, anomaly: &Anomaly, sink: &mut dyn Sink) {
        sink.event(&Event::new(None, self.last, Kind::Anomaly { from: None, anomaly }));
    }

    /// Ends all connections, in the order of their names, and reports everything still pending.
    pub fn finish(&mut self, sink: &mut dyn Sink) {
        let mut live: Vec<_> = self.analyzer.live().collect();
        live.sort_unstable();
        for (_, handle) in live {
            self.analyzer.finish(handle, self.last, sink);
        }
    }
}
