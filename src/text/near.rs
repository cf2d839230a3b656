/// Returns whether one word may be a misspelling of the other: one character, or two in a long word, inserted, deleted,
/// replaced or transposed.
pub fn is_near(one: &str, other: &str) -> bool {
    let length = one.chars().count().min(other.chars().count());
    let slips = match length {
        0..3 => 0,
        3..9 => 1,
        _ => 2,
    };
    strsim::osa_distance(one, other) <= slips
}

/// Returns the closest of `names` to an unknown word, if one [is near](is_near) it.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = names.into_iter().filter(|name| is_near(name, word));
    near.min_by_key(|name| strsim::osa_distance(name, word))
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_of_the_hand_are_understood() {
        let names = ["print", "export", "bad-utf8", "bad-mask", "rtt"];
        for (word, meant) in [
            ("prnt", Some("print")),
            ("pirnt", Some("print")),
            ("exports", Some("export")),
            ("bad-utf9", Some("bad-utf8")),
            ("rt", None),
            ("capture", None),
        ] {
            assert_eq!(nearest(word, names), meant, "{word}");
        }
    }
}
