//! The choice of a conversation's sub-protocol, made once.

use std::sync::Arc;

use crate::model::{At, Pair, Side};
use crate::websocket::Opcode;

use super::decoder::{Decoder, Out};
use super::input::Input;
use super::json;
use super::protocol::{Evidence, Opening, Protocol};
use super::registry::PROTOCOLS;
use super::search::Search;
use super::service::{Service, ServiceDecoder};
use super::settings::Settings;
use super::unit::Earlier;

/// How many messages may pass before a conversation is assumed to use no sub-protocol.
const MAX_UNDECIDED: u8 = 16;

/// How many of the first messages are matched against the rules of services.
const MAX_ASKED: u8 = 4;

/// How many messages must agree if each of them is only weak evidence.
const VOTES: u8 = 3;

/// How many of the first [`TRIAL`] messages must contradict the choice for it to be abandoned.
const CONTRADICTIONS: u8 = 4;

/// See [`CONTRADICTIONS`].
const TRIAL: u8 = 16;

/// How many members of a JSON object are listed before each protocol examines it itself.
const MAX_MEMBERS: usize = 24;

/// The maximum nesting depth of sub-protocols.
pub(super) const MAX_DEPTH: u8 = 3;

/// The state of the choice.
///
/// ```text
///   handshake ── by header or URL ────────────────► decoding ── contradicted 4 times in 16 ──► plain
///       │                                               ▲                                        ▲
///       └► undecided ── one sure message, 3 votes ──────┘                                        │
///               └────────────────────── 16 messages, no evidence ───────────────────────────────┘
/// ```
#[derive(Debug)]
pub(super) struct Choice {
    state: State,
    depth: u8,
}

#[derive(Debug)]
enum State {
    Undecided(Box<Undecided>),
    Decoding(Box<Decoding>),
    Plain,
}

#[derive(Debug)]
struct Undecided {
    settings: Arc<Settings>,
    opening: Opening,
    seen: u8,
    votes: Vec<u8>,
    /// The messages so far, from which the decoder will learn what came before.
    kept: Vec<BufferedMessage>,
    kept_bytes: usize,
    /// Whether messages of a side before the kept ones are unknown.
    lost: Pair<bool>,
    search: Option<Search>,
}

/// Bounds the messages kept until the choice is made, in bytes.
const MAX_KEPT: usize = 4096;

/// How many messages may pass while they are searched for packets: some clients send every field as a separate message.
const MAX_SEARCHED: u8 = 128;

#[derive(Debug)]
struct BufferedMessage {
    bytes: Box<[u8]>,
    from: Side,
    opcode: Opcode,
    first: At,
    at: At,
}

/// The number of votes that marks a protocol as ruled out.
const RULED_OUT: u8 = u8::MAX;

#[derive(Debug)]
struct Decoding {
    name: &'static str,
    decoder: Box<dyn Decoder>,
    messages: u8,
    contradictions: u8,
    /// Whether a user chose it, in which case it is never abandoned.
    forced: bool,
}

impl Choice {
    /// Chooses by the handshake: the user's own rules first, then the header selected by the server, then the URL.
    pub(super) fn new(settings: &Arc<Settings>, opening: Opening) -> Self {
        let opening = Opening { schema: settings.schema.clone(), ..opening };
        if let Some(own) = settings.own.iter().find(|service| service.opens(&opening)) {
            return Choice { state: serving(own, false), depth: 0 };
        }
        let chosen = opening.subprotocol.as_deref();
        let by_header =
            chosen.and_then(|chosen| PROTOCOLS.iter().find(|protocol| protocol.has_header(chosen)));
        let by_url = || PROTOCOLS.iter().find(|protocol| (protocol.url)(&opening));
        let state = match by_header.or_else(by_url) {
            Some(protocol) => decoding(protocol, &opening, false),
            None => match settings.services.iter().find(|service| service.opens(&opening)) {
                Some(service) => serving(service, false),
                None => undecided(settings.clone(), opening),
            },
        };
        Choice { state, depth: 0 }
    }

    /// Uses the protocol named by a user; returns `None` if there is none with that name.
    pub(super) fn named(settings: &Settings, name: &str, opening: &Opening) -> Option<Self> {
        if let Some(service) = settings.all_services().find(|service| service.name() == name) {
            return Some(Choice { state: serving(service, true), depth: 0 });
        }
        let protocol = PROTOCOLS.iter().find(|protocol| protocol.name == name)?;
        let opening = Opening { schema: settings.schema.clone(), ..opening.clone() };
        Some(Choice { state: decoding(protocol, &opening, true), depth: 0 })
    }

