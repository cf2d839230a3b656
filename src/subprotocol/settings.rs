//! The user's settings for sub-protocols.

use std::sync::{Arc, LazyLock};

use super::protocol::Opening;
use super::schema::Schema;
use super::service::Service;
use super::{Reader, names};

/// The settings of sub-protocols: whether they are decoded at all, and which one conversations use.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Whether decoding is disabled.
    pub off: bool,
    /// The sub-protocol of all conversations.
    pub named: Option<&'static str>,
    /// The user's own sub-protocols, which take precedence over everything else.
    pub own: Vec<Arc<dyn Service>>,
    /// Sub-protocols defined by rules.
    pub services: Vec<Arc<dyn Service>>,
    /// The user's Protocol Buffers message types.
    pub schema: Option<Arc<dyn Schema>>,
}

impl Settings {
    /// Returns the default settings, without any rules; the same copy is shared by all.
    pub fn shared() -> Arc<Settings> {
        static NOTHING_SAID: LazyLock<Arc<Settings>> = LazyLock::new(Arc::default);
        NOTHING_SAID.clone()
    }

    /// Returns a reader for a conversation's messages; `None` if decoding is disabled.
    ///
    /// `meant` is what the user chose for this conversation.
    pub fn reader(self: &Arc<Self>, meant: Option<&str>, opening: Opening) -> Option<Reader> {
        match meant.or(self.named) {
            Some("off") => None,
            Some(name) => Reader::named_in(self, name, &opening),
            None if self.off => None,
            None => Some(Reader::choosing(self, opening)),
        }
    }

    /// Returns the sub-protocols defined by rules, the user's own first.
    pub(super) fn all_services(&self) -> impl Iterator<Item = &Arc<dyn Service>> {
        self.own.iter().chain(&self.services)
    }

    /// Returns the static name of a sub-protocol, or `off`; `None` if there is none with that name.
    pub fn find_name(&self, name: &str) -> Option<&'static str> {
        let services = self.all_services().map(|service| service.name());
        names().chain(services).chain(["off"]).find(|it| *it == name)
    }
}
