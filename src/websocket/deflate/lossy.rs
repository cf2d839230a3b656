use super::bits::Bits;
use super::history::{History, LONGEST};
use super::huffman::{self, FIXED, Meaning, Table};
use super::stop::{BAD_SYMBOL, NO_END, Stop, UNFINISHED};
use super::tail::{EMPTY, NOT_NEEDED, TAIL};
use crate::websocket::Payload;

/// The order in which the lengths of the code length codes are sent (RFC 1951 §3.2.7).
const ORDER: [u8; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// An inflater for the cases the library does not handle: if part of the window is unknown, or to check how far
/// references reach (RFC 1951).
///
/// Decoding Huffman codes never depends on history, only back-references do: lengths are always exact, literals are
/// always known, and a copied byte is known if its source is.
///
/// ```text
///              ┌───────────────► Stored ──────────────┐
///   Header ────┼───────────────► Symbols ─────────────┼──► Header
///      ▲       └─► Codes ─► Lengths ─► Symbols ───────┘      │
///      └──────────────────────── after a final block, too ◄──┘
/// ```
///
/// Each step either has all its bits and completes, or lacks some and is retried, so the input may be split anywhere.
#[derive(Debug)]
pub(super) struct LossyInflater {
    bits: Bits,
    state: State,
    /// Whether the current block is the last of a stream; another may follow it (RFC 7692 §7.2.3.4).
    last: bool,
    /// Whether a final block has ended in the current message.
    ended: bool,
    lengths: Lengths,
    literals: Table,
    distances: Table,
    seen: Seen,
}

/// The kinds of references in the current message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// The first distance beyond the agreed window.
    pub(super) beyond: Option<u32>,
    /// Whether one reached unknown bytes.
    pub(super) unknown: bool,
    /// Whether one reached back before the message.
    pub(super) before_message: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Between blocks.
    Header,
    /// In a stored block with this many bytes left.
    Stored(usize),
    /// Reading the lengths of the code length codes, of which this many were read.
    Codes(usize),
    /// Reading the lengths of the literal and distance codes.
    Lengths,
    /// Reading symbols, with the fixed codes or the block's own.
    Symbols { fixed: bool },
}

/// The code lengths of a dynamic block while they are being read (RFC 1951 §3.2.7).
#[derive(Debug)]
struct Lengths {
    codes: usize,
    literals: usize,
    total: usize,
    read: usize,
    of_codes: [u8; 19],
    of_symbols: [u8; 320],
    table: Table,
}

/// The reason why a step ended.
enum Step {
    /// It is complete and the next state is set.
    Done,
    /// More bits are needed.
    More,
    /// The history is full.
    Full,
}

impl LossyInflater {
    /// Creates a boxed inflater in the state of [`Self::begin`]; it is large and rarely needed.
    pub(super) fn boxed() -> Box<Self> {
        Box::new(LossyInflater {
            bits: Bits::default(),
            state: State::Header,
            last: false,
            ended: false,
            lengths: Lengths {
                codes: 0,
                literals: 0,
                total: 0,
                read: 0,
                of_codes: [0; 19],
                of_symbols: [0; 320],
                table: Table::default(),
            },
            literals: Table::default(),
            distances: Table::default(),
            seen: Seen::default(),
        })
    }

    /// Resets it to the state between two blocks, in which every message begins.
    pub(super) fn begin(&mut self) {
        (self.bits, self.state, self.last, self.ended) = (Bits::default(), State::Header, false, false);
        self.seen = Seen::default();
    }

    /// Returns the kinds of references in this message so far.
    pub(super) const fn seen(&self) -> Seen {
        self.seen
    }

    /// Returns the allocated memory, in bytes.
    pub(super) fn allocated(&self) -> usize {
        [&self.lengths.table, &self.literals, &self.distances]
            .into_iter()
            .fold(size_of::<LossyInflater>(), |sum, table| sum.saturating_add(table.allocated()))
    }

    /// Inflates `bytes`; `window` is the agreed window in bytes.
    pub(super) fn push(
        &mut self,
        mut bytes: &[u8],
        window: usize,
        history: &mut History,
        out: &mut Payload,
        left: &mut u64,
    ) -> Result<(), Stop> {
        loop {
            history.make_room();
            let step = self.run(&mut bytes, window, history);
            history.show(out, left)?;
            if let Step::More = step? {
                return Ok(());
            }
        }
    }

