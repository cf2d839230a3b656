//! Requests without a response so far (RFC 9112 §9.3).

use std::collections::VecDeque;

/// The requests without a response, in order; details are kept only of HEAD requests and the last one.
#[derive(Debug, Default)]
pub(super) struct PendingRequests {
    ordinary: u32,
    /// Bit *n* is set if the ordinary request *n* (0 the oldest, up to 63) is a HEAD.
    heads: u64,
    /// The request on whose response the client waits, which is always the last.
    pub(super) last: Option<Awaited>,
    /// The heads of the oldest ordinary requests, if they are wanted.
    kept: Option<Box<Kept>>,
}

/// Heads of requests, oldest first.
#[derive(Debug, Default)]
struct Kept {
    heads: VecDeque<Box<[u8]>>,
    /// Their total size in bytes.
    bytes: usize,
}

/// Bounds on the number of ordinary requests whose heads are kept, and on their size in bytes.
const KEPT: usize = 64;
const KEPT_BYTES: usize = 16 << 10;

/// The head of a request that may change the protocol of the connection.
#[derive(Debug)]
pub(super) enum Awaited {
    Connect(Box<[u8]>),
    Upgrade(Box<[u8]>),
    /// It offers HTTP/2; if that is declined, the exchange continues as if nothing had been offered.
    Http2(Box<[u8]>),
}

/// Returns whether the head of a request is that of a HEAD request.
pub(super) fn is_head(request: &[u8]) -> bool {
    request.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"HEAD "))
}

/// The request to which a response belongs.
#[derive(Debug)]
pub(super) enum Answered {
    /// No captured request.
    Unknown,
    /// A request whose response has a body of its own.
    Ordinary,
    /// A request whose response has no body.
    Head,
    /// The request on whose response the client waits.
    Awaited(Awaited),
}

impl PendingRequests {
    /// Returns whether every request has its response.
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

    /// Adds an ordinary request and keeps its head, unless too many are pending.
    pub(super) fn push_kept(&mut self, is_head: bool, head: &[u8]) {
        let kept = self.kept.get_or_insert_default();
        let bytes = kept.bytes.saturating_add(head.len());
        // The kept heads are those of the oldest requests, without omissions.
        let follows = kept.heads.len() as u64 == u64::from(self.ordinary);
        if follows && kept.heads.len() < KEPT && bytes <= KEPT_BYTES {
            kept.heads.push_back(head.into());
            kept.bytes = bytes;
        }
        self.push(is_head);
    }

    /// Returns the head of the oldest request, if it was kept.
    pub(super) fn oldest(&self) -> Option<&[u8]> {
        match &self.last {
            Some(Awaited::Http2(head)) if self.ordinary == 0 => Some(head),
            _ if self.ordinary == 0 => None,
            _ => self.kept.as_ref()?.heads.front().map(|head| &**head),
        }
    }

    fn forget_oldest(&mut self) {
        let Some(kept) = &mut self.kept else { return };
        if let Some(head) = kept.heads.pop_front() {
            kept.bytes = kept.bytes.saturating_sub(head.len());
        }
    }

    /// Returns the memory that the kept heads have allocated on the heap, in bytes.
    pub(super) fn allocated(&self) -> usize {
        self.kept.as_ref().map_or(0, |kept| {
            let heads = kept.heads.capacity().saturating_mul(size_of::<Box<[u8]>>());
            heads.saturating_add(kept.bytes).saturating_add(size_of::<Kept>())
        })
    }

    /// Removes and returns the oldest request.
    pub(super) fn pop(&mut self) -> Answered {
        if let Some(left) = self.ordinary.checked_sub(1) {
            self.ordinary = left;
            self.forget_oldest();
            let is_head = self.heads & 1 == 1;
            self.heads >>= 1;
            return if is_head { Answered::Head } else { Answered::Ordinary };
        }
        match self.last.take() {
            Some(Awaited::Http2(head)) if is_head(&head) => Answered::Head,
            Some(Awaited::Http2(_)) => Answered::Ordinary,
            Some(awaited) => Answered::Awaited(awaited),
            None => Answered::Unknown,
        }
    }

    /// Drops all requests except the last: the responses to the others were lost.
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
        let mut pending = PendingRequests::default();
        for is_head in [false, true, false] {
            pending.push(is_head);
        }
        pending.last = Some(Awaited::Upgrade(Box::default()));
        assert!(matches!(pending.pop(), Answered::Ordinary));
        assert!(matches!(pending.pop(), Answered::Head));
        assert!(matches!(pending.pop(), Answered::Ordinary));
        assert!(matches!(pending.pop(), Answered::Awaited(_)));
        assert!(pending.is_empty() && matches!(pending.pop(), Answered::Unknown));
    }

    #[test]
    fn heads_are_kept_of_the_oldest_alone_and_within_a_bound() {
        let mut pending = PendingRequests::default();
        for n in 0..200_u32 {
            pending.push_kept(false, &n.to_be_bytes());
            assert!(pending.allocated() < 4096);
        }
        for n in 0..KEPT as u32 {
            assert_eq!(pending.oldest(), Some(&n.to_be_bytes()[..]));
            pending.pop();
        }
        assert_eq!(pending.oldest(), None);
        pending.push_kept(false, b"late");
        (0..200 - KEPT).for_each(|_| drop(pending.pop()));
        assert_eq!(pending.oldest(), None, "it came while others waited that were not kept");
        pending.pop();
        pending.push_kept(false, b"first");
        pending.push_kept(false, &[0; KEPT_BYTES]);
        pending.push_kept(false, b"third");
        pending.keep_last();
        assert_eq!((pending.oldest(), pending.kept.as_ref().unwrap().bytes), (None, 0));
    }

    #[test]
    fn only_the_last_is_kept() {
        let mut pending = PendingRequests::default();
        for n in 0..100 {
            pending.push(n == 1);
        }
        pending.keep_last();
        assert!(matches!(pending.pop(), Answered::Ordinary));
        assert!(pending.is_empty());
        pending.push(true);
        pending.keep_last();
        assert!(matches!(pending.pop(), Answered::Head));
    }
}
