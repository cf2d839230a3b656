use super::context::{Context, Shared};
use super::conversation::Ending;
use super::detector::ProtocolDetector;
use super::holdings::Holdings;
use super::order::{Next, Readable, StreamInput, WireOrder};
use super::stack::Stack;
use super::transport::TcpFacts;
use crate::event::{self, ConnId, Event, Kind, Sink};
use crate::model::{At, Flags, Lost, Pair, Segment, Side, Timestamp};
use crate::tcp::{self, Delivery, End, Output};

/// A TCP connection: its bytes in order, and the stack of layers above.
#[derive(Debug)]
pub(super) struct Connection {
    id: ConnId,
    tcp: tcp::Connection,
    order: WireOrder,
    transport: TcpFacts,
    stack: Stack,
    /// The conversation, or the last refused upgrade, as passed along with every event.
    conversation: Option<Box<event::Conversation>>,
    /// The first bytes, which identify the protocol if the connection is not a WebSocket.
    detector: ProtocolDetector,
}

impl Connection {
    /// Creates the connection that starts with `segment`.
    pub(super) fn new(id: ConnId, segment: &Segment<'_>, at: At, shared: &Shared) -> Self {
        let stack = if segment.flags.has(Flags::SYN) { Stack::start() } else { Stack::mid_stream() };
        Connection {
            id,
            tcp: tcp::Connection::sharing(shared.tcp.clone()),
            order: WireOrder::default(),
            transport: TcpFacts::new(segment, at),
            stack,
            conversation: None,
            detector: ProtocolDetector::new(segment.flags.has(Flags::SYN)),
        }
    }

    /// Returns whether `segment` begins another connection between the same endpoints.
    pub(super) fn is_reuse(&self, segment: &Segment<'_>) -> bool {
        self.tcp.is_reuse(self.transport.sender(segment), segment)
    }

    /// Returns whether nothing further can be found in it, not even its protocol.
    pub(super) fn is_over(&mut self) -> bool {
        self.stack.is_over() && (self.conversation.is_some() || self.detector.has_enough())
    }

    /// Returns whether it carries nothing to show, even if its protocol is not identified yet.
    pub(super) fn shows_nothing(&self) -> bool {
        self.stack.is_over()
    }

    /// Returns whether no frames were found although it may still be a WebSocket.
    pub(super) const fn is_unrecognised(&self) -> bool {
        self.stack.is_unrecognised()
    }

    /// Returns whether it carries a WebSocket.
    pub(super) fn is_conversation(&self) -> bool {
        self.stack.is_conversation()
    }

    /// Returns the conversation, if there is one.
    pub(super) fn conversation(&self) -> Option<&event::Conversation> {
        self.conversation.as_deref()
    }

