//! The user's options for an analysis.

use std::fmt;
use std::sync::Arc;

use super::limits::Limits;
use crate::event::{ConnId, Conversation};
use crate::subprotocol::Settings;

/// The options of an analyzer.
#[derive(Clone, Debug)]
pub struct Options {
    /// The bounds on memory and time.
    pub limits: Limits,
    /// The sub-protocols to decode. Default: those that need no rules.
    pub subprotocols: Arc<Settings>,
    /// The user's choice of sub-protocols for certain conversations; the first matching one applies.
    pub chosen: Arc<[SubprotocolChoice]>,
}

impl Default for Options {
    fn default() -> Self {
        Options::from(Limits::default())
    }
}

impl From<Limits> for Options {
    fn from(limits: Limits) -> Self {
        Options { limits, subprotocols: Settings::shared(), chosen: Arc::default() }
    }
}

/// A selector of conversations, based on what is known when they begin.
pub trait Selector: fmt::Debug + Send + Sync {
    /// Returns whether it selects a conversation.
    fn selects(&self, conn: ConnId, conversation: Option<&Conversation>) -> bool;
}

/// The sub-protocol that the user assigns to certain conversations.
#[derive(Debug)]
pub struct SubprotocolChoice {
    /// The conversations it applies to.
    pub selector: Box<dyn Selector>,
    /// The sub-protocol's name; `off` for none.
    pub name: &'static str,
}
