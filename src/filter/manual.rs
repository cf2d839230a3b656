//! The description of the language for users without `docs/filter.md`.

use std::fmt::Write as _;

use super::Field;
use crate::text::wrap;

/// A chapter of the manual: its title and its entries.
pub type Chapter = (&'static str, Vec<(String, String)>);

/// The text before the chapters.
pub const ABOUT: &str = "A filter is made of tests of fields, joined by and (&&), or (||) and not (!), and grouped by parentheses. A string in quotes \
                         alone is a test too: the text contains it. What is not there compares as false. Of a conversation, the opening is shown \
                         before the first row that passes, and the closing after it.";

/// Example filters with their meaning.
const EXAMPLES: &[(&str, &str)] = &[
    ("\"error\"", "messages whose text contains error"),
    ("opcode == text and len > 1k", "long texts"),
    ("from == client and not heartbeat", "what clients sent but to keep the connection alive"),
    ("json.type == \"trade\" and json.data[0].price > 100", "values in a JSON payload"),
    ("json.items[*].id == 7", "any element of an array"),
    ("sub.name == \"chat\" or latency > 200ms", "what messages mean in their sub-protocol"),
    ("text icontains 'hello' or lower(close.reason) == 'bye'", "text whatever its case"),
    ("payload contains x\"dead\" or text matches r\"^id=\\d+$\"", "bytes, and regular expressions"),
    ("severity >= warning", "broken rules"),
    ("close.code in {1001..1015} or rtt > 50ms", "sets and ranges"),
    ("client.ip == 10.0.0.0/8 and server.port == 443", "networks"),
    ("time >= 1.5s and gap_before > 2s", "times since the first packet, and silence"),
];

/// The forms of tests.
const TESTS: &[(&str, &str)] = &[
    ("FIELD", "it is true or, where it is no truth value, it is there"),
    ("== != < <= > >=", "it compares so; eq ne lt le gt ge are the same"),
    ("contains, icontains", "the string or bytes stand anywhere in it; icontains: whatever their case"),
    ("matches, ~", "the regular expression is found in it"),
    ("in {…}, not in {…}", "it is one of a set, whose members may be ranges: in {1, 2, 5..9}"),
    ("lower(FIELD) ==, contains", "as without lower, whatever the case"),
];

/// The forms of values.
const VALUES: &[(&str, &str)] = &[
    ("sizes", "bytes: 100, 1k (1,000), 2M, 1G, 1Ki (1,024), 2MiB, 1.5k"),
    ("durations", "50ms, 1.5s, 2m30s; a number alone is seconds"),
    ("times", "a duration since the first packet, or 2026-11-21T06:20:00Z"),
    (
        "strings",
        "in double or single quotes, with \\n \\t \\\" \\xNN \\u{…}; in r\"…\" a backslash is itself; bytes are x\"dead\"",
    ),
    ("addresses", "10.0.0.1, fd00::1, or a network: 10.0.0.0/8"),
];

/// Returns the chapters.
pub fn chapters() -> [Chapter; 5] {
    let owned = |list: &[(&str, &str)]| {
        list.iter().map(|(term, words)| ((*term).to_owned(), (*words).to_owned())).collect::<Vec<_>>()
    };
    let mut fields: Vec<_> = Field::ALL
        .iter()
        .map(|field| {
            let (about, values) = (field.about(), field.kind().expects());
            // Some descriptions already include the values.
            let is_said = about.contains(values);
            (field.name().to_owned(), if is_said { about.to_owned() } else { format!("{about}: {values}") })
        })
        .collect();
    fields.push((
        "json.PATH".to_owned(),
        "a value in a JSON payload: .name, [\"any name\"], [0], [*]".to_owned(),
    ));
    fields.push((
        "sub.PATH".to_owned(),
        "a value in what the sub-protocol says: sub.name, sub.id, sub.fields.topic".to_owned(),
    ));
    let others = Field::ALIASES.iter().map(|(name, field)| ((*name).to_owned(), field.name().to_owned()));
    [
        ("Examples", owned(EXAMPLES)),
        ("Tests", owned(TESTS)),
        ("Values", owned(VALUES)),
        ("Fields", fields),
        ("Names of Wireshark and NDJSON that are understood", others.collect()),
    ]
}

/// Returns the manual as text, of lines of about `width` columns.
pub fn manual(width: usize) -> String {
    let mut text = String::new();
    let width = width.saturating_sub(1);
    wrap(&mut text, ABOUT, 0, width);
    for (title, items) in chapters() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n{title}:");
        for (term, words) in items {
            let _ = write!(text, "  {term:<24}");
            if term.chars().count() >= 24 {
                let _ = write!(text, "\n{:26}", "");
            }
            wrap(&mut text, &words, 26, width);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Filter;

    #[test]
    fn examples_can_be_understood() {
        for (filter, _) in EXAMPLES {
            assert!(Filter::parse(filter).is_ok(), "{filter}");
        }
    }

    #[test]
    fn all_fields_and_names_are_reported() {
        let text = manual(100);
        for name in Field::ALL.iter().map(|it| it.name()).chain(Field::ALIASES.iter().map(|(name, _)| *name))
        {
            assert!(text.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
    }
}
