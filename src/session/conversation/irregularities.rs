use crate::http::{self, Chunks, Draft, Handshake};
use crate::model::{Pair, Side};
use crate::websocket::Hixie;

/// The peculiarities of a conversation's bytes, according to its handshake or its first bytes.
#[derive(Debug, Default)]
pub(super) struct Irregularities {
    /// The decoders of the sides whose bytes are chunked.
    pub(super) chunks: Pair<Option<Chunks>>,
    /// The decoders of both sides' frames if they follow an earlier draft.
    pub(super) draft: Option<Pair<Hixie>>,
}

impl Irregularities {
    /// Returns the peculiarities of a handshake.
    pub(super) fn of(handshake: &Handshake, limit: usize) -> Option<Box<Irregularities>> {
        let draft = http::draft(handshake).map(|draft| {
            Pair::from_fn(|side| match (draft, side) {
                (Draft::Hixie75, _) => Hixie::new(0, limit),
                (Draft::Hixie76, Side::Client) => Hixie::new(8, limit),
                (Draft::Hixie76, Side::Server) => Hixie::new(16, limit),
            })
        });
        let server = http::is_chunked(handshake).then(Chunks::default);
        let is_odd = draft.is_some() || server.is_some();
        is_odd.then(|| Box::new(Irregularities { chunks: Pair { client: None, server }, draft }))
    }
}
