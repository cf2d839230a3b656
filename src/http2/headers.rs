use super::connection::Connection;
use super::frame::{self, END_HEADERS, END_STREAM, FrameType, Header};
use super::hpack::{Fields, Lookup};
use super::output::Output;
use super::reader::PartialBlock;
use super::stream::{ANSWERED, Kind, OPENED};
use crate::model::{Anomaly, Side};

/// The memory for fields that is kept between blocks, in bytes.
const KEPT: usize = 16 * 1024;

impl Connection {
    /// Processes the payload of HEADERS or `PUSH_PROMISE`, or its captured beginning.
    pub(super) fn begin_block(&mut self, side: Side, header: &Header, payload: &[u8]) {
        let whole = payload.len() == header.length as usize;
        let block = frame::block(header, payload);
        let stream = header.stream;
        if block.is_none() && whole {
            self.fault(side, stream, Anomaly::H2Padding { frame: header.kind.name(), stream });
        }
        let fragment = block.map_or(&[][..], |block| block.fragment);
        let mut begun = PartialBlock {
            stream,
            promised: header.kind == FrameType::PUSH_PROMISE,
            ends: header.kind == FrameType::HEADERS && header.has(END_STREAM),
            bytes: Vec::new(),
            frames: 1,
            truncated: block.is_none() || !whole,
        };
        if header.has(END_HEADERS) {
            self.decode(side, &begun, fragment);
        } else {
            begun.bytes.extend_from_slice(fragment);
            self.readers[side].block = Some(Box::new(begun));
        }
    }

    /// Processes the payload of CONTINUATION, or its captured beginning.
    pub(super) fn continue_block(&mut self, side: Side, header: &Header, payload: &[u8]) {
        let whole = payload.len() == header.length as usize;
        let Some(block) = &mut self.readers[side].block else {
            // The start of the block was lost, so what it inserts is unknown.
            return self.readers[side].decoder.lose();
        };
        block.frames = block.frames.saturating_add(1);
        let length = block.bytes.len().saturating_add(header.length as usize);
        let reached = [
            ("h2-block", self.limits.block, length),
            ("h2-block-frames", self.limits.block_frames as usize, block.frames as usize),
        ];
        if !block.truncated {
            let limit = reached.into_iter().find(|(_, limit, value)| value > limit);
            if limit.is_none() {
                block.bytes.extend_from_slice(payload);
            }
            block.truncated = !whole || limit.is_some();
            if let Some((limit, value, _)) = limit {
                self.fault(side, header.stream, Anomaly::LimitReached { limit, value: value as u64 });
            }
        }
        if header.has(END_HEADERS) {
            self.end_block(side);
        }
    }

    /// Abandons a header block whose end is lost.
    pub(super) fn abandon_block(&mut self, side: Side) {
        if let Some(block) = &mut self.readers[side].block {
            block.truncated = true;
        }
        self.end_block(side);
    }

    fn end_block(&mut self, side: Side) {
        if let Some(mut block) = self.readers[side].block.take() {
            let bytes = std::mem::take(&mut block.bytes);
            self.decode(side, &block, &bytes);
        }
    }

    /// Decodes a header block, or its beginning.
    fn decode(&mut self, side: Side, block: &PartialBlock, bytes: &[u8]) {
        let stream = block.stream;
        let mut fields = std::mem::take(&mut self.fields);
        let decoder = &mut self.readers[side].decoder;
        if block.truncated {
            decoder.decode_beginning(bytes, &mut fields);
            self.fault(side, stream, Anomaly::H2BlockLost { stream });
        } else if let Err(fault) = decoder.decode(bytes, &mut fields) {
            let (offset, problem) = (fault.offset, fault.problem);
            self.fault(side, stream, Anomaly::H2Compression { stream, offset, problem });
        }
        if !block.promised && stream & 1 == 1 {
            let side = if block.truncated { side } else { self.orient(side, &fields) };
            match side {
                Side::Client => self.requested(stream, block.ends, &fields),
                Side::Server => self.responded(stream, &fields),
            }
            if block.ends {
                self.reports.end(side, stream);
            }
        }
        if fields.allocated() <= KEPT {
            self.fields = fields;
        }
    }

