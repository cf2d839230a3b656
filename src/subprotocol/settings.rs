//! What a user says of sub-protocols.

use super::choice::Opening;
use super::{Reader, names};

/// What a user says of sub-protocols: whether they are read at all, and which one a conversation speaks.
#[derive(Debug, Default)]
pub struct Settings {
    /// None is read.
    pub off: bool,
    /// What all conversations speak.
    pub named: Option<&'static str>,
    /// What single conversations speak: connection, stream and the sub-protocol's name.
    pub by_conversation: Vec<(u64, Option<u64>, &'static str)>,
}

impl Settings {
    /// The settings of a user who says nothing.
    pub const DEFAULT: &'static Settings = &Settings { off: false, named: None, by_conversation: Vec::new() };

    /// The settings of a user who wants none read.
    pub const OFF: &'static Settings = &Settings { off: true, named: None, by_conversation: Vec::new() };

    /// Returns the reader of a conversation's messages; `None` where there is nothing to read.
    pub fn reader(&self, conn: u64, stream: Option<u64>, opening: Opening) -> Option<Reader> {
        let meant = self.by_conversation.iter().find(|(of, in_it, _)| *of == conn && *in_it == stream);
        match meant.map(|(_, _, name)| *name).or(self.named) {
            Some("off") => None,
            Some(name) => Reader::named(name, &opening),
            None if self.off => None,
            None => Some(Reader::new(opening)),
        }
    }
}

/// Returns the sub-protocol of that name, `off` among them.
pub fn find_name(name: &str) -> Option<&'static str> {
    names().chain(["off"]).find(|it| *it == name)
}