    /// Ends the message by reading the tail.
    pub(super) fn finish(&mut self, window: usize, history: &mut History) -> Result<(), Stop> {
        history.make_room();
        let start = history.len();
        self.ended = false;
        let unfinished = || Stop::Damaged(UNFINISHED.into());
        let tail = self.run(&mut &TAIL[..], window, history);
        if self.ended {
            // The tail ended a final block; anything after that is irrelevant.
            return Ok(());
        }
        tail.map_err(|_| unfinished())?;
        let last = self.run(&mut &EMPTY[..], window, history);
        let between = matches!((last, self.state), (Ok(_), State::Header)) && self.bits.is_padding();
        match history.since(start) {
            [] if between => Ok(()),
            made if made == NOT_NEEDED => {
                history.truncate(start);
                Ok(())
            }
            _ => Err(unfinished()),
        }
    }

    /// Runs until more bits or more room are needed.
    fn run(&mut self, input: &mut &[u8], window: usize, history: &mut History) -> Result<Step, Stop> {
        loop {
            self.bits.refill(input);
            let step = match self.state {
                State::Header => self.header()?,
                State::Stored(left) => self.stored(left, input, history),
                State::Codes(read) => self.codes(read)?,
                State::Lengths => self.lengths(input)?,
                State::Symbols { fixed } => self.symbols(fixed, input, window, history)?,
            };
            match step {
                Step::Done => {}
                Step::More | Step::Full => return Ok(step),
            }
        }
    }

    /// Ends a block.
    fn end_block(&mut self) -> Step {
        if self.last {
            // Data after a final block begins at a byte boundary.
            self.bits.align();
            (self.last, self.ended) = (false, true);
        }
        self.state = State::Header;
        Step::Done
    }

    /// Reads a block's first three bits, and the fields before the data of its type (RFC 1951 §3.2.3–3.2.7).
    fn header(&mut self) -> Result<Step, Stop> {
        let mut bits = self.bits;
        let (Some(last), Some(kind)) = (bits.read(1), bits.read(2)) else { return Ok(Step::More) };
        self.state = match kind {
            0 => {
                bits.align();
                let (Some(length), Some(complement)) = (bits.read(16), bits.read(16)) else {
                    return Ok(Step::More);
                };
                if length ^ complement != 0xffff {
                    return Err(damaged("invalid stored block lengths"));
                }
                State::Stored(length)
            }
            1 => State::Symbols { fixed: true },
            2 => {
                let (Some(literals), Some(distances), Some(codes)) =
                    (bits.read(5), bits.read(5), bits.read(4))
                else {
                    return Ok(Step::More);
                };
                if literals > 29 || distances > 29 {
                    return Err(damaged("too many length or distance symbols"));
                }
                self.lengths.begin(literals, distances, codes);
                State::Codes(0)
            }
            _ => return Err(damaged("invalid block type")),
        };
        (self.bits, self.last) = (bits, last == 1);
        Ok(Step::Done)
    }

    fn stored(&mut self, mut left: usize, input: &mut &[u8], history: &mut History) -> Step {
        while left > 0 && history.room() > 0 {
            let Some(byte) = self.bits.byte() else { break };
            history.push(byte);
            left = left.saturating_sub(1);
        }
        let count = if history.room() == 0 { 0 } else { left.min(history.room()).min(input.len()) };
        if let Some((bytes, rest)) = input.split_at_checked(count) {
            history.extend(bytes);
            *input = rest;
            left = left.saturating_sub(count);
        }
        self.state = State::Stored(left);
        match left {
            0 => self.end_block(),
            _ if history.room() == 0 => Step::Full,
            _ => Step::More,
        }
    }

    fn codes(&mut self, mut read: usize) -> Result<Step, Stop> {
        while read < self.lengths.codes {
            let Some(length) = self.bits.read(3) else {
                self.state = State::Codes(read);
                return Ok(Step::More);
            };
            self.lengths.set_code(read, length);
            read = read.saturating_add(1);
            // The refill before this step provided 56 bits, and 19 codes of 3 bits may need one more.
            if read == 16 {
                self.state = State::Codes(read);
                return Ok(Step::Done);
            }
        }
        let Lengths { table, of_codes, .. } = &mut self.lengths;
        match of_codes.iter().filter(|&&length| length > 0).count() {
            0 => return Err(damaged(NO_END)),
            1 => return Err(damaged("invalid code lengths set")),
            _ => table
                .build(of_codes, huffman::code_length)
                .ok_or_else(|| damaged("invalid code lengths set"))?,
        }
        self.state = State::Lengths;
        Ok(Step::Done)
    }

