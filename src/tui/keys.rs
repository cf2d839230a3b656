//! What every key does: the one table from which the help, `docs/keys.md` and the man page are made.

use std::fmt::Write as _;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Something the user can ask for; [`TABLE`] says of each what it is.
#[allow(missing_docs)] // the table documents each of them once, for users and readers alike
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Left,
    Right,
    Enter,
    Back,
    NextPanel,
    PreviousPanel,
    EveryConversation,
    OnlyConversation,
    GoTo,
    Partner,
    Sort,
    SortBackwards,
    Lanes,
    Scale,
    Columns,
    Heartbeats,
    TimeForm,
    NextFault,
    NextAnomaly,
    Statistics,
    Anomalies,
    Bookmark,
    NextBookmark,
    Mark,
    Compare,
    Tree,
    Text,
    Json,
    Hex,
    Detail,
    Filter,
    ClearFilter,
    Search,
    NextHit,
    PreviousHit,
    Earlier,
    Later,
    ZoomIn,
    ZoomOut,
    ZoomAll,
    Follow,
    Pause,
    StopOrRestart,
    Save,
    Export,
    Copy,
    CopyAs,
    FilterByValue,
    Theme,
    Help,
    Redraw,
    Suspend,
    Quit,
}

impl Action {
    /// Returns by how many lines it moves, where `page` lines are seen.
    pub(super) fn lines(self, page: usize) -> Option<isize> {
        let page = isize::try_from(page.saturating_sub(1).max(1)).unwrap_or(1);
        Some(match self {
            Action::Up => -1,
            Action::Down => 1,
            Action::PageUp => page.saturating_neg(),
            Action::PageDown => page,
            Action::First => isize::MIN,
            Action::Last => isize::MAX,
            _ => return None,
        })
    }
}

/// A line of the table: keys by name, what they do, and what is said about it.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// The keys, by the names that `name` gives.
    pub keys: &'static [&'static str],
    /// What they do.
    pub action: Action,
    /// What the help says.
    pub help: &'static str,
}

/// A group of the table, with the heading it has in the help.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// The heading.
    pub title: &'static str,
    /// The keys.
    pub bindings: &'static [Binding],
}

const fn key(keys: &'static [&'static str], action: Action, help: &'static str) -> Binding {
    Binding { keys, action, help }
}

/// Lists every key. No key stands twice.
pub const TABLE: &[Group] = &[
    Group {
        title: "Move",
        bindings: &[
            key(&["j", "Down"], Action::Down, "down"),
            key(&["k", "Up"], Action::Up, "up"),
            key(&["Ctrl-d", "PageDown", "Space"], Action::PageDown, "a page down"),
            key(&["Ctrl-u", "PageUp"], Action::PageUp, "a page up"),
            key(&["g", "Home"], Action::First, "to the first"),
            key(&["G", "End"], Action::Last, "to the last; live, follow"),
            key(&["h", "Left"], Action::Left, "left, fold, a byte back"),
            key(&["l", "Right"], Action::Right, "right, unfold, a byte on"),
            key(&["Tab"], Action::NextPanel, "to the next panel"),
            key(&["BackTab"], Action::PreviousPanel, "to the panel before"),
            key(&["Enter"], Action::Enter, "choose; go into the detail; fold"),
            key(&["Esc"], Action::Back, "back: leave the panel, search, filter"),
        ],
    },
    Group {
        title: "Show",
        bindings: &[
            key(&["L"], Action::Lanes, "client and server as two lanes"),
            key(&["z"], Action::Scale, "lanes: silence folded or to scale"),
            key(&["|"], Action::Columns, "columns: any fields, as json.type,rtt"),
            key(&["H"], Action::Heartbeats, "heartbeats and parts of packets hidden or shown"),
            key(&["t"], Action::TimeForm, "time: UTC, local, relative, since the row before"),
            key(&["d"], Action::Detail, "detail beside, larger, or away"),
            key(&["1"], Action::Tree, "detail as a tree"),
            key(&["2"], Action::Text, "detail as text"),
            key(&["3"], Action::Json, "detail as JSON"),
            key(&["4", "x"], Action::Hex, "detail as bytes"),
            key(&["i"], Action::Statistics, "statistics; Enter goes to the rows behind a number"),
            key(&["!"], Action::Anomalies, "anomalies by rule; Enter goes to the frame"),
            key(&["T"], Action::Theme, "the next theme"),
        ],
    },
    Group {
        title: "Choose",
        bindings: &[
            key(&["c"], Action::EveryConversation, "every conversation again"),
            key(&["C"], Action::OnlyConversation, "only the conversation of this row; Esc goes back"),
            key(&[":"], Action::GoTo, "go to: packet 12, +3.5, 12:00, #4 or message m7"),
            key(&["%"], Action::Partner, "between question and answer, ping and pong"),
            key(&["s"], Action::Sort, "sort; rows by size, round trip, gap, latency"),
            key(&["S"], Action::SortBackwards, "sort conversations the other way round"),
            key(&["f"], Action::Filter, "filter messages"),
            key(&["F"], Action::ClearFilter, "no filter"),
            key(&["/"], Action::Search, "search: text, r\"regex\", x\"hex\"; narrow the list"),
            key(&["n"], Action::NextHit, "the next hit"),
            key(&["N"], Action::PreviousHit, "the hit before"),
            key(&["a"], Action::NextFault, "the next error or warning"),
            key(&["A"], Action::NextAnomaly, "the next anomaly, notes too"),
            key(&["*"], Action::FilterByValue, "filter by the value under the cursor"),
            key(&["b"], Action::Bookmark, "set or remove a bookmark"),
            key(&["B"], Action::NextBookmark, "the next bookmark"),
            key(&["m"], Action::Mark, "mark, to measure the time to another"),
            key(&["D"], Action::Compare, "beside the marked message, or conversation"),
        ],
    },
    Group {
        title: "Time",
        bindings: &[
            key(&["["], Action::Earlier, "earlier"),
            key(&["]"], Action::Later, "later"),
            key(&["+", "="], Action::ZoomIn, "a shorter stretch of time"),
            key(&["-"], Action::ZoomOut, "a longer one"),
            key(&["0"], Action::ZoomAll, "all of it"),
        ],
    },
    Group {
        title: "Do",
        bindings: &[
            key(&["y"], Action::Copy, "copy what is looked at"),
            key(&["Y"], Action::CopyAs, "copy as text, JSON, hex, base64, or as a command"),
            key(&["e"], Action::Export, "export what is shown"),
            key(&["w"], Action::Save, "save the packets of what is shown"),
            key(&["o"], Action::Follow, "follow new messages"),
            key(&["p"], Action::Pause, "pause the screen"),
            key(&["P"], Action::StopOrRestart, "stop capturing, start again"),
            key(&["?"], Action::Help, "this help"),
            key(&["Ctrl-l"], Action::Redraw, "draw the screen again"),
            key(&["Ctrl-z"], Action::Suspend, "suspend"),
            key(&["q", "Ctrl-c"], Action::Quit, "quit"),
        ],
    },
];

