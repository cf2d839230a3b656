use std::borrow::Cow;
use std::collections::VecDeque;
use std::mem;

use super::direction::{Attempt, Direction, Taken};
use super::held::{Input, InputQueue, Item};
use super::keylog::KeyLog;
use super::keys::Epoch;
use super::negotiation::Negotiation;
use super::output::Outputs;
use super::protection::{Record, Tail};
use super::record::{Header, content};
use super::record_reader::Found;
use super::resync::Gap;
use super::{End, Facts, Limits, Opaque, Output, Session};
use crate::hello::suite::Suite;
use crate::model::{Anomaly, At, Lost, Pair, Side};

/// How many consecutive records may fail to open before the keys are considered wrong: if none ever opened, and if some
/// did.
const FAILURES: [u64; 2] = [16, 256];

/// The state of the report on a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing: its facts are not all known yet.
    Handshake,
    /// Its facts.
    Known,
    /// That its records cannot be opened: no further bytes are taken.
    Opaque,
}

/// A TLS connection; yields the plaintext of the records that the known keys open.
///
/// ```text
///            ClientHello       keys known              both ends
///   hellos ───────────────► ┌─────────────► opened ───────────────► over
///                           │  ▲                │ gap: search for the number
///                           ▼  │ learn          └──► opened
///                          held ─────────────► opaque
///                                no key can come
/// ```
///
/// After each call of [`push`](Self::push), [`gap`](Self::gap), [`learn`](Self::learn), [`end`](Self::end) or
/// [`finish`](Self::finish), poll [`next`](Self::next) until it returns `None`.
///
/// The record layer keeps counting across gaps, so a gap costs only the bytes it contains. If record headers were
/// captured, the next sequence number is computed; after a lost header, a record is found by opening it with each of
/// the sequence numbers that are possible there.
pub struct Stream {
    pub(super) limits: Limits,
    pub(super) facts: Facts,
    pub(super) negotiation: Negotiation,
    pub(super) sides: Pair<Direction>,
    pub(super) held: InputQueue,
    pub(super) outputs: Outputs,
    /// Early data, until the server is known to have accepted it.
    pub(super) early: Vec<(At, At, Vec<u8>)>,
    /// The version of the key log at the last look-up.
    seen: u64,
    /// The remaining budget for identifying the connection in a key log.
    pub(super) budget: u64,
    pub(super) has_no_beginning: bool,
    state: State,
    /// Whether the sides were swapped while bytes were being processed.
    pub(super) swapped: bool,
}

impl Stream {
    /// Creates a stream for a connection whose first bytes come next.
    pub fn new(limits: Limits) -> Self {
        Stream {
            budget: limits.trials,
            limits,
            facts: Facts::default(),
            negotiation: Negotiation::default(),
            sides: Pair::from_fn(|_| Direction::default()),
            held: InputQueue::default(),
            outputs: Outputs::default(),
            early: Vec::new(),
            seen: 0,
            has_no_beginning: false,
            state: State::Handshake,
            swapped: false,
        }
    }

    /// Creates a stream for a connection whose beginning was not captured.
    pub fn mid_stream(limits: Limits) -> Self {
        let sides = Pair::from_fn(|_| Direction::mid_stream());
        Stream { sides, has_no_beginning: true, ..Stream::new(limits) }
    }

    /// Pushes bytes of one side.
    pub fn push(&mut self, side: Side, bytes: &[u8], at: At, keys: &KeyLog) {
        if !self.is_opaque() {
            self.refresh(keys);
            self.feed(side, Cow::Borrowed(bytes), at, keys);
        }
    }

    /// Notes that bytes of one side are missing.
    pub fn gap(&mut self, side: Side, lost: Lost, at: At) {
        if self.is_opaque() {
            return;
        }
        if self.held.is_blocked(side) {
            self.hold(side, at, Input::Gap(lost));
            return;
        }
        let direction = &mut self.sides[side];
        direction.gapped = true;
        if let Some(cut) = direction.reader.gap(lost) {
            self.cut(side, &cut, at);
        }
    }

