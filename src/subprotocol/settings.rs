//! What a user says of sub-protocols.

use super::choice::Opening;
use super::service::Service;
use super::{Reader, names};

/// The settings of sub-protocols: whether they are read at all, and which one conversations speak.
#[derive(Debug, Default)]
pub struct Settings {
    /// None is read.
    pub off: bool,
    /// What all conversations speak.
    pub named: Option<&'static str>,
    /// The user's own sub-protocols; what they say stands before everything else.
    pub own: Vec<Box<dyn Service>>,
    /// Sub-protocols that rules describe.
    pub services: Vec<Box<dyn Service>>,
}

impl Settings {
    /// The settings of a user who says nothing.
    pub const DEFAULT: &'static Settings = &NOTHING_SAID;

    /// The settings of a user who wants none read.
    pub const OFF: &'static Settings = &OFF;

    /// Returns the reader of a conversation's messages; `None` where there is nothing to read.
    ///
    /// `meant` is what the user says of this conversation.
    pub fn reader(&'static self, meant: Option<&str>, opening: Opening) -> Option<Reader> {
        match meant.or(self.named) {
            Some("off") => None,
            Some(name) => Reader::named_in(self, name, &opening),
            None if self.off => None,
            None => Some(Reader::choosing(self, opening)),
        }
    }

    /// Returns the sub-protocols that rules describe, the user's own first.
    pub(super) fn all_services(&'static self) -> impl Iterator<Item = &'static dyn Service> {
        self.own.iter().chain(&self.services).map(|service| &**service)
    }

    /// Returns the name of the sub-protocol of that name, or `off`; `None` where there is none.
    pub fn find_name(&self, name: &str) -> Option<&'static str> {
        let services = self.own.iter().chain(&self.services).map(|service| service.name());
        names().chain(services).chain(["off"]).find(|it| *it == name)
    }
}

static NOTHING_SAID: Settings = Settings { off: false, named: None, own: Vec::new(), services: Vec::new() };
static OFF: Settings = Settings { off: true, named: None, own: Vec::new(), services: Vec::new() };
