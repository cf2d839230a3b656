//! Inflating of compressed messages (RFC 7692 §7.2.2, RFC 1951).
//!
//! There is one [`Inflater`] per side. Its output is kept in a *history*, the last 32 KiB with a mark for each unknown
//! byte, and two engines append to it:
//!
//! * the library, as long as everything within reach of a reference is known, which is the usual case;
//! * our own inflater otherwise (compressed bytes were lost, or the capture began mid-stream), and if a window below 32
//!   KiB was agreed on, because the library does not report how far references reach.
//!
//! After a message that the library ended between two blocks, either engine can inflate the next one; the history
//! determines which.

mod bits;
mod fast;
mod history;
mod huffman;
mod lossy;
mod stop;
mod tail;

use self::fast::FastInflater;
pub use self::fast::InflaterPool;
use self::history::History;
use self::lossy::LossyInflater;
use self::stop::Stop;
use crate::model::{Anomaly, DeflateSide};
use crate::websocket::Payload;
use std::collections::VecDeque;

/// The bounds on the cost of inflating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The maximum number of bytes that one message may inflate to; beyond it the rest is not inflated, and the side's
    /// history is lost.
    pub work: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { work: 512 << 20 }
    }
}

/// The maximum number of anomalies pending for [`Inflater::next_anomaly`]; one message causes at most four.
const MAX_WAITING: usize = 16;

/// The inflater for one side's messages (RFC 7692 §7.2.2).
///
/// [`push`](Self::push) the unmasked payload bytes of each compressed message, call [`gap`](Self::gap) where some are
/// lost and [`finish`](Self::finish) at its end, then drain [`next_anomaly`](Self::next_anomaly). Output goes into the
/// message's [`Payload`] at once; only the window is kept. Uncompressed messages in between do not affect it (RFC 7692
/// §7.2.1).
///
/// It never invents a byte: unknown bytes are skipped in the payload, with their exact length if the codes determine
/// it, and after 32 KiB of known output everything is known again.
#[derive(Debug)]
pub struct Inflater {
    side: DeflateSide,
    limits: Limits,
    history: History,
    library: Option<FastInflater>,
    pool: InflaterPool,
    partial: Option<Box<LossyInflater>>,
    message: Message,
    /// Whether a final block ended a message of a sender that keeps its window. After one, the library cannot continue
    /// without being primed again, but our own inflater can.
    final_blocks: bool,
    /// Whether the data before the next message is unknown.
    lost: bool,
    loss_reported: bool,
    takeover: Option<bool>,
    anomalies: VecDeque<Anomaly>,
}

/// The state of the current message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    /// No compressed byte has arrived yet.
    Before,
    /// It is being inflated by our own inflater or by the library, with `left` bytes of output allowed.
    Inside { ours: bool, left: u64 },
    /// The rest of it cannot be inflated.
    Dead,
}

impl Inflater {
    /// Creates an inflater for a conversation with a captured handshake; allocates nothing until a compressed message
    /// arrives.
    pub fn new(side: DeflateSide, limits: Limits) -> Self {
        Self::begin_with(side, limits, false)
    }

    /// Creates an inflater for a mid-stream capture, with the negotiation and all earlier data unknown.
    ///
    /// The sender is assumed to keep a window of full size. If it does not, its references never reach back before
    /// their message, so the assumption does no harm.
    pub fn mid_stream(limits: Limits) -> Self {
        Self::begin_with(DeflateSide { no_context_takeover: false, max_window_bits: 15 }, limits, true)
    }

    fn begin_with(side: DeflateSide, limits: Limits, joined: bool) -> Self {
        Inflater {
            side,
            limits,
            history: History::new(joined),
            library: None,
            pool: InflaterPool::default(),
            partial: None,
            message: Message::Before,
            final_blocks: false,
            lost: false,
            loss_reported: false,
            takeover: if joined { None } else { Some(!side.no_context_takeover) },
            anomalies: VecDeque::new(),
        }
    }

    /// Shares the library's states with the other inflaters of a pool.
    #[must_use]
    pub fn sharing(mut self, pool: &InflaterPool) -> Self {
        self.pool = pool.clone();
        self
    }

    /// Inflates unmasked compressed bytes of the current message, appending the output to `out`.
    pub fn push(&mut self, bytes: &[u8], out: &mut Payload) {
        if bytes.is_empty() {
            return;
        }
        if self.message == Message::Before {
            self.begin();
        }
        let Message::Inside { mut ours, mut left } = self.message else { return };
        let mut rest = bytes;
        let mut result = Ok(());
        if let (false, Some(library)) = (ours, &mut self.library) {
            if !library.is_spent() {
                match library.push(rest, &mut self.history, out, &mut left) {
                    Ok(after) => rest = after,
                    Err(stop) => (result, rest) = (Err(stop), &[]),
                }
                self.final_blocks |= library.is_spent();
            }
            // Blocks after a final one continue with the same window, which the library does not support.
            if !rest.is_empty() {
                ours = true;
                self.partial.get_or_insert_with(LossyInflater::boxed).begin();
            }
        }
        if let (true, Some(partial)) = (ours, &mut self.partial) {
            result = partial.push(rest, window(self.side), &mut self.history, out, &mut left);
        }
        self.message = Message::Inside { ours, left };
        self.settle(result, out);
    }

    /// Notes that compressed bytes of the current message are lost: the rest of it cannot be inflated, and the sender's
    /// window is unknown from here on.
    pub fn gap(&mut self, out: &mut Payload) {
        if self.message != Message::Dead {
            self.give_up(out);
        }
    }

