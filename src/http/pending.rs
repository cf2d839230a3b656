//! Requests that have no answer yet (RFC 9112 §9.3).

use std::collections::VecDeque;

/// The requests without an answer, in order; what they asked matters for HEAD and for the last one.
#[derive(Debug, Default)]
pub(super) struct PendingRequests {
    ordinary: u32,
    /// Bit *n* says that the ordinary request *n* (0 the oldest, up to 63) is a HEAD.
    heads: u64,
    /// The request that the client waits for, which is always the last.
    pub(super) last: Option<Awaited>,
    /// The heads of the oldest ordinary requests, where they are wanted.
    kept: VecDeque<Box<[u8]>>,
    kept_bytes: usize,
}

/// Bounds how many ordinary requests' heads are kept, and their bytes.
const KEPT: usize = 64;
const KEPT_BYTES: usize = 16 << 10;

/// A request that may change what the connection is: its head.
#[derive(Debug)]
pub(super) enum Awaited {
    Connect(Box<[u8]>),
    Upgrade(Box<[u8]>),
}

/// The request that an answer belongs to.
#[derive(Debug)]
pub(super) enum Answered {
    /// None that was captured.
    Unknown,
    /// One whose answer has a body of its own.
    Ordinary,
    /// One whose answer has no body.
    Head,
    /// The one the client waits for.
    Awaited(Awaited),
}

impl PendingRequests {
    /// Tells whether every request has its answer.
    pub(super) const fn is_empty(&self) -> bool {
        self.ordinary == 0 && self.last.is_none()
    }

    /// Adds an ordinary request.
    pub(super) fn push(&mut self, is_head: bool) {
        if is_head && self.ordinary < 64 {
            self.heads |= 1 << self.ordinary;
        }
        self.ordinary = self.ordinary.saturating_add(1);
    }

    /// Adds an ordinary request and keeps its head, unless too many wait.
    pub(super) fn push_kept(&mut self, is_head: bool, head: &[u8]) {
        let bytes = self.kept_bytes.saturating_add(head.len());
        // Those kept are the oldest, one after the other.
        if self.kept.len() as u64 == u64::from(self.ordinary) && self.kept.len() < KEPT && bytes <= KEPT_BYTES
        {
            self.kept.push_back(head.into());
            self.kept_bytes = bytes;
        }
        self.push(is_head);
    }

    /// Returns the head of the oldest request, where it was kept.
    pub(super) fn oldest(&self) -> Option<&[u8]> {
        if self.ordinary == 0 { None } else { self.kept.front().map(|head| &**head) }
    }

    fn forget_oldest(&mut self) {
        if let Some(head) = self.kept.pop_front() {
            self.kept_bytes = self.kept_bytes.saturating_sub(head.len());
        }
    }

    /// Returns how many bytes of heap the kept heads take.
    pub(super) fn allocated(&self) -> usize {
        self.kept.capacity().saturating_mul(size_of::<Box<[u8]>>()).saturating_add(self.kept_bytes)
    }

    /// Takes the oldest request.
    pub(super) fn pop(&mut self) -> Answered {
        if let Some(left) = self.ordinary.checked_sub(1) {
            self.ordinary = left;
            self.forget_oldest();
            let is_head = self.heads & 1 == 1;
            self.heads >>= 1;
            return if is_head { Answered::Head } else { Answered::Ordinary };
        }
        self.last.take().map_or(Answered::Unknown, Answered::Awaited)
    }

    /// Forgets all but the last request: the answers to the others were lost.
    pub(super) fn keep_last(&mut self) {
        let most = u32::from(self.last.is_none());
        let forgotten = self.ordinary.saturating_sub(most);
        self.heads = self.heads.checked_shr(forgotten).unwrap_or(0);
        (0..forgotten.min(KEPT as u32)).for_each(|_| self.forget_oldest());
        self.ordinary = self.ordinary.saturating_sub(forgotten);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_keep_their_place() {
        let mut asked = PendingRequests::default();
        for is_head in [false, true, false] {
            asked.push(is_head);
        }
        asked.last = Some(Awaited::Upgrade(Box::default()));
        assert!(matches!(asked.pop(), Answered::Ordinary));
        assert!(matches!(asked.pop(), Answered::Head));
        assert!(matches!(asked.pop(), Answered::Ordinary));
        assert!(matches!(asked.pop(), Answered::Awaited(_)));
        assert!(asked.is_empty() && matches!(asked.pop(), Answered::Unknown));
    }

    #[test]
    fn heads_are_kept_of_the_oldest_alone_and_within_a_bound() {
        let mut asked = PendingRequests::default();
        for n in 0..200_u32 {
            asked.push_kept(false, &n.to_be_bytes());
            assert!(asked.allocated() < 4096);
        }
        for n in 0..KEPT as u32 {
            assert_eq!(asked.oldest(), Some(&n.to_be_bytes()[..]));
            asked.pop();
        }
        assert_eq!(asked.oldest(), None);
        asked.push_kept(false, b"late");
        (0..200 - KEPT).for_each(|_| drop(asked.pop()));
        assert_eq!(asked.oldest(), None, "it came while others waited that were not kept");
        asked.pop();
        asked.push_kept(false, b"first");
        asked.push_kept(false, &[0; KEPT_BYTES]);
        asked.push_kept(false, b"third");
        asked.keep_last();
        assert_eq!((asked.oldest(), asked.kept_bytes), (None, 0));
    }

    #[test]
    fn only_the_last_is_kept() {
        let mut asked = PendingRequests::default();
        for n in 0..100 {
            asked.push(n == 1);
        }
        asked.keep_last();
        assert!(matches!(asked.pop(), Answered::Ordinary));
        assert!(asked.is_empty());
        asked.push(true);
        asked.keep_last();
        assert!(matches!(asked.pop(), Answered::Head));
    }
}
