//! JSON that is safe to print on a terminal.

use std::io::{self, Write};

use serde::Serialize;

/// Returns whether a character that is valid in JSON must not reach a terminal, or ends a line for some readers.
pub const fn is_obeyed(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Writes a value as JSON on one line; characters that control a terminal are escaped, and floating-point numbers,
/// which are seconds and ratios, have one to nine decimals.
pub fn write_json(value: &(impl Serialize + ?Sized), to: impl Write) -> io::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(to, Safe)).map_err(io::Error::from)
}

struct Safe;

impl serde_json::ser::Formatter for Safe {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|&(_, c)| is_obeyed(c)) {
            let (plain, after) = rest.split_at_checked(at).unwrap_or_default();
            write!(writer, "{plain}\\u{:04x}", u32::from(c))?;
            rest = after.get(c.len_utf8()..).unwrap_or_default();
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        let digits = format!("{value:.9}");
        let short = digits.trim_end_matches('0');
        write!(writer, "{short}{}", if short.ends_with('.') { "0" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_comes_back() {
        let text = "a\u{9b}31m\u{202e}\u{7f}é\n";
        let mut out = Vec::new();
        write_json(&[text], &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(!out.chars().any(|c| c.is_control() || is_obeyed(c)), "{out}");
        assert_eq!(serde_json::from_str::<[String; 1]>(&out).unwrap(), [text]);
    }

    #[test]
    fn real_numbers_have_one_to_nine_decimals() {
        let mut out = Vec::new();
        write_json(&[0.0, 1.5, 1e-9, 12.345_678_901], &mut out).unwrap();
        assert_eq!(out, b"[0.0,1.5,0.000000001,12.345678901]");
    }
}
