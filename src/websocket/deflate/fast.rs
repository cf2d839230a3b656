use super::history::History;
use super::stop::{BAD_SYMBOL, NO_END, Stop, UNFINISHED};
use super::tail::{EMPTY, NOT_NEEDED, TAIL};
use crate::websocket::Payload;
use flate2::{Decompress, FlushDecompress, Status};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the library holds for one inflater: its tables and a window of its own.
const STATE: usize = 48 * 1024;

/// Both in one call, for small messages are the many.
const TAIL_AND_EMPTY: [u8; 9] = {
    let ([a, b, c, d], [e, f, g, h, i]) = (TAIL, EMPTY);
    [a, b, c, d, e, f, g, h, i]
};

/// States of the library that are not in use, shared by the inflaters of many conversations.
///
/// A state is a block of 48 KiB. Allocated and freed between the small ones of thousands of conversations that take
/// turns, such blocks leave gaps that no other allocation fills, and the process grows to many times what it holds.
#[derive(Clone, Debug, Default)]
pub struct InflaterPool(Arc<Mutex<Vec<Decompress>>>);

impl InflaterPool {
    /// Bounds the states that are kept.
    const MOST: usize = 32;

    fn states(&self) -> MutexGuard<'_, Vec<Decompress>> {
        // Nothing panics while it is locked; a state that was reset is as good as a new one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lends an inflater that starts with this window behind it.
    pub(super) fn lend(&self, history: &History) -> FastInflater {
        let kept = self.states().pop();
        let mut inflate = kept.unwrap_or_else(|| Decompress::new(false));
        let window = history.window();
        // Raw inflating takes a window at any time; the library has no way to refuse.
        let spent = !window.is_empty() && inflate.set_dictionary(window).is_err();
        FastInflater { inflate, spent }
    }

    /// Takes an inflater back.
    pub(super) fn give_back(&self, mut inflater: FastInflater) {
        inflater.reset();
        let mut states = self.states();
        if states.len() < Self::MOST {
            states.push(inflater.inflate);
        }
    }
}

/// An inflater that uses the library, where the whole window is known.
#[derive(Debug)]
pub(super) struct FastInflater {
    inflate: Decompress,
    /// The state cannot go on: it has read a final block, or half of one that does not exist.
    spent: bool,
}

impl FastInflater {
    /// Starts anew without a window.
    pub(super) fn reset(&mut self) {
        self.inflate.reset(false);
        self.spent = false;
    }

    /// Returns whether it can take no more bytes.
    pub(super) const fn is_spent(&self) -> bool {
        self.spent
    }

    /// Returns how much memory it holds, in bytes.
    #[allow(clippy::unused_self)] // asked of a state that exists
    pub(super) const fn allocated(&self) -> usize {
        STATE
    }

    /// Inflates `bytes` and returns those that follow a final block; then it is spent.
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
                // Where the room is used up, more output may wait though all bytes are taken.
                Status::Ok if history.room() == 0 || !bytes.is_empty() => {}
                Status::Ok | Status::BufError => return Ok(&[]),
            }
        }
    }

    /// Ends the message: reads the tail.
    ///
    /// One cut short is told from a whole one, but for the few that end inside a dynamic block's code lengths, which
    /// take the tail without a word; our own inflater tells those, too.
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

/// Names what was wrong: of a bad symbol the library says one thing or another, as the input happens to be cut.
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
