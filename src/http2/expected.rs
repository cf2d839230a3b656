use super::frame::{ACK, FrameType, Header};
use crate::model::{Anomaly, Side};

/// The frame that a side may send next, as far as its header shows (RFC 9113 §4, §6).
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    /// Whether it is the first frame.
    pub(super) first: bool,
    /// The greatest payload that the other side allows; `None` if its settings may have been lost.
    pub(super) longest: Option<u32>,
    /// The stream of the incomplete header block, if any.
    pub(super) block: Option<u32>,
    /// Whether frames may have been lost, the start of a header block among them.
    pub(super) lossy: bool,
}

impl Expected {
    /// Returns whether a frame header violates nothing; nearly all pass.
    pub(super) fn allows(self, side: Side, header: &Header) -> bool {
        !(self.first && header.kind != FrameType::SETTINGS)
            && self.longest.is_none_or(|longest| header.length <= longest)
            && !self.is_out_of_place(header)
            && belongs(side, header)
            && length_of(header).is_none_or(|expected| expected == header.length)
    }

    fn is_out_of_place(self, header: &Header) -> bool {
        match self.block {
            Some(_) => self.breaks_off(header),
            None => header.kind == FrameType::CONTINUATION && !self.lossy,
        }
    }

    /// Lists what a frame header violates.
    pub(super) fn faults(self, side: Side, header: &Header) -> impl Iterator<Item = Anomaly> {
        let (frame, stream, length) = (header.kind.name(), header.stream, header.length);
        let not_first = self.first && header.kind != FrameType::SETTINGS;
        let out_of_place = self.is_out_of_place(header);
        let of_size = |expected| Anomaly::H2FrameSize { frame, length, expected };
        [
            not_first.then_some(Anomaly::H2SettingsFirst { frame }),
            self.longest.filter(|longest| length > *longest).map(of_size),
            out_of_place.then_some(Anomaly::H2Continuation { frame, stream }),
            (!belongs(side, header)).then_some(Anomaly::H2StreamId { frame, stream }),
            length_of(header).filter(|expected| *expected != length).map(of_size),
        ]
        .into_iter()
        .flatten()
    }

    /// Returns whether a header block is incomplete and this frame does not continue it.
    pub(super) fn breaks_off(self, header: &Header) -> bool {
        let goes_on = |block| header.kind == FrameType::CONTINUATION && block == header.stream;
        self.block.is_some_and(|block| !goes_on(block))
    }
}

/// Returns whether a frame of this type may be sent on its stream.
const fn belongs(side: Side, header: &Header) -> bool {
    let stream = header.stream;
    match header.kind {
        FrameType::SETTINGS | FrameType::PING | FrameType::GOAWAY => stream == 0,
        FrameType::PUSH_PROMISE => stream != 0 && matches!(side, Side::Server),
        FrameType::HEADERS if matches!(side, Side::Client) => stream & 1 == 1,
        FrameType(0..=3 | 9) => stream != 0,
        _ => true,
    }
}

/// Returns the payload length that the header prescribes, if it does.
const fn length_of(header: &Header) -> Option<u32> {
    let length = header.length;
    match header.kind {
        FrameType::SETTINGS if header.has(ACK) => Some(0),
        FrameType::SETTINGS => Some(length.saturating_sub(length % 6)),
        FrameType::PRIORITY => Some(5),
        FrameType::RST_STREAM | FrameType::WINDOW_UPDATE => Some(4),
        FrameType::PING => Some(8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPECTED: Expected = Expected { first: false, longest: Some(16_384), block: None, lossy: false };

    fn codes(expected: Expected, side: Side, kind: FrameType, stream: u32, length: u32) -> Vec<&'static str> {
        let header = Header { length, kind, flags: 0, reserved: false, stream };
        let codes: Vec<_> = expected.faults(side, &header).map(|anomaly| anomaly.code()).collect();
        assert_eq!(expected.allows(side, &header), codes.is_empty(), "{codes:?}");
        codes
    }

    #[test]
    fn each_fault_of_a_header_is_named() {
        let (client, server) = (Side::Client, Side::Server);
        assert_eq!(codes(EXPECTED, client, FrameType::DATA, 1, 16_384), [""; 0]);
        assert_eq!(codes(EXPECTED, client, FrameType::DATA, 1, 16_385), ["h2-frame-size"]);
        assert_eq!(codes(EXPECTED, client, FrameType::DATA, 0, 1), ["h2-stream-id"]);
        assert_eq!(codes(EXPECTED, client, FrameType::PUSH_PROMISE, 1, 9), ["h2-stream-id"]);
        assert_eq!(codes(EXPECTED, server, FrameType::SETTINGS, 0, 7), ["h2-frame-size"]);
        assert_eq!(codes(EXPECTED, server, FrameType::CONTINUATION, 1, 7), ["h2-continuation"]);
        let first = Expected { first: true, ..EXPECTED };
        assert_eq!(codes(first, server, FrameType::PING, 0, 8), ["h2-settings-first"]);
        let unknown = Expected { longest: None, lossy: true, ..EXPECTED };
        assert_eq!(codes(unknown, server, FrameType::CONTINUATION, 1, 99_999), [""; 0]);
    }

    #[test]
    fn a_block_goes_on_with_continuation_of_its_stream_alone() {
        let inside = Expected { block: Some(3), ..EXPECTED };
        assert_eq!(codes(inside, Side::Client, FrameType::CONTINUATION, 3, 5), [""; 0]);
        assert_eq!(codes(inside, Side::Client, FrameType::CONTINUATION, 5, 5), ["h2-continuation"]);
        assert_eq!(codes(inside, Side::Client, FrameType::PING, 0, 8), ["h2-continuation"]);
    }
}