    /// Creates the choice for the contents of another sub-protocol's messages.
    pub(super) fn inside(depth: u8) -> Self {
        let state =
            if depth < MAX_DEPTH { undecided(Settings::shared(), Opening::default()) } else { State::Plain };
        Choice { state, depth }
    }

    /// Returns whether messages have no meaning and never will.
    pub(super) const fn is_plain(&self) -> bool {
        matches!(self.state, State::Plain)
    }

    /// Returns the name of the protocol, once it is known.
    pub(super) fn name(&self) -> Option<&'static str> {
        match &self.state {
            State::Decoding(decoding) => Some(decoding.name),
            _ => None,
        }
    }

    /// Processes a message; its units go to `out`.
    pub(super) fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        if let State::Undecided(undecided) = &mut self.state {
            match undecided.judge(input, self.depth > 0) {
                Verdict::Open => return,
                Verdict::Plain => return self.state = State::Plain,
                Verdict::Serves(service) => {
                    let kept = std::mem::take(&mut undecided.kept);
                    self.state = serving(&service, false);
                    self.replay(&kept, out);
                }
                Verdict::Is(protocol) => {
                    let kept = std::mem::take(&mut undecided.kept);
                    let lost = undecided.lost;
                    self.state = decoding(protocol, &undecided.opening, false);
                    Side::BOTH.into_iter().filter(|side| lost[*side]).for_each(|side| self.lost(side));
                    self.replay(&kept, out);
                }
            }
        }
        let State::Decoding(decoding) = &mut self.state else { return };
        let before = out.contradictions;
        out.depth = self.depth;
        decoding.decoder.message(input, out);
        if decoding.messages >= TRIAL || decoding.forced {
            return;
        }
        decoding.messages = decoding.messages.saturating_add(1);
        if out.contradictions > before {
            decoding.contradictions = decoding.contradictions.saturating_add(1);
        }
        if decoding.contradictions >= CONTRADICTIONS {
            out.mistaken(decoding.name);
            self.state = State::Plain;
        }
    }

    /// Passes the earlier messages to the decoder and emits their units.
    fn replay(&mut self, kept: &[BufferedMessage], out: &mut Out<'_>) {
        let State::Decoding(decoding) = &mut self.state else { return };
        for message in kept {
            let BufferedMessage { bytes, from, opcode, first, at } = message;
            let length = bytes.len() as u64;
            let (from, opcode, first, at) = (*from, *opcode, *first, *at);
            let input = Input { from, opcode, bytes, missing: &[], length, first, at };
            out.replay(Earlier { from, at }, first, |out| decoding.decoder.message(&input, out));
        }
    }

    /// Notes that an unknown number of frames of one side is lost.
    pub(super) fn lost(&mut self, from: Side) {
        match &mut self.state {
            State::Decoding(decoding) => decoding.decoder.lost(from),
            // What follows does not continue the kept messages.
            State::Undecided(undecided) => {
                undecided.forget();
                undecided.lost[from] = true;
                if let Some(search) = &mut undecided.search {
                    search.decoder.lost(from);
                }
            }
            State::Plain => {}
        }
    }

    /// Notes that the conversation has ended.
    pub(super) fn end(&mut self, out: &mut Out<'_>) {
        if let State::Decoding(decoding) = &mut self.state {
            decoding.decoder.end(out);
        }
    }

    /// Returns the memory the decoder has allocated beyond its own size, in bytes.
    pub(super) fn allocated(&self) -> usize {
        match &self.state {
            State::Decoding(decoding) => decoding.decoder.allocated(),
            State::Undecided(undecided) => {
                let search = undecided.search.as_ref().map_or(0, |it| it.decoder.allocated());
                let kept = undecided.kept.capacity().saturating_mul(size_of::<BufferedMessage>());
                [undecided.kept_bytes, kept, undecided.votes.len(), undecided.opening.allocated(), search]
                    .into_iter()
                    .fold(size_of::<Undecided>(), usize::saturating_add)
            }
            State::Plain => 0,
        }
    }
}

fn undecided(settings: Arc<Settings>, opening: Opening) -> State {
    let votes = vec![0; PROTOCOLS.len()];
    let search = Search::begin(&opening);
    State::Undecided(Box::new(Undecided {
        settings,
        opening,
        seen: 0,
        votes,
        kept: Vec::new(),
        kept_bytes: 0,
        lost: Pair::default(),
        search,
    }))
}

