//! Requests that have no answer yet (RFC 9112 §9.3).

/// The requests without an answer, in order; what they asked matters for HEAD and for the last one.
#[derive(Debug, Default)]
pub(super) struct PendingRequests {
    ordinary: u32,
    /// Bit *n* says that the ordinary request *n* (0 the oldest, up to 63) is a HEAD.
    heads: u64,
    /// The request that the client waits for, which is always the last.
    pub(super) last: Option<Awaited>,
}

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

    /// Takes the oldest request.
    pub(super) fn pop(&mut self) -> Answered {
        if let Some(left) = self.ordinary.checked_sub(1) {
            self.ordinary = left;
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
