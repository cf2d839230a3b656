use super::cbc::Cbc;
use super::ccm::Ccm;
use super::chacha::Chacha;
use super::gcm::Gcm;
use super::protection::{Form, KeyMaterial, Protection};
use crate::hello::suite::Bulk;

/// The cipher of one side in one epoch, with its keys.
pub(super) enum Cipher {
    Gcm(Box<Gcm>),
    Ccm(Box<Ccm>),
    Chacha(Box<Chacha>),
    Cbc(Box<Cbc>),
}

impl Cipher {
    /// Creates a cipher; returns `None` if the length of a key does not match.
    pub(super) fn new(bulk: Bulk, form: Form, keys: &KeyMaterial<'_>) -> Option<Self> {
        Some(match bulk {
            Bulk::Gcm(_) => Cipher::Gcm(Box::new(Gcm::new(form, keys)?)),
            Bulk::Ccm(_, tag) => Cipher::Ccm(Box::new(Ccm::new(form, tag, keys)?)),
            Bulk::Chacha => Cipher::Chacha(Box::new(Chacha::new(form, keys)?)),
            Bulk::Cbc(_, mac) => Cipher::Cbc(Box::new(Cbc::new(form, mac, keys)?)),
        })
    }

    pub(super) fn protection(&self) -> &dyn Protection {
        match self {
            Cipher::Gcm(it) => &**it,
            Cipher::Ccm(it) => &**it,
            Cipher::Chacha(it) => &**it,
            Cipher::Cbc(it) => &**it,
        }
    }

    /// Returns how many bytes longer a fragment is than its plaintext; `None` if that varies.
    pub(super) fn overhead(&self) -> Option<usize> {
        match self {
            Cipher::Gcm(it) => Some(it.nonce.explicit().saturating_add(16)),
            Cipher::Ccm(it) => Some(it.nonce.explicit().saturating_add(it.tag)),
            Cipher::Chacha(_) => Some(16),
            Cipher::Cbc(_) => None,
        }
    }

    /// Returns the length of the explicit part of the nonce, which is in the record.
    pub(super) const fn explicit_nonce(&self) -> usize {
        match self {
            Cipher::Gcm(it) => it.nonce.explicit(),
            Cipher::Ccm(it) => it.nonce.explicit(),
            Cipher::Chacha(_) | Cipher::Cbc(_) => 0,
        }
    }

    /// Returns the length of the shortest fragment.
    pub(super) fn shortest(&self) -> usize {
        match self {
            Cipher::Cbc(it) => it.shortest(),
            _ => self.overhead().unwrap_or(16),
        }
    }
}
