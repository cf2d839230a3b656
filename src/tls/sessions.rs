use std::collections::{HashMap, VecDeque};

use super::secret::Secret;
use crate::model::KeyOrigin;

/// A session up to TLS 1.2 whose master secret was found, and the name by which it may be resumed: its ID, or a ticket
/// (RFC 5246 §7.3, RFC 5077).
pub struct Session {
    pub(super) name: Box<[u8]>,
    pub(super) master: Secret,
    pub(super) origin: KeyOrigin,
}

/// Sessions that later connections may resume; bounded, the oldest are dropped first.
#[derive(Clone, Default)]
pub(super) struct Sessions {
    masters: HashMap<Box<[u8]>, (Secret, KeyOrigin), ahash::RandomState>,
    order: VecDeque<Box<[u8]>>,
    added: u64,
}

impl Sessions {
    /// The maximum number of sessions that are kept.
    const MOST: usize = 1_024;
    /// The longest ticket that is kept.
    const LONGEST: usize = 4_096;

    pub(super) fn add(&mut self, session: Session) {
        let Session { name, master, origin } = session;
        if name.is_empty() || name.len() > Self::LONGEST {
            return;
        }
        if self.masters.insert(name.clone(), (master, origin)).is_none() {
            self.order.push_back(name);
        }
        if self.order.len() > Self::MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.masters.remove(&oldest);
        }
        self.added = self.added.wrapping_add(1);
    }

    pub(super) fn find(&self, name: &[u8]) -> Option<&(Secret, KeyOrigin)> {
        self.masters.get(name)
    }

    /// Returns a number that changes whenever a session is added.
    pub(super) const fn version(&self) -> u64 {
        self.added
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_and_what_is_too_long_is_not_kept() {
        let mut sessions = Sessions::default();
        let session = |name: &[u8]| {
            let master = Secret::new(&[7; 48]).unwrap();
            Session { name: name.into(), master, origin: KeyOrigin::PrivateKey }
        };
        sessions.add(session(b""));
        sessions.add(session(&[1; 5_000]));
        assert_eq!(sessions.version(), 0);
        for n in 0..2_000_u32 {
            sessions.add(session(&n.to_be_bytes()));
        }
        assert_eq!((sessions.masters.len(), sessions.order.len(), sessions.version()), (1_024, 1_024, 2_000));
        assert!(sessions.find(&0_u32.to_be_bytes()).is_none());
        assert!(sessions.find(&1_999_u32.to_be_bytes()).is_some());
    }
}