fn decoding(protocol: &'static Protocol, opening: &Opening, forced: bool) -> State {
    let decoder = (protocol.make)(opening);
    State::Decoding(Box::new(Decoding {
        name: protocol.name,
        decoder,
        messages: 0,
        contradictions: 0,
        forced,
    }))
}

fn serving(service: &Arc<dyn Service>, forced: bool) -> State {
    let (name, decoder) = (service.name(), Box::new(ServiceDecoder::new(service.clone())));
    State::Decoding(Box::new(Decoding { name, decoder, messages: 0, contradictions: 0, forced }))
}

enum Verdict {
    Open,
    Plain,
    Serves(Arc<dyn Service>),
    Is(&'static Protocol),
}

impl Undecided {
    fn judge(&mut self, input: &Input<'_>, inside: bool) -> Verdict {
        // An empty message is no evidence, nor is one whose beginning is lost.
        if input.head().is_empty() {
            return Verdict::Open;
        }
        let (mut room, whole) = ([&[][..]; MAX_MEMBERS], input.is_whole());
        let members = if input.is_text() { json::names(input.bytes, whole, &mut room) } else { None };
        for (protocol, votes) in PROTOCOLS.iter().zip(&mut self.votes) {
            if *votes == RULED_OUT || (inside && !protocol.inner) {
                continue;
            }
            match protocol.judge(input, members, &self.opening) {
                Evidence::Sure => return Verdict::Is(protocol),
                Evidence::Weak => {
                    *votes = votes.saturating_add(1);
                    if *votes >= VOTES {
                        return Verdict::Is(protocol);
                    }
                }
                Evidence::Against if *votes > 0 => *votes = RULED_OUT,
                Evidence::Neutral | Evidence::Against => {}
            }
        }
        if !inside && let Some(service) = self.service(input) {
            return Verdict::Serves(service.clone());
        }
        if let Some(protocol) = self.search(input) {
            return Verdict::Is(protocol);
        }
        self.keep(input);
        self.seen = self.seen.saturating_add(1);
        let most = if self.search.is_some() { MAX_SEARCHED } else { MAX_UNDECIDED };
        if self.seen >= most { Verdict::Plain } else { Verdict::Open }
    }

    /// Searches for packets at any offset, as long as the messages are small and binary.
    fn search(&mut self, input: &Input<'_>) -> Option<&'static Protocol> {
        let search = self.search.as_mut()?;
        if input.is_text() || self.kept_bytes.saturating_add(input.bytes.len()) > MAX_KEPT {
            self.search = None;
            return None;
        }
        search.message(input).then_some(search.protocol)
    }

    /// Matches one of the very first messages against the rules of services.
    fn service(&self, input: &Input<'_>) -> Option<&Arc<dyn Service>> {
        if self.seen >= MAX_ASKED || !input.is_text() || !input.is_whole() || input.bytes.len() > MAX_KEPT {
            return None;
        }
        self.settings.all_services().find(|service| service.begins(input.from, input.bytes))
    }

    /// Keeps a message as long as all of them together fit.
    fn keep(&mut self, input: &Input<'_>) {
        let bytes = self.kept_bytes.saturating_add(input.bytes.len());
        if bytes > MAX_KEPT || !input.is_whole() {
            self.forget();
            self.lost = Pair { client: true, server: true };
            return;
        }
        let Input { from, opcode, first, at, .. } = *input;
        self.kept.push(BufferedMessage { bytes: input.bytes.into(), from, opcode, first, at });
        self.kept_bytes = bytes;
    }

    fn forget(&mut self) {
        self.kept = Vec::new();
        self.kept_bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_taken_apart() {
        let opening = |target: &str| Opening { target: Some(target.into()), ..Opening::default() };
        assert_eq!(opening("/socket.io/?EIO=4&transport=websocket").path(), "/socket.io/");
        assert_eq!(opening("/socket.io/?EIO=4&transport=websocket").query("transport"), Some("websocket"));
        assert_eq!(opening("http://host:80/a/b?c").path(), "/a/b");
        assert_eq!(opening("/a?xEIO=3").query("EIO"), None);
    }

    #[test]
    fn names_and_headers_are_unique() {
        for (index, protocol) in PROTOCOLS.iter().enumerate() {
            for other in PROTOCOLS.iter().skip(index + 1) {
                assert_ne!(protocol.name, other.name);
                for header in protocol.headers {
                    assert!(
                        !other.headers.contains(header),
                        "{header} means {} and {}",
                        protocol.name,
                        other.name
                    );
                }
            }
        }
    }
}
