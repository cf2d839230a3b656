//! The members of a JSON text (RFC 8259), read without building a tree and even if the text is incomplete.
//!
//! [`pick`] looks up members of an object by name in the first [`HEAD`] bytes and, if the object continues beyond them,
//! backwards from its end in the last [`TAIL`] bytes: what identifies a message is usually at its beginning or its end.
//! Only what is needed is validated, because the peers will parse the text themselves.

mod backward;

use std::borrow::Cow;

use backward::Backward;

/// How many bytes are read from the start of a text.
pub(super) const HEAD: usize = 4096;

/// How many bytes are read from the end of a text.
pub(super) const TAIL: usize = 1024;

/// The kind of a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Object,
    Array,
    Text,
    Number,
    True,
    False,
    Null,
}

/// A JSON value as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value<'a> {
    pub(super) shape: Shape,
    /// Its bytes, as far as they are known.
    pub(super) raw: &'a [u8],
    /// Whether the bytes include its end.
    pub(super) whole: bool,
}

/// Returns the first byte that is not white space, which distinguishes objects from arrays.
pub(super) fn first_byte(bytes: &[u8]) -> Option<u8> {
    bytes.iter().copied().find(|byte| !is_space(*byte))
}

/// Parses the value at the start of a text, skipping white space; returns `None` if there is none.
pub(super) fn read(bytes: &[u8]) -> Option<Value<'_>> {
    let mut cursor = Cursor { rest: bytes };
    cursor.value()
}

/// Parses the array at the start of a text; returns `None` if there is something else.
pub(super) fn array(bytes: &[u8]) -> Option<Value<'_>> {
    if first_byte(bytes)? == b'[' { read(bytes) } else { None }
}

impl<'a> Value<'a> {
    /// Returns the text of a complete string, unescaped.
    pub(super) fn text(&self) -> Option<Cow<'a, str>> {
        if self.shape != Shape::Text || !self.whole {
            return None;
        }
        let inner = self.inner();
        if inner.contains(&b'\\') {
            return Some(Cow::Owned(unescaped(inner)));
        }
        Some(std::str::from_utf8(inner).map_or_else(|_| String::from_utf8_lossy(inner), Cow::Borrowed))
    }

    /// Returns the bytes of a complete string between its quotation marks.
    #[inline]
    pub(super) fn inner(&self) -> &'a [u8] {
        let end = self.raw.len().saturating_sub(1);
        self.raw.get(1..end).unwrap_or_default()
    }

    /// Returns the text of a string, or a number as sent: something that can serve as an identifier.
    pub(super) fn scalar(&self) -> Option<Cow<'a, str>> {
        match self.shape {
            Shape::Text => self.text(),
            Shape::Number if self.whole => std::str::from_utf8(self.raw).ok().map(Cow::Borrowed),
            _ => None,
        }
    }

    /// Returns a non-negative integer.
    pub(super) fn number(&self) -> Option<u64> {
        if self.shape != Shape::Number || !self.whole {
            return None;
        }
        std::str::from_utf8(self.raw).ok()?.parse().ok()
    }

    /// Returns an integer.
    pub(super) fn signed(&self) -> Option<i64> {
        if self.shape != Shape::Number || !self.whole {
            return None;
        }
        std::str::from_utf8(self.raw).ok()?.parse().ok()
    }

    /// Returns whether it is this text, written without escapes.
    pub(super) fn is(&self, text: &str) -> bool {
        self.shape == Shape::Text && self.whole && self.inner() == text.as_bytes()
    }

    /// Returns the members of an object; for any other value, none.
    pub(super) fn members(&self) -> Members<'a> {
        let rest = if self.shape == Shape::Object { self.raw.get(1..) } else { None };
        Members { cursor: Cursor { rest: rest.unwrap_or_default() } }
    }

    /// Returns the items of an array; for any other value, none.
    pub(super) fn items(&self) -> Items<'a> {
        let rest = if self.shape == Shape::Array { self.raw.get(1..) } else { None };
        Items { cursor: Cursor { rest: rest.unwrap_or_default() } }
    }

    /// Returns an object's member by name.
    pub(super) fn get(&self, name: &str) -> Option<Value<'a>> {
        self.members().find(|(key, _)| key.is(name)).map(|(_, value)| value)
    }
}

