//! Message types supplied by the user.

use std::fmt;

/// The user's Protocol Buffers message types.
pub trait Schema: fmt::Debug + Send + Sync {
    /// Returns whether there is a message type with this name: `package.Message`.
    fn has(&self, message: &str) -> bool;

    /// Converts a message to JSON; returns `None` if there is no such type or the bytes do not match it.
    fn json(&self, message: &str, bytes: &[u8]) -> Option<String>;

    /// Returns the request and response types of a method, given as `/package.Service/Method`.
    fn method(&self, path: &str) -> Option<[String; 2]>;
}