    /// Returns when [`Connection::advance`] must be called next.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.tcp.deadline().into_iter().chain(self.stack.deadline()).min()
    }

    /// Returns the memory it uses.
    pub(super) fn holdings(&self) -> Holdings {
        let fixed = size_of::<Connection>().saturating_add(self.detector.allocated());
        let fixed = fixed.saturating_add(self.conversation.as_ref().map_or(0, |it| it.allocated()));
        let own = Holdings {
            state: fixed,
            waiting: self.tcp.waiting().saturating_add(self.order.allocated()),
            ..Holdings::default()
        };
        own.and(self.stack.holdings())
    }

    /// Returns the memory of data queued out of order, or searched in a conversation, in bytes.
    fn waiting(&self) -> usize {
        self.tcp.waiting().saturating_add(self.order.allocated()).saturating_add(self.stack.waiting())
    }

    /// Ends the search for a mid-stream conversation with the bytes available, because no memory is left.
    pub(super) fn stop_searching(&mut self, shared: &mut Shared, sink: &mut dyn Sink) {
        let Connection { id, transport, stack, conversation, .. } = self;
        let at = transport.last;
        stack.stop_searching(&mut context(*id, at, transport, conversation, shared, sink));
    }

    /// Returns whether a TLS layer in it waits for keys.
    pub(super) fn is_waiting_for_keys(&self) -> bool {
        self.stack.is_waiting_for_keys()
    }

    /// Notes that more keys are known.
    pub(super) fn learn(&mut self, at: At, shared: &mut Shared, sink: &mut dyn Sink) {
        let Connection { id, transport, stack, conversation, .. } = self;
        stack.learn(&mut context(*id, at, transport, conversation, shared, sink));
    }

    /// Stops holding TLS records and only counts them, because no memory is left.
    pub(super) fn release_held(&mut self) {
        self.stack.release_held();
    }

    /// Releases the memory of inflaters except their windows, and returns the size of those; returns `None` if an
    /// inflater was used since the last call.
    pub(super) fn release_idle(&mut self) -> Option<usize> {
        self.stack.release_idle()
    }

    /// Releases the windows of inflaters, because no memory is left.
    pub(super) fn release_windows(&mut self) {
        self.stack.release_windows();
    }

    /// Processes the next segment.
    pub(super) fn push(&mut self, segment: &Segment<'_>, at: At, shared: &mut Shared, sink: &mut dyn Sink) {
        let Connection { id, tcp, order, transport, stack, conversation, detector } = self;
        let side = transport.sender(segment);
        transport.see(side, at);
        if segment.cut > 0 {
            detector.cut(segment.packet_length);
            transport.longest_truncated = transport.longest_truncated.max(segment.packet_length);
        }
        let (how, was_reset) =
            (DeliveryMode::AtOnce(order.behind(!side, tcp.behind_gap(!side))), tcp.is_reset());
        let delivery = tcp.push(side, segment, at);
        transport.acknowledges(side, delivery.unseen(!side));
        let mut cx = context(*id, at, transport, conversation, shared, sink);
        drain(delivery, order, how, (stack, detector), &mut cx);
        if tcp.is_reset() && !was_reset {
            // A reset after a FIN of the same side ends the other one.
            let behind = order.behind(!side, tcp.behind_gap(!side));
            if order.must_wait(at, behind) {
                order.wait(side, at, StreamInput::End(End::Reset), true);
            } else {
                push(stack, side, StreamInput::End(End::Reset), &mut cx);
            }
        }
        if order.allocated() > 0 {
            release(order, behind_gaps(order, tcp), stack, &mut cx);
            let limit = cx.shared.limits.tcp.waiting_bytes;
            while order.allocated() > limit
                && Side::BOTH.into_iter().any(|side| tcp.behind_gap(side).is_some())
            {
                order.wait_to_report_limit(side, at, limit);
                drain(tcp.shed_load(), order, DeliveryMode::Sorted, (stack, detector), &mut cx);
                release(order, behind_gaps(order, tcp), stack, &mut cx);
            }
        }
        if tcp.is_disordered() {
            transport.disorder();
        }
        transport.again = tcp.captured_again();
    }

    /// Advances capture time to `now.time`, after the packet `now.packet`.
    pub(super) fn advance(&mut self, now: At, shared: &mut Shared, sink: &mut dyn Sink) {
        let Connection { id, tcp, order, transport, stack, conversation, detector } = self;
        let mut cx = context(*id, now, transport, conversation, shared, sink);
        drain(tcp.advance(now.time), order, DeliveryMode::Sorted, (stack, detector), &mut cx);
        release(order, behind_gaps(order, tcp), stack, &mut cx);
        stack.advance(now.time, &mut cx);
    }

    /// Gives up queued data because a bound was reached; returns whether that released memory.
    pub(super) fn shed_load(&mut self, shared: &mut Shared, sink: &mut dyn Sink) -> bool {
        let before = self.waiting();
        let Connection { id, tcp, order, transport, stack, conversation, detector } = self;
        let at = transport.last;
        let mut cx = context(*id, at, transport, conversation, shared, sink);
        drain(tcp.shed_load(), order, DeliveryMode::Sorted, (stack, detector), &mut cx);
        release(order, behind_gaps(order, tcp), stack, &mut cx);
        // The queued data may now be part of a search and use as much memory.
        if tcp.waiting().saturating_add(order.allocated()).saturating_add(stack.waiting()) >= before {
            stack.stop_gathering(&mut cx);
        }
        self.waiting() < before
    }

    /// Reports everything left, because no more segments will come.
    pub(super) fn finish(mut self, at: At, shared: &mut Shared, sink: &mut dyn Sink) {
        let Connection { id, tcp, order, transport, stack, conversation, detector } = &mut self;
        let mut cx = context(*id, at, transport, conversation, shared, sink);
        drain(tcp.finish(), order, DeliveryMode::Sorted, (stack, detector), &mut cx);
        release(order, Pair::default(), stack, &mut cx);
        stack.close(Ending::Unseen, &mut cx);
        self.report_unshown(Some(at.packet), shared, sink);
    }

    /// Reports what the connection was if it showed nothing; `known` is the packet at which that was decided, if it is
    /// not the connection's last one.
    pub(super) fn report_unshown(&self, known: Option<u64>, shared: &mut Shared, sink: &mut dyn Sink) {
        if !self.transport.shown {
            let unshown = self.detector.describe(&self.transport);
            #[cfg(feature = "tls")]
            if let event::Reason::Tls(tls) = &unshown.reason
                && shared.has_no_keys()
            {
                shared.name_encrypted(self.id, unshown.server.port, tls.sni.as_deref(), tls.alpn.as_deref());
            }
            #[cfg(not(feature = "tls"))]
            let _ = shared;
            let event = Event::new(Some(self.id), self.transport.last, Kind::Unshown(&unshown));
            sink.event(&Event { known: known.unwrap_or(event.known), ..event });
        }
    }
}

