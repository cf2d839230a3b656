//! Streams joined late: no handshake was captured, and frames are looked for.

use super::{Layer, Upper, asker};
use crate::event::Kind;
use crate::model::{Anomaly, At, Pair, Side};
use crate::session::compression::Deflate;
use crate::session::context::Context;
use crate::session::conversation::Conversation;
use crate::session::resync::Search;

impl Layer {
    /// Makes the one that looks for frames in both directions.
    pub(super) fn joined_late() -> Self {
        Layer::Late(Box::new(Pair::from_fn(|_| Search::joined_late())))
    }
}

impl Upper {
    /// Takes bytes of a connection whose beginning was not captured.
    pub(super) fn late(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        let Layer::Late(searches) = &mut self.layer else { return };
        if asker(side, bytes).is_some() {
            return self.start(side, bytes, carried, cx);
        }
        searches[side].push(bytes, carried);
        if let Some(found) = searches[side].find() {
            self.join(side, found.masked, cx);
        } else if Side::BOTH
            .into_iter()
            .all(|side| searches[side].is_hopeless() || searches[side].captured() == 0)
        {
            self.layer = Layer::Hopeless;
        }
    }

    /// Goes on with a conversation whose handshake was not captured: `side`'s frames were found.
    fn join(&mut self, side: Side, masked: bool, cx: &mut Context<'_>) {
        let Layer::Late(searches) = std::mem::replace(&mut self.layer, Layer::Nothing) else { return };
        let mut searches = *searches;
        if masked != (side == Side::Client) {
            self.flip();
            searches.swap();
        }
        let first =
            searches.client.first().into_iter().chain(searches.server.first()).min_by_key(|at| at.packet);
        let now = cx.at;
        cx.at = first.unwrap_or(now);
        let opened = cx.at.time;
        let opening = self.opening(None);
        cx.begin(&opening);
        cx.say(Kind::Opened(&opening));
        cx.anomaly(None, &Anomaly::MissingHandshake {});
        cx.at = now;
        let mut conversation = Box::new(Conversation::new(opened, Deflate::Unknown));
        let Pair { client, server } = searches;
        for (side, search) in [(Side::Client, client), (Side::Server, server)] {
            conversation.search(side, search, cx);
        }
        self.layer = Layer::WebSocket(conversation);
        self.end_sides(cx);
        self.tell_held(cx);
    }

    /// Joins the conversation that there most likely is, where none was found beyond resync_from.
    pub(super) fn decide_late(&mut self, cx: &mut Context<'_>) {
        let Layer::Late(searches) = &mut self.layer else { return };
        let best = Side::BOTH.into_iter().find_map(|side| searches[side].best().map(|found| (side, found)));
        if let Some((side, found)) = best {
            self.join(side, found.masked, cx);
        }
    }
}