/// Lists what is needed first, in few words: the first page of the help.
pub const BASICS: &[(Action, &str)] = &[
    (Action::Down, "down"),
    (Action::Up, "up"),
    (Action::NextPanel, "next panel"),
    (Action::Enter, "into the detail"),
    (Action::Back, "back"),
    (Action::Filter, "filter"),
    (Action::Search, "search"),
    (Action::NextHit, "next hit"),
    (Action::NextFault, "next error"),
    (Action::OnlyConversation, "this conversation"),
    (Action::Lanes, "two lanes"),
    (Action::Statistics, "statistics"),
    (Action::Copy, "copy"),
    (Action::Export, "export"),
];

/// Lists what the mouse does.
pub const MOUSE: &[(&str, &str)] = &[
    ("click", "choose a row, a field, a byte, a tab"),
    ("click a head", "sort by it; again, backwards or by time"),
    ("click a count", "go to the next error, warning or note"),
    ("click a hint", "do what its key does"),
    ("double click", "into the detail, into a conversation"),
    ("wheel", "scroll; over the strip of time, zoom"),
    ("click in the strip", "go to that moment"),
    ("drag over the strip", "show that stretch of time"),
    ("drag the map above", "move the stretch that is shown"),
    ("drag a border", "make a panel wider or higher"),
];

/// Lists the signs of rows and of the strip of time.
pub const SIGNS: &[(&str, &str)] = &[
    ("→ ←", "from the client, from the server"),
    ("● ○ ◉", "a beginning, an end, both"),
    ("✕", "upgrade refused or not answered"),
    ("⚿", "read through TLS"),
    ("✖ ▲ ◆", "an error, a warning, a note"),
    ("╳", "the capture lacks bytes"),
    ("··", "missing bytes of a message"),
    ("gap cut", "bytes are missing; a limit cut it"),
    ("z", "was sent compressed"),
    ("3f", "was sent in three frames"),
    ("↻", "a pong, and its round trip"),
    ("◇ ★", "the mark, a bookmark"),
    ("(2 ms)", "an answer, and how long it took"),
    ("/", "a hit beyond what is seen"),
];

/// Returns what a key does.
pub fn action(key: &KeyEvent) -> Option<Action> {
    named(&name(key)?)
}

/// Returns what the key of this name does.
pub fn named(name: &str) -> Option<Action> {
    let mut bindings = TABLE.iter().flat_map(|group| group.bindings);
    bindings.find(|binding| binding.keys.contains(&name)).map(|binding| binding.action)
}

