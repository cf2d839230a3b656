//! What a user chooses of an analysis.

use std::fmt;
use std::sync::Arc;

use super::limits::Limits;
use crate::event::{ConnId, Conversation};
use crate::subprotocol::Settings;

/// The options of an analyzer.
#[derive(Clone, Debug)]
pub struct Options {
    /// The bounds of what is kept.
    pub limits: Limits,
    /// Which sub-protocols are read. Default: those that need no rules.
    pub subprotocols: Arc<Settings>,
    /// Which conversations speak what, as the user says; the first that selects one counts.
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

/// A way to select conversations by what is known as soon as they begin.
pub trait Selector: fmt::Debug + Send + Sync {
    /// Returns whether it selects a conversation.
    fn selects(&self, conn: ConnId, conversation: Option<&Conversation>) -> bool;
}

/// The sub-protocol that a user says some conversations speak.
#[derive(Debug)]
pub struct SubprotocolChoice {
    /// Which ones.
    pub selector: Box<dyn Selector>,
    /// The sub-protocol's name; `off` for none.
    pub name: &'static str,
}
