//! Reading the members of an object from its end.

use super::{Shape, Value, read};

/// A reader of an object's members, starting at its end. Outside a string, going backwards, every quotation mark ends a
/// string, which begins at the previous unescaped quotation mark, so no state is missing.
#[derive(Debug)]
pub(super) struct Backward<'a> {
    rest: &'a [u8],
}

impl<'a> Backward<'a> {
    pub(super) fn at_end_of_object(bytes: &'a [u8]) -> Option<Self> {
        Some(Backward { rest: bytes.trim_ascii_end().strip_suffix(b"}")? })
    }

    pub(super) fn member(&mut self) -> Option<(Value<'a>, Value<'a>)> {
        let value = self.value()?;
        self.rest = self.rest.trim_ascii_end().strip_suffix(b":")?;
        let key = self.value().filter(|key| key.shape == Shape::Text)?;
        self.rest = self.rest.trim_ascii_end();
        self.rest = self.rest.strip_suffix(b",").unwrap_or(&[]);
        Some((key, value))
    }

    fn value(&mut self) -> Option<Value<'a>> {
        self.rest = self.rest.trim_ascii_end();
        let start = match self.rest.last()? {
            b'"' => string_start(self.rest)?,
            b'}' | b']' => container_start(self.rest)?,
            _ => self
                .rest
                .iter()
                .rposition(|byte| matches!(byte, b':' | b',' | b'[' | b'{'))?
                .checked_add(1)?,
        };
        let (rest, raw) = self.rest.split_at_checked(start)?;
        self.rest = rest;
        read(raw).map(|value| Value { whole: true, raw: value.raw, ..value })
    }
}

/// Returns the start of the string at the end of `bytes`.
fn string_start(bytes: &[u8]) -> Option<usize> {
    let mut end = bytes.len().checked_sub(1)?;
    loop {
        let found = memchr::memrchr(b'"', bytes.get(..end)?)?;
        let before = bytes.get(..found)?;
        let slashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
        if slashes % 2 == 0 {
            return Some(found);
        }
        end = found;
    }
}

/// Returns the start of the object or array at the end of `bytes`.
fn container_start(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (bytes.len(), 0_usize);
    loop {
        let last = at.checked_sub(1)?;
        match bytes.get(last)? {
            b'"' => {
                at = string_start(bytes.get(..at)?)?;
                continue;
            }
            b'}' | b']' => depth = depth.saturating_add(1),
            b'{' | b'[' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(last);
                }
            }
            _ => {}
        }
        at = last;
    }
}