    /// Notes that a side has finished sending.
    pub fn end(&mut self, side: Side, at: At) {
        if self.is_opaque() {
            return;
        }
        if self.held.is_blocked(side) {
            self.hold(side, at, Input::End);
            return;
        }
        if let Some(cut) = self.sides[side].reader.end() {
            self.sides[side].gapped = true;
            self.cut(side, &cut, at);
        }
        let direction = &mut self.sides[side];
        if mem::replace(&mut direction.closed, true) {
            return;
        }
        let incomplete = direction.reader.search().is_some_and(|search| search.skipped() != Lost::Exact(0));
        if incomplete || direction.passed.bytes > 0 {
            direction.add_missing(Lost::Unknown { least: 0 });
        }
        if direction.keys.is_some() {
            if !incomplete {
                self.outputs.anomaly(side, Anomaly::TlsTruncated {}, at);
            }
            self.report_end(side, End::Truncated, at);
        } else if self.sides.client.closed && self.sides.server.closed {
            self.report_facts();
        }
    }

    /// Notes that keys were added to the key log.
    pub fn learn(&mut self, keys: &KeyLog) {
        if !self.is_opaque() {
            self.refresh(keys);
        }
    }

    /// Notes that no more keys will come: queued input is given up.
    pub fn finish(&mut self, at: At, keys: &KeyLog) {
        let failed = Side::BOTH.into_iter().any(|side| self.sides[side].passed.records > 0);
        if !self.is_opaque() && self.facts.keys.is_none() && (failed || self.held.is_any_blocked()) {
            let why = if self.negotiation.secrets() > 0 { Opaque::KeysWrong } else { Opaque::NoKeys };
            self.give_up(why, at, keys);
        }
        if !self.is_opaque() {
            self.report_facts();
        }
    }

