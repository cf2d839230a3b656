//! A line of a page.

use super::super::effect::Effect;
use super::super::words::{Role, Stretch};

/// The symbol between equal halves; that between different halves is another.
pub(super) const SAME: &str = "   ";

/// A line of a page, optionally with two halves.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) words: Vec<Stretch>,
    /// The symbol between the halves and the right half, if there are two.
    pub(super) beside: Option<(&'static str, Vec<Stretch>)>,
    /// The effect of Enter.
    pub(super) leads: Option<Effect>,
}

impl Line {
    pub(super) fn of(role: Role, words: impl Into<Vec<u8>>) -> Line {
        Line::default().add(role, words)
    }

    pub(super) fn add(mut self, role: Role, words: impl Into<Vec<u8>>) -> Line {
        self.words.push(Stretch { bytes: words.into(), role });
        self
    }

    /// Creates a line with two halves.
    pub(super) fn halves([left, right]: [Vec<Stretch>; 2], sign: &'static str) -> Line {
        Line { words: left, beside: Some((sign, right)), leads: None }
    }

    /// Returns whether the halves differ.
    pub(super) fn differs(&self) -> bool {
        self.beside.as_ref().is_some_and(|(sign, _)| *sign != SAME)
    }

    pub(super) fn to(self, effect: Effect) -> Line {
        Line { leads: Some(effect), ..self }
    }
}
