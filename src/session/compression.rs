use super::context::Context;
use crate::http::Handshake;
use crate::model::{DeflateSide, Pair, Side};
use crate::websocket::Rsv1;
use crate::websocket::deflate::Inflater;

/// The compression of a conversation, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deflate {
    /// None was negotiated.
    Off,
    /// `permessage-deflate` (RFC 7692).
    Messages(Pair<DeflateSide>),
    /// Its predecessor, in which each frame is compressed separately.
    Frames(Pair<DeflateSide>),
    /// The handshake was not captured: RSV1 will show whether messages are compressed.
    Unknown,
}

impl Deflate {
    /// Returns the compression negotiated in the handshake.
    pub(super) fn agreed(handshake: &Handshake) -> Self {
        match handshake.deflate {
            None if handshake.response.is_none() => Deflate::Unknown,
            None => Deflate::Off,
            Some(agreed) if handshake.per_frame => Deflate::Frames(agreed),
            Some(agreed) => Deflate::Messages(agreed),
        }
    }

    pub(super) const fn rsv1(self) -> Rsv1 {
        match self {
            Deflate::Off => Rsv1::Meaningless,
            Deflate::Messages(_) | Deflate::Unknown => Rsv1::Message,
            Deflate::Frames(_) => Rsv1::Frame,
        }
    }

    pub(super) fn inflater(self, side: Side, cx: &Context<'_>) -> Box<Inflater> {
        let limits = cx.shared.limits.deflate;
        let inflater = match self {
            Deflate::Messages(agreed) | Deflate::Frames(agreed) => Inflater::new(agreed[side], limits),
            Deflate::Off | Deflate::Unknown => Inflater::mid_stream(limits),
        };
        Box::new(inflater.sharing(&cx.shared.inflaters))
    }
}