    /// Processes a header block of the client: a request, or trailers.
    fn requested(&mut self, id: u32, ends: bool, fields: &Fields) {
        let known = self.reports.streams.get(id).map(|stream| (stream.kind, stream.is(OPENED)));
        let ended = self.reports.streams.get(id).is_some_and(|stream| stream.has_ended(Side::Client));
        let lossy = self.readers.client.lossy;
        match known {
            // Trailers, whether or not their request was captured.
            Some((Kind::Ordinary | Kind::Extended | Kind::Body, _) | (Kind::Unknown, true)) => return,
            Some((Kind::Unknown, false)) if ends => return,
            // What the other side ended may still be in flight.
            Some((Kind::Closed, _)) if !ended || lossy => return,
            Some((Kind::Closed, _)) => {
                let anomaly =
                    Anomaly::H2StreamState { frame: FrameType::HEADERS.name(), stream: id, state: "closed" };
                return self.fault(Side::Client, id, anomaly);
            }
            None if id <= self.reports.streams.highest() && !lossy => {
                let anomaly = Anomaly::H2StreamId { frame: FrameType::HEADERS.name(), stream: id };
                self.fault(Side::Client, id, anomaly);
            }
            None | Some((Kind::Unknown, false)) => {}
        }
        self.reports.streams.open(id);
        // A tunnel does not end with its request.
        let kind = if ends { Kind::Ordinary } else { kind(fields) };
        self.reports.add(id, kind, self.limits.streams);
        let windows = (kind == Kind::Extended).then(|| self.flow.windows()).flatten();
        let Some(stream) = self.reports.streams.find(id) else { return };
        stream.kind = kind;
        stream.windows = windows;
        stream.open();
        if !stream.delivers() {
            return self.head(Side::Client, id, fields);
        }
        self.reports.say(Output::Opened { stream: id, request: Box::new(fields.clone()) });
        self.note_unknown(Side::Client, id, fields);
        if kind == Kind::Extended {
            self.judge_connect(id);
        }
    }

    /// Processes a header block of the server: a response, an interim response, or trailers.
    fn responded(&mut self, id: u32, fields: &Fields) {
        if self.reports.streams.get(id).is_none() {
            if self.reports.streams.is_forgotten(id) {
                return;
            }
            self.reports.add(id, Kind::Unknown, self.limits.streams);
        }
        let Some(stream) = self.reports.streams.find(id) else { return };
        let is_exchange = matches!(stream.kind, Kind::Ordinary | Kind::Body);
        if stream.kind == Kind::Closed || stream.is(ANSWERED) {
            return;
        }
        let status = fields.find(b":status");
        let class = status.value().and_then(<[u8]>::first).copied();
        if class == Some(b'1') || (status == Lookup::Absent && stream.kind != Kind::Extended) {
            return; // An interim response, or trailers.
        }
        stream.answer();
        if is_exchange {
            return self.head(Side::Server, id, fields);
        }
        let has = |name: &[u8]| fields.find(name).value().is_some();
        let refused = class.is_some_and(|class| class != b'2');
        let ordinary = !stream.is(OPENED) && (refused || has(b"content-length") || has(b"content-type"));
        // What follows a refusal is its body.
        if refused || ordinary {
            stream.kind = Kind::Ordinary;
            stream.windows = None;
        }
        if ordinary {
            self.head(Side::Server, id, fields);
        } else {
            self.note_unknown(Side::Server, id, fields);
            self.reports.say(Output::Answered { stream: id, response: Box::new(fields.clone()) });
        }
    }

    /// Reports the head of an ordinary request or response if heads are requested or if its body may carry messages.
    fn head(&mut self, side: Side, stream: u32, fields: &Fields) {
        let carries = match side {
            Side::Client => fields.find(b":path").value().is_some_and(is_polling),
            Side::Server => fields.find(b"content-type").value().is_some_and(is_event_stream),
        };
        if carries || self.limits.heads {
            self.reports.say(Output::Head { stream, side, fields: Box::new(fields.clone()) });
        }
    }

    fn note_unknown(&mut self, side: Side, stream: u32, fields: &Fields) {
        let unknown = fields.unknown();
        if unknown > 0 {
            let anomaly = Anomaly::H2HeaderUnknown { stream, fields: unknown as u32 };
            self.reports.say(Output::Anomaly { side, stream: Some(stream), anomaly });
        }
    }
}

/// Returns whether a target may belong to long polling.
fn is_polling(path: &[u8]) -> bool {
    memchr::memmem::find(path, b"transport=polling").is_some()
}

/// Returns whether a media type may be that of server-sent events.
fn is_event_stream(media_type: &[u8]) -> bool {
    media_type.get(..17).is_some_and(|start| start.eq_ignore_ascii_case(b"text/event-stream"))
}

/// Returns the kind of stream that a request opens (RFC 8441 §4).
fn kind(fields: &Fields) -> Kind {
    let extended = |protocol| match protocol {
        Lookup::Value(_) => Kind::Extended,
        Lookup::Unknown => Kind::Unknown,
        Lookup::Absent => Kind::Ordinary,
    };
    let protocol = fields.find(b":protocol");
    match fields.find(b":method") {
        Lookup::Value(b"CONNECT") | Lookup::Unknown => extended(protocol),
        Lookup::Value(_) | Lookup::Absent => Kind::Ordinary,
    }
}
