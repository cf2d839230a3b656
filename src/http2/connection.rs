use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;

use super::Limits;
use super::delivery::{Delivery, End, Output, Then};
use super::flow::Flow;
use super::frame::{self, ACK, ErrorCode, FrameType, Header, PREFACE};
use super::hpack::{Fields, Lookup};
use super::reader::{DataFrame, Part, Place, Reader, fixed_length};
use super::search::{Known, Search};
use super::stream::{Kind, Streams};
use crate::model::{Anomaly, Lost, Pair, Side};

/// One HTTP/2 connection (RFC 9113), from its start or joined in mid-stream.
///
/// Push, then drain: each call of [`push`](Self::push), [`gap`](Self::gap) and [`end`](Self::end) returns a
/// [`Delivery`] to be asked until it answers `None`.
#[derive(Debug)]
pub struct Connection {
    pub(super) limits: Limits,
    pub(super) readers: Pair<Reader>,
    pub(super) streams: Streams,
    pub(super) flow: Flow,
    /// The server allows extended CONNECT (RFC 8441 §3).
    pub(super) connect_enabled: bool,
    outputs: VecDeque<Output<'static>>,
    /// The fields of the block at hand; kept for its memory.
    pub(super) fields: Fields,
    orientation: Orientation,
}

/// Whether the side that is taken for the client is known to be it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Orientation {
    Known,
    Assumed,
    /// It was the server: the sides have just changed places.
    Reversed,
}

/// What one step took of the bytes.
#[derive(Debug)]
pub(super) enum Step {
    Used(usize),
    /// These of the bytes are the stream's.
    Data {
        stream: u32,
        bytes: Range<usize>,
    },
    /// Frames were found: these bytes take the place of those that were pushed.
    Found(Vec<u8>),
}

impl Connection {
    /// Makes one whose first bytes come next.
    pub fn new(limits: Limits) -> Self {
        let readers = Pair {
            client: Reader::new(Place::Preface, &limits),
            server: Reader::new(Place::Header, &limits),
        };
        Connection {
            limits,
            readers,
            streams: Streams::new(limits.streams),
            flow: Flow::new(true),
            connect_enabled: false,
            outputs: VecDeque::new(),
            fields: Fields::default(),
            orientation: Orientation::Known,
        }
    }

    /// Makes one that began with a request for `Upgrade: h2c` (RFC 7540 §3.2): it became stream 1, which the client has
    /// ended.
    ///
    /// What the request's HTTP2-Settings field allowed is not known, so nothing is judged by it.
    pub fn upgraded(limits: Limits) -> Self {
        let mut connection = Connection { flow: Flow::new(false), ..Connection::new(limits) };
        connection.readers.server.decoder.allow(u32::MAX);
        connection.readers.server.longest = (1 << 24) - 1;
        connection.streams.open(1);
        if let (Some(stream), _) = connection.streams.add(1, Kind::Ordinary) {
            stream.end(Side::Client);
        }
        connection
    }

    /// Makes one that is joined in mid-stream: frames are searched for on both sides, and who is the client is assumed
    /// until a request or a response tells.
    pub fn mid_stream(limits: Limits) -> Self {
        Connection {
            readers: Pair::from_fn(|_| Reader::mid_stream(&limits)),
            flow: Flow::new(false),
            orientation: Orientation::Assumed,
            ..Connection::new(limits)
        }
    }

