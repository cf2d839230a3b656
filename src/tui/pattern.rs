use std::ops::Range;

use regex::bytes::{Regex, RegexBuilder};

/// A search pattern for payloads.
///
/// `x"de ad"` matches bytes; `r"[0-9]+"` is a regular expression; anything else is text, matched case-insensitively
/// unless it contains an upper-case letter.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    regex: Regex,
    pub(super) text: String,
}

impl Pattern {
    /// Parses a pattern; the error describes what is wrong.
    pub(super) fn parse(text: &str) -> Result<Pattern, String> {
        let quoted =
            |prefix: &str| text.strip_prefix(prefix).map(|rest| rest.strip_suffix('"').unwrap_or(rest));
        let capital = text.chars().any(char::is_uppercase);
        let mut builder = if let Some(hex) = quoted("x\"") {
            let mut builder = RegexBuilder::new(&bytes_pattern(hex)?);
            builder.unicode(false);
            builder
        } else if let Some(pattern) = quoted("r\"") {
            RegexBuilder::new(pattern)
        } else {
            let mut builder = RegexBuilder::new(&regex::escape(text));
            builder.case_insensitive(!capital);
            builder
        };
        let regex = builder.size_limit(1 << 20).build().map_err(|e| last_line(&e.to_string()))?;
        Ok(Pattern { regex, text: text.to_owned() })
    }

    /// Returns whether `bytes` contains a match.
    #[cfg(test)]
    pub(super) fn is_in(&self, bytes: &[u8]) -> bool {
        self.count(bytes, 1) > 0
    }

    /// Returns the number of matches in `bytes`, at most `most`.
    pub(super) fn count(&self, bytes: &[u8], most: usize) -> usize {
        self.regex.find_iter(bytes).filter(|found| !found.is_empty()).take(most).count()
    }

    /// Returns the ranges of the first `most` matches in `bytes`.
    pub(super) fn places(&self, bytes: &[u8], most: usize) -> Vec<Range<usize>> {
        self.regex
            .find_iter(bytes)
            .filter(|found| !found.is_empty())
            .take(most)
            .map(|found| found.range())
            .collect()
    }
}

/// Returns a regular expression for bytes in hexadecimal, which may be separated by blanks.
fn bytes_pattern(hex: &str) -> Result<String, String> {
    let digits: Vec<char> = hex.chars().filter(|c| !c.is_whitespace()).collect();
    if !digits.len().is_multiple_of(2) || digits.is_empty() || !digits.iter().all(char::is_ascii_hexdigit) {
        return Err("pairs of hexadecimal digits are expected".to_owned());
    }
    Ok(digits.chunks(2).flat_map(|pair| ['\\', 'x'].into_iter().chain(pair.iter().copied())).collect())
}

fn last_line(text: &str) -> String {
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms() {
        for (pattern, bytes, found) in [
            ("price", &b"a PRICE"[..], true),
            ("Price", b"a price", false),
            ("a.c", b"abc", false),
            ("r\"a.c\"", b"abc", true),
            ("r\"^[0-9]+$", b"123", true),
            ("x\"00 ff\"", b"a\x00\xffb", true),
            ("x\"00FF", b"a\xff\x00b", false),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().is_in(bytes), found, "{pattern}");
        }
        assert!(Pattern::parse("x\"0\"").is_err() && Pattern::parse("r\"(\"").is_err());
        assert_eq!(Pattern::parse("aa").unwrap().places(b"xaaaay", 9), [1..3, 3..5]);
    }
}
