//! What the layers of a stack hold, and how they are made to hold less.

use super::{Layer, Stack};
use crate::model::{Anomaly, Side};
use crate::session::holdings::Holdings;

impl Stack {
    /// Returns what its layers hold.
    pub(in crate::session) fn holdings(&self) -> Holdings {
        Holdings {
            state: self.allocated(),
            waiting: self.waiting(),
            searched: self.searched(),
            for_keys: self.held_for_keys(),
        }
    }

    /// Returns the memory that its layers are, with what waits in them for an answer, in bytes.
    pub(super) fn allocated(&self) -> usize {
        let layer = match &self.layer {
            Layer::Start(start) => start.as_ref().map_or(0, |start| start.allocated()),
            Layer::Preamble(pending) => size_of_val(&**pending),
            Layer::Http(exchanges) => exchanges.allocated(),
            Layer::Tunnel(inner) => size_of::<Stack>().saturating_add(inner.allocated()),
            Layer::Unproved(unproved) => unproved.allocated(),
            Layer::WebSocket(conversation) => size_of_val(&**conversation),
            Layer::Http2(http2) => http2.allocated(),
            #[cfg(feature = "tls")]
            Layer::Encrypted(tls) => tls.allocated(),
            Layer::MidStream(search) => size_of_val(&**search),
            Layer::Unasked | Layer::Unrecognised | Layer::Opaque => 0,
        };
        let held = self.held.as_ref().map_or(0, |held| held.capacity());
        layer.saturating_add(held.saturating_mul(size_of::<(Option<Side>, Anomaly)>()))
    }

    /// Returns the memory that is searched in conversations, in bytes.
    pub(in crate::session) fn waiting(&self) -> usize {
        match &self.layer {
            Layer::WebSocket(conversation) => conversation.waiting(),
            Layer::Preamble(pending) => pending.allocated(),
            Layer::Http2(http2) => http2.waiting(),
            _ => self.inner().map_or(0, Stack::waiting),
        }
    }

    /// Returns the memory that is searched for a conversation joined late, in bytes.
    pub(super) fn searched(&self) -> usize {
        match &self.layer {
            Layer::MidStream(search) => search.searched(),
            Layer::Http2(http2) => http2.searched(),
            _ => self.inner().map_or(0, Stack::searched),
        }
    }

    /// Returns how many bytes of TLS wait for keys.
    pub(super) fn held_for_keys(&self) -> usize {
        match &self.layer {
            #[cfg(feature = "tls")]
            Layer::Encrypted(tls) => tls.held(),
            _ => self.inner().map_or(0, Stack::held_for_keys),
        }
    }

    /// Gives back the memory of inflaters but for their windows, and returns what those take; `None` where one was in
    /// use since the last call.
    pub(in crate::session) fn release_idle(&mut self) -> Option<usize> {
        match &mut self.layer {
            Layer::WebSocket(conversation) => conversation.release_idle(),
            Layer::Http2(http2) => http2.release_idle(),
            _ => self.inner_mut().map_or(Some(0), Stack::release_idle),
        }
    }

    /// Gives up the windows of inflaters: no more memory is to be had.
    pub(in crate::session) fn give_up_windows(&mut self) {
        match &mut self.layer {
            Layer::WebSocket(conversation) => conversation.give_up_windows(),
            Layer::Http2(http2) => http2.give_up_windows(),
            _ => {
                if let Some(inner) = self.inner_mut() {
                    inner.give_up_windows();
                }
            }
        }
    }
}