    /// Takes bytes of one side.
    pub fn push<'b>(&mut self, side: Side, bytes: &'b [u8]) -> Delivery<'_, 'b> {
        Delivery::new(self, side, Cow::Borrowed(bytes), Then::More)
    }

    /// Hears that bytes of one side are missing here.
    pub fn gap(&mut self, side: Side, lost: Lost) -> Delivery<'_, 'static> {
        if lost == Lost::Exact(0) {
            return Delivery::new(self, side, Cow::Borrowed(&[]), Then::More);
        }
        let found = self.decide(side);
        Delivery::new(self, side, Cow::Owned(found), Then::Gap(lost))
    }

    /// Hears that one side sends no more.
    pub fn end(&mut self, side: Side) -> Delivery<'_, 'static> {
        let found = self.decide(side);
        Delivery::new(self, side, Cow::Owned(found), Then::End)
    }

    /// Tells whether frames of this side are searched for.
    pub const fn is_searching(&self, side: Side) -> bool {
        let reader = match side {
            Side::Client => &self.readers.client,
            Side::Server => &self.readers.server,
        };
        matches!(reader.place, Place::Search(_))
    }

    /// Tells whether the side that is taken for the client is known to be it.
    pub fn is_oriented(&self) -> bool {
        self.orientation == Orientation::Known
    }

    /// Tells whether headers that follow one another were found where frames are searched for, if not enough of them.
    pub fn is_likely(&self) -> bool {
        let likely = |reader: &Reader| matches!(&reader.place, Place::Search(search) if search.is_likely());
        likely(&self.readers.client) || likely(&self.readers.server)
    }

    /// Returns the memory that is searched for frames, in bytes.
    pub fn searched(&self) -> usize {
        let searched = |reader: &Reader| match &reader.place {
            Place::Search(search) => search.allocated(),
            _ => 0,
        };
        searched(&self.readers.client).saturating_add(searched(&self.readers.server))
    }

    /// Gives up what was gathered where frames are searched for, and its memory.
    pub fn stop_gathering(&mut self) {
        for side in Side::BOTH {
            if let Place::Search(search) = &mut self.readers[side].place {
                **search = Search::after(self.limits.search, search.skipped());
            }
        }
    }

    /// Learns that who was taken for the client is the server, and the other way round.
    pub(super) fn reverse(&mut self) {
        self.readers.swap();
        self.streams.reverse();
        self.orientation = Orientation::Reversed;
    }

    /// Learns from a header block who its sender is, and returns that.
    pub(super) fn orient(&mut self, side: Side, fields: &Fields) -> Side {
        if self.orientation != Orientation::Assumed {
            return side;
        }
        let has = |names: &[&str]| {
            names.iter().any(|name| matches!(fields.find(name.as_bytes()), Lookup::Value(_)))
        };
        let sender = match (has(&[":status"]), has(&[":method", ":scheme", ":path", ":authority"])) {
            (true, false) => Side::Server,
            (false, true) => Side::Client,
            _ => return side,
        };
        if sender == side {
            self.orientation = Orientation::Known;
        } else {
            self.reverse();
            self.say(Output::Reversed);
        }
        sender
    }

    /// Tells once that the sides have changed places.
    pub(super) fn was_reversed(&mut self) -> bool {
        let reversed = self.orientation == Orientation::Reversed;
        if reversed {
            self.orientation = Orientation::Known;
        }
        reversed
    }

    /// Returns the memory it holds, in bytes.
    pub fn allocated(&self) -> usize {
        let outputs = self.outputs.capacity().saturating_mul(size_of::<Output<'_>>());
        [self.readers.client.allocated(), self.readers.server.allocated(), self.streams.allocated(), outputs]
            .into_iter()
            .fold(self.fields.allocated(), usize::saturating_add)
    }

    /// Gives back memory that is not needed at rest.
    pub fn rest(&mut self) {
        self.outputs = VecDeque::new();
        self.fields = Fields::default();
    }

    pub(super) fn report(&mut self) -> Option<Output<'static>> {
        self.outputs.pop_front()
    }

    pub(super) fn say(&mut self, output: Output<'static>) {
        self.outputs.push_back(output);
    }

    /// Reports what is wrong with a side's frames, once for each code.
    pub(super) fn fault(&mut self, side: Side, stream: u32, anomaly: Anomaly) {
        if self.readers[side].is_news(anomaly.code()) {
            let stream = self.streams.get(stream).filter(|stream| stream.delivers()).map(|stream| stream.id);
            self.say(Output::Anomaly { side, stream, anomaly });
        }
    }

    /// Takes the next piece of a side's bytes.
    pub(super) fn step(&mut self, side: Side, input: &[u8]) -> Step {
        match &mut self.readers[side].place {
            Place::Preface => self.preface(side, input),
            Place::Header => {
                let (used, whole) = self.readers[side].gather(input, Header::LENGTH);
                if let Some(header) = whole.as_deref().and_then(Header::parse) {
                    self.begin(side, &header);
                }
                Step::Used(used)
            }
            Place::Data(_) => self.data(side, input),
            Place::Payload(header) => {
                let header = *header;
                let (used, payload) = self.readers[side].gather(input, header.length as usize);
                if let Some(payload) = payload {
                    self.readers[side].place = Place::Header;
                    self.frame(side, &header, &payload);
                }
                Step::Used(used)
            }
            Place::Skip(left) => {
                let taken = input.len().min(*left as usize);
                *left = left.saturating_sub(taken as u32);
                if *left == 0 {
                    self.readers[side].place = Place::Header;
                }
                Step::Used(taken)
            }
            Place::Search(_) => self.search(side, input),
            Place::Nothing => Step::Used(input.len()),
        }
    }

    fn search(&mut self, side: Side, input: &[u8]) -> Step {
        let Connection { readers, streams, .. } = self;
        let reader = &mut readers[side];
        let Place::Search(search) = &mut reader.place else { return Step::Used(0) };
        match search.push(input, Known { side, streams, longest: reader.longest }) {
            None => Step::Used(input.len()),
            Some(skipped) => {
                let bytes = search.take();
                self.found(side, skipped);
                Step::Found(bytes)
            }
        }
    }

    fn preface(&mut self, side: Side, input: &[u8]) -> Step {
        let (used, whole) = self.readers[side].gather(input, PREFACE.len());
        let at_hand = self.readers[side].take_partial();
        let matches = match &whole {
            Some(whole) => **whole == *PREFACE,
            None => PREFACE.starts_with(&at_hand),
        };
        if !matches {
            self.fault(side, 0, Anomaly::H2Preface {});
            self.say(Output::NotHttp2);
            self.readers.client.place = Place::Nothing;
            self.readers.server.place = Place::Nothing;
        } else if whole.is_some() {
            self.readers[side].place = Place::Header;
        } else {
            self.readers[side].put_back(at_hand);
        }
        Step::Used(used)
    }

    /// Takes a frame's header.
    fn begin(&mut self, side: Side, header: &Header) {
        self.judge(side, header);
        self.readers[side].started = true;
        let kept = header.length as usize <= self.limits.block;
        let place = match header.kind {
            FrameType::DATA => {
                let delivers = header.stream != 0 && self.carries(side, header);
                if delivers {
                    self.place(side, header.stream);
                }
                Place::Data(DataFrame::new(header, delivers))
            }
            FrameType::HEADERS | FrameType::PUSH_PROMISE | FrameType::CONTINUATION if !kept => {
                let value = self.limits.block as u64;
                self.fault(side, header.stream, Anomaly::LimitReached { limit: "h2-block", value });
                self.truncated(side, header, &[]);
                Place::Skip(header.length)
            }
            FrameType::HEADERS
            | FrameType::PUSH_PROMISE
            | FrameType::CONTINUATION
            | FrameType::SETTINGS
            | FrameType::RST_STREAM
            | FrameType::GOAWAY
            | FrameType::WINDOW_UPDATE
                if kept =>
            {
                Place::Payload(*header)
            }
            _ => Place::Skip(header.length),
        };
        if header.length > 0 {
            self.readers[side].place = place;
            return;
        }
        // No bytes will come to end it.
        match place {
            Place::Data(frame) => self.data_ended(side, frame),
            Place::Payload(header) => self.frame(side, &header, &[]),
            _ => {}
        }
    }

    /// Reports what a frame's header breaks.
    fn judge(&mut self, side: Side, header: &Header) {
        let (frame, stream, length) = (header.kind.name(), header.stream, header.length);
        let reader = &self.readers[side];
        let first = !reader.started && header.kind != FrameType::SETTINGS;
        let block = reader.block.as_ref().map(|block| block.stream);
        let (longest, lossy) = (reader.longest, reader.lossy);
        if first {
            self.fault(side, stream, Anomaly::H2SettingsFirst { frame });
        }
        if length > longest && !self.readers[!side].lossy {
            self.fault(side, stream, Anomaly::H2FrameSize { frame, length, expected: longest });
        }
        let continues = header.kind == FrameType::CONTINUATION;
        match block {
            Some(block) if !continues || block != stream => {
                self.fault(side, stream, Anomaly::H2Continuation { frame, stream });
                self.abandon_block(side);
            }
            None if continues && !lossy => {
                self.fault(side, stream, Anomaly::H2Continuation { frame, stream });
            }
            _ => {}
        }
        let belongs = match header.kind {
            FrameType::SETTINGS | FrameType::PING | FrameType::GOAWAY => stream == 0,
            FrameType::PUSH_PROMISE => stream != 0 && side == Side::Server,
            FrameType::HEADERS if side == Side::Client => stream & 1 == 1,
            FrameType(0..=3 | 9) => stream != 0,
            _ => true,
        };
        if !belongs {
            self.fault(side, stream, Anomaly::H2StreamId { frame, stream });
        }
        let expected = match header.kind {
            FrameType::SETTINGS if header.has(ACK) => Some(0),
            FrameType::SETTINGS if length % 6 != 0 => Some(length.saturating_sub(length % 6)),
            kind => fixed_length(kind),
        };
        if let Some(expected) = expected.filter(|expected| *expected != length) {
            self.fault(side, stream, Anomaly::H2FrameSize { frame, length, expected });
        }
    }

    /// Tells whether every request so far was captured.
    pub(super) const fn knows_requests(&self) -> bool {
        self.readers.client.started && !self.readers.client.lossy
    }

    /// Takes the header of a DATA frame, and tells whether its bytes are reported.
    fn carries(&mut self, side: Side, header: &Header) -> bool {
        let id = header.stream;
        if let Some((stream, excess)) = self.flow.sent(side, id, header.length, &mut self.streams) {
            self.fault(side, id, Anomaly::H2FlowControl { stream, excess });
        }
        if self.streams.get(id).is_none() && id & 1 == 1 && !self.streams.is_forgotten(id) {
            // Of the other side's request nobody knows whether it comes late in the capture, or was lost.
            if side == Side::Client && self.knows_requests() {
                self.fault(side, id, Anomaly::H2StreamState { frame: "DATA", stream: id, state: "idle" });
            } else {
                self.add(id, Kind::Unknown);
            }
        }
        let lossy = self.readers[side].lossy;
        match self.streams.get(id) {
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

    /// Reports a gap before a side's first bytes on a stream, where its HEADERS were not captured: others may be lost.
    fn place(&mut self, side: Side, stream: u32) {
        if self.streams.find(stream).is_some_and(|stream| stream.place(side)) {
            self.say(Output::DataGap { stream, side, lost: Lost::Unknown { least: 0 } });
        }
    }

    fn data(&mut self, side: Side, input: &[u8]) -> Step {
        let Place::Data(frame) = &mut self.readers[side].place else { return Step::Used(0) };
        let part = frame.take(input);
        let frame = *frame;
        if frame.left == 0 {
            self.readers[side].place = Place::Header;
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
            self.end_stream(side, frame.stream);
        }
    }

    /// Notes that a side sends no more on a stream.
    pub(super) fn end_stream(&mut self, side: Side, id: u32) {
        let Some(stream) = self.streams.find(id) else { return };
        let reports = stream.delivers() && !stream.has_ended(side);
        stream.end(side);
        if reports {
            self.say(Output::Ended { stream: id, side, how: End::EndStream });
        }
    }

    /// Closes a stream for both sides.
    fn close(&mut self, side: Side, id: u32, how: End) {
        let Some(stream) = self.streams.find(id) else { return };
        let reports = stream.delivers();
        stream.end(side);
        stream.close();
        if reports {
            self.say(Output::Ended { stream: id, side, how });
        }
    }

    /// Adds a stream, and reports the one that is forgotten for it.
    pub(super) fn add(&mut self, id: u32, kind: Kind) {
        let evicted = self.streams.add(id, kind).1;
        if let Some(evicted) = evicted.filter(super::stream::Stream::delivers) {
            let value = self.limits.streams as u64;
            let anomaly = Anomaly::LimitReached { limit: "h2-streams", value };
            self.say(Output::Anomaly { side: Side::Client, stream: Some(evicted.id), anomaly });
            self.say(Output::Ended { stream: evicted.id, side: Side::Client, how: End::Forgotten });
        }
    }

    /// Takes a frame whose payload is whole.
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
                if !self.flow.update(side, stream, increment, &mut self.streams) {
                    self.fault(side, stream, Anomaly::H2WindowUpdate { stream, increment });
                }
            }
            _ => {}
        }
    }

    fn goaway(&mut self, side: Side, payload: &[u8]) {
        const SHOWN: usize = 256;
        let Some((last_stream, code, debug)) = frame::goaway(payload) else { return };
        if code != ErrorCode::NO_ERROR {
            let debug = String::from_utf8_lossy(debug.get(..SHOWN).unwrap_or(debug)).into();
            self.fault(side, 0, Anomaly::H2GoAway { code: code.name(), last_stream, debug });
        }
        if side == Side::Client {
            return; // It speaks of the server's streams.
        }
        let ignored = self.streams.iter_mut().filter(|stream| stream.delivers() && stream.id > last_stream);
        let ignored: Vec<_> = ignored.map(|stream| stream.id).collect();
        for id in ignored {
            self.close(side, id, End::GoAway(code));
        }
    }

    /// Takes the settings that a side sends (RFC 9113 §6.5.2, RFC 8441 §3).
    fn settings(&mut self, side: Side, payload: &[u8]) {
        for (setting, value) in frame::settings(payload) {
            let (name, legal) = match setting {
                1 => {
                    self.readers[!side].decoder.allow(value);
                    continue;
                }
                2 => ("ENABLE_PUSH", value <= 1),
                4 => ("INITIAL_WINDOW_SIZE", value <= 0x7fff_ffff),
                5 => ("MAX_FRAME_SIZE", (16_384..1 << 24).contains(&value)),
                // A server that allowed it may not take that back; a client's word means nothing.
                8 => {
                    let withdrawn = side == Side::Server && value == 0 && self.connect_enabled;
                    ("ENABLE_CONNECT_PROTOCOL", value <= 1 && !withdrawn)
                }
                _ => continue,
            };
            match setting {
                _ if !legal => self.fault(side, 0, Anomaly::H2SettingValue { setting: name, value }),
                4 => self.flow.resize(side, value, &mut self.streams),
                5 => self.readers[!side].longest = self.readers[!side].longest.max(value),
                8 if side == Side::Server => self.connect_enabled = value == 1,
                _ => {}
            }
        }
    }

    /// Applies a gap.
    pub(super) fn lose(&mut self, side: Side, lost: Lost) {
        let exact = if let Lost::Exact(bytes) = lost { u32::try_from(bytes).ok() } else { None };
        match &mut self.readers[side].place {
            Place::Data(frame) => {
                let (id, delivers, left) = (frame.stream, frame.delivers, frame.left);
                let within = exact.filter(|lost| *lost <= left);
                let bytes = frame.lose(within.or(exact.map(|_| left)).unwrap_or(0));
                let frame = *frame;
                if delivers {
                    let lost = bytes.filter(|_| exact.is_some()).map(|bytes| Lost::Exact(u64::from(bytes)));
                    let lost = lost.unwrap_or(Lost::Unknown { least: 0 });
                    if lost != Lost::Exact(0) {
                        self.say(Output::DataGap { stream: id, side, lost });
                    }
                }
                if within.is_none() {
                    return self.lose_place(side);
                }
                if frame.left == 0 {
                    self.readers[side].place = Place::Header;
                    self.data_ended(side, frame);
                }
            }
            Place::Skip(left) if exact.is_some_and(|lost| lost <= *left) => {
                *left = left.saturating_sub(exact.unwrap_or(0));
                if *left == 0 {
                    self.readers[side].place = Place::Header;
                }
            }
            Place::Payload(header) => {
                let header = *header;
                let partial = self.readers[side].take_partial();
                let left = (header.length as usize).saturating_sub(partial.len()) as u32;
                let within = exact.filter(|lost| *lost <= left);
                self.truncated(side, &header, &partial);
                let Some(lost) = within else { return self.lose_place(side) };
                let left = left.saturating_sub(lost);
                self.readers[side].place = if left == 0 { Place::Header } else { Place::Skip(left) };
            }
            Place::Nothing => {}
            _ => self.lose_place(side),
        }
    }

    /// Takes a frame of whose payload only the beginning was captured.
    fn truncated(&mut self, side: Side, header: &Header, beginning: &[u8]) {
        self.flow.stop();
        match header.kind {
            FrameType::HEADERS | FrameType::PUSH_PROMISE => self.begin_block(side, header, beginning),
            FrameType::CONTINUATION => self.continue_block(side, header, beginning),
            FrameType::RST_STREAM => self.close(side, header.stream, End::Reset(None)),
            _ => {}
        }
    }

    /// Hears that frames were lost: bytes of every stream, and header blocks, may be among them.
    fn lose_place(&mut self, side: Side) {
        self.abandon_block(side);
        self.flow.stop();
        let reader = &mut self.readers[side];
        reader.lose();
        reader.started = true;
        if let Place::Search(search) = &mut reader.place {
            let skipped = search.skipped();
            reader.place = Place::Search(Box::new(Search::after(self.limits.search, skipped)));
            return;
        }
        reader.place = Place::Search(Box::new(Search::new(self.limits.search)));
        let open = self
            .streams
            .iter_mut()
            .filter(|stream| stream.delivers() && stream.is_placed(side) && !stream.has_ended(side));
        let open: Vec<_> = open.map(|stream| stream.id).collect();
        for stream in open {
            self.say(Output::DataGap { stream, side, lost: Lost::Unknown { least: 0 } });
        }
    }

    /// Decides a search with what there is; returns the bytes from where frames were found.
    fn decide(&mut self, side: Side) -> Vec<u8> {
        let Place::Search(search) = &mut self.readers[side].place else { return Vec::new() };
        let Some(skipped) = search.decide() else { return Vec::new() };
        let bytes = search.take();
        self.found(side, skipped);
        bytes
    }

    /// Goes on with frames that were found.
    fn found(&mut self, side: Side, skipped: u64) {
        self.readers[side].place = Place::Header;
        if skipped > 0 {
            self.say(Output::Anomaly { side, stream: None, anomaly: Anomaly::H2Resynchronised { skipped } });
        }
    }

    /// Hears that a side sends no more.
    pub(super) fn finish(&mut self, side: Side) {
        self.abandon_block(side);
        self.readers[side].place = Place::Nothing;
    }
}
