//! Upgrades without a key: the next bytes show whether they are WebSocket.

use super::exchange::UpgradePackets;
use super::{Layer, Stack};
use crate::http::{self, BufferedBytes, Handshake};
use crate::model::{Anomaly, At, Pair, Side};
use crate::session::context::Context;

/// A 101 response to a request without a key, and the bytes after it.
#[derive(Debug)]
pub(super) struct KeylessUpgrade {
    handshake: Box<Handshake>,
    packets: UpgradePackets,
    /// The bytes so far, by TCP's sides.
    early: Pair<Vec<BufferedBytes>>,
}

impl KeylessUpgrade {
    /// Returns the memory it uses, in bytes.
    pub(super) fn allocated(&self) -> usize {
        let early = Side::BOTH.into_iter().flat_map(|side| &self.early[side]).map(BufferedBytes::allocated);
        early.fold(
            size_of::<KeylessUpgrade>().saturating_add(self.handshake.allocated()),
            usize::saturating_add,
        )
    }
}

/// The maximum number of first bytes examined.
const SHOWN: usize = 16;

impl Stack {
    /// Returns whether a handshake is not sufficient evidence of a WebSocket: it has neither a key, nor an accept
    /// value, nor a draft's fields.
    pub(super) fn is_keyless(handshake: &Handshake) -> bool {
        let both = handshake.request.is_some() && handshake.response.is_some();
        both && handshake.accept.is_none() && http::draft(handshake).is_none()
    }

    /// Creates the layer that waits for the next bytes.
    pub(super) fn keyless(handshake: Box<Handshake>, packets: UpgradePackets) -> Layer {
        Layer::KeylessUpgrade(Box::new(KeylessUpgrade {
            handshake,
            packets,
            early: Pair::from_fn(|_| Vec::new()),
        }))
    }

    /// Processes the first bytes after such an upgrade.
    pub(super) fn check_keyless(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        let Layer::KeylessUpgrade(keyless) = &mut self.layer else { return };
        keyless.early[side].push(BufferedBytes::Bytes(bytes.into(), carried));
        let start: Vec<u8> = keyless.early[side]
            .iter()
            .flat_map(|piece| match piece {
                BufferedBytes::Bytes(bytes, _) => bytes.iter().copied().take(SHOWN).collect(),
                BufferedBytes::Gap(_) => Vec::new(),
            })
            .take(SHOWN)
            .collect();
        if start.len() < 2 {
            return;
        }
        if http::is_frame(cx.transport.role(side), &start) {
            return self.accept_keyless(cx);
        }
        let Layer::KeylessUpgrade(keyless) = std::mem::replace(&mut self.layer, Layer::Opaque) else {
            return;
        };
        let now = std::mem::replace(&mut cx.at, keyless.packets.heads[cx.transport.role(Side::Server)]);
        self.reject(keyless.handshake, cx);
        cx.at = now;
        // Only as many bytes as decide, so that the result does not depend on segmentation.
        let found = start.iter().take(2).map(|byte| format!("{byte:02x}")).collect::<String>().into();
        cx.anomaly(Some(cx.transport.role(side)), &Anomaly::NotWebSocket { found });
    }

    /// Accepts such an upgrade as WebSocket: frames follow, or nothing that contradicts it.
    pub(super) fn accept_keyless(&mut self, cx: &mut Context<'_>) {
        if !matches!(self.layer, Layer::KeylessUpgrade(_)) {
            return;
        }
        let Layer::KeylessUpgrade(keyless) = std::mem::replace(&mut self.layer, Layer::Opaque) else {
            return;
        };
        let KeylessUpgrade { handshake, packets, early } = *keyless;
        self.layer = self.upgrade(handshake, packets, cx);
        self.replay(early, packets.heads, cx);
        self.end_sides(cx);
    }
}
