use super::frame::ErrorCode;
use super::hpack::Fields;
use crate::model::{Anomaly, Lost, Side};

/// The output of a [`Delivery`](super::Delivery).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<'o> {
    /// The client sent a request by extended CONNECT, or one that may be: its method or protocol is unknown.
    Opened {
        /// The stream.
        stream: u32,
        /// The request's fields.
        request: Box<Fields>,
    },
    /// The server answered such a request.
    Answered {
        /// The stream.
        stream: u32,
        /// The response's fields.
        response: Box<Fields>,
    },
    /// The head of an ordinary request or response: its body may be asked for by [`Delivery::deliver`](super::Delivery::deliver).
    Head {
        /// The stream.
        stream: u32,
        /// Who sent it.
        side: Side,
        /// The fields.
        fields: Box<Fields>,
    },
    /// Bytes of a stream, in order.
    Data {
        /// The stream.
        stream: u32,
        /// Who sent them.
        side: Side,
        /// The bytes.
        bytes: &'o [u8],
    },
    /// Bytes of a stream are missing here.
    DataGap {
        /// The stream.
        stream: u32,
        /// Whose bytes.
        side: Side,
        /// How many.
        lost: Lost,
    },
    /// A side sends no more on a stream; unless by `END_STREAM`, neither does.
    Ended {
        /// The stream.
        stream: u32,
        /// Who ended it.
        side: Side,
        /// How.
        how: End,
    },
    /// Something is wrong.
    Anomaly {
        /// Whose frames.
        side: Side,
        /// The stream whose bytes are delivered, if it concerns one.
        stream: Option<u32>,
        /// What is wrong.
        anomaly: Anomaly,
    },
    /// Who was taken for the client is the server, and the other way round: a request or a response tells. What is
    /// reported from here on names the sides anew.
    Reversed,
    /// The client's first bytes are not those of HTTP/2: nothing more will be taken.
    NotHttp2,
}

/// The way a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The `END_STREAM` flag: this side sends no more.
    EndStream,
    /// `RST_STREAM`; its code, unless that was lost.
    Reset(Option<ErrorCode>),
    /// GOAWAY, which says that the stream was not processed.
    GoAway(ErrorCode),
    /// There are more streams than the limit.
    Forgotten,
}
