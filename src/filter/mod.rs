//! The message filter language: one for the screen and every command (`-Y`).
//!
//! A filter is parsed and compiled once, then tested against rows: messages, frames, anomalies, openings and closings.
//! `grammar` defines the language, [`Expr`] is a filter as a tree, [`Facts`] are the properties of a row,
//! [`complete()`] suggests completions, and [`Filtered`] is a sink that forwards what matches. `docs/filter.md` is the
//! user's manual.
//!
//! ```
//! use wirefin::filter::Filter;
//!
//! let filter = Filter::parse(r#"opcode == text and json.type == "trade" and len > 1k"#)?;
//! let wrong = Filter::parse("len > many").unwrap_err();
//! assert_eq!(wrong.column(), 7);
//! assert_eq!(wrong.caret(), "len > many\n      ^");
//! # Ok::<(), wirefin::filter::Error>(())
//! ```

mod compare;
mod complete;
mod error;
mod expr;
mod facts;
mod fault;
mod field;
mod filtered;
mod grammar;
mod literal;
mod manual;
mod output;
#[cfg(test)]
mod tests;
mod unit;
mod values;

use std::fmt;
use std::str::FromStr;

pub use compare::walk as places;
use compare::walk;
pub use complete::{Candidate, complete, complete_with};
pub use error::Error;
pub use expr::{Expr, How, Member, Pattern, Relation, SearchText, Step, Subject, Test, Value};
pub use facts::{Body, Facts};
pub use field::{Field, Kind};
pub use filtered::{Filtered, Memory};
pub use manual::{ABOUT, Chapter, chapters, manual};
pub use output::FilteredOutput;
pub use values::{Shown, values};

/// A compiled filter.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    expr: Expr,
}

impl Filter {
    /// Parses a filter.
    ///
    /// # Errors
    ///
    /// Fails if it is invalid, with the column and what was expected there.
    pub fn parse(text: &str) -> Result<Self, Error> {
        grammar::filter(text).map(|expr| Filter { expr })
    }

    /// Returns whether a row matches.
    pub fn matches(&self, facts: &Facts<'_>) -> bool {
        compare::Row::new(facts).is(&self.expr)
    }

    /// Returns it as a tree.
    pub const fn expr(&self) -> &Expr {
        &self.expr
    }

    /// Returns whether it only tests facts that are known as soon as a conversation begins.
    pub fn is_of_conversation(&self) -> bool {
        let mut known = true;
        self.expr.tests(&mut |test| {
            known &= matches!(test.subject, Subject::Field(field) if field.is_of_conversation());
        });
        known
    }

    /// Returns whether one of its tests may need a message's payload.
    pub fn needs_body(&self) -> bool {
        let mut needs = false;
        self.expr.tests(&mut |test| needs |= test.subject.needs_body());
        needs
    }

    /// Returns whether it tests the meaning of messages in their sub-protocols.
    pub fn needs_meaning(&self) -> bool {
        let mut needs = false;
        self.expr.tests(&mut |test| needs |= test.subject.needs_meaning());
        needs
    }
}

impl FromStr for Filter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Filter::parse(text)
    }
}

/// Formats an equivalent filter.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.expr)
    }
}
