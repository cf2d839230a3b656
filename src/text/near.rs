/// Returns whether one word may have been meant by the other: one character, or two of a long word, are more, less, other or
/// exchanged.
pub fn is_near(one: &str, other: &str) -> bool {
    let length = one.chars().count().min(other.chars().count());
    let slips = match length {
        0..3 => 0,
        3..9 => 1,
        _ => 2,
    };
    strsim::osa_distance(one, other) <= slips
}

/// Returns which of `names` was meant by a word that is none of them, where one [is near](is_near) it.
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
