//! Keys for TLS, as the pipeline passes them to the shards; without the feature `tls` there are none.

use std::sync::Arc;

use crate::model::{Endpoint, KeyOrigin};
#[cfg(feature = "tls")]
use crate::tls::KeyLog;

/// The TLS secrets known at a point of the capture. Cloning is cheap.
#[derive(Clone, Default)]
pub struct Keys {
    #[cfg(feature = "tls")]
    log: Arc<KeyLog>,
    #[cfg(feature = "tls")]
    watcher: Option<KeyWatcher>,
}

/// A connection whose secrets were found in a key log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// The random of its `ClientHello`, which identifies it in a key log.
    pub client_random: [u8; 32],
    /// The client.
    pub client: Endpoint,
    /// The server.
    pub server: Endpoint,
    /// The packet at which the secrets were found.
    pub packet: u64,
}

/// A callback for each connection whose secrets are found, on any thread.
pub type KeyWatcher = Arc<dyn Fn(&KeyUse) + Send + Sync>;

impl Keys {
    /// Marks the keys as complete: no more will come.
    #[must_use]
    pub fn complete(self) -> Self {
        #[cfg(feature = "tls")]
        {
            let mut log = KeyLog::clone(&self.log);
            log.complete();
            Keys { log: Arc::new(log), ..self }
        }
        #[cfg(not(feature = "tls"))]
        self
    }

    /// Notes that a source of keys was given, even if it has none yet.
    #[must_use]
    pub fn given(self) -> Self {
        #[cfg(feature = "tls")]
        {
            let mut log = KeyLog::clone(&self.log);
            log.give();
            Keys { log: Arc::new(log), ..self }
        }
        #[cfg(not(feature = "tls"))]
        self
    }

    /// Sets a callback for each connection whose secrets are found.
    #[must_use]
    pub fn watched(self, watcher: KeyWatcher) -> Self {
        #[cfg(feature = "tls")]
        return Keys { watcher: Some(watcher), ..self };
        #[cfg(not(feature = "tls"))]
        {
            drop(watcher);
            self
        }
    }

    /// Notes that the secrets of a connection were found.
    #[cfg(feature = "tls")]
    pub(super) fn note(&self, found: &KeyUse) {
        if let Some(watcher) = &self.watcher {
            watcher(found);
        }
    }

    /// Adds the lines of a key log from `origin`, and returns the number of the first line that cannot be read.
    pub fn add(&mut self, origin: KeyOrigin, lines: &[u8]) -> Option<u64> {
        #[cfg(feature = "tls")]
        {
            Arc::make_mut(&mut self.log).add(origin, lines).broken
        }
        #[cfg(not(feature = "tls"))]
        {
            let _ = (origin, lines);
            None
        }
    }

    /// Adds a server's private key in PEM; returns whether it is valid.
    pub fn add_private_key(&mut self, pem: &str) -> bool {
        #[cfg(feature = "tls")]
        {
            Arc::make_mut(&mut self.log).add_private_key(pem)
        }
        #[cfg(not(feature = "tls"))]
        {
            let _ = pem;
            false
        }
    }

    /// Returns whether private keys of servers are known: connections to one server may then decrypt each other.
    pub(crate) fn has_private_keys(&self) -> bool {
        #[cfg(feature = "tls")]
        {
            self.log.has_private_keys()
        }
        #[cfg(not(feature = "tls"))]
        false
    }

    /// Remembers a session for connections that resume it.
    #[cfg(feature = "tls")]
    pub(super) fn remember(&mut self, session: crate::tls::Session) {
        Arc::make_mut(&mut self.log).remember(session);
    }

    /// Replaces `others`, taking over their sessions.
    #[must_use]
    pub(super) fn after(self, others: &Keys) -> Self {
        #[cfg(feature = "tls")]
        {
            let mut keys = self;
            Arc::make_mut(&mut keys.log).take_sessions(&others.log);
            keys
        }
        #[cfg(not(feature = "tls"))]
        {
            let _ = others;
            self
        }
    }

    /// Returns the secrets.
    #[cfg(feature = "tls")]
    pub(super) const fn log(&self) -> &Arc<KeyLog> {
        &self.log
    }
}

// The secrets themselves are not shown.
impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}
