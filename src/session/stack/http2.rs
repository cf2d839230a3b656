//! HTTP/2 on a pair of streams: its streams that are, or may be, WebSockets (RFC 8441).

mod bodies;
mod heads;
mod stream;

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use self::bodies::Bodies;
use self::stream::{State, Stream, StreamHoldings};
use super::{Layer, Stack};
use crate::http2::{self, Connection, Delivery, Output};
use crate::model::{Anomaly, At, Lost, Side, Timestamp};
use crate::session::context::Context;
use crate::session::conversation::Ending;
use crate::session::streamed::Finish;
use crate::tcp;

/// An HTTP/2 connection and the contents of its streams.
#[derive(Debug)]
pub(super) struct Http2 {
    connection: Connection,
    streams: Streams,
    bodies: Bodies,
}

/// The streams that are, or may be, WebSockets, by stream identifier.
#[derive(Debug)]
struct Streams {
    all: BTreeMap<u32, Stream>,
    /// The memory of all streams.
    held: StreamHoldings,
    common: Common,
}

/// The state shared by the streams.
#[derive(Debug)]
struct Common {
    /// The number of stacks that contain those of the streams.
    depth: u8,
    /// Anomalies of the connection, until a conversation is reported.
    held: Option<Vec<(Option<Side>, Anomaly)>>,
    /// Whether the loss of the dynamic table was reported.
    forgot_headers: bool,
}

/// The certainty about which side is the client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Orientation {
    Known,
    Assumed,
}

impl Http2 {
    /// Creates the layer of a connection whose first bytes come next.
    pub(super) fn start(depth: u8, limits: http2::Limits) -> Self {
        Http2::new(Connection::new(limits), depth)
    }

    /// Creates the layer after an upgrade to HTTP/2.
    pub(super) fn upgraded(depth: u8, limits: http2::Limits) -> Self {
        Http2::new(Connection::upgraded(limits), depth)
    }

    /// Creates the layer of a connection captured mid-stream, which may not be HTTP/2 at all.
    pub(super) fn mid_stream(depth: u8, limits: http2::Limits) -> Self {
        Http2::new(Connection::mid_stream(limits), depth)
    }

    fn new(connection: Connection, depth: u8) -> Self {
        let common = Common { depth: depth.saturating_add(1), held: Some(Vec::new()), forgot_headers: false };
        let streams = Streams { all: BTreeMap::new(), held: StreamHoldings::default(), common };
        Http2 { connection, streams, bodies: Bodies::default() }
    }

    /// Returns whether no frames were found on either side yet.
    pub(super) const fn is_searching(&self) -> bool {
        self.connection.is_searching(Side::Client) && self.connection.is_searching(Side::Server)
    }

    /// Returns whether the bytes under search are likely to be HTTP/2.
    pub(super) fn is_likely(&self) -> bool {
        self.connection.is_likely()
    }

    /// Returns whether the bytes under search can be HTTP/2.
    pub(super) fn is_possible(&self) -> bool {
        self.connection.is_possible()
    }

    /// Returns whether no stream is or may be a WebSocket.
    pub(super) fn is_empty(&self) -> bool {
        self.streams.all.is_empty() && !self.bodies.is_conversation()
    }

    /// Returns whether it carries a WebSocket.
    pub(super) fn is_conversation(&self) -> bool {
        self.bodies.is_conversation() || self.streams.stacks().any(Stack::is_conversation)
    }

    /// Returns the memory that is searched in conversations, waits for a response, or holds dynamic tables, in bytes.
    pub(super) fn waiting(&self) -> usize {
        self.connection.header_memory().saturating_add(self.streams.held.memory.waiting)
    }

    /// Returns the memory of the layer and the contents of its streams, in bytes.
    pub(super) fn allocated(&self) -> usize {
        size_of::<Http2>().saturating_add(self.streams.held.memory.state)
    }

    /// Returns the memory that is searched for frames or for conversations, in bytes.
    pub(super) fn searched(&self) -> usize {
        self.connection.searched().saturating_add(self.streams.held.memory.searched)
    }

    pub(super) fn release_idle(&mut self) -> Option<usize> {
        self.connection.rest();
        let mut windows = Some(0_usize);
        for stack in self.streams.stacks_mut() {
            let bytes = stack.release_idle();
            windows = windows.zip(bytes).map(|(sum, bytes)| sum.saturating_add(bytes));
        }
        windows
    }

    pub(super) fn release_windows(&mut self) {
        self.streams.stacks_mut().for_each(Stack::release_windows);
    }

    pub(super) fn stop_gathering(&mut self, cx: &mut Context<'_>) {
        if self.connection.header_memory() > 0 {
            self.connection.forget_headers();
            if !std::mem::replace(&mut self.streams.common.forgot_headers, true) {
                let value = cx.shared.limits.waiting as u64;
                let anomaly = Anomaly::LimitReached { limit: "memory of header blocks", value };
                self.report(None, anomaly, cx);
            }
        }
        self.streams.each(cx, |stream, cx| {
            stream.forget_early();
            stream.on_stack(cx, Stack::stop_gathering);
        });
    }

