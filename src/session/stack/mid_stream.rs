//! Streams joined late: no handshake was captured, and frames are looked for.

use super::exchange::asker;
use super::{Layer, Stack};
use crate::event::Kind;
use crate::model::{Anomaly, At, Pair, Side};
use crate::session::compression::Deflate;
use crate::session::context::Context;
use crate::session::conversation::Conversation;
use crate::session::resync::Search;

impl Stack {
    /// Makes the layer that looks for frames in both directions.
    ///
    /// On a connection, their mask tells who the client is. Within another layer that is known.
    pub(super) fn mid_stream_layer(&self, cx: &Context<'_>) -> Layer {
        let masked = |side| (self.depth > 0).then(|| cx.transport.role(side) == Side::Client);
        Layer::MidStream(Box::new(Pair::from_fn(|side| Search::mid_stream(masked(side)))))
    }

    /// Takes bytes of a stream whose beginning was not captured.
    pub(super) fn search(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        let Layer::MidStream(searches) = &mut self.layer else { return };
        if asker(side, bytes).is_some() {
            return self.begin(side, bytes, carried, cx);
        }
        searches[side].push(bytes, carried);
        if let Some(found) = searches[side].find() {
            self.join(side, found.masked, cx);
        } else if Side::BOTH
            .into_iter()
            .all(|side| searches[side].is_exhausted() || searches[side].captured() == 0)
        {
            self.layer = Layer::Unrecognised;
        }
    }

    /// Goes on with a conversation whose handshake was not captured: `side`'s frames were found.
    fn join(&mut self, side: Side, masked: bool, cx: &mut Context<'_>) {
        let Layer::MidStream(searches) = std::mem::replace(&mut self.layer, Layer::Opaque) else { return };
        if masked != (cx.transport.role(side) == Side::Client) {
            cx.transport.reverse();
        }
        let mut searches = *searches;
        let first =
            searches.client.first().into_iter().chain(searches.server.first()).min_by_key(|at| at.packet);
        if cx.transport.role(Side::Client) == Side::Server {
            searches.swap();
        }
        let now = cx.at;
        cx.at = first.unwrap_or(now);
        let began = cx.at.time;
        let opening = cx.opening(None);
        cx.begin(&opening);
        cx.say(Kind::Opened(&opening));
        cx.anomaly(None, &Anomaly::MissingHandshake {});
        cx.at = now;
        let mut conversation = Box::new(Conversation::new(began, Deflate::Unknown));
        conversation.understand(None, cx);
        let Pair { client, server } = searches;
        for (role, search) in [(Side::Client, client), (Side::Server, server)] {
            conversation.search(role, search, cx);
        }
        self.layer = Layer::WebSocket(conversation);
        self.end_sides(cx);
        self.report_held(cx);
    }

    /// Joins the conversation that there most likely is, where none was found beyond doubt.
    pub(super) fn conclude_search(&mut self, cx: &mut Context<'_>) {
        let Layer::MidStream(searches) = &mut self.layer else { return };
        let best = Side::BOTH.into_iter().find_map(|side| searches[side].best().map(|found| (side, found)));
        if let Some((side, found)) = best {
            self.join(side, found.masked, cx);
        }
    }
}
