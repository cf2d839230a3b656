use std::ops::Range;

use super::Limits;
use super::evidence::Known;
use super::expected::Expected;
use super::flow::Flow;
use super::frame::{self, ACK, ErrorCode, FrameType, Header, PREFACE, PREFACE_NAME};
use super::hpack::Fields;
use super::orientation::{Orientation, sender};
use super::output::{End, Output};
use super::reader::{DataFrame, Part, ReadState, Reader};
use super::reports::Reports;
use super::search::{Input, Search, Unit};
use super::stream::{Kind, Streams};
use crate::model::{Anomaly, Lost, Pair, Side};

/// An HTTP/2 connection (RFC 9113), followed from its start or joined mid-stream.
///
/// Push, then drain: each call of [`push`](Self::push), [`gap`](Self::gap) and [`end`](Self::end) returns a
/// [`Delivery`](super::Delivery) to be polled until it returns `None`.
#[derive(Debug)]
pub struct Connection {
    pub(super) limits: Limits,
    pub(super) readers: Pair<Reader>,
    pub(super) reports: Reports,
    pub(super) flow: Flow,
    /// Whether the server allows extended CONNECT (RFC 8441 §3); `None` until its settings are seen.
    pub(super) connect_enabled: Option<bool>,
    /// The fields of the current block; kept to reuse the allocation.
    pub(super) fields: Fields,
    orientation: Orientation,
    /// Whether the connection is known to be HTTP/2.
    is_certain: bool,
}

/// The result of one step: what was consumed.
#[derive(Debug)]
pub(super) enum Step {
    Used(usize),
    /// The first bytes belong to a stream.
    Data {
        stream: u32,
        bytes: Range<usize>,
    },
    /// Frames were found: these bytes replace the ones that were pushed.
    Found(Vec<u8>),
}

impl Connection {
    /// Creates a connection whose first bytes come next.
    pub fn new(limits: Limits) -> Self {
        let readers = Pair {
            client: Reader::new(ReadState::Preface, &limits),
            server: Reader::new(ReadState::Header, &limits),
        };
        Connection {
            limits,
            readers,
            reports: Reports::new(Streams::new(limits.streams)),
            flow: Flow::new(true),
            connect_enabled: None,
            fields: Fields::default(),
            orientation: Orientation::Known,
            is_certain: true,
        }
    }

    /// Creates a connection that began with an `Upgrade: h2c` request (RFC 7540 §3.2), which became stream 1, already
    /// ended by the client.
    ///
    /// The settings in the request's HTTP2-Settings field are unknown, so nothing is judged by them.
    pub fn upgraded(limits: Limits) -> Self {
        let mut connection = Connection { flow: Flow::new(false), ..Connection::new(limits) };
        connection.readers.server.decoder.allow(u32::MAX);
        connection.readers.server.longest = (1 << 24) - 1;
        connection.reports.streams.open(1);
        if let (Some(stream), _) = connection.reports.streams.add(1, Kind::Ordinary) {
            stream.end(Side::Client);
        }
        connection
    }

    /// Creates a connection joined mid-stream: both sides are searched for frames, and which side is the client is
    /// assumed until a request or a response shows it.
    pub fn mid_stream(limits: Limits) -> Self {
        Connection {
            readers: Pair::from_fn(|_| Reader::mid_stream(&limits)),
            flow: Flow::new(false),
            orientation: Orientation::Assumed,
            is_certain: false,
            ..Connection::new(limits)
        }
    }

    /// Returns whether this side is being searched for frames.
    pub const fn is_searching(&self, side: Side) -> bool {
        match side {
            Side::Client => self.readers.client.is_searching(),
            Side::Server => self.readers.server.is_searching(),
        }
    }

    /// Returns whether the side taken for the client is known to be the client.
    pub fn is_oriented(&self) -> bool {
        self.orientation == Orientation::Known
    }

    /// Returns whether a search has found consecutive headers, though not enough of them to be convinced.
    pub fn is_likely(&self) -> bool {
        self.any_search(Search::is_likely)
    }

    /// Returns whether a search has found something that may be a header and that nothing refutes yet.
    pub fn is_possible(&self) -> bool {
        self.any_search(Search::is_possible)
    }

    fn any_search(&self, holds: impl Fn(&Search) -> bool) -> bool {
        let of = |reader: &Reader| matches!(&reader.place, ReadState::Search(search) if holds(search));
        of(&self.readers.client) || of(&self.readers.server)
    }