    /// Returns when [`Http2::advance`] must be called next.
    pub(super) const fn deadline(&self) -> Option<Timestamp> {
        self.streams.held.deadline
    }

    /// Advances capture time to `now`.
    pub(super) fn advance(&mut self, now: Timestamp, cx: &mut Context<'_>) {
        self.streams.each(cx, |stream, cx| stream.on_stack(cx, |stack, cx| stack.advance(now, cx)));
    }

    pub(super) fn stop_searching(&mut self, cx: &mut Context<'_>) {
        self.connection.stop_gathering();
        self.streams.each(cx, |stream, cx| stream.on_stack(cx, Stack::stop_searching));
    }

    /// Processes bytes of TCP's `side`; returns `false` if they are not HTTP/2.
    pub(super) fn bytes(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) -> bool {
        let orientation = self.orientation();
        let role = cx.transport.role(side);
        let delivery = if cx.is_record {
            self.connection.push_record(role, bytes)
        } else {
            self.connection.push(role, bytes)
        };
        drain(delivery, &mut self.streams, &mut self.bodies, (orientation, carried), cx)
    }

    /// Notes that bytes of TCP's `side` are lost.
    pub(super) fn gap(&mut self, side: Side, lost: Lost, cx: &mut Context<'_>) {
        let (orientation, at) = (self.orientation(), cx.at);
        let delivery = self.connection.gap(cx.transport.role(side), lost);
        drain(delivery, &mut self.streams, &mut self.bodies, (orientation, at), cx);
    }

    /// Notes that TCP ended one side.
    pub(super) fn end(&mut self, side: Side, how: tcp::End, cx: &mut Context<'_>) {
        self.finish(side, cx);
        self.streams.each(cx, |stream, cx| stream.on_stack(cx, |stack, cx| stack.end(side, how, cx)));
    }

    /// Concludes the search on TCP's `side`.
    pub(super) fn finish(&mut self, side: Side, cx: &mut Context<'_>) {
        let (orientation, at) = (self.orientation(), cx.at);
        let delivery = self.connection.end(cx.transport.role(side));
        drain(delivery, &mut self.streams, &mut self.bodies, (orientation, at), cx);
    }

    /// Ends all streams.
    pub(super) fn close(&mut self, ending: Ending, cx: &mut Context<'_>) {
        for side in Side::BOTH {
            self.finish(side, cx);
        }
        let finish = if ending == Ending::Unseen { Finish::Unseen } else { Finish::Cut(None) };
        self.bodies.close(finish, cx);
        let all: Vec<u32> = self.streams.all.keys().copied().collect();
        for id in all {
            self.streams.with(id, cx, |stream, common, cx| stream.close(ending, common, cx));
        }
    }

    /// Reports an anomaly of the connection, now or once a conversation is reported.
    pub(super) fn report(&mut self, role: Option<Side>, anomaly: Anomaly, cx: &mut Context<'_>) {
        self.streams.common.report(role, anomaly, cx);
    }

    fn orientation(&self) -> Orientation {
        if self.connection.is_oriented() { Orientation::Known } else { Orientation::Assumed }
    }
}

/// Processes the output of a connection; returns `false` if it is not HTTP/2.
fn drain(
    mut delivery: Delivery<'_, '_>,
    streams: &mut Streams,
    bodies: &mut Bodies,
    (orientation, carried): (Orientation, At),
    cx: &mut Context<'_>,
) -> bool {
    while let Some(output) = delivery.next() {
        match output {
            Output::NotHttp2 => return false,
            Output::Head { stream, side, fields } => {
                if bodies.head(stream, side, &fields, cx) {
                    delivery.deliver(stream);
                }
            }
            Output::Data { stream, side, bytes } if bodies.has(stream) => {
                bodies.bytes(stream, side, bytes, carried, cx);
            }
            Output::DataGap { stream, side, lost } if bodies.has(stream) => {
                bodies.gap(stream, side, lost, cx);
            }
            Output::Ended { stream, side, how } if bodies.has(stream) => {
                bodies.end(stream, side, how, cx);
            }
            Output::Anomaly { stream: Some(stream), side, ref anomaly } if bodies.has(stream) => {
                bodies.report(stream, side, anomaly, cx);
            }
            output => {
                if streams.take(output, orientation, carried, cx) {
                    delivery.reverse();
                }
            }
        }
    }
    true
}

impl Streams {
    fn stacks(&self) -> impl Iterator<Item = &Stack> {
        self.all.values().filter_map(|stream| match &stream.state {
            State::Open(stack) => Some(&**stack),
            _ => None,
        })
    }

