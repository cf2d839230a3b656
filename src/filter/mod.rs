//! The message filter language: one for the screen and every command (`-Y`).
//!
//! A filter is parsed and compiled once, then asked of rows: messages, frames, anomalies, openings and closings.
//! `grammar` holds the language, [`Expr`] is a filter as a tree, [`Facts`] is what a row can be asked,
//! [`complete()`] helps while one is typed, and [`Filtered`] lets through what a filter lets through.
//! `docs/filter.md` is the user's manual.
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

/// A filter, ready to be asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    expr: Expr,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    ///
    /// Where it cannot be understood, with the column and what was expected there.
    pub fn parse(text: &str) -> Result<Self, Error> {
        grammar::filter(text).map(|expr| Filter { expr })
    }

    /// Returns whether it is true of a row.
    pub fn matches(&self, facts: &Facts<'_>) -> bool {
        compare::Row::new(facts).is(&self.expr)
    }

    /// Returns it as a tree.
    pub const fn expr(&self) -> &Expr {
        &self.expr
    }

    /// Returns whether it only asks what is known as soon as a conversation begins.
    pub fn is_of_conversation(&self) -> bool {
        let mut known = true;
        self.expr.tests(&mut |test| {
            known &= matches!(test.subject, Subject::Field(field) if field.is_of_conversation());
        });
        known
    }

    /// Returns whether a test in it may need a message's payload.
    pub fn needs_body(&self) -> bool {
        let mut needs = false;
        self.expr.tests(&mut |test| needs |= test.subject.needs_body());
        needs
    }

    /// Returns whether it asks about what a message means in its sub-protocol.
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

/// Shows a filter that means the same.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.expr)
    }
}
