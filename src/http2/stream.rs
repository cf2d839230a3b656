use std::collections::VecDeque;

use crate::model::{Pair, Side};

/// The kind of a stream, as far as extended CONNECT is concerned (RFC 8441 §4).
///
/// ```text
///                 ┌────────────────────────── ended, reset ──────────────────────────┐
///   :protocol ─► Extended ── refused ──┐                                             ▼
///   other requests ────────────────► Ordinary ───────────────────────────────────► Closed
///   request lost ─► Unknown ── by the response ────┘  (a later request makes it Extended or Ordinary)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A request and its response: nothing is delivered.
    Ordinary,
    /// A stream of bytes in both directions.
    Extended,
    /// The request was not captured, or not enough of it: the stream may be either.
    Unknown,
    /// An ordinary stream whose bodies were requested and are delivered.
    Body,
    Closed,
}

/// One stream; for an ordinary one, this is everything that is stored.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: u32,
    pub(super) kind: Kind,
    facts: u8,
    /// How much each side may still send; for extended streams only.
    pub(super) windows: Option<Box<Pair<i64>>>,
}

/// The request was reported.
pub(super) const OPENED: u8 = 1;
/// The final response was captured.
pub(super) const ANSWERED: u8 = 2;

/// The flag for a side that has finished sending.
const fn ended(side: Side) -> u8 {
    match side {
        Side::Client => 4,
        Side::Server => 8,
    }
}

/// The flag for a side whose next bytes are known to follow what was reported: the start of the stream, or a gap.
const fn positioned(side: Side) -> u8 {
    match side {
        Side::Client => 16,
        Side::Server => 32,
    }
}

impl Stream {
    fn new(id: u32, kind: Kind) -> Self {
        Stream { id, kind, facts: 0, windows: None }
    }

    /// Returns whether its bytes are delivered.
    pub(super) const fn delivers(&self) -> bool {
        matches!(self.kind, Kind::Extended | Kind::Unknown | Kind::Body)
    }

    pub(super) const fn is(&self, fact: u8) -> bool {
        self.facts & fact != 0
    }

    /// Notes that the request was reported: the client's bytes begin.
    pub(super) const fn open(&mut self) {
        self.facts |= OPENED | positioned(Side::Client);
    }

    /// Notes that the final response was captured: the server's bytes begin.
    pub(super) const fn answer(&mut self) {
        self.facts |= ANSWERED | positioned(Side::Server);
    }

    /// Delivers its bodies from here on, provided none of them came before.
    pub(super) fn deliver(&mut self) {
        if self.kind == Kind::Ordinary {
            self.kind = Kind::Body;
        }
    }

    const fn is_positioned(&self, side: Side) -> bool {
        self.is(positioned(side))
    }

    /// Notes that a gap is reported before the next bytes of a side; returns `false` if that was noted before.
    pub(super) const fn place(&mut self, side: Side) -> bool {
        let positioned = positioned(side);
        let is_first = self.facts & positioned == 0;
        self.facts |= positioned;
        is_first
    }

    /// Returns whether the position of a side's bytes was reported.
    pub(super) const fn is_read(&self, side: Side) -> bool {
        self.delivers() && self.is_positioned(side) && !self.has_ended(side)
    }

    pub(super) const fn has_ended(&self, side: Side) -> bool {
        self.is(ended(side))
    }

    /// Notes that a side has finished sending; the stream is closed once both have.
    pub(super) fn end(&mut self, side: Side) {
        self.facts |= ended(side);
        if self.has_ended(!side) {
            self.close();
        }
    }

    /// Swaps the sides.
    fn reverse(&mut self) {
        let sides = [(4, 8), (16, 32)];
        self.facts = sides.iter().fold(self.facts & (OPENED | ANSWERED), |facts, (client, server)| {
            let swapped = [(client, server), (server, client)];
            swapped.iter().filter(|(from, _)| self.is(**from)).fold(facts, |facts, (_, to)| facts | **to)
        });
        if let Some(windows) = &mut self.windows {
            windows.swap();
        }
    }

    pub(super) fn close(&mut self) {
        self.kind = Kind::Closed;
        self.windows = None;
    }
}

/// The streams of a connection that were opened by the client; bounded.
///
/// Closed streams are kept until there are too many; then ordinary streams are dropped, oldest first.
#[derive(Debug)]
pub(super) struct Streams {
    /// Sorted by identifier.
    list: VecDeque<Stream>,
    limit: usize,
    /// The greatest identifier of a request.
    highest: u32,
    /// The greatest identifier of a dropped stream.
    forgotten: u32,
    /// The index of the stream that was last found; it is usually the next one, too.
    recent: usize,
}

impl Streams {
    pub(super) fn new(limit: usize) -> Self {
        Streams { list: VecDeque::new(), limit: limit.max(2), highest: 0, forgotten: 0, recent: 0 }
    }

    pub(super) const fn highest(&self) -> u32 {
        self.highest
    }