/// Returns the first key that does `action`.
pub fn key_for(action: Action) -> &'static str {
    let mut bindings = TABLE.iter().flat_map(|group| group.bindings);
    bindings.find(|binding| binding.action == action).and_then(|b| b.keys.first()).copied().unwrap_or("")
}

/// Returns the name of a key as it stands in the table; `None` for keys without one.
fn name(key: &KeyEvent) -> Option<String> {
    let base = match key.code {
        KeyCode::Char(' ') => "Space".to_owned(),
        KeyCode::Char(c) if key.modifiers.contains(KeyModifiers::CONTROL) => {
            format!("Ctrl-{}", c.to_ascii_lowercase())
        }
        KeyCode::Char(c) => c.to_string(),
        KeyCode::Tab if key.modifiers.contains(KeyModifiers::SHIFT) => "BackTab".to_owned(),
        KeyCode::Up
        | KeyCode::Down
        | KeyCode::Left
        | KeyCode::Right
        | KeyCode::PageUp
        | KeyCode::PageDown
        | KeyCode::Home
        | KeyCode::End
        | KeyCode::Enter
        | KeyCode::Esc
        | KeyCode::Tab
        | KeyCode::BackTab => format!("{:?}", key.code),
        _ => return None,
    };
    Some(base)
}

/// Returns the table as Markdown: `docs/keys.md`.
pub fn markdown() -> String {
    let mut text = String::from("| key | what it does |\n| --- | --- |\n");
    for group in TABLE {
        let _ = writeln!(text, "| **{}** | |", group.title);
        for binding in group.bindings {
            let keys: Vec<String> =
                binding.keys.iter().map(|key| format!("`{}`", key.replace('|', "\\|"))).collect();
            let _ = writeln!(text, "| {} | {} |", keys.join(" "), binding.help);
        }
    }
    for (title, head, list) in [("mouse", "what it does", MOUSE), ("sign", "what it means", SIGNS)] {
        let _ = writeln!(text, "\n| {title} | {head} |\n| --- | --- |");
        for (what, help) in list {
            let _ = writeln!(text, "| {what} | {help} |");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_key_stands_twice() {
        let mut seen = BTreeSet::new();
        for key in TABLE.iter().flat_map(|group| group.bindings).flat_map(|binding| binding.keys) {
            assert!(seen.insert(key), "{key} does two things");
        }
    }

    #[test]
    fn every_key_of_the_table_can_be_pressed() {
        for name in TABLE.iter().flat_map(|group| group.bindings).flat_map(|binding| binding.keys) {
            let (code, modifiers) = match *name {
                "Space" => (KeyCode::Char(' '), KeyModifiers::NONE),
                "Up" => (KeyCode::Up, KeyModifiers::NONE),
                "Down" => (KeyCode::Down, KeyModifiers::NONE),
                "Left" => (KeyCode::Left, KeyModifiers::NONE),
                "Right" => (KeyCode::Right, KeyModifiers::NONE),
                "PageUp" => (KeyCode::PageUp, KeyModifiers::NONE),
                "PageDown" => (KeyCode::PageDown, KeyModifiers::NONE),
                "Home" => (KeyCode::Home, KeyModifiers::NONE),
                "End" => (KeyCode::End, KeyModifiers::NONE),
                "Enter" => (KeyCode::Enter, KeyModifiers::NONE),
                "Esc" => (KeyCode::Esc, KeyModifiers::NONE),
                "Tab" => (KeyCode::Tab, KeyModifiers::NONE),
                "BackTab" => (KeyCode::BackTab, KeyModifiers::SHIFT),
                other => match other.strip_prefix("Ctrl-") {
                    Some(c) => (KeyCode::Char(c.chars().next().unwrap()), KeyModifiers::CONTROL),
                    None => (KeyCode::Char(other.chars().next().unwrap()), KeyModifiers::NONE),
                },
            };
            assert!(action(&KeyEvent::new(code, modifiers)).is_some(), "{name}");
        }
    }

    /// Compares a document with what the table makes of it; with `INSTA_UPDATE=always` it is written.
    fn hold(name: &str, want: impl Fn(&str) -> String) {
        let path = format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
        let there = std::fs::read_to_string(&path).unwrap();
        let want = want(&there);
        if std::env::var_os("INSTA_UPDATE").is_some_and(|it| it == "always") {
            std::fs::write(&path, &want).unwrap();
        } else {
            assert_eq!(there, want, "run the tests with INSTA_UPDATE=always");
        }
    }

    #[test]
    fn the_documents_say_the_same() {
        hold("docs/keys.md", |_| {
            let head = "# Keys of `wirefin view`\n\nMade from the table in `src/tui/keys.rs` by its tests: do not edit.";
            format!("{head}\n\n{}", markdown())
        });
    }
}
