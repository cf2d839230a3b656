//! Inflates compressed messages (RFC 7692 §7.2.2, RFC 1951).
//!
//! One [`Inflater`] a side. What it inflates stays in a *history*, the last 32 KiB with a mark for each byte that is
//! not known, and two engines append to it:
//!
//! * the library, as long as everything a reference can reach is known: the ordinary case;
//! * our own inflater where it is not (compressed bytes were lost, or the capture began in mid-stream), and where a
//!   window below 32 KiB was agreed on, for the library does not tell how far references reach.
//!
//! A message that the library ended between two blocks leaves the next message to either: the history says which.

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

/// The bounds of what inflating may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many bytes one message may inflate to; beyond it the rest is not inflated, and the side's history ends.
    pub work: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { work: 512 << 20 }
    }
}

/// How many anomalies wait for [`Inflater::next_anomaly`] at most; one message makes four at most.
const MAX_WAITING: usize = 16;

/// The inflater of what one side sends (RFC 7692 §7.2.2).
///
/// [`push`](Self::push) the unmasked payload bytes of each compressed message, [`gap`](Self::gap) where some are
/// lost, [`finish`](Self::finish) at its end; then ask for [`next_anomaly`](Self::next_anomaly) until there is none.
/// Output goes into the message's [`Payload`] at once; only the window stays here. Plain messages between compressed
/// ones do not concern it (RFC 7692 §7.2.1).
///
/// It never invents a byte: what cannot be known is skipped in the payload, with its exact length where the codes
/// tell it, and after 32 KiB of known output everything is known again.
#[derive(Debug)]
pub struct Inflater {
    side: DeflateSide,
    limits: Limits,
    history: History,
    library: Option<FastInflater>,
    pool: InflaterPool,
    partial: Option<Box<LossyInflater>>,
    message: Message,
    /// A final block ended a message of a sender that keeps its window. The library cannot go on after one without
    /// being primed anew, our own inflater can.
    finals: bool,
    /// What came before the next message is unknown.
    lost: bool,
    loss_reported: bool,
    takeover: Option<bool>,
    anomalies: VecDeque<Anomaly>,
}

/// The state of the current message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    /// No compressed byte came yet.
    Before,
    /// It is being inflated by the library or by us, and may make so many more bytes.
    Inside { ours: bool, left: u64 },
    /// The rest of it cannot be inflated.
    Dead,
}

impl Inflater {
    /// Begins with a conversation whose handshake was seen; holds no memory until a compressed message comes.
    pub fn new(side: DeflateSide, limits: Limits) -> Self {
        Self::begin_with(side, limits, false)
    }

    /// Begins in mid-stream: nothing was seen of the agreement or of what was sent before.
    ///
    /// The sender is taken for one that keeps its window, of full size. If it does not, its references never reach
    /// back before their message, and nothing is lost by thinking so.
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
            finals: false,
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

    /// Takes unmasked compressed bytes of the current message; what they make is appended to `out`.
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
                self.finals |= library.is_spent();
            }
            // Blocks after a final one: the window goes on, which the library cannot.
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

    /// Hears that compressed bytes of the current message are lost: the rest of it cannot be inflated, and what the
    /// sender has in its window is unknown from here on.
    pub fn gap(&mut self, out: &mut Payload) {
        if self.message != Message::Dead {
            self.give_up(out);
        }
    }

    /// Ends the message: its last frame is over.
    pub fn finish(&mut self, out: &mut Payload) {
        if let Message::Inside { ours, mut left } = self.message {
            let mut result = Ok(());
            if let (true, Some(partial)) = (ours, &mut self.partial) {
                result = partial.finish(window(self.side), &mut self.history);
            } else if let (false, Some(library)) = (ours, &mut self.library) {
                result = library.finish(&mut self.history);
                self.finals |= library.is_spent();
            }
            let result = result.and_then(|()| self.history.show(out, &mut left));
            self.message = Message::Inside { ours, left };
            self.settle(result, out);
            self.report_seen();
        }
        self.message = Message::Before;
    }

    /// Hears that whole messages of this side were lost: before the next one, the window is unknown.
    pub const fn lose_history(&mut self) {
        (self.lost, self.loss_reported) = (true, false);
    }

    /// Asks what was wrong since the last call.
    pub fn next_anomaly(&mut self) -> Option<Anomaly> {
        self.anomalies.pop_front()
    }

    /// Returns how much memory it holds, in bytes.
    pub fn allocated(&self) -> usize {
        let engines = self.library.as_ref().map_or(0, FastInflater::allocated);
        let engines = engines.saturating_add(self.partial.as_ref().map_or(0, |partial| partial.allocated()));
        let waiting = self.anomalies.capacity().saturating_mul(size_of::<Anomaly>());
        self.history.allocated().saturating_add(engines).saturating_add(waiting)
    }

    /// Gives back all memory but the window, as far as it was used: at most 32 KiB, and 4 KiB where part of it is
    /// unknown. For sides that are idle; does nothing inside a message. The next message takes it up again.
    pub fn rest(&mut self) {
        if let Message::Inside { .. } = self.message {
            return;
        }
        self.release_library();
        self.partial = None;
        self.take_up_history();
        self.history.shrink();
        self.anomalies.shrink_to_fit();
    }

    /// Gives back the window, too: messages refer to unknown bytes until 32 KiB more are known. Inside a message, a
    /// [`gap`](Self::gap) goes before.
    pub fn give_up_window(&mut self) {
        self.lose_history();
        if !matches!(self.message, Message::Inside { .. }) {
            self.take_up_history();
            self.history = History::new(!self.side.no_context_takeover);
        }
    }

    /// Chooses who inflates the message that begins.
    fn begin(&mut self) {
        self.take_up_history();
        self.history.begin_message();
        let known = self.history.is_known();
        let ours =
            !known || self.side.max_window_bits < 15 || (self.finals && !self.side.no_context_takeover);
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

    /// Forgets what the next message cannot or must not refer to.
    fn take_up_history(&mut self) {
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

    /// Reports what the engines found, and gives the message up where it cannot go on.
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
/// A window of 8 bits means 256 bytes, though zlib, asked for it, works with 9: it keeps 262 bytes off its window's
/// far end, so its references stay within 250 and nothing has to be forgiven.
const fn window(side: DeflateSide) -> usize {
    match side.max_window_bits {
        bits @ 8..15 => 1 << bits,
        _ => history::REACH,
    }
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation)] // test data is small
mod tests;
