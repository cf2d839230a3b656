//! Tables that omit columns to fit the width.

use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

/// Selects the columns to omit, so that the others fit and the last one has enough room.
pub(super) fn fit<const N: usize>(table: &[[String; N]], width: usize) -> Vec<usize> {
    const DISPENSABLE: [usize; 6] = [9, 10, 1, 7, 2, 8];
    const LAST: usize = 20;
    let widths = widths(table);
    let needed = |left_out: &[usize]| {
        let kept = widths.iter().enumerate().filter(|(n, _)| !left_out.contains(n));
        kept.map(|(n, width)| if n.saturating_add(1) == N { (*width).min(LAST) } else { *width })
            .fold(0_usize, |sum, width| sum.saturating_add(width).saturating_add(2))
    };
    let enough = |count: &usize| DISPENSABLE.get(..*count).is_some_and(|left_out| needed(left_out) <= width);
    let count = (0..DISPENSABLE.len()).find(enough).unwrap_or(DISPENSABLE.len());
    DISPENSABLE.get(..count).unwrap_or_default().to_vec()
}

fn widths<const N: usize>(table: &[[String; N]]) -> [usize; N] {
    let width = |n: usize| table.iter().filter_map(|row| row.get(n)).map(|cell| cell.width()).max();
    std::array::from_fn(|n| width(n).unwrap_or(0))
}

/// Writes rows without the omitted columns; `right` returns whether a column is aligned to the right. The last column
/// is not padded, but truncated if it is too long.
pub(super) fn write_table<const N: usize>(
    table: &[[String; N]],
    right: impl Fn(usize) -> bool,
    left_out: &[usize],
    width: usize,
    out: &mut String,
) {
    let widths = widths(table);
    for row in table {
        let mut line = String::new();
        let cells = row.iter().zip(&widths).enumerate().filter(|(n, _)| !left_out.contains(n));
        for (n, (cell, column)) in cells {
            if n.saturating_add(1) == N {
                let room = width.saturating_sub(line.width().saturating_add(2)).max(1);
                let _ = write!(line, "  {}", clip(cell, room));
                break;
            }
            let pad = " ".repeat(column.saturating_sub(cell.width()));
            let (before, after) = if right(n) { (pad.as_str(), "") } else { ("", pad.as_str()) };
            let _ = write!(line, "  {before}{cell}{after}");
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

/// Truncates text that is already safe to show.
pub(super) fn clip(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        if out.width().saturating_add(2) > columns {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clipping_counts_columns() {
        assert_eq!(clip("我是阿宝哥", 5), "我是…");
        assert_eq!(clip("short", 5), "short");
    }
}
