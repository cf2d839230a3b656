use super::context::{Context, Shared};
use super::conversation::Ending;
use super::stack::Stack;
use super::transport::Transport;
use super::witness::Witness;
use crate::event::{self, ConnId, Event, Kind, Sink};
use crate::model::{At, Flags, Lost, Segment, Timestamp};
use crate::tcp::{self, Delivery, Output};

/// One TCP connection: its bytes put in order, and the stack of layers that they are.
#[derive(Debug)]
pub(super) struct Connection {
    id: ConnId,
    tcp: tcp::Connection,
    transport: Transport,
    stack: Stack,
    /// What is said of the conversation, or of the last upgrade that was refused, with every event.
    conversation: Option<Box<event::Conversation>>,
    /// What it was, where it is no WebSocket.
    witness: Witness,
}

impl Connection {
    /// Makes the connection that begins with `segment`.
    pub(super) fn new(id: ConnId, segment: &Segment<'_>, at: At, shared: &Shared) -> Self {
        let stack = if segment.flags.has(Flags::SYN) { Stack::start() } else { Stack::mid_stream() };
        Connection {
            id,
            tcp: tcp::Connection::sharing(shared.tcp.clone()),
            transport: Transport::new(segment, at),
            stack,
            conversation: None,
            witness: Witness::new(segment.flags.has(Flags::SYN)),
        }
    }

    /// Tells whether `segment` begins another connection between the same endpoints.
    pub(super) fn is_reuse(&self, segment: &Segment<'_>) -> bool {
        self.tcp.is_reuse(self.transport.sender(segment), segment)
    }

    /// Tells whether nothing more can come of it, not even what it was.
    pub(super) fn is_over(&mut self) -> bool {
        self.stack.is_over() && (self.conversation.is_some() || self.witness.is_content())
    }

    /// Tells whether frames were looked for in vain, so that it may be a WebSocket all the same.
    pub(super) const fn is_unrecognised(&self) -> bool {
        self.stack.is_unrecognised()
    }

    /// Tells whether it carries a WebSocket.
    pub(super) fn is_conversation(&self) -> bool {
        self.stack.is_conversation()
    }

    /// Returns what is said of the conversation, where there is one.
    pub(super) fn conversation(&self) -> Option<&event::Conversation> {
        self.conversation.as_deref()
    }