/// Looks up members of the object at the start of `bytes`: for each name, the first match.
///
/// `whole` means that the end of `bytes` is the end of the object: only then is it also read backwards.
pub(super) fn pick<'a, const N: usize>(
    bytes: &'a [u8],
    whole: bool,
    names: [&str; N],
) -> Option<[Option<Value<'a>>; N]> {
    let head = bytes.get(..bytes.len().min(HEAD)).unwrap_or_default();
    let mut cursor = Cursor::in_object(head)?;
    let mut found = [None; N];
    let mut left = N;
    while left > 0
        && let Some((key, value)) = cursor.member()
    {
        left = fill(&mut found, &names, &key, value, left);
    }
    if left > 0 && whole && bytes.len() > HEAD {
        let tail = bytes.get(bytes.len().saturating_sub(TAIL)..).unwrap_or_default();
        let mut back = Backward::at_end_of_object(tail);
        while left > 0
            && let Some((key, value)) = back.as_mut().and_then(Backward::member)
        {
            left = fill(&mut found, &names, &key, value, left);
        }
    }
    Some(found)
}

#[inline]
fn fill<'a, const N: usize>(
    found: &mut [Option<Value<'a>>; N],
    names: &[&str; N],
    key: &Value<'a>,
    value: Value<'a>,
    left: usize,
) -> usize {
    let sent = key.inner();
    let slot = names.iter().position(|name| sent == name.as_bytes()).and_then(|slot| found.get_mut(slot));
    match slot {
        Some(slot) if slot.is_none_or(|it| !it.whole) => {
            *slot = Some(value);
            left.saturating_sub(usize::from(value.whole))
        }
        _ => left,
    }
}

/// Lists the names of an object's members as sent; returns `None` if it is not an object, or if not all names are known
/// or fit.
pub(super) fn names<'r, 'a>(
    bytes: &'a [u8],
    whole: bool,
    room: &'r mut [&'a [u8]],
) -> Option<&'r [&'a [u8]]> {
    let mut cursor = Cursor::in_object(bytes).filter(|_| whole && bytes.len() <= HEAD)?;
    let mut count = 0_usize;
    while let Some((key, _)) = cursor.member() {
        *room.get_mut(count)? = key.inner();
        count = count.saturating_add(1);
    }
    cursor.skip_space();
    cursor.rest.starts_with(b"}").then(|| room.get(..count))?
}

/// The members of an object, in order.
#[derive(Debug)]
pub(super) struct Members<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Iterator for Members<'a> {
    type Item = (Value<'a>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.cursor.member()
    }
}

/// The items of an array, in order.
#[derive(Debug)]
pub(super) struct Items<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Items<'a> {
    /// Returns the items that have not been read yet, with their commas, up to the end of the array if known.
    pub(super) fn rest(&self) -> &'a [u8] {
        let rest = trim(self.cursor.rest);
        let rest = rest.strip_prefix(b",").unwrap_or(rest);
        let rest = trim(rest);
        trim(rest.strip_suffix(b"]").unwrap_or(rest))
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        self.cursor.skip_separator();
        self.cursor.value()
    }
}

#[derive(Debug)]
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Starts reading the members of the object at the start of a text.
    fn in_object(bytes: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor { rest: bytes };
        cursor.skip_space();
        let [b'{', rest @ ..] = cursor.rest else { return None };
        Some(Cursor { rest })
    }

    #[inline]
    fn member(&mut self) -> Option<(Value<'a>, Value<'a>)> {
        self.skip_separator();
        let key = self.value().filter(|key| key.shape == Shape::Text && key.whole)?;
        self.skip_space();
        let [b':', rest @ ..] = self.rest else { return None };
        self.rest = rest;
        Some((key, self.value()?))
    }

    #[inline]
    fn value(&mut self) -> Option<Value<'a>> {
        self.skip_space();
        let (shape, end) = match self.rest.first()? {
            b'"' => (Shape::Text, string_end(self.rest)),
            b'{' => (Shape::Object, container_end(self.rest)),
            b'[' => (Shape::Array, container_end(self.rest)),
            b't' => (Shape::True, word_end(self.rest)),
            b'f' => (Shape::False, word_end(self.rest)),
            b'n' => (Shape::Null, word_end(self.rest)),
            b'-' | b'0'..=b'9' => (Shape::Number, word_end(self.rest)),
            _ => return None,
        };
        let (raw, rest) = self.rest.split_at_checked(end.unwrap_or(self.rest.len()))?;
        self.rest = rest;
        Some(Value { shape, raw, whole: end.is_some() })
    }

    #[inline]
    fn skip_separator(&mut self) {
        self.skip_space();
        if let [b',', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    #[inline]
    fn skip_space(&mut self) {
        while let Some((first, rest)) = self.rest.split_first()
            && is_space(*first)
        {
            self.rest = rest;
        }
    }
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn trim(bytes: &[u8]) -> &[u8] {
    bytes.trim_ascii()
}

/// Returns the end of the string at the start of `bytes`; `None` if it does not end there.
#[inline]
fn string_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 1_usize;
    loop {
        let found = at.checked_add(quote_or_backslash(bytes.get(at..)?)?)?;
        match bytes.get(found)? {
            b'"' => return found.checked_add(1),
            _ => at = found.checked_add(2)?,
        }
    }
}

/// How many bytes of a string are searched one word at a time: most names and IDs are too short to justify starting a
/// vectorised search.
const NEAR: usize = 32;

/// Finds the first quotation mark or backslash.
#[inline]
fn quote_or_backslash(bytes: &[u8]) -> Option<usize> {
    let (near, far) = bytes.split_at_checked(NEAR).unwrap_or((bytes, &[]));
    let (words, rest) = near.as_chunks::<8>();
    let mut at = 0_usize;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let hits = zero_bytes(word ^ splat(b'"')) | zero_bytes(word ^ splat(b'\\'));
        if hits != 0 {
            return at.checked_add((hits.trailing_zeros() >> 3) as usize);
        }
        at = at.saturating_add(8);
    }
    match rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
        Some(found) => at.checked_add(found),
        None => memchr::memchr2(b'"', b'\\', far)?.checked_add(NEAR),
    }
}

