//! TLS on a pair of streams, with a stack of its own for the plaintext.

use super::{Layer, Stack};
use crate::event::{LowerLayers, Tls};
use crate::model::{Anomaly, At, KeyOrigin, Lost, Side};
use crate::session::context::Context;
use crate::session::conversation::Ending;
use crate::session::keys::KeyUse;
use crate::tcp;
use crate::tls::{self, Facts, Opaque, Output, Stream};

/// A TLS layer, and the stack for its plaintext.
pub(super) struct Encrypted {
    stream: Stream,
    inner: Stack,
}

impl std::fmt::Debug for Encrypted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encrypted").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// Returns whether a side's first bytes may be TLS.
pub(super) fn begins(bytes: &[u8]) -> bool {
    !bytes.is_empty() && tls::looks_like(bytes) != Some(false)
}

impl Stack {
    /// Starts TLS with its first bytes.
    pub(super) fn begin_tls(&mut self, side: Side, bytes: &[u8], at: At, cx: &mut Context<'_>) {
        if cx.shared.has_no_keys() {
            // HTTPS without keys should cost next to nothing; the first bytes are sufficient to describe it.
            cx.shared.counts.tls = cx.shared.counts.tls.saturating_add(1);
            self.layer = Layer::Opaque;
            return;
        }
        let stream = Stream::new(cx.shared.limits.tls);
        self.layer = self.encrypted(stream, cx);
        self.decrypt(side, bytes, at, cx);
    }

    /// Starts TLS mid-stream, if the bytes are records.
    pub(super) fn join_tls(&mut self, side: Side, bytes: &[u8], at: At, cx: &mut Context<'_>) -> bool {
        if !tls::is_records(bytes, cx.shared.keys.log().is_given()) {
            return false;
        }
        let stream = Stream::mid_stream(cx.shared.limits.tls);
        self.layer = self.encrypted(stream, cx);
        self.decrypt(side, bytes, at, cx);
        true
    }

    fn encrypted(&mut self, stream: Stream, cx: &mut Context<'_>) -> Layer {
        match self.tunnel(None, cx) {
            Layer::Tunnel(inner) => {
                cx.shared.counts.tls = cx.shared.counts.tls.saturating_add(1);
                Layer::Encrypted(Box::new(Encrypted { stream, inner: *inner }))
            }
            // Nested too deeply.
            layer => layer,
        }
    }

    /// Processes bytes of TLS.
    pub(super) fn decrypt(&mut self, side: Side, bytes: &[u8], at: At, cx: &mut Context<'_>) {
        let keys = cx.shared.keys.clone();
        self.with_tls(cx, |tls, cx| {
            tls.stream.push(cx.transport.role(side), bytes, at, keys.log());
        });
    }

    /// Notes that bytes of TLS are lost.
    pub(super) fn decrypt_gap(&mut self, side: Side, lost: Lost, cx: &mut Context<'_>) {
        self.with_tls(cx, |tls, cx| tls.stream.gap(cx.transport.role(side), lost, cx.at));
    }

    /// Notes that one side of TLS ended, or that both did.
    pub(super) fn decrypt_end(&mut self, side: Side, how: tcp::End, cx: &mut Context<'_>) {
        self.with_tls(cx, |tls, cx| {
            tls.stream.end(cx.transport.role(side), cx.at);
            if how == tcp::End::Reset {
                tls.stream.end(cx.transport.role(!side), cx.at);
            }
        });
    }

    /// Notes that more keys are known.
    pub(in crate::session) fn learn(&mut self, cx: &mut Context<'_>) {
        if let Layer::Tunnel(inner) = &mut self.layer {
            return inner.learn(cx);
        }
        let keys = cx.shared.keys.clone();
        self.with_tls(cx, |tls, _| tls.stream.learn(keys.log()));
        if let Layer::Encrypted(tls) = &mut self.layer {
            tls.inner.learn(cx);
        }
        if self.ended.client && self.ended.server && !self.is_waiting_for_keys() {
            self.close(Ending::Tcp(tcp::End::Fin.name()), cx);
        }
    }

    /// Counts records instead of holding them, because no memory is left.
    pub(in crate::session) fn release_held(&mut self) {
        match &mut self.layer {
            Layer::Tunnel(inner) => inner.release_held(),
            Layer::Encrypted(tls) => {
                tls.stream.release();
                tls.inner.release_held();
            }
            _ => {}
        }
    }

    fn with_tls(&mut self, cx: &mut Context<'_>, act: impl FnOnce(&mut Encrypted, &mut Context<'_>)) {
        let Layer::Encrypted(tls) = &mut self.layer else { return };
        act(tls, cx);
        if tls.pass_on(cx) {
            self.layer = Layer::Opaque;
        }
    }
}

