//! Payloads of Engine.IO's long polling that are wrapped for pages without `XMLHttpRequest` (JSONP): a response is a
//! call of a function with a string, a request is a form with one field.

/// A parser that extracts the payload from such a body.
///
/// ```text
///   response:  ___eio[0]("  payload, escaped as in JSON  ");
///   request:   d=  payload, percent-encoded, its line feeds written as \n
/// ```
#[derive(Debug)]
pub(super) enum Jsonp {
    /// In the name of the function, or after it; the number of bytes matched.
    Call(usize),
    /// In the string, with the current escape.
    String(Escape),
    /// In the name of the field.
    Field(usize),
    /// In the value of the field.
    Value { percent: Percent, backslashes: u8 },
    /// After the payload.
    Over,
}

/// A partially read escape in a string.
#[derive(Debug, Default)]
pub(super) struct Escape {
    backslash: bool,
    /// The value of the digits after `\u`, and their number.
    unit: Option<(u16, u8)>,
    /// The first half of a surrogate pair.
    high: Option<u16>,
}

/// A partially read percent-encoded byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Percent {
    #[default]
    None,
    Sign,
    Digit(u8),
}

const FUNCTION: &[u8] = b"___eio[";
const FIELD: &[u8] = b"d=";

/// The error for a body in another format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InvalidJsonp;

impl Jsonp {
    /// Creates the parser for a body with this first byte; returns `None` if no such body begins with it.
    pub(super) const fn begin(byte: u8) -> Option<Self> {
        match byte {
            b'_' => Some(Jsonp::Call(0)),
            b'd' => Some(Jsonp::Field(0)),
            _ => None,
        }
    }

    /// Parses the next bytes and appends those of the payload.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), InvalidJsonp> {
        for byte in bytes {
            self.take(*byte, out)?;
        }
        Ok(())
    }

    fn take(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<(), InvalidJsonp> {
        match self {
            Jsonp::Call(at) => match (FUNCTION.get(*at), byte) {
                (Some(expected), byte) if *expected == byte => *at = at.saturating_add(1),
                (None, b'0'..=b'9' | b']' | b'(') => {}
                (None, b'"') => *self = Jsonp::String(Escape::default()),
                _ => return Err(InvalidJsonp),
            },
            Jsonp::Field(at) => {
                if FIELD.get(*at) != Some(&byte) {
                    return Err(InvalidJsonp);
                }
                *at = at.saturating_add(1);
                if *at == FIELD.len() {
                    *self = Jsonp::Value { percent: Percent::None, backslashes: 0 };
                }
            }
            Jsonp::String(escape) => {
                if escape.take(byte, out)? {
                    *self = Jsonp::Over;
                }
            }
            Jsonp::Value { percent, backslashes } => match percent.take(byte)? {
                None => {}
                Some(b'&') if byte == b'&' => *self = Jsonp::Over,
                Some(decoded) => write(decoded, backslashes, out),
            },
            Jsonp::Over => {}
        }
        Ok(())
    }
}

impl Escape {
    /// Processes a byte of the string; returns whether it ends the string.
    fn take(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<bool, InvalidJsonp> {
        if let Some((value, digits)) = self.unit {
            let digit = char::from(byte).to_digit(16).ok_or(InvalidJsonp)? as u16;
            let value = value << 4 | digit;
            self.unit = (digits < 3).then_some((value, digits.saturating_add(1)));
            if self.unit.is_none() {
                self.put(value, out);
            }
            return Ok(false);
        }
        if !std::mem::take(&mut self.backslash) {
            match byte {
                b'"' => return Ok(true),
                b'\\' => self.backslash = true,
                byte => out.push(byte),
            }
            return Ok(false);
        }
        out.push(match byte {
            b'u' => {
                self.unit = Some((0, 0));
                return Ok(false);
            }
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 8,
            b'f' => 12,
            byte => byte,
        });
        Ok(false)
    }

    /// Writes a UTF-16 code unit; a surrogate pair is written with its second half.
    fn put(&mut self, unit: u16, out: &mut Vec<u8>) {
        if matches!(unit, 0xd800..0xdc00) {
            self.high = Some(unit);
            return;
        }
        let high = self.high.take();
        let units = [high.unwrap_or(unit), unit];
        let units = if high.is_some() { &units[..] } else { units.get(1..).unwrap_or_default() };
        for character in char::decode_utf16(units.iter().copied()) {
            let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}

impl Percent {
    /// Processes a byte of the value; returns the byte that it completes.
    fn take(&mut self, byte: u8) -> Result<Option<u8>, InvalidJsonp> {
        let digit = || char::from(byte).to_digit(16).map(|it| it as u8).ok_or(InvalidJsonp);
        let (next, decoded) = match (*self, byte) {
            (Percent::None, b'%') => (Percent::Sign, None),
            (Percent::None, b'+') => (Percent::None, Some(b' ')),
            (Percent::None, byte) => (Percent::None, Some(byte)),
            (Percent::Sign, _) => (Percent::Digit(digit()?), None),
            (Percent::Digit(high), _) => (Percent::None, Some(high << 4 | digit()?)),
        };
        *self = next;
        Ok(decoded)
    }
}

/// Writes a byte of the payload: `\n` represents a line feed, `\\n` itself.
fn write(byte: u8, backslashes: &mut u8, out: &mut Vec<u8>) {
    match (byte, *backslashes) {
        (b'\\', 0 | 1) => {
            *backslashes = backslashes.saturating_add(1);
            out.push(byte);
            return;
        }
        (b'n', 1) => {
            out.pop();
            out.push(b'\n');
        }
        (b'n', 2) => {
            out.pop();
            out.push(b'n');
        }
        _ => {
            out.push(byte);
            if byte == b'\\' {
                return;
            }
        }
    }
    *backslashes = 0;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8]) -> Result<String, InvalidJsonp> {
        let whole = in_pieces(body, body.len());
        for size in 1..body.len() {
            assert_eq!(in_pieces(body, size), whole, "{size}");
        }
        whole
    }

    fn in_pieces(body: &[u8], size: usize) -> Result<String, InvalidJsonp> {
        let (mut it, mut out) = (Jsonp::begin(body[0]).ok_or(InvalidJsonp)?, Vec::new());
        for piece in body.chunks(size) {
            // The bytes of one escape are never split between two outputs.
            it.push(piece, &mut out)?;
        }
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn responses_and_requests() {
        assert_eq!(read(br#"___eio[12]("6:4\"a\"\\\n1:2");"#), Ok("6:4\"a\"\\\n1:2".into()));
        assert_eq!(read(br#"___eio[0]("4:4\ud83e\udd80\u2028\u00e9");"#), Ok("4:4🦀\u{2028}é".into()));
        assert_eq!(read(b"d=10%3A42%5B%22a+b%22%5D"), Ok("10:42[\"a b\"]".into()));
        assert_eq!(read(b"d=%5Cn%5C%5Cn%5C%5C&x=1"), Ok("\n\\n\\\\".into()));
        for other in [&b"{}"[..], b"___fn(\"1:2\")", b"data=1:2", br#"___eio[0]("\uzzzz")"#, b"d=%zz"] {
            assert_eq!(read(other), Err(InvalidJsonp), "{other:?}");
        }
    }
}