const fn splat(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Sets the high bit of bytes that are zero; the lowest bit set is correct, those above it may not be.
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(splat(1)) & !word & splat(0x80)
}

/// Returns the end of the object or array at the start of `bytes`; `None` if it does not end there.
fn container_end(bytes: &[u8]) -> Option<usize> {
    let (mut rest, mut depth) = (bytes, 0_usize);
    loop {
        let at = rest.iter().position(|byte| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']'))?;
        let (byte, behind) = rest.get(at..)?.split_first()?;
        rest = match byte {
            b'"' => rest.get(at..)?.get(string_end(rest.get(at..)?)?..)?,
            b'{' | b'[' => {
                depth = depth.saturating_add(1);
                behind
            }
            _ if depth <= 1 => return bytes.len().checked_sub(behind.len()),
            _ => {
                depth = depth.saturating_sub(1);
                behind
            }
        };
    }
}

/// Returns the end of a number or a word: the first byte that cannot belong to it. At the end of the bytes, it may
/// continue.
#[inline]
fn word_end(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'E' | b'+' | b'-' | b'.'))
}

/// Returns the text between a string's quotation marks with its escapes decoded (RFC 8259 §7).
fn unescaped(mut bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    while let Some(at) = memchr::memchr(b'\\', bytes) {
        let (plain, rest) = bytes.split_at_checked(at).unwrap_or((bytes, &[]));
        out.push_str(&String::from_utf8_lossy(plain));
        let (taken, character) = escape(rest);
        out.push(character);
        bytes = rest.get(taken..).unwrap_or_default();
    }
    out.push_str(&String::from_utf8_lossy(bytes));
    out
}

/// Decodes an escape; returns its length and its meaning.
fn escape(bytes: &[u8]) -> (usize, char) {
    let character = match bytes.get(1) {
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'u') => return escaped_unit(bytes),
        Some(byte @ (b'"' | b'\\' | b'/')) => char::from(*byte),
        _ => return (2, char::REPLACEMENT_CHARACTER),
    };
    (2, character)
}

/// Decodes `\uXXXX`, or a surrogate pair of them.
fn escaped_unit(bytes: &[u8]) -> (usize, char) {
    let unit = |at: usize| -> Option<u16> {
        let digits = std::str::from_utf8(bytes.get(at..at.checked_add(4)?)?).ok()?;
        u16::from_str_radix(digits, 16).ok()
    };
    let Some(first) = unit(2) else { return (2, char::REPLACEMENT_CHARACTER) };
    if let Some(character) = char::from_u32(u32::from(first)) {
        return (6, character);
    }
    let second = if bytes.get(6..8) == Some(b"\\u") { unit(8) } else { None };
    match second.and_then(|second| char::decode_utf16([first, second]).next()?.ok()) {
        Some(character) => (12, character),
        None => (6, char::REPLACEMENT_CHARACTER),
    }
}

#[cfg(test)]
mod tests;