    /// Returns the memory used by the searches for frames, in bytes.
    pub fn searched(&self) -> usize {
        let searched = |reader: &Reader| match &reader.place {
            ReadState::Search(search) => search.allocated(),
            _ => 0,
        };
        searched(&self.readers.client).saturating_add(searched(&self.readers.server))
    }

    /// Skips the bytes collected by the searches for frames and releases their memory.
    pub fn stop_gathering(&mut self) {
        for side in Side::BOTH {
            if let ReadState::Search(search) = &mut self.readers[side].place {
                search.give_up();
            }
        }
    }

    /// Swaps the sides: the one taken for the client is the server.
    pub(super) fn reverse(&mut self) {
        self.readers.swap();
        self.reports.streams.reverse();
        self.orientation = Orientation::Reversed;
    }

    /// Determines the sender of a header block, swaps the sides if they were assumed wrongly, and returns the sender.
    pub(super) fn orient(&mut self, side: Side, fields: &Fields) -> Side {
        if self.orientation != Orientation::Assumed {
            return side;
        }
        let Some(sender) = sender(fields) else { return side };
        if sender == side {
            self.orientation = Orientation::Known;
        } else {
            self.reverse();
            self.reports.say(Output::Reversed);
        }
        sender
    }

    /// Returns, once, whether the sides have been swapped.
    pub(super) fn take_swapped(&mut self) -> bool {
        let reversed = self.orientation == Orientation::Reversed;
        if reversed {
            self.orientation = Orientation::Known;
        }
        reversed
    }

    /// Returns the memory used for decoding header blocks, in bytes.
    pub fn header_memory(&self) -> usize {
        let readers = self.readers.client.header_memory().saturating_add(self.readers.server.header_memory());
        readers.saturating_add(self.fields.allocated())
    }

    /// Forgets the header tables and the incomplete header blocks; fields that refer to them become unknown.
    pub fn forget_headers(&mut self) {
        self.fields = Fields::default();
        for side in Side::BOTH {
            self.readers[side].forget_headers();
        }
    }

    /// Returns the allocated memory, in bytes.
    pub fn allocated(&self) -> usize {
        [self.readers.client.allocated(), self.readers.server.allocated(), self.reports.allocated()]
            .into_iter()
            .fold(self.fields.allocated(), usize::saturating_add)
    }

    /// Releases memory that is not needed while idle.
    pub fn rest(&mut self) {
        self.reports.rest();
        self.fields = Fields::default();
    }

