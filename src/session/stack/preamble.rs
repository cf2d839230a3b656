//! What stands before a connection's real bytes: a PROXY header, SOCKS, a uwsgi request.

use super::start::Start;
use super::{Layer, Stack};
use crate::event::{Over, Proxy};
use crate::http::BufferedBytes;
use crate::model::{Anomaly, At, Lost, Pair, Side};
use crate::proxy::{Output, Preamble, Proxied, Sniff, looks_like};
use crate::session::context::Context;

/// A preamble that is not whole, and what the request for the tunnel around it named.
#[derive(Debug)]
pub(super) struct Pending {
    preamble: Preamble,
    host: Option<Box<str>>,
}

impl Pending {
    /// Makes one of which nothing came.
    pub(super) fn new(host: Option<Box<str>>) -> Self {
        Pending { preamble: Preamble::new(), host }
    }

    /// Returns how many bytes of heap it holds.
    pub(super) fn allocated(&self) -> usize {
        self.preamble.allocated()
    }
}

impl Stack {
    /// Returns whether a stream's first bytes, those of `role`, may be of a preamble.
    pub(super) fn may_be_preamble(role: Side, bytes: &[u8]) -> bool {
        role == Side::Client && looks_like(bytes) != Sniff::No
    }

    /// Takes bytes of what may be a preamble.
    pub(super) fn introduce(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        let role = cx.transport.role(side);
        let Layer::Preamble(pending) = &mut self.layer else { return };
        if let Some(output) = pending.preamble.push(role, bytes, carried) {
            self.introduced(output, cx);
        }
    }

    /// Hears that bytes of what may be a preamble are lost.
    pub(super) fn introduce_gap(
        &mut self,
        side: Side,
        lost: Lost,
        cause: &'static str,
        cx: &mut Context<'_>,
    ) {
        self.no_preamble(cx);
        self.gap(side, lost, cause, cx);
    }

    /// Takes what was held for a preamble as something else, for no more of it will come.
    pub(super) fn no_preamble(&mut self, cx: &mut Context<'_>) {
        if let Layer::Preamble(pending) = &mut self.layer {
            let output = pending.preamble.give_up();
            self.introduced(output, cx);
        }
    }

    /// Goes on behind a preamble, or with what turned out to be none.
    fn introduced(&mut self, output: Output, cx: &mut Context<'_>) {
        let Layer::Preamble(pending) = std::mem::replace(&mut self.layer, Layer::Opaque) else { return };
        let Pending { mut preamble, host } = *pending;
        let early = Pair::from_fn(|side| {
            let pieces = preamble.take(cx.transport.role(side));
            pieces.into_iter().map(|(bytes, at)| BufferedBytes::Bytes(bytes, at)).collect::<Vec<_>>()
        });
        match output {
            Output::Through(proxied) => {
                // A PROXY header names the address that the client connected to, not what it asked for.
                let is_header = proxied.client.is_some();
                let inner = if is_header { host } else { proxied.server.clone().or(host) };
                note(proxied, cx);
                self.layer = self.tunnel(inner, cx);
            }
            Output::Request(proxied) => {
                note(proxied, cx);
                self.layer = self.tunnel(host, cx);
            }
            Output::Refused(Proxied { protocol, server, .. }) => {
                cx.anomaly(Some(Side::Server), &Anomaly::ProxyRefused { protocol, server });
                return;
            }
            Output::Other => {
                self.layer = Layer::Start(Some(Box::new(Start::without_preamble(host))));
            }
        }
        self.replay(early, Pair::default(), cx);
        self.end_sides(cx);
    }
}

/// Notes a proxy that a connection runs through; of several, what the outer ones did not tell.
pub(super) fn note(proxied: Proxied, cx: &mut Context<'_>) {
    let Proxied { protocol, client, server } = proxied;
    let over = cx.transport.over.get_or_insert_with(|| Box::new(Over::default()));
    match &mut over.proxy {
        Some(proxy) => {
            proxy.client = proxy.client.take().or(client);
            proxy.server = proxy.server.take().or(server);
        }
        None => over.proxy = Some(Proxy { protocol, client, server }),
    }
}
