//! Errors of the language's parsers.

use std::borrow::Cow;

use nom::IResult;
use nom::error::{ErrorKind, ParseError};

use super::Error;

pub(super) type Out<'a, T> = IResult<&'a str, T, Fault<'a>>;

/// The place where a parser stopped, and why.
#[derive(Debug)]
pub(super) struct Fault<'a> {
    rest: &'a str,
    expected: Cow<'static, str>,
}

impl<'a> ParseError<&'a str> for Fault<'a> {
    fn from_error_kind(rest: &'a str, _: ErrorKind) -> Self {
        Fault { rest, expected: "something else".into() }
    }

    fn append(_: &'a str, _: ErrorKind, other: Self) -> Self {
        other
    }
}

impl Fault<'_> {
    /// Converts it to an error in `input`, whose end is `rest`.
    pub(super) fn placed_in(self, input: &str) -> Error {
        Error::new(input, input.len().saturating_sub(self.rest.len()), self.expected)
    }
}

/// Fails without trying alternatives: at `rest`, only what is expected is valid.
pub(super) fn failure<T>(rest: &str, expected: impl Into<Cow<'static, str>>) -> Out<'_, T> {
    Err(nom::Err::Failure(Fault { rest, expected: expected.into() }))
}
