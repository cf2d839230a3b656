/// Returns the beginning of a text, at most `most` bytes of it and no part of a character.
pub fn beginning(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::beginning;

    #[test]
    fn characters_are_kept_whole() {
        assert_eq!([0, 1, 2, 3, 4, 9].map(|most| beginning("aüb", most)), ["", "a", "a", "aü", "aüb", "aüb"]);
    }
}
