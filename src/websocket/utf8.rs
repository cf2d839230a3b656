/// An incremental UTF-8 checker (RFC 6455 §8.1) that accepts characters split between pieces.
///
/// Incomplete characters next to a gap are not counted as errors.
#[derive(Clone, Debug, Default)]
pub struct Utf8 {
    /// The number of bytes so far, including missing ones.
    position: u64,
    /// The first bytes of an incomplete character.
    cut: [u8; 4],
    length: u8,
    /// The number of continuation bytes, up to three, that may still follow a gap.
    after_gap: u8,
    bad: Option<u64>,
    /// Whether some run of known bytes is not valid UTF-8 on its own: it begins or ends inside a character.
    ragged: bool,
}

impl Utf8 {
    /// Checks the next bytes.
    pub fn push(&mut self, mut bytes: &[u8]) {
        if self.bad.is_some() {
            return;
        }
        while self.after_gap > 0 {
            match bytes.split_first() {
                Some((byte, rest)) if byte & 0xc0 == 0x80 => {
                    self.after_gap = self.after_gap.saturating_sub(1);
                    self.position = self.position.saturating_add(1);
                    self.ragged = true;
                    bytes = rest;
                }
                Some(_) => self.after_gap = 0,
                None => return,
            }
        }
        while self.length > 0 {
            let Some((byte, rest)) = bytes.split_first() else { return };
            let filled = usize::from(self.length);
            if let Some(slot) = self.cut.get_mut(filled) {
                *slot = *byte;
            }
            let cut = self.cut;
            match std::str::from_utf8(cut.get(..=filled).unwrap_or_default()) {
                Ok(_) => self.take_cut(filled.saturating_add(1)),
                Err(e) if e.error_len().is_none() => self.length = self.length.saturating_add(1),
                Err(_) => {
                    self.bad = Some(self.position);
                    return;
                }
            }
            bytes = rest;
        }
        match std::str::from_utf8(bytes) {
            Ok(_) => self.position = self.position.saturating_add(bytes.len() as u64),
            Err(e) => {
                self.position = self.position.saturating_add(e.valid_up_to() as u64);
                if e.error_len().is_some() {
                    self.bad = Some(self.position);
                    return;
                }
                for (slot, byte) in self.cut.iter_mut().zip(bytes.iter().skip(e.valid_up_to())) {
                    *slot = *byte;
                    self.length = self.length.saturating_add(1);
                }
            }
        }
    }

    /// Skips `length` missing bytes.
    pub fn skip(&mut self, length: u64) {
        self.ragged |= self.length > 0;
        self.position = self.position.saturating_add(u64::from(self.length)).saturating_add(length);
        self.length = 0;
        self.after_gap = 3;
    }

    /// Returns the offset of the first invalid byte, given that the text is complete.
    pub fn finish(&self) -> Option<u64> {
        self.bad.or((self.length > 0).then_some(self.position))
    }

    /// Returns the offset of the first invalid byte, given that more may follow.
    pub const fn bad(&self) -> Option<u64> {
        self.bad
    }

    /// Returns whether every run of known bytes is valid UTF-8 on its own.
    pub fn is_text(&self) -> bool {
        !self.ragged && self.finish().is_none()
    }

    fn take_cut(&mut self, bytes: usize) {
        self.position = self.position.saturating_add(bytes as u64);
        self.length = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::Utf8;
    use proptest::prelude::*;

    fn check<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Option<u64> {
        let mut utf8 = Utf8::default();
        pieces.into_iter().for_each(|piece| utf8.push(piece));
        utf8.finish()
    }

    #[test]
    fn the_first_bad_byte_is_named_across_pieces() {
        assert_eq!(check([&b"ab\xce"[..], b"\xba", b"\xff"]), Some(4));
        assert_eq!(check([&b"\xe6\x88"[..], b"\x91\xe6"]), Some(3));
        assert_eq!(check([&b"\xed"[..], b"\xa0\x80"]), Some(0), "a surrogate");
        assert_eq!(check([&b"\xf0\x9f"[..], b"\xa6", b"\x80"]), None);
    }

    #[test]
    fn a_hole_excuses_its_neighbours() {
        let mut utf8 = Utf8::default();
        utf8.push(b"ab\xe6\x88");
        utf8.skip(1);
        utf8.push(b"\x91cd");
        assert_eq!((utf8.finish(), utf8.is_text()), (None, false));
        let mut clean = Utf8::default();
        clean.push(b"ab");
        clean.skip(7);
        clean.push(b"cd");
        assert!(clean.is_text());
        clean.push(b"\xff");
        assert_eq!(clean.finish(), Some(11));
    }

    proptest! {
        #[test]
        fn any_cut_agrees_with_the_whole(
            bytes in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..40),
                ".{0,20}".prop_map(String::into_bytes),
                (".{0,9}", any::<u8>(), ".{0,9}").prop_map(|(a, b, c)| [a.as_bytes(), &[b], c.as_bytes()].concat()),
            ],
            size in 1_usize..8,
        ) {
            let whole = std::str::from_utf8(&bytes).err().map(|e| e.valid_up_to() as u64);
            prop_assert_eq!(check(bytes.chunks(size)), whole);
        }
    }
}
