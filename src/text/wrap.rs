use std::fmt::Write as _;

/// Appends words in lines of at most `width` columns, and a line feed. `indent` columns of the first line are already
/// used, and the others are indented by as much; a word longer than a line is on a line of its own.
pub fn wrap(out: &mut String, words: &str, indent: usize, width: usize) {
    let mut column = indent;
    for (n, word) in words.split_whitespace().enumerate() {
        let length = word.chars().count();
        if n > 0 && column.saturating_add(length) > width {
            // Writing to a string cannot fail.
            let _ = write!(out, "\n{:indent$}", "");
            column = indent;
        } else if n > 0 {
            out.push(' ');
        }
        out.push_str(word);
        column = column.saturating_add(length).saturating_add(1);
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_the_width_and_no_word_is_lost() {
        let wrapped = |width| {
            let mut out = "term  ".to_owned();
            wrap(&mut out, "one two  three extraordinarily", 6, width);
            out
        };
        assert_eq!(wrapped(13), "term  one two\n      three\n      extraordinarily\n");
        assert_eq!(wrapped(12), "term  one\n      two\n      three\n      extraordinarily\n");
        assert_eq!(wrapped(usize::MAX), "term  one two three extraordinarily\n");
    }
}
