use crate::event::Missing;
use crate::text::count;

/// The maximum number of missing bytes shown as dots; more are shown as a count.
const DOTS: u64 = 16;

/// A contiguous piece of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Known bytes and the offset of the first.
    Known(u64, &'a [u8]),
    /// Missing bytes.
    Missing(Missing),
}

/// Interleaves the known bytes of a payload with its missing ranges, in payload order.
pub fn pieces<'a>(known: &'a [u8], missing: &'a [Missing]) -> impl Iterator<Item = Piece<'a>> {
    let (mut offset, mut known, mut missing) = (0_u64, known, missing.iter().copied().peekable());
    std::iter::from_fn(move || {
        if let Some(gap) = missing.next_if(|gap| gap.offset <= offset || known.is_empty()) {
            offset = offset.max(gap.offset).saturating_add(gap.length.unwrap_or(0));
            return Some(Piece::Missing(gap));
        }
        if known.is_empty() {
            return None;
        }
        let until_hole = missing.peek().map_or(u64::MAX, |gap| gap.offset.saturating_sub(offset));
        let length = usize::try_from(until_hole).unwrap_or(usize::MAX).min(known.len());
        let (piece, rest) = known.split_at_checked(length).unwrap_or((known, &[]));
        let start = offset;
        known = rest;
        offset = offset.saturating_add(piece.len() as u64);
        Some(Piece::Known(start, piece))
    })
}

/// Returns the placeholder for missing bytes in a line of text: one dot per byte, or their number.
pub fn dots(gap: &Missing) -> String {
    match gap.length {
        Some(length @ 0..=DOTS) => "·".repeat(usize::try_from(length).unwrap_or(0)),
        Some(length) => format!("···{}···", count(length, "byte")),
        None => "···".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_stand_where_they_were() {
        let holes =
            [(0, Some(2)), (5, Some(1)), (9, None)].map(|(offset, length)| Missing { offset, length });
        let all: Vec<_> = pieces(b"abcdef", &holes).collect();
        assert_eq!(
            all,
            [
                Piece::Missing(holes[0]),
                Piece::Known(2, b"abc"),
                Piece::Missing(holes[1]),
                Piece::Known(6, b"def"),
                Piece::Missing(holes[2]),
            ]
        );
    }

    #[test]
    fn a_whole_payload_is_one_piece() {
        assert_eq!(pieces(b"abc", &[]).collect::<Vec<_>>(), [Piece::Known(0, b"abc")]);
        assert_eq!(pieces(b"", &[]).count(), 0);
    }

    #[test]
    fn holes_behind_what_a_limit_kept_are_still_told() {
        let holes = [Missing { offset: 100, length: Some(5) }];
        assert_eq!(
            pieces(b"abc", &holes).collect::<Vec<_>>(),
            [Piece::Known(0, b"abc"), Piece::Missing(holes[0])]
        );
    }
}
