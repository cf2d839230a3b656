use ratatui::style::{Color, Modifier, Style};

use crate::event::Severity;
use crate::model::Side;

/// How each kind of thing looks: a theme is a value of it.
#[derive(Clone, Debug)]
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
    /// The colours that tell conversations apart.
    palette: &'static [u8],
}

const fn colour(n: u8) -> Style {
    Style::new().fg(Color::Indexed(n))
}

impl Theme {
    /// Lists the names of the themes.
    pub(super) const NAMES: &'static [&'static str] = &["dark", "light", "colour-blind", "none"];

    /// Returns the theme called `name`; `None` where there is none.
    pub(super) fn named(name: &str) -> Option<Theme> {
        Some(match name {
            "dark" => Theme::dark(),
            "light" => Theme::light(),
            "colour-blind" | "color-blind" => Theme::colour_blind(),
            "none" => Theme::plain(),
            _ => return None,
        })
    }

    /// Returns the theme after this one.
    pub(super) fn next(&self) -> Theme {
        let at = Theme::NAMES.iter().position(|name| *name == self.name).unwrap_or(0).saturating_add(1);
        Theme::NAMES.get(at).and_then(|name| Theme::named(name)).unwrap_or_else(Theme::dark)
    }

    fn dark() -> Theme {
        Theme {
            name: "dark",
            text: Style::new(),
            dim: colour(244),
            rule: colour(239),
            title: colour(250).add_modifier(Modifier::BOLD),
            focus: colour(81).add_modifier(Modifier::BOLD),
            bar: colour(252).bg(Color::Indexed(236)),
            key: colour(81).bg(Color::Indexed(236)).add_modifier(Modifier::BOLD),
            selected: Style::new().bg(Color::Indexed(24)),
            unfocused: Style::new().bg(Color::Indexed(238)),
            client: colour(81),
            server: colour(114),
            control: colour(179),
            good: colour(114),
            error: colour(203).add_modifier(Modifier::BOLD),
            warning: colour(215),
            note: colour(147),
            hit: colour(16).bg(Color::Indexed(221)),
            field: colour(16).bg(Color::Indexed(117)),
            escape: colour(174),
            name_of: colour(110),
            string: colour(150),
            number: colour(216),
            word: colour(176),
            palette: &[81, 114, 216, 176, 221, 117, 150, 210, 147, 180, 79, 204],
        }
    }

    fn light() -> Theme {
        Theme {
            name: "light",
            text: Style::new(),
            dim: colour(242),
            rule: colour(249),
            title: colour(238).add_modifier(Modifier::BOLD),
            focus: colour(25).add_modifier(Modifier::BOLD),
            bar: colour(236).bg(Color::Indexed(253)),
            key: colour(25).bg(Color::Indexed(253)).add_modifier(Modifier::BOLD),
            selected: Style::new().bg(Color::Indexed(153)),
            unfocused: Style::new().bg(Color::Indexed(254)),
            client: colour(25),
            server: colour(28),
            control: colour(94),
            good: colour(28),
            error: colour(160).add_modifier(Modifier::BOLD),
            warning: colour(166),
            note: colour(61),
            hit: colour(16).bg(Color::Indexed(220)),
            field: colour(16).bg(Color::Indexed(117)),
            escape: colour(131),
            name_of: colour(24),
            string: colour(28),
            number: colour(130),
            word: colour(90),
            palette: &[25, 28, 130, 90, 94, 31, 64, 125, 61, 137, 30, 161],
        }
    }

    /// Blue and orange, which nearly everybody can tell apart; severity is also told by shape and weight.
    fn colour_blind() -> Theme {
        Theme {
            name: "colour-blind",
            client: colour(75),
            server: colour(214),
            control: colour(252),
            good: colour(75),
            error: colour(231).bg(Color::Indexed(166)).add_modifier(Modifier::BOLD),
            warning: colour(220).add_modifier(Modifier::BOLD),
            note: colour(153),
            hit: colour(16).bg(Color::Indexed(220)),
            field: colour(16).bg(Color::Indexed(75)),
            escape: colour(180),
            name_of: colour(75),
            string: colour(252),
            number: colour(214),
            word: colour(220),
            palette: &[75, 214, 220, 153, 252, 33, 180, 208],
            ..Theme::dark()
        }
    }

    /// No colour at all: weight and reversal say what colours say elsewhere.
    fn plain() -> Theme {
        let (bold, dim) =
            (Style::new().add_modifier(Modifier::BOLD), Style::new().add_modifier(Modifier::DIM));
        let reversed = Style::new().add_modifier(Modifier::REVERSED);
        let none = Style::new();
        Theme {
            name: "none",
            text: none,
            dim,
            rule: dim,
            title: none,
            focus: bold,
            bar: none,
            key: bold,
            selected: reversed,
            unfocused: Style::new().add_modifier(Modifier::UNDERLINED),
            client: none,
            server: none,
            control: dim,
            good: none,
            error: bold,
            warning: bold,
            note: none,
            hit: reversed,
            field: reversed,
            escape: dim,
            name_of: none,
            string: none,
            number: none,
            word: none,
            palette: &[],
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

    /// Returns the colour that tells a conversation from its neighbours.
    pub(super) fn conversation(&self, slot: u32) -> Style {
        let at = (slot as usize).checked_rem(self.palette.len());
        at.and_then(|at| self.palette.get(at)).map_or(self.dim, |n| colour(*n))
    }
}
