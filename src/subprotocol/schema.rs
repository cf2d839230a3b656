//! Message types that are not ours.

use std::fmt;

/// The message types of Protocol Buffers that a user has.
pub trait Schema: fmt::Debug + Send + Sync {
    /// Returns whether there is a message type of that name: `package.Message`.
    fn has(&self, message: &str) -> bool;

    /// Writes a message of a type as JSON; `None` where there is no such type or the bytes are no such message.
    fn json(&self, message: &str, bytes: &[u8]) -> Option<String>;

    /// Returns the types of the messages that a method takes and gives; it is called `/package.Service/Method`.
    fn method(&self, path: &str) -> Option<[String; 2]>;
}
