use super::history::History;
use super::stop::{BAD_SYMBOL, NO_END, Stop, UNFINISHED};
use super::tail::{EMPTY, NOT_NEEDED, TAIL};
use crate::websocket::Payload;
use flate2::{Decompress, FlushDecompress, Status};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The memory that the library allocates for one inflater: its tables and its own window.
const STATE: usize = 48 * 1024;

/// Both joined, to save a call, because most messages are small.
const TAIL_AND_EMPTY: [u8; 9] = {
    let ([a, b, c, d], [e, f, g, h, i]) = (TAIL, EMPTY);
    [a, b, c, d, e, f, g, h, i]
};

/// A pool of idle inflater states of the library, shared by many conversations.
///
/// A state is a block of 48 KiB. Allocating and freeing such blocks between the small ones of thousands of
/// conversations in turn leaves gaps that no other allocation fills, and the process grows to many times its live
/// memory.
#[derive(Clone, Debug, Default)]
pub struct InflaterPool(Arc<Mutex<Vec<Decompress>>>);

impl InflaterPool {
    /// The maximum number of idle states.
    const MOST: usize = 32;

    fn states(&self) -> MutexGuard<'_, Vec<Decompress>> {
        // Nothing panics while it is locked; a reset state is equivalent to a new one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an inflater from the pool and primes it with the window in `history`.
    pub(super) fn lend(&self, history: &History) -> FastInflater {
        let kept = self.states().pop();
        let mut inflate = kept.unwrap_or_else(|| Decompress::new(false));
        let window = history.window();
        // Raw inflating accepts a dictionary at any time, so the library never refuses it.
        let spent = !window.is_empty() && inflate.set_dictionary(window).is_err();
        FastInflater { inflate, spent }
    }

    /// Returns an inflater to the pool.
    pub(super) fn give_back(&self, mut inflater: FastInflater) {
        inflater.reset();
        let mut states = self.states();
        if states.len() < Self::MOST {
            states.push(inflater.inflate);
        }
    }
}

/// An inflater based on the library, used while the entire window is known.
#[derive(Debug)]
pub(super) struct FastInflater {
    inflate: Decompress,
    /// Whether the state cannot continue, after a final block or an invalid block header.
    spent: bool,
}

impl FastInflater {
    /// Restarts without a window.
    pub(super) fn reset(&mut self) {
        self.inflate.reset(false);
        self.spent = false;
    }

    /// Returns whether it accepts no more bytes.
    pub(super) const fn is_spent(&self) -> bool {
        self.spent
    }

    /// Returns the allocated memory, in bytes.
    #[allow(clippy::unused_self)] // called on an existing state
    pub(super) const fn allocated(&self) -> usize {
        STATE
    }

    /// Inflates `bytes` and returns those that follow a final block, after which it is spent.
    pub(super) fn push<'b>(
        &mut self,
        mut bytes: &'b [u8],
        history: &mut History,
        out: &mut Payload,
        left: &mut u64,
    ) -> Result<&'b [u8], Stop> {
        loop {
            history.make_room();
            let (status, taken) = self.feed(bytes, history);
            bytes = bytes.get(taken..).unwrap_or_default();
            history.show(out, left)?;
            match status? {
                Status::StreamEnd => {
                    self.spent = true;
                    return Ok(bytes);
                }
                // If the room is used up, more output may be pending although all input is consumed.
                Status::Ok if history.room() == 0 || !bytes.is_empty() => {}
                Status::Ok | Status::BufError => return Ok(&[]),
            }
        }
    }

    /// Ends the message by reading the tail.
    ///
    /// This detects truncated messages, except the few that end inside a dynamic block's code lengths, which accept the
    /// tail without an error; [`LossyInflater`](super::lossy::LossyInflater) detects those, too.
    pub(super) fn finish(&mut self, history: &mut History) -> Result<(), Stop> {
        if self.spent {
            return Ok(());
        }
        history.make_room();
        let start = history.len();
        let (status, taken) = self.feed(&TAIL_AND_EMPTY, history);
        let made = history.since(start);
        match status {
            Ok(Status::Ok) if made.is_empty() && taken == TAIL_AND_EMPTY.len() => return Ok(()),
            Ok(Status::Ok) if made == NOT_NEEDED => history.truncate(start),
            Ok(Status::StreamEnd) if taken <= TAIL.len() => {}
            _ => {
                history.truncate(start);
                return Err(Stop::Damaged(UNFINISHED.into()));
            }
        }
        self.spent = true;
        Ok(())
    }

    fn feed(&mut self, bytes: &[u8], history: &mut History) -> (Result<Status, Stop>, usize) {
        let (taken, made) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(bytes, history.spare(), FlushDecompress::None);
        let since = |now: u64, then: u64| usize::try_from(now.wrapping_sub(then)).unwrap_or(usize::MAX);
        history.advance(since(self.inflate.total_out(), made));
        let status = status.map_err(|error| Stop::Damaged(problem(error.message()).into()));
        (status, since(self.inflate.total_in(), taken))
    }
}

/// Returns the problem to report. The library's message for a bad symbol depends on how the input is split, so all of
/// those become one.
fn problem(said: Option<&str>) -> &str {
    const OF_BLOCKS: [&str; 7] = [
        "invalid block type",
        "invalid stored block lengths",
        "too many length or distance symbols",
        "invalid code lengths set",
        "invalid bit length repeat",
        "invalid literal/lengths set",
        "invalid distances set",
    ];
    match said {
        Some(said) if OF_BLOCKS.contains(&said) || said == NO_END => said,
        _ => BAD_SYMBOL,
    }
}