/// Creates the context for handling the packet `at` on a connection.
fn context<'x>(
    conn: ConnId,
    at: At,
    transport: &'x mut TcpFacts,
    conversation: &'x mut Option<Box<event::Conversation>>,
    shared: &'x mut Shared,
    sink: &'x mut dyn Sink,
) -> Context<'x> {
    Context { sink, shared, transport, conn, conversation, at, now: at, verified: true, is_record: false }
}

/// The time at which the output of TCP is delivered.
#[derive(Clone, Copy, Debug)]
enum DeliveryMode {
    /// One side's output at once, unless it comes after data queued behind a gap of the other side.
    AtOnce(Option<At>),
    /// Both sides' output, once all of it is queued.
    Sorted,
}

impl DeliveryMode {
    /// Returns whether output readable `at` a packet must wait for the other side.
    fn waits(self, at: At, order: &mut WireOrder) -> bool {
        match self {
            DeliveryMode::AtOnce(behind) => order.must_wait(at, behind),
            DeliveryMode::Sorted => true,
        }
    }
}

/// Passes the output of TCP to the stack, in wire order.
fn drain(
    mut delivery: Delivery<'_, '_>,
    order: &mut WireOrder,
    how: DeliveryMode,
    (stack, detector): (&mut Stack, &mut ProtocolDetector),
    cx: &mut Context<'_>,
) {
    let (now, conn) = (cx.at, cx.conn);
    while let Some(output) = delivery.next() {
        let (side, at) = match &output {
            Output::Bytes { side, at, .. } | Output::End { side, at, .. } => (*side, order.reach(*side, *at)),
            // A gap known only from an acknowledgment is reported once nothing more comes.
            Output::Gap { side, at, .. } => (*side, order.reach(*side, order.delivered_at().later(*at))),
            Output::Duplicate { side, .. } | Output::Anomaly { side, .. } => (*side, now),
        };
        let waits = how.waits(at, order);
        cx.at = at;
        let input = match output {
            Output::Bytes { start, bytes, at: carried, .. } => {
                cx.shared.recent.keep((conn, side), start, bytes);
                if !cx.transport.shown {
                    detector.bytes(side, bytes);
                }
                if waits {
                    order.wait(side, at, StreamInput::Bytes(bytes.into(), carried), true);
                } else {
                    stack.bytes(side, bytes, carried, cx);
                }
                if cx.transport.shown {
                    detector.release();
                }
                continue;
            }
            Output::Duplicate { start, bytes, .. } => {
                if let Some(anomaly) = cx.shared.recent.differs((conn, side), start, bytes) {
                    order.wait_to_report(side, at, anomaly);
                }
                continue;
            }
            Output::Anomaly { anomaly, .. } => {
                cx.shared.count_damage(&anomaly);
                order.wait_to_report(side, at, anomaly);
                continue;
            }
            Output::Gap { length, cause, .. } => {
                let lost = Lost::Exact(length);
                detector.gap(side, lost);
                StreamInput::Gap(lost, Some(cause.name()))
            }
            Output::End { how, .. } => StreamInput::End(how),
        };
        if waits {
            order.wait(side, at, input, true);
        } else {
            push(stack, side, input, cx);
        }
    }
    cx.at = now;
}

/// Passes one item of TCP's output to the stack.
fn push(stack: &mut Stack, side: Side, input: StreamInput, cx: &mut Context<'_>) {
    match input {
        StreamInput::Bytes(bytes, carried) => stack.bytes(side, &bytes, carried, cx),
        StreamInput::Gap(lost, cause) => stack.gap(side, lost, cause.unwrap_or("lost"), cx),
        StreamInput::End(how) => {
            cx.transport.ended.get_or_insert((side, how));
            stack.end(side, how, cx);
        }
    }
}

/// Delivers queued output as far as it no longer has to wait for the other side.
fn release(order: &mut WireOrder, behind: Pair<Option<At>>, stack: &mut Stack, cx: &mut Context<'_>) {
    let now = cx.at;
    while let Some(next) = order.next(behind) {
        match next {
            Next::Anomaly(at, side, anomaly) => {
                cx.at = at;
                stack.report(side, anomaly, cx);
            }
            Next::Readable(side, Readable { at, what, .. }) => {
                cx.at = at;
                push(stack, side, what, cx);
            }
        }
    }
    cx.at = now;
}

/// Returns for each side where the data queued after its gap becomes readable.
fn behind_gaps(order: &WireOrder, tcp: &tcp::Connection) -> Pair<Option<At>> {
    Pair::from_fn(|side| order.behind(side, tcp.behind_gap(side)))
}