    fn stacks_mut(&mut self) -> impl Iterator<Item = &mut Stack> {
        self.all.values_mut().filter_map(|stream| match &mut stream.state {
            State::Open(stack) => Some(&mut **stack),
            _ => None,
        })
    }

    /// Processes an output of the connection; returns whether the sides turned out to be reversed.
    fn take(
        &mut self,
        output: Output<'_>,
        orientation: Orientation,
        carried: At,
        cx: &mut Context<'_>,
    ) -> bool {
        let before = cx.transport.role(Side::Client);
        match output {
            Output::Opened { stream, request } => self.with(stream, cx, |stream, _, _| stream.ask(&request)),
            Output::Answered { stream, response } => {
                self.with(stream, cx, |stream, common, cx| stream.answer(&response, orientation, common, cx));
            }
            Output::Data { stream, side, bytes } => self.with(stream, cx, |stream, common, cx| {
                stream.settle(side, orientation, common, cx);
                stream.bytes(side, bytes, carried, cx);
                common.reported(stream, cx);
            }),
            Output::DataGap { stream, side, lost } => self.with(stream, cx, |stream, common, cx| {
                stream.settle(side, orientation, common, cx);
                stream.gap(side, lost, cx);
                common.reported(stream, cx);
            }),
            Output::Ended { stream, side, how } => {
                self.with(stream, cx, |stream, common, cx| stream.end(side, how, common, cx));
            }
            // If segments arrived out of order, the other side's frames may only seem to be missing.
            Output::Anomaly {
                anomaly:
                    Anomaly::H2Preface {}
                    | Anomaly::H2SettingsFirst { .. }
                    | Anomaly::H2StreamState { .. }
                    | Anomaly::H2FlowControl { .. }
                    | Anomaly::H2ConnectNotEnabled { .. },
                ..
            } if !cx.transport.is_in_order() => {}
            Output::Anomaly { side, stream: Some(stream), anomaly } => {
                self.with(stream, cx, |stream, _, cx| stream.report(side, anomaly, cx));
            }
            Output::Anomaly { side, stream: None, anomaly } => self.common.report(Some(side), anomaly, cx),
            Output::Reversed => {
                cx.transport.reverse();
                return false;
            }
            Output::Head { .. } | Output::NotHttp2 => {}
        }
        cx.transport.role(Side::Client) != before
    }

    /// Runs `act` on a stream, with events attributed to it; drops the stream if nothing is left of it.
    fn with(
        &mut self,
        id: u32,
        cx: &mut Context<'_>,
        act: impl FnOnce(&mut Stream, &mut Common, &mut Context<'_>),
    ) {
        let conn = cx.conn;
        if let Some(stream) = NonZeroU64::new(id.into()) {
            cx.conn = conn.with_stream(stream);
        }
        let stream = self.all.entry(id).or_default();
        std::mem::swap(cx.conversation, &mut stream.conversation);
        act(stream, &mut self.common, cx);
        std::mem::swap(cx.conversation, &mut stream.conversation);
        let has_changed = stream.update_accounting();
        if matches!(stream.state, State::Absent) {
            self.all.remove(&id);
        }
        if has_changed {
            self.held = self
                .all
                .values()
                .map(|stream| stream.held)
                .fold(StreamHoldings::default(), StreamHoldings::and);
        }
        cx.conn = conn;
    }

    /// Runs `act` on each stream.
    fn each(&mut self, cx: &mut Context<'_>, mut act: impl FnMut(&mut Stream, &mut Context<'_>)) {
        let all: Vec<u32> = self.all.keys().copied().collect();
        for id in all {
            self.with(id, cx, |stream, _, cx| act(stream, cx));
        }
    }
}

impl Common {
    /// Reports an anomaly of the connection, now or once a conversation is reported.
    fn report(&mut self, role: Option<Side>, anomaly: Anomaly, cx: &mut Context<'_>) {
        const HELD: usize = 32;
        match &mut self.held {
            None => cx.anomaly(role, &anomaly),
            Some(held) if held.len() < HELD => held.push((role, anomaly)),
            Some(_) => {}
        }
    }

    /// Reports the connection's anomalies once the conversation of a stream is reported.
    fn reported(&mut self, stream: &Stream, cx: &mut Context<'_>) {
        if self.held.is_some() && stream.is_reported() {
            self.begin(cx);
        }
    }

    /// Reports the anomalies held until a conversation was reported.
    fn begin(&mut self, cx: &mut Context<'_>) {
        let Some(held) = self.held.take() else { return };
        for (role, anomaly) in held {
            cx.anomaly(role, &anomaly);
        }
    }
}

impl Stack {
    /// Processes bytes of HTTP/2.
    pub(super) fn frames(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        if let Layer::Http2(http2) = &mut self.layer
            && !http2.bytes(side, bytes, carried, cx)
        {
            // There will be no conversation to report them.
            http2.streams.common.begin(cx);
            self.layer = Layer::Opaque;
        }
    }
}
