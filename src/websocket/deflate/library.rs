use super::{Stop, history::History};
use crate::websocket::Payload;
use flate2::{Decompress, FlushDecompress, Status};

/// The four bytes that the sender took off each message (RFC 7692 §7.2.2), and behind them one more empty block.
///
/// The second block tells whether the first was read as one: only a state between two blocks takes all nine bytes
/// and makes nothing. It costs no call, and leaves the state as it was.
const TAIL: [u8; 9] = [0, 0, 0xff, 0xff, 0, 0, 0, 0xff, 0xff];

/// What the library makes of [`TAIL`] where the message ended between two blocks and needed no tail: the first zero
/// is taken for a stored block's header, and the block's length and its complement happen to be right.
const NOT_NEEDED: [u8; 4] = [0, 0, 0xff, 0xff];

/// What the library holds for one inflater: its tables and a window of its own.
const STATE: usize = 48 * 1024;

/// Inflates with the library, as fast as can be, where the whole window is known.
#[derive(Debug)]
pub(super) struct Library {
    inflate: Decompress,
    /// The state cannot go on: it has read a final block, or half of one that does not exist.
    spent: bool,
}

impl Library {
    /// Starts with this window behind it.
    pub(super) fn new(history: &History) -> Self {
        let mut inflate = Decompress::new(false);
        let window = history.window();
        // Raw inflating takes a window at any time; the library has no way to refuse.
        let spent = !window.is_empty() && inflate.set_dictionary(window).is_err();
        Library { inflate, spent }
    }

    /// Starts anew without a window.
    pub(super) fn reset(&mut self) {
        self.inflate.reset(false);
        self.spent = false;
    }

    /// Tells whether it can take no more bytes.
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
    pub(super) fn finish(&mut self, history: &mut History) -> Result<(), Stop> {
        if self.spent {
            return Ok(());
        }
        history.make_room();
        let start = history.len();
        let (status, taken) = self.feed(&TAIL, history);
        let made = history.since(start);
        match status {
            Ok(Status::Ok) if made.is_empty() && taken == TAIL.len() => return Ok(()),
            Ok(Status::Ok) if made == NOT_NEEDED => {
                self.spent = true;
                history.truncate(start);
                return Ok(());
            }
            Ok(Status::StreamEnd) if taken <= NOT_NEEDED.len() => {
                self.spent = true;
                return Ok(());
            }
            _ => history.truncate(start),
        }
        Err(Stop::Damaged(super::UNFINISHED.into()))
    }

    fn feed(&mut self, bytes: &[u8], history: &mut History) -> (Result<Status, Stop>, usize) {
        let before = self.inflate.total_in();
        let status = self.inflate.decompress_vec(bytes, history.buffer(), FlushDecompress::None);
        let taken = self.inflate.total_in().wrapping_sub(before);
        let status = status.map_err(|error| Stop::Damaged(error.message().unwrap_or("invalid data").into()));
        (status, usize::try_from(taken).unwrap_or(usize::MAX))
    }
}