impl Encrypted {
    pub(super) const fn inner(&self) -> &Stack {
        &self.inner
    }

    pub(super) const fn inner_mut(&mut self) -> &mut Stack {
        &mut self.inner
    }

    pub(super) fn is_waiting_for_keys(&self) -> bool {
        self.stream.is_waiting() || self.inner.is_waiting_for_keys()
    }

    /// Returns the memory of the layer and its inner stack, except what waits for keys, in bytes.
    pub(super) fn allocated(&self) -> usize {
        size_of::<Encrypted>().saturating_add(self.stream.gathered()).saturating_add(self.inner.allocated())
    }

    /// Returns the number of bytes that wait for keys.
    pub(super) fn held(&self) -> usize {
        self.stream.held().saturating_add(self.inner.held_for_keys())
    }

    /// Ends the layer and its inner stack.
    pub(super) fn close(&mut self, ending: Ending, cx: &mut Context<'_>) {
        let keys = cx.shared.keys.clone();
        self.stream.finish(cx.at, keys.log());
        self.pass_on(cx);
        self.inner.close(ending, cx);
    }

    /// Passes the output of TLS to the inner stack; returns whether no more will come.
    fn pass_on(&mut self, cx: &mut Context<'_>) -> bool {
        let keys = cx.shared.keys.clone();
        let now = cx.at;
        let mut is_opaque = false;
        while let Some(output) = self.stream.next(keys.log()) {
            match output {
                Output::Hello(facts) => {
                    self.inner.agree(facts.alpn.as_deref());
                    note(&facts, cx);
                }
                Output::Bytes { side, bytes, first, at, verified } => {
                    cx.at = at;
                    let before = cx.verified;
                    cx.verified = verified && before;
                    // Unverified bytes are a part of a record.
                    cx.is_record = verified;
                    self.inner.bytes(cx.transport.role(side), bytes, first, cx);
                    cx.verified = before;
                    cx.is_record = false;
                }
                Output::Gap { side, lost, at } => {
                    cx.at = at;
                    self.inner.gap(cx.transport.role(side), lost, "lost", cx);
                }
                Output::End { side, at, .. } => {
                    cx.at = at;
                    self.inner.end(cx.transport.role(side), tcp::End::Fin, cx);
                }
                Output::Anomaly { side, anomaly, at } => {
                    cx.at = at;
                    self.report(side, anomaly, cx);
                }
                Output::Swapped => cx.transport.reverse(),
                Output::Opaque(why) => {
                    if why == Opaque::NotTls {
                        cx.shared.counts.tls = cx.shared.counts.tls.saturating_sub(1);
                    }
                    is_opaque = true;
                }
            }
        }
        while let Some(session) = self.stream.next_session() {
            cx.shared.keys.remember(session);
        }
        cx.at = now;
        while let Some(client_random) = self.stream.next_use() {
            let [client, server] = Side::BOTH.map(|side| cx.transport.end_of(side));
            keys.note(&KeyUse { client_random, client, server, packet: now.packet });
        }
        is_opaque
    }

    /// Reports an anomaly, now or once a conversation is reported.
    fn report(&mut self, side: Option<Side>, anomaly: Anomaly, cx: &mut Context<'_>) {
        match side {
            _ if anomaly.explains_missing_decryption() => cx.anomaly(side, &anomaly),
            Some(side) => self.inner.report(cx.transport.role(side), anomaly, cx),
            None => self.inner.report(cx.transport.role(Side::Client), anomaly, cx),
        }
    }
}

/// Records the results of a handshake, for the openings of conversations.
fn note(facts: &Facts, cx: &mut Context<'_>) {
    if facts.keys.is_some() {
        cx.shared.counts.decrypted = cx.shared.counts.decrypted.saturating_add(1);
    } else {
        // TLS 1.3 encrypts the server's choice; if the client offers several protocols, it is unknown.
        let chosen = facts.alpn.as_deref().or(match &facts.alpn_offered[..] {
            [only] => Some(only),
            _ => None,
        });
        let port = cx.transport.end_of(Side::Server).port;
        cx.shared.name_encrypted(cx.conn, port, facts.server_name.as_deref(), chosen);
    }
    let over: &mut LowerLayers = cx.transport.over.get_or_insert_default();
    over.tls = Some(Tls {
        version: facts.version_name().map(Into::into),
        cipher: facts.suite_name(),
        sni: facts.server_name.clone(),
        alpn: facts.alpn.clone(),
        offered: None,
        resumed: facts.resumed,
        early_data: facts.early_data_accepted(),
        ja4: facts.ja4.clone(),
        keys: facts.keys.map(KeyOrigin::name),
    });
}
