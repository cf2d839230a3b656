//! Memory accounting for the layers of a stack, and the release of memory.

use super::{Layer, Stack};
use crate::model::{Anomaly, Side};
use crate::session::holdings::Holdings;

impl Stack {
    /// Returns the memory of its layers.
    pub(in crate::session) fn holdings(&self) -> Holdings {
        Holdings {
            state: self.allocated(),
            waiting: self.waiting(),
            searched: self.searched(),
            for_keys: self.held_for_keys(),
        }
    }

    /// Returns the memory of its layers, including what waits for a response, in bytes.
    pub(super) fn allocated(&self) -> usize {
        let layer = match &self.layer {
            Layer::Start(start) => start.as_ref().map_or(0, |start| start.allocated()),
            Layer::Preamble(pending) => size_of_val(&**pending),
            Layer::Http(exchanges) => exchanges.allocated(),
            Layer::Tunnel(inner) => size_of::<Stack>().saturating_add(inner.allocated()),
            Layer::KeylessUpgrade(keyless) => keyless.allocated(),
            Layer::WebSocket(conversation) => size_of_val(&**conversation),
            Layer::Http2(http2) => http2.allocated(),
            #[cfg(feature = "tls")]
            Layer::Encrypted(tls) => tls.allocated(),
            Layer::MidStream(search) => size_of_val(&**search),
            Layer::UnknownRequest | Layer::Unrecognised | Layer::Opaque => 0,
        };
        let held = self.held.as_ref().map_or(0, |held| held.capacity());
        layer.saturating_add(held.saturating_mul(size_of::<(Option<Side>, Anomaly)>()))
    }

    /// Returns the memory searched in conversations, in bytes.
    pub(in crate::session) fn waiting(&self) -> usize {
        match &self.layer {
            Layer::WebSocket(conversation) => conversation.waiting(),
            Layer::Preamble(pending) => pending.allocated(),
            Layer::Http2(http2) => http2.waiting(),
            _ => self.inner().map_or(0, Stack::waiting),
        }
    }

    /// Returns the memory searched for mid-stream conversations, in bytes.
    pub(super) fn searched(&self) -> usize {
        match &self.layer {
            Layer::MidStream(search) => search.searched(),
            Layer::Http2(http2) => http2.searched(),
            _ => self.inner().map_or(0, Stack::searched),
        }
    }

    /// Returns the number of TLS bytes that wait for keys.
    pub(super) fn held_for_keys(&self) -> usize {
        match &self.layer {
            #[cfg(feature = "tls")]
            Layer::Encrypted(tls) => tls.held(),
            _ => self.inner().map_or(0, Stack::held_for_keys),
        }
    }

    /// Releases the memory of inflaters except their windows, and returns the size of those; returns `None` if an
    /// inflater was used since the last call.
    pub(in crate::session) fn release_idle(&mut self) -> Option<usize> {
        match &mut self.layer {
            Layer::WebSocket(conversation) => conversation.release_idle(),
            Layer::Http2(http2) => http2.release_idle(),
            _ => self.inner_mut().map_or(Some(0), Stack::release_idle),
        }
    }

    /// Releases the windows of inflaters, because no memory is left.
    pub(in crate::session) fn release_windows(&mut self) {
        match &mut self.layer {
            Layer::WebSocket(conversation) => conversation.release_windows(),
            Layer::Http2(http2) => http2.release_windows(),
            _ => {
                if let Some(inner) = self.inner_mut() {
                    inner.release_windows();
                }
            }
        }
    }
}
