use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

use super::keys::next_of;
use super::words::Role;
use crate::event::Severity;
use crate::model::Side;

/// A row colour; each theme defines a legible one for its backgrounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RowColour {
    /// The colour of errors.
    Red,
    /// The colour of warnings.
    Yellow,
    /// The colour of success.
    Green,
    /// The colour of notes.
    Blue,
    /// The colour of JSON keywords.
    Magenta,
    /// The colour of context.
    Grey,
}

/// The styles of a theme.
#[derive(Clone, Debug, Default)]
pub(super) struct Theme {
    pub(super) name: &'static str,
    pub(super) text: Style,
    pub(super) dim: Style,
    pub(super) rule: Style,
    pub(super) title: Style,
    pub(super) focus: Style,
    pub(super) bar: Style,
    pub(super) key: Style,
    pub(super) selected: Style,
    pub(super) unfocused: Style,
    pub(super) client: Style,
    pub(super) server: Style,
    pub(super) control: Style,
    pub(super) good: Style,
    pub(super) error: Style,
    pub(super) warning: Style,
    pub(super) note: Style,
    pub(super) hit: Style,
    pub(super) field: Style,
    pub(super) escape: Style,
    pub(super) name_of: Style,
    pub(super) string: Style,
    pub(super) number: Style,
    pub(super) word: Style,
    /// The colours that distinguish conversations.
    palette: &'static [u8],
}

const fn colour(n: u8) -> Style {
    Style::new().fg(Color::Indexed(n))
}

