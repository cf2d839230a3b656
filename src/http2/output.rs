use super::frame::ErrorCode;
use super::hpack::Fields;
use crate::model::{Anomaly, Lost, Side};

/// The output of a [`Delivery`](super::Delivery).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<'o> {
    /// The client sent an extended CONNECT request, or one that may be: its method or protocol is unknown.
    Opened {
        /// The stream.
        stream: u32,
        /// The fields of the request.
        request: Box<Fields>,
    },
    /// The server responded to such a request.
    Answered {
        /// The stream.
        stream: u32,
        /// The fields of the response.
        response: Box<Fields>,
    },
    /// The head of an ordinary request or response; [`Delivery::deliver`](super::Delivery::deliver) requests its body.
    Head {
        /// The stream.
        stream: u32,
        /// The side that sent it.
        side: Side,
        /// The fields.
        fields: Box<Fields>,
    },
    /// Bytes of a stream, in order.
    Data {
        /// The stream.
        stream: u32,
        /// The side that sent them.
        side: Side,
        /// The bytes.
        bytes: &'o [u8],
    },
    /// Bytes of a stream are missing here.
    DataGap {
        /// The stream.
        stream: u32,
        /// The side whose bytes are missing.
        side: Side,
        /// How many bytes are missing.
        lost: Lost,
    },
    /// A side has finished sending on a stream; unless `how` is `END_STREAM`, both sides have.
    Ended {
        /// The stream.
        stream: u32,
        /// The side that ended it.
        side: Side,
        /// How.
        how: End,
    },
    /// A violation or a limit of the capture.
    Anomaly {
        /// The side whose frames are concerned.
        side: Side,
        /// The stream concerned, if it is one whose bytes are delivered.
        stream: Option<u32>,
        /// The anomaly.
        anomaly: Anomaly,
    },
    /// The side taken for the client is the server, as a request or a response shows. Later outputs use the corrected
    /// sides.
    Reversed,
    /// The client's first bytes are not HTTP/2: no further bytes are taken.
    NotHttp2,
}

/// The way a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The `END_STREAM` flag: this side has finished sending.
    EndStream,
    /// `RST_STREAM` with its error code, unless the code was lost.
    Reset(Option<ErrorCode>),
    /// GOAWAY: the stream was not processed.
    GoAway(ErrorCode),
    /// The limit on streams was exceeded.
    Forgotten,
}
