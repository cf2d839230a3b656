//! What a user says of sub-protocols.

use std::sync::{Arc, LazyLock};

use super::protocol::Opening;
use super::schema::Schema;
use super::service::Service;
use super::{Reader, names};

/// The settings of sub-protocols: whether they are read at all, and which one conversations speak.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// None is read.
    pub off: bool,
    /// What all conversations speak.
    pub named: Option<&'static str>,
    /// The user's own sub-protocols; what they say stands before everything else.
    pub own: Vec<Arc<dyn Service>>,
    /// Sub-protocols that rules describe.
    pub services: Vec<Arc<dyn Service>>,
    /// The user's message types of Protocol Buffers.
    pub schema: Option<Arc<dyn Schema>>,
}

impl Settings {
    /// Returns the settings of a user who says nothing, without those of any rules; one copy is shared by all.
    pub fn shared() -> Arc<Settings> {
        static NOTHING_SAID: LazyLock<Arc<Settings>> = LazyLock::new(Arc::default);
        NOTHING_SAID.clone()
    }

    /// Returns the reader of a conversation's messages; `None` where there is nothing to read.
    ///
    /// `meant` is what the user says of this conversation.
    pub fn reader(self: &Arc<Self>, meant: Option<&str>, opening: Opening) -> Option<Reader> {
        match meant.or(self.named) {
            Some("off") => None,
            Some(name) => Reader::named_in(self, name, &opening),
            None if self.off => None,
            None => Some(Reader::choosing(self, opening)),
        }
    }

    /// Returns the sub-protocols that rules describe, the user's own first.
    pub(super) fn all_services(&self) -> impl Iterator<Item = &Arc<dyn Service>> {
        self.own.iter().chain(&self.services)
    }

    /// Returns the name of the sub-protocol of that name, or `off`; `None` where there is none.
    pub fn find_name(&self, name: &str) -> Option<&'static str> {
        let services = self.all_services().map(|service| service.name());
        names().chain(services).chain(["off"]).find(|it| *it == name)
    }
}