    /// Notes that the client opened a stream.
    pub(super) fn open(&mut self, id: u32) {
        self.highest = self.highest.max(id);
    }

    pub(super) fn get(&self, id: u32) -> Option<&Stream> {
        self.list.get(self.place(id).ok()?)
    }

    pub(super) fn find(&mut self, id: u32) -> Option<&mut Stream> {
        let place = self.place(id).ok()?;
        self.recent = place;
        self.list.get_mut(place)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.list.iter_mut()
    }

    /// Swaps the sides.
    pub(super) fn reverse(&mut self) {
        self.list.iter_mut().for_each(Stream::reverse);
    }

    /// Returns whether a stream was dropped, or may have been.
    pub(super) const fn is_forgotten(&self, id: u32) -> bool {
        id <= self.forgotten
    }

    /// Finds or adds a stream; also returns the stream evicted for it, if its bytes were being delivered.
    pub(super) fn add(&mut self, id: u32, kind: Kind) -> (Option<&mut Stream>, Option<Stream>) {
        let evicted =
            if self.list.len() >= self.limit && self.place(id).is_err() { self.forget() } else { None };
        let place = self.place(id);
        if let Err(place) = place {
            self.list.insert(place, Stream::new(id, kind));
        }
        let (Ok(place) | Err(place)) = place;
        (self.list.get_mut(place), evicted)
    }

    /// Returns the allocated memory, in bytes.
    pub(super) fn allocated(&self) -> usize {
        let windows = self.list.iter().filter(|stream| stream.windows.is_some()).count();
        let slots = self.list.capacity().saturating_mul(size_of::<Stream>());
        windows.saturating_mul(size_of::<Pair<i64>>()).saturating_add(slots)
    }

    fn place(&self, id: u32) -> Result<usize, usize> {
        if self.list.get(self.recent).is_some_and(|stream| stream.id == id) {
            return Ok(self.recent);
        }
        self.list.binary_search_by_key(&id, |stream| stream.id)
    }

    /// Evicts streams: half of them at once where possible, so that it is seldom needed.
    fn forget(&mut self) -> Option<Stream> {
        let spare = self.list.len() / 2;
        for kind in [Kind::Closed, Kind::Ordinary] {
            let excess = self.list.len().saturating_sub(spare);
            let (mut gone, mut last) = (0_usize, 0);
            self.list.retain(|stream| {
                let keeps = stream.kind != kind || gone >= excess;
                if !keeps {
                    gone = gone.saturating_add(1);
                    last = stream.id;
                }
                keeps
            });
            self.forgotten = self.forgotten.max(last);
        }
        if self.list.len() < self.limit {
            return None;
        }
        let oldest = self.list.pop_front();
        self.forgotten = oldest.as_ref().map_or(self.forgotten, |stream| self.forgotten.max(stream.id));
        oldest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_small() {
        assert_eq!(size_of::<Stream>(), 16);
    }

    #[test]
    fn a_million_streams_are_bounded_and_extended_ones_stay() {
        let mut streams = Streams::new(1024);
        streams.add(3, Kind::Extended);
        for id in (5..2_000_000).step_by(2) {
            let (stream, evicted) = streams.add(id, Kind::Ordinary);
            assert!(evicted.is_none() && streams_is(stream, id));
            assert!(streams.list.len() <= 1024 && streams.allocated() <= 64 * 1024);
        }
        assert_eq!(streams.get(3).unwrap().kind, Kind::Extended);
        assert!(streams.is_forgotten(5) && streams.get(5).is_none());
        assert!(streams.get(1_999_999).is_some());
    }

    fn streams_is(stream: Option<&mut Stream>, id: u32) -> bool {
        stream.is_some_and(|stream| stream.id == id)
    }

    #[test]
    fn of_extended_ones_alone_the_oldest_goes() {
        let mut streams = Streams::new(4);
        let gone: Vec<_> =
            (1..20).filter_map(|id| streams.add(id, Kind::Extended).1.map(|it| it.id)).collect();
        assert_eq!(gone, (1..16).collect::<Vec<_>>());
    }

    #[test]
    fn sides_that_change_places_take_what_is_known_of_them_along() {
        let mut stream = Stream::new(1, Kind::Unknown);
        stream.end(Side::Client);
        stream.place(Side::Server);
        stream.reverse();
        assert!(stream.has_ended(Side::Server) && !stream.has_ended(Side::Client));
        assert!(
            stream.is_positioned(Side::Client) && !stream.is_positioned(Side::Server) && !stream.is(OPENED)
        );
    }

    #[test]
    fn a_stream_closes_when_both_sides_end() {
        let mut streams = Streams::new(8);
        let stream = streams.add(1, Kind::Extended).0.unwrap();
        stream.end(Side::Server);
        assert!(stream.has_ended(Side::Server) && !stream.has_ended(Side::Client) && stream.delivers());
        stream.end(Side::Client);
        assert_eq!(stream.kind, Kind::Closed);
    }
}