    pub(super) fn report(&mut self) -> Option<Output<'static>> {
        self.reports.next()
    }

    /// Reports an anomaly in a side's frames, once per code.
    pub(super) fn fault(&mut self, side: Side, stream: u32, anomaly: Anomaly) {
        if self.readers[side].is_first_report(anomaly.code()) {
            self.reports.anomaly(side, stream, anomaly);
        }
    }

    /// Processes the next bytes of a side, the remainder of a unit.
    pub(super) fn step(&mut self, side: Side, input: &[u8], unit: Unit) -> Step {
        match &mut self.readers[side].place {
            ReadState::Preface => self.preface(side, input),
            ReadState::Header => {
                let (used, whole) = self.readers[side].gather(input, Header::LENGTH);
                if let Some(header) = whole.as_deref().and_then(Header::parse) {
                    self.begin(side, &header);
                }
                Step::Used(used)
            }
            ReadState::Data(_) => self.data(side, input),
            ReadState::Payload(header) => {
                let header = *header;
                let (used, payload) = self.readers[side].gather(input, header.length as usize);
                if let Some(payload) = payload {
                    self.readers[side].place = ReadState::Header;
                    self.frame(side, &header, &payload);
                }
                Step::Used(used)
            }
            ReadState::Skip(left) => {
                let taken = input.len().min(*left as usize);
                *left = left.saturating_sub(taken as u32);
                if *left == 0 {
                    self.readers[side].place = ReadState::Header;
                }
                Step::Used(taken)
            }
            ReadState::Search(_) => self.search(side, Input { bytes: input, unit }),
            ReadState::Nothing => Step::Used(input.len()),
        }
    }

    fn search(&mut self, side: Side, input: Input<'_>) -> Step {
        let Connection { readers, reports, is_certain, .. } = self;
        let reader = &mut readers[side];
        let ReadState::Search(search) = &mut reader.place else { return Step::Used(0) };
        let (streams, longest) = (&reports.streams, reader.longest);
        match search.push(input, Known { side, streams, longest, is_http2: *is_certain }) {
            None => Step::Used(input.bytes.len()),
            Some(skipped) => Step::Found(self.found(side, skipped)),
        }
    }

    fn preface(&mut self, side: Side, input: &[u8]) -> Step {
        let (used, right) = self.readers[side].preface(input);
        if let Some(right) = right.filter(|right| *right < PREFACE.len()) {
            if right >= PREFACE_NAME.len() {
                self.fault(side, 0, Anomaly::H2Preface {});
            }
            self.reports.say(Output::NotHttp2);
            self.readers.client.place = ReadState::Nothing;
            self.readers.server.place = ReadState::Nothing;
        }
        Step::Used(used)
    }

    /// Processes a frame header.
    fn begin(&mut self, side: Side, header: &Header) {
        self.judge(side, header);
        self.readers[side].started = true;
        let kept = header.length as usize <= self.limits.block;
        let place = match header.kind {
            FrameType::DATA => {
                let delivers = header.stream != 0 && self.carries(side, header);
                if delivers {
                    self.reports.place(side, header.stream);
                }
                ReadState::Data(DataFrame::new(header, delivers))
            }
            FrameType::HEADERS | FrameType::PUSH_PROMISE | FrameType::CONTINUATION if !kept => {
                let value = self.limits.block as u64;
                self.fault(side, header.stream, Anomaly::LimitReached { limit: "h2-block", value });
                self.truncated(side, header, &[]);
                ReadState::Skip(header.length)
            }
            kind if kept && kind.is_read() => ReadState::Payload(*header),
            _ => ReadState::Skip(header.length),
        };
        if header.length > 0 {
            self.readers[side].place = place;
            return;
        }
        // No payload will come to complete the frame.
        match place {
            ReadState::Data(frame) => self.data_ended(side, frame),
            ReadState::Payload(header) => self.frame(side, &header, &[]),
            _ => {}
        }
    }

    /// Reports what a frame header violates.
    fn judge(&mut self, side: Side, header: &Header) {
        let reader = &self.readers[side];
        let expected = Expected {
            first: !reader.started,
            longest: (!self.readers[!side].lossy).then_some(reader.longest),
            block: reader.block.as_ref().map(|block| block.stream),
            lossy: reader.lossy,
        };
        if expected.allows(side, header) {
            return;
        }
        for anomaly in expected.faults(side, header) {
            self.fault(side, header.stream, anomaly);
        }
        if expected.breaks_off(header) {
            self.abandon_block(side);
        }
    }

    /// Returns whether every request so far was captured.
    pub(super) const fn knows_requests(&self) -> bool {
        self.readers.client.started && !self.readers.client.lossy
    }

    /// Processes the header of a DATA frame; returns whether its payload is delivered.
    fn carries(&mut self, side: Side, header: &Header) -> bool {
        let id = header.stream;
        if let Some((stream, excess)) = self.flow.sent(side, id, header.length, &mut self.reports.streams) {
            self.fault(side, id, Anomaly::H2FlowControl { stream, excess });
        }
        if self.reports.streams.get(id).is_none() && id & 1 == 1 && !self.reports.streams.is_forgotten(id) {
            // Whether the other side's request was lost or comes later in the capture is unknown.
            if side == Side::Client && self.knows_requests() {
                self.fault(side, id, Anomaly::H2StreamState { frame: "DATA", stream: id, state: "idle" });
            } else {
                self.reports.add(id, Kind::Unknown, self.limits.streams);
            }
        }
        let lossy = self.readers[side].lossy;
        match self.reports.streams.get(id) {
            Some(stream) if stream.has_ended(side) => {
                let state = if stream.kind == Kind::Closed { "closed" } else { "half closed" };
                if !lossy {
                    self.fault(side, id, Anomaly::H2StreamState { frame: "DATA", stream: id, state });
                }
                false
            }
            Some(stream) => stream.delivers(),
            None => false,
        }
    }

    fn data(&mut self, side: Side, input: &[u8]) -> Step {
        let ReadState::Data(frame) = &mut self.readers[side].place else { return Step::Used(0) };
        let part = frame.take(input);
        let frame = *frame;
        if frame.left == 0 {
            self.readers[side].place = ReadState::Header;
            self.data_ended(side, frame);
        }
        match part {
            Part::Bytes(bytes) if frame.delivers => Step::Data { stream: frame.stream, bytes: 0..bytes },
            Part::Bytes(taken) | Part::Padding(taken) => Step::Used(taken),
            Part::TooLong => {
                let stream = frame.stream;
                self.fault(side, stream, Anomaly::H2Padding { frame: FrameType::DATA.name(), stream });
                Step::Used(1)
            }
        }
    }

    fn data_ended(&mut self, side: Side, frame: DataFrame) {
        if frame.ends {
            self.reports.end(side, frame.stream);
        }
    }

    /// Closes a stream for both sides.
    pub(super) fn close(&mut self, side: Side, id: u32, how: End) {
        let searched = Pair::from_fn(|side| self.readers[side].is_searching());
        self.reports.close(side, id, how, searched);
    }

    /// Processes a frame with its complete payload.
    fn frame(&mut self, side: Side, header: &Header, payload: &[u8]) {
        match header.kind {
            FrameType::HEADERS | FrameType::PUSH_PROMISE => self.begin_block(side, header, payload),
            FrameType::CONTINUATION => self.continue_block(side, header, payload),
            FrameType::SETTINGS if !header.has(ACK) => self.settings(side, payload),
            FrameType::RST_STREAM => {
                self.close(side, header.stream, End::Reset(frame::number(payload).map(ErrorCode)));
            }
            FrameType::GOAWAY => self.goaway(side, payload),
            FrameType::WINDOW_UPDATE => {
                let Some(increment) = frame::number(payload).map(|number| number & 0x7fff_ffff) else {
                    return;
                };
                let stream = header.stream;
                if !self.flow.update(side, stream, increment, &mut self.reports.streams) {
                    self.fault(side, stream, Anomaly::H2WindowUpdate { stream, increment });
                }
            }
            _ => {}
        }
    }

    /// Processes a gap.
    pub(super) fn lose(&mut self, side: Side, lost: Lost) {
        let missed = self.readers[side].miss(lost);
        if let Some((stream, lost)) = missed.data.filter(|(_, lost)| *lost != Lost::Exact(0)) {
            self.reports.say(Output::DataGap { stream, side, lost });
        }
        if let Some((header, beginning)) = missed.cut {
            self.truncated(side, &header, &beginning);
        }
        if let Some(frame) = missed.ended {
            self.data_ended(side, frame);
        }
        if let Some(beyond) = missed.beyond {
            self.abandon_block(side);
            self.flow.stop();
            self.readers[side].search(beyond, &self.limits);
        }
    }

    /// Processes a frame whose payload was truncated.
    fn truncated(&mut self, side: Side, header: &Header, beginning: &[u8]) {
        self.flow.stop();
        match header.kind {
            FrameType::HEADERS | FrameType::PUSH_PROMISE => self.begin_block(side, header, beginning),
            FrameType::CONTINUATION => self.continue_block(side, header, beginning),
            FrameType::RST_STREAM => self.close(side, header.stream, End::Reset(None)),
            _ => {}
        }
    }

    /// Concludes a search with the available bytes; returns the bytes starting at the first frame found.
    pub(super) fn conclude(&mut self, side: Side) -> Vec<u8> {
        let ReadState::Search(search) = &mut self.readers[side].place else { return Vec::new() };
        let Some(skipped) = search.conclude() else { return Vec::new() };
        self.found(side, skipped)
    }

    /// Continues with frames that were found after `skipped` bytes; returns their bytes.
    fn found(&mut self, side: Side, skipped: u64) -> Vec<u8> {
        let place = std::mem::replace(&mut self.readers[side].place, ReadState::Header);
        let ReadState::Search(search) = place else { return Vec::new() };
        self.is_certain = true;
        if skipped > 0 {
            self.reports.say(Output::Anomaly {
                side,
                stream: None,
                anomaly: Anomaly::H2Resynchronised { skipped },
            });
        }
        match search.missed(skipped) {
            // Only frames without payload are missing.
            Lost::AtMost(0) => {}
            lost => self.reports.miss(side, lost),
        }
        search.into_bytes()
    }

    /// Notes that one side has finished sending.
    pub(super) fn finish(&mut self, side: Side) {
        self.abandon_block(side);
        if self.readers[side].is_searching() {
            self.reports.miss(side, Lost::Unknown { least: 0 });
        }
        self.readers[side].place = ReadState::Nothing;
    }
}