    fn lengths(&mut self, input: &mut &[u8]) -> Result<Step, Stop> {
        while self.lengths.read < self.lengths.total {
            self.bits.refill(input);
            let mut bits = self.bits;
            let Some(step) = self.lengths.next(&mut bits) else { return Ok(Step::More) };
            step?;
            self.bits = bits;
        }
        let (literals, distances) = self.lengths.split();
        if literals.get(256).is_none_or(|&length| length == 0) {
            return Err(damaged(NO_END));
        }
        self.literals
            .build(literals, huffman::literal)
            .ok_or_else(|| damaged("invalid literal/lengths set"))?;
        self.distances.build(distances, huffman::distance).ok_or_else(|| damaged("invalid distances set"))?;
        self.state = State::Symbols { fixed: false };
        Ok(Step::Done)
    }

    /// Reads symbols: literals, and references, as far as their sources are known (RFC 1951 §3.2.5).
    fn symbols(
        &mut self,
        fixed: bool,
        input: &mut &[u8],
        window: usize,
        history: &mut History,
    ) -> Result<Step, Stop> {
        let (literals, distances) =
            if fixed { (&FIXED.0, &FIXED.1) } else { (&self.literals, &self.distances) };
        while history.room() >= LONGEST {
            // A length and its distance have at most 48 bits: after a refill, bits are missing only at the input's end.
            self.bits.refill(input);
            let mut bits = self.bits;
            let entry = literals.find(bits.peek());
            let Some(()) = bits.skip(u32::from(entry.length)) else { return Ok(Step::More) };
            match entry.meaning {
                Meaning::Literal(byte) => history.push(byte),
                Meaning::Base(base, extra) => {
                    let Some(extra) = bits.read(u32::from(extra)) else { return Ok(Step::More) };
                    let length = usize::from(base).wrapping_add(extra);
                    let entry = distances.find(bits.peek());
                    let Some(()) = bits.skip(u32::from(entry.length)) else { return Ok(Step::More) };
                    let Meaning::Base(base, extra) = entry.meaning else {
                        return Err(damaged(BAD_SYMBOL));
                    };
                    let Some(extra) = bits.read(u32::from(extra)) else { return Ok(Step::More) };
                    let distance = usize::from(base).wrapping_add(extra);
                    self.seen.note(distance, window, history);
                    let known = history.copy(distance, length).ok_or_else(|| damaged(BAD_SYMBOL))?;
                    self.seen.unknown |= !known;
                }
                Meaning::End => {
                    self.bits = bits;
                    return Ok(self.end_block());
                }
                Meaning::Invalid | Meaning::Further(..) => return Err(damaged(BAD_SYMBOL)),
            }
            self.bits = bits;
        }
        Ok(Step::Full)
    }
}

impl Seen {
    fn note(&mut self, distance: usize, window: usize, history: &History) {
        self.before_message |= history.before_message(distance);
        if distance > window && self.beyond.is_none() {
            self.beyond = u32::try_from(distance).ok();
        }
    }
}

impl Lengths {
    /// Starts with the three counts as transmitted.
    fn begin(&mut self, literals: usize, distances: usize, codes: usize) {
        self.codes = codes.wrapping_add(4);
        self.literals = literals.wrapping_add(257);
        self.total = self.literals.wrapping_add(distances).wrapping_add(1);
        self.read = 0;
        self.of_codes = [0; 19];
    }

    fn set_code(&mut self, at: usize, length: usize) {
        let place = ORDER.get(at).and_then(|&symbol| self.of_codes.get_mut(usize::from(symbol)));
        if let (Some(place), Ok(length)) = (place, u8::try_from(length)) {
            *place = length;
        }
    }

    /// Reads one length, or one repetition; returns `None` if more bits are needed.
    fn next(&mut self, bits: &mut Bits) -> Option<Result<(), Stop>> {
        let entry = self.table.find(bits.peek());
        bits.skip(u32::from(entry.length))?;
        let Meaning::Literal(symbol) = entry.meaning else {
            return Some(Err(damaged("invalid code lengths set")));
        };
        let previous = self.read.checked_sub(1).and_then(|at| self.of_symbols.get(at)).copied();
        let (length, count) = match symbol {
            16 => (previous, bits.read(2)?.wrapping_add(3)),
            17 => (Some(0), bits.read(3)?.wrapping_add(3)),
            18 => (Some(0), bits.read(7)?.wrapping_add(11)),
            length => (Some(length), 1),
        };
        let end = self.read.wrapping_add(count);
        let places = self.of_symbols.get_mut(self.read..end).filter(|_| end <= self.total);
        let (Some(length), Some(places)) = (length, places) else {
            return Some(Err(damaged("invalid bit length repeat")));
        };
        places.fill(length);
        self.read = end;
        Some(Ok(()))
    }

    fn split(&self) -> (&[u8], &[u8]) {
        let all = self.of_symbols.get(..self.total).unwrap_or_default();
        all.split_at_checked(self.literals).unwrap_or_default()
    }
}

fn damaged(problem: &str) -> Stop {
    Stop::Damaged(problem.into())
}
