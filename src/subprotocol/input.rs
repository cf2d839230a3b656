use crate::model::{At, Side};
use crate::websocket::{Missing, Opcode};

/// A text or binary message as passed to a decoder.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The side that sent it.
    pub from: Side,
    /// Text or binary.
    pub opcode: Opcode,
    /// The known payload bytes, unmasked and inflated, without the missing ones.
    pub bytes: &'a [u8],
    /// The missing ranges of the payload.
    pub missing: &'a [Missing],
    /// The true length of the payload, including missing and dropped bytes.
    pub length: u64,
    /// The packet that contained its first byte.
    pub first: At,
    /// The packet that completed it.
    pub at: At,
}

/// A part of a message: known bytes, or a number of missing ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Known(&'a [u8]),
    /// `None` if an unknown number is missing; then nothing follows.
    Missing(Option<u64>),
}

impl<'a> Input<'a> {
    /// Returns whether all of its bytes are known.
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty() && self.bytes.len() as u64 == self.length
    }

    /// Returns the bytes up to the first unknown one.
    pub fn head(&self) -> &'a [u8] {
        let known = self.missing.first().map_or(u64::MAX, |missing| missing.offset);
        let known = usize::try_from(known).unwrap_or(usize::MAX).min(self.bytes.len());
        self.bytes.get(..known).unwrap_or_default()
    }

    /// Returns whether it is a text message.
    pub fn is_text(&self) -> bool {
        self.opcode == Opcode::TEXT
    }

    /// Returns known and missing parts in the order sent.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Piece<'a>> + use<'a> {
        let Input { mut bytes, missing, length, .. } = *self;
        let mut missing = missing.iter();
        let (mut offset, mut hole, mut over) = (0_u64, missing.next(), false);
        std::iter::from_fn(move || {
            if over {
                return None;
            }
            if let Some(next) = hole
                && next.offset <= offset
            {
                hole = missing.next();
                offset = offset.saturating_add(next.length.unwrap_or(0));
                over = next.length.is_none();
                return Some(Piece::Missing(next.length));
            }
            let until = hole.map_or(u64::MAX, |next| next.offset.saturating_sub(offset));
            let taken = usize::try_from(until).unwrap_or(usize::MAX).min(bytes.len());
            if taken == 0 {
                over = true;
                // The bytes dropped by a limit.
                let rest = length.saturating_sub(offset);
                return (rest > 0).then_some(Piece::Missing(Some(rest)));
            }
            let (known, rest) = bytes.split_at_checked(taken)?;
            bytes = rest;
            offset = offset.saturating_add(taken as u64);
            Some(Piece::Known(known))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input<'a>(bytes: &'a [u8], missing: &'a [Missing], length: u64) -> Input<'a> {
        let (first, at) = (At::default(), At::default());
        Input { from: Side::Client, opcode: Opcode::TEXT, bytes, missing, length, first, at }
    }

    #[test]
    fn pieces_in_the_order_of_the_wire() {
        let missing = [Missing { offset: 2, length: Some(3) }, Missing { offset: 6, length: None }];
        let pieces: Vec<_> = input(b"abc", &missing, 6).pieces().collect();
        let expected =
            [Piece::Known(b"ab"), Piece::Missing(Some(3)), Piece::Known(b"c"), Piece::Missing(None)];
        assert_eq!(pieces, expected);
        assert_eq!(input(b"abc", &missing, 6).head(), b"ab");
        let dropped: Vec<_> = input(b"abc", &[], 10).pieces().collect();
        assert_eq!(dropped, [Piece::Known(b"abc"), Piece::Missing(Some(7))]);
        assert!(!input(b"abc", &[], 10).is_whole());
        assert_eq!(input(b"", &[], 0).pieces().count(), 0);
    }
}
