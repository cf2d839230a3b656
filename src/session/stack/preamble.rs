//! Preambles before a connection's actual protocol: a PROXY header, SOCKS, a uwsgi request.

use super::start::Start;
use super::{Layer, Stack};
use crate::event::{LowerLayers, Proxy};
use crate::http::BufferedBytes;
use crate::model::{Anomaly, At, Lost, Pair, Side};
use crate::proxy::{Output, Preamble, Proxied, Sniff, looks_like};
use crate::session::context::Context;

/// An incomplete preamble, and the destination in the request for the tunnel around it.
#[derive(Debug)]
pub(super) struct Pending {
    preamble: Preamble,
    host: Option<Box<str>>,
}

impl Pending {
    /// Creates an empty one.
    pub(super) fn new(host: Option<Box<str>>) -> Self {
        Pending { preamble: Preamble::new(), host }
    }

    /// Returns the heap memory it uses, in bytes.
    pub(super) fn allocated(&self) -> usize {
        self.preamble.allocated()
    }
}

impl Stack {
    /// Returns whether a stream's first bytes, sent by `role`, may belong to a preamble.
    pub(super) fn may_be_preamble(role: Side, bytes: &[u8]) -> bool {
        role == Side::Client && looks_like(bytes) != Sniff::No
    }

    /// Processes bytes of a possible preamble.
    pub(super) fn push_preamble(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        let role = cx.transport.role(side);
        let Layer::Preamble(pending) = &mut self.layer else { return };
        if let Some(output) = pending.preamble.push(role, bytes, carried) {
            self.after_preamble(output, cx);
        }
    }

    /// Notes that bytes of a possible preamble are lost.
    pub(super) fn preamble_gap(&mut self, side: Side, lost: Lost, cause: &'static str, cx: &mut Context<'_>) {
        self.give_up_preamble(cx);
        self.gap(side, lost, cause, cx);
    }

    /// Treats the bytes held as something other than a preamble, because no more will come.
    pub(super) fn give_up_preamble(&mut self, cx: &mut Context<'_>) {
        if let Layer::Preamble(pending) = &mut self.layer {
            let output = pending.preamble.give_up();
            self.after_preamble(output, cx);
        }
    }

    /// Continues after a preamble, or with bytes that turned out not to be one.
    fn after_preamble(&mut self, output: Output, cx: &mut Context<'_>) {
        let Layer::Preamble(pending) = std::mem::replace(&mut self.layer, Layer::Opaque) else { return };
        let Pending { mut preamble, host } = *pending;
        let early = Pair::from_fn(|side| {
            let pieces = preamble.take(cx.transport.role(side));
            pieces.into_iter().map(|(bytes, at)| BufferedBytes::Bytes(bytes, at)).collect::<Vec<_>>()
        });
        match output {
            Output::Through(proxied) => {
                // A PROXY header contains the address that the client connected to, not the host it requested.
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

/// Records a proxy that a connection runs through; of several, inner ones only add what outer ones lack.
pub(super) fn note(proxied: Proxied, cx: &mut Context<'_>) {
    let Proxied { protocol, client, server } = proxied;
    let over = cx.transport.over.get_or_insert_with(|| Box::new(LowerLayers::default()));
    match &mut over.proxy {
        Some(proxy) => {
            proxy.client = proxy.client.take().or(client);
            proxy.server = proxy.server.take().or(server);
        }
        None => over.proxy = Some(Proxy { protocol, client, server }),
    }
}
