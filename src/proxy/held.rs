use crate::model::At;

/// Undecided bytes of one side, with the packets that carried them.
#[derive(Debug, Default)]
pub(super) struct UndecidedBytes {
    bytes: Vec<u8>,
    /// The end offset of each packet's bytes.
    ends: Vec<(usize, At)>,
    /// The number of bytes consumed.
    used: usize,
}

impl UndecidedBytes {
    pub(super) fn push(&mut self, bytes: &[u8], at: At) {
        if !bytes.is_empty() {
            self.bytes.extend_from_slice(bytes);
            self.ends.push((self.bytes.len(), at));
        }
    }

    /// Returns the bytes not consumed yet.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.used..).unwrap_or_default()
    }

    /// Consumes the first `length` bytes.
    pub(super) fn consume(&mut self, length: usize) {
        self.used = self.used.saturating_add(length).min(self.bytes.len());
    }

    /// Returns the packet that carried the last consumed byte.
    pub(super) fn carried(&self) -> Option<At> {
        self.ends.iter().find(|(end, _)| *end >= self.used).map(|(_, at)| *at)
    }

    /// Replaces the consumed bytes.
    pub(super) fn replace_used(&mut self, bytes: &[u8]) {
        let at = self.carried().unwrap_or_default();
        let rest = self.take();
        *self = UndecidedBytes::default();
        self.push(bytes, at);
        for (bytes, at) in rest {
            self.push(&bytes, at);
        }
    }

    /// Removes and returns the bytes not consumed yet, one piece per packet.
    pub(super) fn take(&mut self) -> Vec<(Vec<u8>, At)> {
        let UndecidedBytes { bytes, ends, used } = std::mem::take(self);
        let mut start = used;
        let mut pieces = Vec::new();
        for (end, at) in ends {
            if let Some(piece) = bytes.get(start..end).filter(|piece| !piece.is_empty()) {
                pieces.push((piece.to_vec(), at));
                start = end;
            }
        }
        pieces
    }

    /// Returns the heap memory it uses, in bytes.
    pub(super) fn allocated(&self) -> usize {
        self.bytes.capacity().saturating_add(self.ends.capacity().saturating_mul(size_of::<(usize, At)>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    fn at(packet: u64) -> At {
        At { packet, time: Timestamp::from_nanos(0) }
    }

    #[test]
    fn what_is_left_keeps_its_packets() {
        let mut held = UndecidedBytes::default();
        held.push(b"abc", at(1));
        held.push(b"", at(2));
        held.push(b"def", at(3));
        held.consume(2);
        assert_eq!((held.bytes(), held.carried()), (&b"cdef"[..], Some(at(1))));
        held.replace_used(b"XY");
        assert_eq!(held.take(), [(b"XY".to_vec(), at(1)), (b"c".to_vec(), at(1)), (b"def".to_vec(), at(3))]);
        assert!(held.take().is_empty() && held.bytes().is_empty());
    }
}
