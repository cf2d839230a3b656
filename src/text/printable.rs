//! Text from the wire, made safe for a terminal: characters that would control it, be invisible or reorder the text are
//! made visible.

use std::ops::ControlFlow;

/// One character in the form in which it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown<'a> {
    /// Shown as it is.
    AsIs(char),
    /// Shown as other characters.
    Escaped(&'a str),
}

/// Calls `each` with every character of `bytes`, until it breaks.
///
/// Control characters become their pictures (`␛`, `␊`); pictures sent as such, and other characters that have an effect
/// or are invisible, become `\u{240a}` and `\u{202e}`, and bytes that are not UTF-8 become `\xff`.
pub fn printable(bytes: &[u8], mut each: impl FnMut(Shown<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
    let mut last = '\0';
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match escape(c, last) {
                None => each(Shown::AsIs(c))?,
                Some(Escape::Picture(picture)) => each(Shown::Escaped(picture.encode_utf8(&mut [0; 4])))?,
                Some(Escape::Number) => each(Shown::Escaped(&format!("\\u{{{:x}}}", u32::from(c))))?,
            }
            last = c;
        }
        for byte in chunk.invalid() {
            each(Shown::Escaped(&format!("\\x{byte:02x}")))?;
            last = '\0';
        }
    }
    ControlFlow::Continue(())
}

/// Returns all of `bytes` in the form in which they are shown.
pub fn printable_string(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let _: ControlFlow<()> = printable(bytes, |shown| {
        match shown {
            Shown::AsIs(c) => text.push(c),
            Shown::Escaped(words) => text.push_str(words),
        }
        ControlFlow::Continue(())
    });
    text
}

enum Escape {
    Picture(char),
    Number,
}

fn escape(c: char, last: char) -> Option<Escape> {
    match c {
        '\0'..='\x1f' => char::from_u32(u32::from(c) | 0x2400).map(Escape::Picture),
        '\x7f' => Some(Escape::Picture('\u{2421}')),
        // A picture always represents the character it depicts, and nothing else.
        '\u{2400}'..='\u{2421}' => Some(Escape::Number),
        // A joiner is part of many scripts and of emoji; after an ASCII character, it is only invisible.
        '\u{200c}' | '\u{200d}' => last.is_ascii().then_some(Escape::Number),
        _ => is_hidden(c).then_some(Escape::Number),
    }
}

/// Returns whether a character affects the terminal, reorders text, or is invisible.
const fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\u{80}'..='\u{9f}'                 // C1 controls
        | '\u{ad}' | '\u{34f}'              // soft hyphen, grapheme joiner
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' // bidirectional
        | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}' // fillers
        | '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{feff}' // zero width
        | '\u{2028}' | '\u{2029}'           // line and paragraph separators
        | '\u{fff9}'..='\u{fffb}'           // annotations
        | '\u{e0000}'..='\u{e0fff}'         // tags and more variation selectors
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shows_what_a_terminal_would_obey() {
        for (bytes, want) in [
            (&b"a\x1b]0;x\x07b"[..], "a␛]0;x␇b"),
            (b"\0\t\r\n\x7f", "␀␉␍␊␡"),
            ("a\nb␊c".as_bytes(), "a␊b\\u{240a}c"),
            ("\u{9b}31m".as_bytes(), "\\u{9b}31m"),
            ("abc\u{202e}fed\u{2066}".as_bytes(), "abc\\u{202e}fed\\u{2066}"),
            ("pay\u{200b}pal\u{feff}".as_bytes(), "pay\\u{200b}pal\\u{feff}"),
            (b"a\xff\xe6\x88z\xc3", "a\\xff\\xe6\\x88z\\xc3"),
        ] {
            assert_eq!(printable_string(bytes), want);
        }
    }

    #[test]
    fn leaves_ordinary_text_of_any_script_alone() {
        for text in [
            "hello",
            "我是阿宝哥",
            "naïve é",
            "می\u{200c}خواهم",
            "👨\u{200d}👩\u{200d}👧",
            "❤\u{fe0f}",
            "क्\u{200d}ष",
        ] {
            assert_eq!(printable_string(text.as_bytes()), text);
        }
        assert_eq!(printable_string("pay\u{200d}pal".as_bytes()), "pay\\u{200d}pal");
    }

    proptest! {
        #[test]
        fn nothing_that_acts_gets_through(bytes: Vec<u8>, text: String) {
            for bytes in [&bytes[..], text.as_bytes()] {
                let shown = printable_string(bytes);
                prop_assert!(!shown.chars().any(|c| c.is_control() || is_hidden(c)), "{shown:?}");
            }
        }
    }
}