    /// Ends the message after its last frame.
    pub fn finish(&mut self, out: &mut Payload) {
        if let Message::Inside { ours, mut left } = self.message {
            let mut result = Ok(());
            if let (true, Some(partial)) = (ours, &mut self.partial) {
                result = partial.finish(window(self.side), &mut self.history);
            } else if let (false, Some(library)) = (ours, &mut self.library) {
                result = library.finish(&mut self.history);
                self.final_blocks |= library.is_spent();
            }
            let result = result.and_then(|()| self.history.show(out, &mut left));
            self.message = Message::Inside { ours, left };
            self.settle(result, out);
            self.report_seen();
        }
        self.message = Message::Before;
    }

    /// Notes that entire messages of this side were lost: the window is unknown before the next one.
    pub const fn lose_history(&mut self) {
        (self.lost, self.loss_reported) = (true, false);
    }

    /// Returns the next anomaly found.
    pub fn next_anomaly(&mut self) -> Option<Anomaly> {
        self.anomalies.pop_front()
    }

    /// Returns the allocated memory, in bytes.
    pub fn allocated(&self) -> usize {
        let engines = self.library.as_ref().map_or(0, FastInflater::allocated);
        let engines = engines.saturating_add(self.partial.as_ref().map_or(0, |partial| partial.allocated()));
        let waiting = self.anomalies.capacity().saturating_mul(size_of::<Anomaly>());
        self.history.allocated().saturating_add(engines).saturating_add(waiting)
    }

    /// Releases all memory except the used part of the window: at most 32 KiB, plus 4 KiB if part of it is unknown.
    /// Intended for idle sides; does nothing inside a message. The next message restores the state.
    pub fn rest(&mut self) {
        if let Message::Inside { .. } = self.message {
            return;
        }
        self.release_library();
        self.partial = None;
        self.prepare_history();
        self.history.shrink();
        self.anomalies.shrink_to_fit();
    }

    /// Releases the window as well: messages refer to unknown bytes until 32 KiB more are known. Inside a message, call
    /// [`gap`](Self::gap) first.
    pub fn release_window(&mut self) {
        self.lose_history();
        if !matches!(self.message, Message::Inside { .. }) {
            self.prepare_history();
            self.history = History::new(!self.side.no_context_takeover);
        }
    }

    /// Chooses the engine for the message that begins.
    fn begin(&mut self) {
        self.prepare_history();
        self.history.begin_message();
        let known = self.history.is_known();
        let ours =
            !known || self.side.max_window_bits < 15 || (self.final_blocks && !self.side.no_context_takeover);
        if ours {
            self.release_library();
            self.partial.get_or_insert_with(LossyInflater::boxed).begin();
        } else {
            self.history.forget_marks();
            match &mut self.library {
                Some(library) if self.side.no_context_takeover => library.reset(),
                Some(_) => {}
                None => {
                    self.partial = None;
                    self.library = Some(self.pool.lend(&self.history));
                }
            }
        }
        self.message = Message::Inside { ours, left: self.limits.work };
    }

    /// Drops the history that the next message cannot or must not refer to.
    fn prepare_history(&mut self) {
        if self.lost || self.side.no_context_takeover {
            self.history.clear(!self.side.no_context_takeover);
        }
        if self.lost {
            self.release_library();
            self.lost = false;
        }
    }

    fn release_library(&mut self) {
        if let Some(library) = self.library.take() {
            self.pool.give_back(library);
        }
    }

    /// Reports the result of an engine, and abandons the message if it cannot continue.
    fn settle(&mut self, result: Result<(), Stop>, out: &mut Payload) {
        let Err(stop) = result else { return };
        self.report(match stop {
            Stop::Damaged(problem) => Anomaly::DeflateDamaged { offset: out.length(), problem },
            Stop::Limit => Anomaly::InflateLimit { limit: self.limits.work },
        });
        self.give_up(out);
    }

    fn give_up(&mut self, out: &mut Payload) {
        out.skip(None);
        self.report_seen();
        self.lose_history();
        self.message = Message::Dead;
    }

    fn report_seen(&mut self) {
        let (Message::Inside { ours: true, .. }, Some(partial)) = (self.message, &self.partial) else {
            return;
        };
        let seen = partial.seen();
        if seen.before_message {
            self.takeover = Some(true);
        }
        if let Some(distance) = seen.beyond {
            let window = u32::try_from(window(self.side)).unwrap_or(u32::MAX);
            self.report(Anomaly::DeflateDistance { distance, window });
        }
        if seen.unknown && !self.loss_reported {
            self.loss_reported = true;
            self.report(Anomaly::DeflateHistoryLost {});
        }
    }

    fn report(&mut self, anomaly: Anomaly) {
        if self.anomalies.len() < MAX_WAITING {
            self.anomalies.push_back(anomaly);
        }
    }
}

impl Drop for Inflater {
    fn drop(&mut self) {
        self.release_library();
    }
}

/// Returns the agreed window in bytes.
///
/// A window of 8 bits means 256 bytes, although zlib uses 9 if 8 is requested: it never refers to the farthest 262
/// bytes of its window, so its distances stay within 250 and no exception is needed.
const fn window(side: DeflateSide) -> usize {
    match side.max_window_bits {
        bits @ 8..15 => 1 << bits,
        _ => history::REACH,
    }
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation)] // test data is small
mod tests;