impl Theme {
    /// The names of the themes.
    pub(super) const NAMES: &'static [&'static str] = &["dark", "light", "colour-blind", "none"];

    /// Returns the theme called `name`, if it exists.
    pub(super) fn named(name: &str) -> Option<Theme> {
        Some(match name {
            "dark" => Theme::dark(),
            "light" => Theme::light(),
            "colour-blind" | "color-blind" => Theme::colour_blind(),
            "none" => Theme::plain(),
            _ => return None,
        })
    }

    /// Returns the next theme.
    pub(super) fn next(&self) -> Theme {
        Theme::named(next_of(Theme::NAMES, self.name)).unwrap_or_else(Theme::dark)
    }

    fn dark() -> Theme {
        Theme {
            name: "dark",
            text: Style::new(),
            dim: colour(247),
            rule: colour(239),
            title: colour(252).add_modifier(Modifier::BOLD),
            focus: colour(81).add_modifier(Modifier::BOLD),
            bar: colour(252).bg(Color::Indexed(236)),
            key: colour(81).bg(Color::Indexed(236)).add_modifier(Modifier::BOLD),
            selected: Style::new().bg(Color::Indexed(18)),
            unfocused: Style::new().bg(Color::Indexed(236)),
            client: colour(81),
            server: colour(114),
            control: colour(179),
            good: colour(114),
            error: colour(210).add_modifier(Modifier::BOLD),
            warning: colour(215),
            note: colour(147),
            hit: colour(16).bg(Color::Indexed(221)),
            field: colour(16).bg(Color::Indexed(117)),
            escape: colour(180),
            name_of: colour(117),
            string: colour(150),
            number: colour(216),
            word: colour(182),
            palette: &[81, 114, 216, 182, 221, 117, 150, 210, 147, 180, 79, 211],
        }
    }

    pub(super) fn light() -> Theme {
        Theme {
            name: "light",
            text: Style::new(),
            dim: colour(240),
            rule: colour(249),
            title: colour(236).add_modifier(Modifier::BOLD),
            focus: colour(18).add_modifier(Modifier::BOLD),
            bar: colour(236).bg(Color::Indexed(254)),
            key: colour(18).bg(Color::Indexed(254)).add_modifier(Modifier::BOLD),
            selected: Style::new().bg(Color::Indexed(195)),
            unfocused: Style::new().bg(Color::Indexed(254)),
            client: colour(19),
            server: colour(22),
            control: colour(58),
            good: colour(22),
            error: colour(124).add_modifier(Modifier::BOLD),
            warning: colour(94),
            note: colour(55),
            hit: colour(16).bg(Color::Indexed(220)),
            field: colour(16).bg(Color::Indexed(117)),
            escape: colour(88),
            name_of: colour(18),
            string: colour(22),
            number: colour(88),
            word: colour(90),
            palette: &[19, 22, 88, 90, 94, 24, 58, 125, 55, 89, 23, 124],
        }
    }

    /// Blue and orange, which nearly everyone can distinguish; severity is also shown by shape and weight.
    fn colour_blind() -> Theme {
        Theme {
            name: "colour-blind",
            client: colour(117),
            server: colour(214),
            control: colour(252),
            good: colour(117),
            error: colour(231).bg(Color::Indexed(130)).add_modifier(Modifier::BOLD),
            warning: colour(220).add_modifier(Modifier::BOLD),
            note: colour(153),
            hit: colour(16).bg(Color::Indexed(220)),
            field: colour(16).bg(Color::Indexed(75)),
            escape: colour(180),
            name_of: colour(117),
            string: colour(252),
            number: colour(214),
            word: colour(220),
            palette: &[117, 214, 220, 153, 252, 75, 180, 208],
            ..Theme::dark()
        }
    }

    /// No colours: weight and reversal are used instead.
    fn plain() -> Theme {
        let [bold, dim, reversed, line] =
            [Modifier::BOLD, Modifier::DIM, Modifier::REVERSED, Modifier::UNDERLINED]
                .map(|modifier| Style::new().add_modifier(modifier));
        Theme {
            name: "none",
            dim,
            rule: dim,
            focus: bold,
            key: bold,
            selected: reversed,
            unfocused: line,
            control: dim,
            error: bold,
            warning: bold,
            hit: reversed,
            field: reversed,
            escape: dim,
            ..Theme::default()
        }
    }

    /// Returns the colour of a side.
    pub(super) const fn side(&self, side: Side) -> Style {
        match side {
            Side::Client => self.client,
            Side::Server => self.server,
        }
    }

    /// Returns the colour of a severity.
    pub(super) const fn severity(&self, severity: Severity) -> Style {
        match severity {
            Severity::Note => self.note,
            Severity::Warning => self.warning,
            Severity::Error => self.error,
        }
    }

    /// Returns the style of a role.
    pub(super) const fn role(&self, role: Role) -> Style {
        match role {
            Role::Plain => self.text,
            Role::Quiet | Role::Hex => self.dim,
            Role::Control => self.control,
            Role::Name => self.title,
            Role::Subprotocol => self.name_of,
            Role::Good => self.good,
            Role::From(side) => self.side(side),
            Role::Severity(severity) => self.severity(severity),
        }
    }

    /// Returns the style of rows with a configured colour.
    pub(super) const fn row(&self, colour: RowColour) -> Style {
        match colour {
            RowColour::Red => self.error,
            RowColour::Yellow => self.warning,
            RowColour::Green => self.good,
            RowColour::Blue => self.note,
            RowColour::Magenta => self.word,
            RowColour::Grey => self.dim,
        }
    }

    /// Returns the colour that distinguishes a conversation from its neighbours.
    pub(super) fn conversation(&self, slot: u32) -> Style {
        let at = (slot as usize).checked_rem(self.palette.len());
        at.and_then(|at| self.palette.get(at)).map_or(self.dim, |n| colour(*n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The minimum contrast of readable text (WCAG 2.2, success criterion 1.4.3).
    const LEAST: f64 = 4.5;

    /// Returns a colour of the 256-colour palette as red, green and blue.
    fn rgb(n: u8) -> [f64; 3] {
        let cube = |n: u8| if n == 0 { 0.0 } else { 55.0 + 40.0 * f64::from(n) };
        match n {
            232.. => [8.0 + 10.0 * f64::from(n - 232); 3],
            16.. => [(n - 16) / 36, (n - 16) / 6 % 6, (n - 16) % 6].map(cube),
            _ => panic!("the first 16 colours are whatever the user made of them"),
        }
    }

    fn luminance(n: u8) -> f64 {
        let [red, green, blue] = rgb(n).map(|part| {
            let part = part / 255.0;
            if part <= 0.03928 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn contrast(a: u8, b: u8) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn indexed(colour: Option<Color>) -> Option<u8> {
        match colour {
            Some(Color::Indexed(n)) => Some(n),
            _ => None,
        }
    }

    #[test]
    fn every_text_can_be_read_on_every_background() {
        for (name, ground) in [("dark", 16), ("light", 231), ("colour-blind", 16)] {
            let theme = Theme::named(name).unwrap();
            let grounds: Vec<u8> = [theme.selected, theme.unfocused, theme.bar]
                .iter()
                .filter_map(|style| indexed(style.bg))
                .chain([ground])
                .collect();
            assert_eq!(grounds.len(), 4, "{name}");
            let texts = [
                theme.dim,
                theme.title,
                theme.focus,
                theme.bar,
                theme.key,
                theme.client,
                theme.server,
                theme.control,
                theme.good,
                theme.error,
                theme.warning,
                theme.note,
                theme.hit,
                theme.field,
                theme.escape,
                theme.name_of,
                theme.string,
                theme.number,
                theme.word,
            ];
            let palette = theme.palette.iter().map(|n| colour(*n));
            for text in texts.into_iter().chain(palette) {
                let fore = indexed(text.fg).unwrap();
                // Text with its own background keeps it.
                let own = indexed(text.bg).map(|own| vec![own]);
                for back in own.unwrap_or_else(|| grounds.clone()) {
                    let found = contrast(fore, back);
                    assert!(found >= LEAST, "{name}: {fore} on {back} has {found:.1}");
                }
            }
        }
    }
}
