use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, BorderType, Clear, Widget as _};

use super::super::keys;
use super::super::text::RowWriter;
use super::super::theme::Theme;

/// Draws the table of keys over the screen.
pub(super) fn draw(theme: &Theme, area: Rect, top: usize, buffer: &mut Buffer) {
    let lines = lines();
    let (two, per_column, height) = extent(area, lines.len());
    let width = if two { 152 } else { 78 }.min(area.width.saturating_sub(2));
    let x = area.x.saturating_add(area.width.saturating_sub(width) / 2);
    let y = area.y.saturating_add(area.height.saturating_sub(height) / 2);
    let window = Rect { x, y, width, height };
    let inner = usize::from(height.saturating_sub(2));
    let top = top.min(per_column.saturating_sub(inner));
    let scrolls = if per_column > inner { " j k or the wheel scroll " } else { "" };
    Clear.render(window, buffer);
    let block =
        Block::bordered().border_type(BorderType::Rounded).style(theme.text).border_style(theme.focus);
    let below = Line::styled(scrolls, theme.dim).right_aligned();
    block.title_top(Line::styled(" keys ", theme.focus)).title_bottom(below).render(window, buffer);
    for (column, part) in lines.chunks(per_column.max(1)).enumerate() {
        let half = if two { width / 2 } else { width };
        let x = x.saturating_add(2).saturating_add(half.saturating_mul(u16::try_from(column).unwrap_or(0)));
        for (n, line) in part.iter().skip(top).take(inner).enumerate() {
            let y = y.saturating_add(1).saturating_add(u16::try_from(n).unwrap_or(u16::MAX));
            let mut writer = RowWriter::new(buffer, x, y, half.saturating_sub(3));
            match line {
                HelpLine::Title(title) => {
                    writer.word(title, theme.title);
                }
                HelpLine::Key(keys, help) => {
                    writer.right(keys, 21, theme.focus).word("  ", theme.text).word(help, theme.text);
                }
                HelpLine::First((action, words), (sign, meaning)) => {
                    writer.right(keys::key_for(*action), 6, theme.focus).word("  ", theme.text);
                    writer.field(words, 20, theme.text).right(sign, 9, theme.focus);
                    writer.word("  ", theme.text).word(meaning, theme.text);
                }
                HelpLine::Blank => {}
            }
        }
    }
}

/// Returns whether there are two columns, the number of lines in each, and the number of rows of the table.
fn extent(area: Rect, lines: usize) -> (bool, usize, u16) {
    let two = area.width >= 156;
    let per_column = if two { lines.div_ceil(2) } else { lines };
    let height = u16::try_from(per_column).unwrap_or(u16::MAX).saturating_add(2);
    (two, per_column, height.min(area.height.saturating_sub(2)))
}

/// Returns the last scroll position of the table.
pub(in super::super) fn last_top(area: Rect) -> usize {
    let (_, per_column, height) = extent(area, lines().len());
    per_column.saturating_sub(usize::from(height.saturating_sub(2)))
}

enum HelpLine {
    Title(&'static str),
    Key(String, &'static str),
    /// One of the most important keys, with a symbol beside it.
    First((keys::Action, &'static str), (&'static str, &'static str)),
    Blank,
}

fn lines() -> Vec<HelpLine> {
    // Begins with what fits entirely on the smallest screen.
    let mut lines = vec![HelpLine::Title("First keys, and what signs mean")];
    lines.extend(keys::BASICS.iter().zip(keys::SIGNS).map(|(basic, sign)| HelpLine::First(*basic, *sign)));
    for group in keys::TABLE {
        lines.push(HelpLine::Blank);
        lines.push(HelpLine::Title(group.title));
        lines
            .extend(group.bindings.iter().map(|binding| HelpLine::Key(binding.keys.join(" "), binding.help)));
    }
    lines.push(HelpLine::Blank);
    lines.push(HelpLine::Title("Mouse"));
    lines.extend(keys::MOUSE.iter().map(|(what, help)| HelpLine::Key((*what).to_owned(), help)));
    lines
}