    /// Returns the next output; drain until `None` before pushing again.
    pub fn next(&mut self, keys: &KeyLog) -> Option<Output<'_>> {
        while self.outputs.is_empty() {
            self.outputs.clear();
            let Item { side, at, input } = self.held.next()?;
            match input {
                Input::Bytes(bytes) => self.feed(side, Cow::Owned(bytes), at, keys),
                Input::Gap(lost) => self.gap(side, lost, at),
                Input::End => self.end(side, at),
            }
        }
        self.outputs.next()
    }

    /// Returns a session that a later connection may resume, once for each of its names.
    pub fn next_session(&mut self) -> Option<Session> {
        self.negotiation.next_session()
    }

    /// Returns the client's random once secrets of the connection were found in the key log.
    pub fn next_use(&mut self) -> Option<[u8; 32]> {
        self.negotiation.next_use()
    }

    /// Returns what is known about the connection.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Returns the memory of the input waiting for keys, in bytes.
    pub const fn held(&self) -> usize {
        self.held.bytes()
    }

    /// Returns the memory of incomplete records and messages, in bytes.
    pub fn gathered(&self) -> usize {
        let side = |it: &Direction| it.reader.held().saturating_add(it.messages.held());
        side(&self.sides.client).saturating_add(side(&self.sides.server))
    }

    /// Returns the random for which keys are awaited; `None` if there is none, or if any key may help.
    pub fn wants(&self) -> Option<&[u8; 32]> {
        self.negotiation.client_random.as_ref().filter(|_| self.held.is_any_blocked())
    }

    /// Returns whether the stream is waiting for keys.
    pub fn is_waiting(&self) -> bool {
        self.held.is_any_blocked()
    }

    /// Releases the queued input: records are only counted from now on, until keys come.
    pub fn release(&mut self) {
        while let Some(item) = self.held.oldest() {
            self.count_unopened(item);
        }
    }

    fn refresh(&mut self, keys: &KeyLog) {
        if mem::replace(&mut self.seen, keys.version()) == keys.version() {
            return;
        }
        let is_known = self.negotiation.secrets() > 0;
        if self.negotiation.look_up(keys) || !is_known {
            self.held.release();
        }
    }

    /// Processes bytes of one side, and those that had been collected for a search.
    fn feed(&mut self, mut side: Side, bytes: Cow<'_, [u8]>, at: At, keys: &KeyLog) {
        if self.held.is_blocked(side) {
            self.hold(side, at, Input::Bytes(bytes.into_owned()));
            return;
        }
        let mut work = VecDeque::from([(at, bytes)]);
        while let Some((at, bytes)) = work.pop_front() {
            let mut input = &bytes[..];
            while let Some(found) = self.sides[side].reader.step(&mut input, at) {
                let taken = match found {
                    Found::Record { header, fragment, first } => {
                        let taken = self.record(side, header, &fragment, (first, at), keys);
                        if taken == Taken::Waits {
                            let record = [&header.to_bytes()[..], &fragment].concat();
                            self.hold(side, first, Input::Bytes(record));
                        }
                        taken
                    }
                    Found::Cut(cut) => {
                        self.cut(side, &cut, at);
                        Taken::Done
                    }
                    Found::NoHeader => {
                        self.no_header(side, at, keys);
                        Taken::Done
                    }
                };
                if self.is_opaque() {
                    return;
                }
                if mem::take(&mut self.swapped) {
                    side = !side;
                }
                if taken == Taken::Waits {
                    self.hold(side, at, Input::Bytes(input.to_vec()));
                    for (at, bytes) in work {
                        self.hold(side, at, Input::Bytes(bytes.into_owned()));
                    }
                    return;
                }
            }
            // The collected bytes precede the remaining work.
            for (at, bytes) in self.search(side, at, keys).into_iter().rev() {
                work.push_front((at, Cow::Owned(bytes)));
            }
            if self.is_opaque() {
                return;
            }
            if mem::take(&mut self.swapped) {
                side = !side;
            }
            if self.held.is_blocked(side) {
                for (at, bytes) in work {
                    self.hold(side, at, Input::Bytes(bytes.into_owned()));
                }
                return;
            }
        }
    }

    /// Queues an input of a side; beyond the bound, the oldest inputs are given up: their records are only counted.
    pub(super) fn hold(&mut self, side: Side, at: At, input: Input) {
        self.held.hold(side, at, input);
        while self.held.bytes() > self.limits.held {
            let Some(item) = self.held.oldest() else {
                break;
            };
            self.count_unopened(item);
        }
    }

    /// Counts records that will not be opened.
    fn count_unopened(&mut self, item: Item) {
        let is_13 = self.negotiation.is_13();
        let direction = &mut self.sides[item.side];
        let pass = |direction: &mut Direction, header: Header| {
            // ChangeCipherSpec has no sequence number in TLS 1.3.
            if header.kind != content::CHANGE_CIPHER_SPEC || is_13 == Some(false) {
                direction.pass(header, header.kind == content::APPLICATION_DATA);
            }
        };
        match item.input {
            Input::Bytes(bytes) => {
                let mut input = &bytes[..];
                while let Some(found) = direction.reader.step(&mut input, item.at) {
                    match found {
                        Found::Record { header, .. } => pass(direction, header),
                        Found::Cut(cut) => pass(direction, cut.header),
                        Found::NoHeader => {}
                    }
                }
                if let Some(search) = direction.reader.search() {
                    search.forget();
                }
            }
            Input::Gap(lost) => {
                if let Some(cut) = direction.reader.gap(lost) {
                    pass(direction, cut.header);
                }
            }
            Input::End => direction.closed = true,
        }
    }

    /// Processes a complete record.
    fn record(
        &mut self,
        side: Side,
        header: Header,
        fragment: &[u8],
        (first, at): (At, At),
        keys: &KeyLog,
    ) -> Taken {
        let direction = &self.sides[side];
        if direction.closed {
            return Taken::Done;
        }
        if header.kind == content::CHANGE_CIPHER_SPEC && header.length == 1 {
            return self.change_cipher_spec(side);
        }
        if self.is_clear(side, header) {
            self.clear(side, header.kind, fragment, at, keys);
            return Taken::Done;
        }
        // Application data before any hello: the beginning was not captured.
        let is_first = self.facts.ja4.is_none() && self.negotiation.version.is_none();
        self.has_no_beginning |=
            is_first && direction.keys.is_none() && header.kind == content::APPLICATION_DATA;
        let record = Record { header, fragment, before: direction.before };
        let taken = self.protected(side, &record, (first, at), keys);
        if taken == Taken::Done {
            let side = if self.swapped { !side } else { side };
            self.sides[side].before = Some(Tail::of(fragment));
        }
        taken
    }

    /// Processes a complete, protected record.
    fn protected(&mut self, side: Side, record: &Record<'_>, at: (At, At), keys: &KeyLog) -> Taken {
        if self.open(side, record, at, keys) {
            return Taken::Done;
        }
        let in_sync = self.sides[side].passed.records == 0;
        match self.attempt(side, record, Gap::NONE, at.1, keys) {
            Attempt::Opens => {
                let side = if self.swapped { !side } else { side };
                self.open(side, record, at, keys);
                Taken::Done
            }
            Attempt::NoKeys => self.wait_or_give_up(at.1, keys),
            Attempt::Fails => self.failed(side, record.header, in_sync, at.1, keys),
        }
    }

    /// Handles a record that is not authentic under any known key.
    fn failed(&mut self, side: Side, header: Header, in_sync: bool, at: At, keys: &KeyLog) -> Taken {
        let direction = &mut self.sides[side];
        let is_proven = direction.keys.is_some();
        if in_sync && is_proven {
            let number = direction.number;
            let anomaly = Anomaly::TlsBadRecord { number, length: header.length as u64 };
            self.outputs.anomaly(side, anomaly, at);
        }
        if !is_proven && !keys.is_complete() && self.has_expected_keys(side) {
            return Taken::Waits;
        }
        let direction = &mut self.sides[side];
        direction.pass(header, header.kind == content::APPLICATION_DATA);
        let [never, now] = FAILURES;
        if direction.passed.records > if is_proven { now } else { never } || !direction.can_search() {
            self.give_up(Opaque::KeysWrong, at, keys);
        }
        Taken::Done
    }

    /// Returns whether keys are known for the epoch to which the next record must belong.
    fn has_expected_keys(&self, side: Side) -> bool {
        let direction = &self.sides[side];
        let expected = direction.epochs(false, self.negotiation.is_13(), false);
        expected.first().is_some_and(|epoch| !self.negotiation.keys(side, *epoch).is_empty())
    }

    fn is_clear(&self, side: Side, header: Header) -> bool {
        match self.sides[side].epoch {
            // A second ClientHello follows early data that was rejected.
            Epoch::Clear | Epoch::Early if header.kind == content::HANDSHAKE => true,
            Epoch::Session(_) => false,
            _ => header.kind == content::ALERT && header.length == 2,
        }
    }

    fn no_header(&mut self, side: Side, at: At, keys: &KeyLog) {
        self.sides[side].gapped = true;
        if self.facts.ja4.is_none() && self.facts.version.is_none() && !self.has_no_beginning {
            self.give_up(Opaque::NotTls, at, keys);
        }
    }

    /// Decides the fate of a record for which there is no key: it waits if a key may still come.
    pub(super) fn wait_or_give_up(&mut self, at: At, keys: &KeyLog) -> Taken {
        let negotiation = &self.negotiation;
        let is_unsupported = negotiation.suite.is_some_and(|id| Suite::by_id(id).is_none());
        // The server's hello may still be coming: packets of the two sides may be swapped.
        let awaited =
            negotiation.server_random.is_none() && !self.sides.server.gapped && !self.has_no_beginning;
        let is_asked = negotiation.awaits_key_exchange(keys) && !self.sides.client.gapped;
        let why = if is_unsupported {
            Opaque::SuiteUnsupported
        } else if awaited || is_asked {
            return Taken::Waits;
        } else if negotiation.is_13() == Some(false) && negotiation.server_random.is_none() {
            Opaque::HandshakeMissing
        } else if !keys.is_complete() {
            return Taken::Waits;
        } else if keys.is_given() && self.has_no_beginning {
            Opaque::HandshakeMissing
        } else {
            Opaque::NoKeys
        };
        self.give_up(why, at, keys);
        Taken::Done
    }

    /// Stops decrypting the connection.
    pub(super) fn give_up(&mut self, why: Opaque, at: At, keys: &KeyLog) {
        if self.is_opaque() {
            return;
        }
        self.report_facts();
        self.state = State::Opaque;
        self.held.clear();
        self.early = Vec::new();
        let anomaly = why.anomaly(&self.facts, &self.negotiation, keys);
        if let Some(anomaly) = anomaly.filter(|_| keys.is_given()) {
            self.outputs.anomaly(None, anomaly, at);
        }
        self.outputs.push(Output::Opaque(why));
        self.sides = Pair::from_fn(|_| Direction::default());
        self.negotiation.forget();
    }

    pub(super) fn is_opaque(&self) -> bool {
        self.state == State::Opaque
    }

    /// Reports the facts, once.
    pub(super) fn report_facts(&mut self) {
        if self.state == State::Handshake {
            self.state = State::Known;
            self.outputs.push(Output::Hello(Box::new(self.facts.clone())));
        }
    }

    pub(super) fn change_cipher_spec(&mut self, side: Side) -> Taken {
        match self.negotiation.is_13() {
            Some(false) => {
                if self.sides[side].epoch == Epoch::Clear {
                    self.sides[side].enter(Epoch::Session(1));
                }
                Taken::Done
            }
            // Only TLS 1.3 asks for another hello.
            None if self.facts.retried => Taken::Done,
            None if self.negotiation.version.is_none() && !self.sides.server.gapped => Taken::Waits,
            _ => Taken::Done,
        }
    }
}