    /// Returns when [`Connection::advance`] has something to do.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.tcp.deadline()
    }

    /// Returns the memory that waits out of order, or is searched in a conversation, in bytes.
    pub(super) fn waiting(&self) -> usize {
        self.tcp.waiting().saturating_add(self.stack.waiting())
    }

    /// Returns the memory that is searched for a conversation joined late, in bytes.
    pub(super) fn searched(&self) -> usize {
        self.stack.searched()
    }

    /// Concludes a search for a conversation joined late with what there is: no more memory is to be had.
    pub(super) fn stop_searching(&mut self, shared: &mut Shared, sink: &mut dyn Sink) {
        let Connection { id, transport, stack, conversation, .. } = self;
        let at = transport.last;
        stack.stop_searching(&mut context(*id, at, transport, conversation, shared, sink));
    }

    /// Tells whether TLS in it waits for keys.
    pub(super) fn is_waiting_for_keys(&self) -> bool {
        self.stack.is_waiting_for_keys()
    }

    /// Returns how many bytes wait for keys.
    pub(super) fn held_for_keys(&self) -> usize {
        self.stack.held_for_keys()
    }

    /// Hears that the keys known have become more.
    pub(super) fn learn(&mut self, at: At, shared: &mut Shared, sink: &mut dyn Sink) {
        let Connection { id, transport, stack, conversation, .. } = self;
        stack.learn(&mut context(*id, at, transport, conversation, shared, sink));
    }

    /// Counts records of TLS instead of holding them: no more memory is to be had.
    pub(super) fn release_held(&mut self) {
        self.stack.release_held();
    }

    /// Gives back the memory of inflaters but for their windows; `false` where one was in use since the last call.
    pub(super) fn release_idle(&mut self) -> bool {
        self.stack.release_idle()
    }

    /// Takes the next segment.
    pub(super) fn push(&mut self, segment: &Segment<'_>, at: At, shared: &mut Shared, sink: &mut dyn Sink) {
        let Connection { id, tcp, transport, stack, conversation, witness } = self;
        let side = transport.sender(segment);
        transport.see(side, at);
        if segment.cut > 0 {
            witness.cut(segment.cut.into());
        }
        let delivery = tcp.push(side, segment, at);
        drain(delivery, stack, witness, &mut context(*id, at, transport, conversation, shared, sink));
        if tcp.is_disordered() {
            transport.disorder();
        }
        transport.again = tcp.captured_again();
    }

    /// Hears that capture time is now `time`.
    pub(super) fn advance(&mut self, time: Timestamp, shared: &mut Shared, sink: &mut dyn Sink) {
        let Connection { id, tcp, transport, stack, conversation, witness } = self;
        let at = At { packet: transport.last.packet, time };
        let cx = &mut context(*id, at, transport, conversation, shared, sink);
        drain(tcp.advance(time), stack, witness, cx);
    }

    /// Gives up what waits, because a bound was reached; tells whether that helped.
    pub(super) fn shed_load(&mut self, shared: &mut Shared, sink: &mut dyn Sink) -> bool {
        let before = self.waiting();
        let Connection { id, tcp, transport, stack, conversation, witness } = self;
        let at = transport.last;
        let cx = &mut context(*id, at, transport, conversation, shared, sink);
        drain(tcp.relieve(), stack, witness, cx);
        // What waited may be searched now, and hold as much.
        if self.waiting() >= before {
            self.stack.stop_gathering();
        }
        self.waiting() < before
    }

    /// Says all there is to say: no more segments will come.
    pub(super) fn finish(mut self, at: At, shared: &mut Shared, sink: &mut dyn Sink) {
        let Connection { id, tcp, transport, stack, conversation, witness } = &mut self;
        let mut cx = context(*id, at, transport, conversation, shared, sink);
        drain(tcp.finish(), stack, witness, &mut cx);
        stack.close(Ending::Unseen, &mut cx);
        self.testify(Some(at.packet), sink);
    }

    /// Says what the connection was, where it showed nothing; `known` is the packet at which that is decided, where it is
    /// not its own last one.
    pub(super) fn testify(&self, known: Option<u64>, sink: &mut dyn Sink) {
        if self.conversation.is_none() {
            let unshown = self.witness.testimony(&self.transport);
            let event = Event::new(Some(self.id), self.transport.last, Kind::Unshown(&unshown));
            sink.event(&Event { known: known.unwrap_or(event.known), ..event });
        }
    }
}

/// Makes the context of a connection that handles what came with the packet `at`.
fn context<'x>(
    conn: ConnId,
    at: At,
    transport: &'x mut Transport,
    conversation: &'x mut Option<Box<event::Conversation>>,
    shared: &'x mut Shared,
    sink: &'x mut dyn Sink,
) -> Context<'x> {
    Context { sink, shared, transport, conn, conversation, at, known: at.packet, verified: true }
}

/// Hands what TCP made readable to the stack.
fn drain(mut delivery: Delivery<'_, '_>, stack: &mut Stack, witness: &mut Witness, cx: &mut Context<'_>) {
    while let Some(output) = delivery.next() {
        match output {
            Output::Bytes { side, start, bytes, at } => {
                cx.shared.recent.keep((cx.conn, side), start, bytes);
                if cx.conversation.is_none() {
                    witness.bytes(side, bytes);
                }
                stack.bytes(side, bytes, at, cx);
                if cx.conversation.is_some() {
                    witness.release();
                }
            }
            Output::Again { side, start, bytes } => {
                if let Some(anomaly) = cx.shared.recent.differs((cx.conn, side), start, bytes) {
                    stack.report(side, anomaly, cx);
                }
            }
            Output::Gap { side, length, cause, .. } => {
                witness.gap(side, Lost::Exact(length));
                stack.gap(side, Lost::Exact(length), cause.name(), cx);
            }
            Output::Anomaly { side, anomaly } => stack.report(side, anomaly, cx),
            Output::End { side, how, .. } => stack.end(side, how, cx),
        }
    }
}
