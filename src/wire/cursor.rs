use super::DecodeError;
use crate::model::Packet;

/// The remaining bytes of a packet: a layer and everything it contains.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    /// The captured bytes.
    pub(super) bytes: &'a [u8],
    /// The offset in the packet of the first of them.
    pub(super) offset: usize,
    /// The number of bytes of the layer that were on the wire but not captured.
    pub(super) cut: usize,
    /// Whether a length field has limited it.
    is_limited: bool,
}

impl<'a> Cursor<'a> {
    pub(super) fn of(packet: &Packet<'a>) -> Self {
        let original = usize::try_from(packet.original_length).unwrap_or(usize::MAX);
        let cut = original.saturating_sub(packet.data.len());
        Cursor { bytes: packet.data, offset: 0, cut, is_limited: false }
    }

    /// Creates a view of a reassembled datagram, whose length is known.
    pub(super) const fn of_datagram(bytes: &'a [u8], cut: usize) -> Self {
        Cursor { bytes, offset: 0, cut, is_limited: true }
    }

    /// Splits off a header of `N` bytes.
    pub(super) fn split<const N: usize>(
        self,
        layer: &'static str,
    ) -> Result<(&'a [u8; N], Cursor<'a>), DecodeError> {
        match self.bytes.split_first_chunk() {
            Some((header, rest)) => {
                Ok((header, Cursor { bytes: rest, offset: self.offset.saturating_add(N), ..self }))
            }
            None => Err(self.short(layer, N)),
        }
    }

    /// Skips `length` bytes.
    pub(super) fn skip(self, layer: &'static str, length: usize) -> Result<Cursor<'a>, DecodeError> {
        match self.bytes.get(length..) {
            Some(bytes) => Ok(Cursor { bytes, offset: self.offset.saturating_add(length), ..self }),
            None => Err(self.short(layer, length)),
        }
    }

    /// Limits the view to the length given by a length field.
    ///
    /// Bytes beyond it are padding or a trailer. If the first length field of a packet exceeds what was captured, it is
    /// trusted and the rest counts as truncated, even if the packet's original length contradicts it: some programs
    /// shorten packets together with their original length, whereas a host drops a packet with a false length field. An
    /// inner length field cannot extend beyond the outer one.
    pub(super) fn limit(self, length: usize) -> Cursor<'a> {
        let (bytes, missing) = match self.bytes.get(..length) {
            Some(bytes) => (bytes, 0),
            None => (self.bytes, length.saturating_sub(self.bytes.len())),
        };
        let cut = if self.is_limited { missing.min(self.cut) } else { missing };
        Cursor { bytes, cut, is_limited: true, ..self }
    }

    /// Removes a trailer of `length` bytes from the view, as far as it was captured.
    pub(super) fn without_trailer(self, length: usize) -> Cursor<'a> {
        let total = self.bytes.len().saturating_add(self.cut);
        Cursor { is_limited: self.is_limited, ..self.limit(total.saturating_sub(length)) }
    }

    pub(super) const fn short(&self, layer: &'static str, needed: usize) -> DecodeError {
        DecodeError::Short { layer, offset: self.offset, needed, had: self.bytes.len() }
    }

    pub(super) const fn field(&self, layer: &'static str, field: &'static str, value: u64) -> DecodeError {
        DecodeError::Field { layer, offset: self.offset, field, value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{At, LinkType};

    fn view(data: &[u8], cut: u32) -> Cursor<'_> {
        let original_length = u32::try_from(data.len()).unwrap() + cut;
        Cursor::of(&Packet { at: At::default(), link: LinkType::RAW, original_length, data })
    }

    #[test]
    fn a_length_field_parts_payload_from_padding() {
        let view = view(&[1, 2, 3, 4], 0).limit(3);
        assert_eq!((view.bytes, view.cut), (&[1, 2, 3][..], 0));
    }

    #[test]
    fn a_length_field_says_how_much_was_cut() {
        for cut in [0, 6, 90] {
            let view = view(&[1, 2, 3, 4], cut).limit(10);
            assert_eq!((view.bytes.len(), view.cut), (4, 6));
        }
    }

    #[test]
    fn an_inner_length_field_does_not_reach_beyond_the_outer() {
        let view = view(&[1, 2, 3, 4], 0).limit(6);
        assert_eq!((view.limit(9).cut, view.limit(5).cut, view.limit(4).cut), (2, 1, 0));
        assert_eq!(view.limit(2).limit(9).bytes, [1, 2]);
    }

    #[test]
    fn a_trailer_that_was_cut_with_the_end_takes_nothing_more() {
        let shorter = view(&[1, 2, 3, 4], 6).without_trailer(4);
        assert_eq!((shorter.bytes.len(), shorter.cut), (4, 2));
        let shorter = view(&[1, 2, 3, 4], 1).without_trailer(4);
        assert_eq!((shorter.bytes.len(), shorter.cut), (1, 0));
    }

    #[test]
    fn what_is_missing_is_told_with_its_place() {
        let (_, rest) = view(&[1, 2, 3], 0).split::<2>("first").unwrap();
        assert_eq!(
            rest.split::<4>("second").unwrap_err(),
            DecodeError::Short { layer: "second", offset: 2, needed: 4, had: 1 }
        );
    }
}
