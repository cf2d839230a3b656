//! The key bindings: a single table from which the help, `docs/keys.md` and the man page are generated.

use std::fmt::Write as _;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

impl Action {
    /// Returns the number of lines that the action moves, given a page of `page` lines.
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

/// An entry of the table: keys, their action and its description.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// The keys, named as by `name`.
    pub keys: &'static [&'static str],
    /// The action.
    pub action: Action,
    /// The help text.
    pub help: &'static str,
}

/// A group of bindings, with its heading in the help.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// The heading.
    pub title: &'static str,
    /// The bindings.
    pub bindings: &'static [Binding],
}

/// Defines the table of keys and an [`Action`] for each entry.
macro_rules! table {
    ($($title:literal: $($action:ident [$($key:literal),+] $help:literal;)+)+) => {
        /// An action that the user can request; [`TABLE`] describes each.
        #[allow(missing_docs)] // the table documents each of them for users and readers alike
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Action {
            $($($action,)+)+
        }

        /// Every key binding; no key occurs twice.
        pub const TABLE: &[Group] = &[$(Group {
            title: $title,
            bindings: &[$(Binding { keys: &[$($key),+], action: Action::$action, help: $help },)+],
        },)+];
    };
}

table! {
    "Move":
    Down ["j", "Down"] "down";
    Up ["k", "Up"] "up";
    PageDown ["Ctrl-d", "PageDown", "Space"] "a page down";
    PageUp ["Ctrl-u", "PageUp"] "a page up";
    First ["g", "Home"] "to the first";
    Last ["G", "End"] "to the last; live, follow";
    Left ["h", "Left"] "left, fold, a byte back";
    Right ["l", "Right"] "right, unfold, a byte on";
    NextPanel ["Tab"] "to the next panel";
    PreviousPanel ["BackTab"] "to the panel before";
    Enter ["Enter"] "choose; go into the detail; fold";
    Back ["Esc"] "back: leave the panel, search, filter";
    "Show":
    Lanes ["L"] "client and server as two lanes";
    Scale ["z"] "lanes: silence folded or to scale";
    Columns ["|"] "columns: any fields, as json.type,rtt";
    Heartbeats ["H"] "heartbeats and parts of packets hidden or shown";
    TimeForm ["t"] "time: UTC, local, relative, since the row before";
    Detail ["d"] "detail beside, larger, or away";
    Tree ["1"] "detail as a tree";
    Text ["2"] "detail as text";
    Json ["3"] "detail as JSON";
    Hex ["4", "x"] "detail as bytes";
    Statistics ["i"] "statistics; Enter goes to the rows behind a number";
    Anomalies ["!"] "anomalies by rule; Enter goes to the frame";
    Theme ["T"] "the next theme";
    "Choose":
    EveryConversation ["c"] "every conversation again";
    OnlyConversation ["C"] "only the conversation of this row; Esc goes back";
    GoTo [":"] "go to: packet 12, +3.5, 12:00, #4 or message m7";
    Partner ["%"] "between question and answer, ping and pong";
    Sort ["s"] "sort; rows by size, round trip, gap, latency";
    SortBackwards ["S"] "sort conversations the other way round";
    Filter ["f"] "filter messages";
    ClearFilter ["F"] "no filter";
    Search ["/"] "search: text, r\"regex\", x\"hex\"; narrow the list";
    NextHit ["n"] "the next hit";
    PreviousHit ["N"] "the hit before";
    NextFault ["a"] "the next error or warning";
    NextAnomaly ["A"] "the next anomaly, notes too";
    FilterByValue ["*"] "filter by the value under the cursor";
    Bookmark ["b"] "set or remove a bookmark";
    NextBookmark ["B"] "the next bookmark";
    Mark ["m"] "mark, to measure the time to another";
    Compare ["D"] "beside the marked message, or conversation";
    "Time":
    Earlier ["["] "earlier";
    Later ["]"] "later";
    ZoomIn ["+", "="] "a shorter stretch of time";
    ZoomOut ["-"] "a longer one";
    ZoomAll ["0"] "all of it";
    "Do":
    Copy ["y"] "copy what is looked at";
    CopyAs ["Y"] "copy as text, JSON, hex, base64, or as a command";
    Export ["e"] "export what is shown";
    Save ["w"] "save the packets of what is shown";
    Follow ["o"] "follow new messages";
    Pause ["p"] "pause the screen";
    StopOrRestart ["P"] "stop capturing, start again";
    Help ["?"] "this help";
    Redraw ["Ctrl-l"] "draw the screen again";
    Suspend ["Ctrl-z"] "suspend";
    Quit ["q", "Ctrl-c"] "quit";
}

/// The most important keys with short descriptions: the first page of the help.
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

/// The mouse bindings.
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

/// The symbols used in rows and in the overview.
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

/// Returns the action of a key.
pub fn action(key: &KeyEvent) -> Option<Action> {
    named(&name(key)?)
}

/// Returns the action of the key with this name.
pub fn named(name: &str) -> Option<Action> {
    let mut bindings = TABLE.iter().flat_map(|group| group.bindings);
    bindings.find(|binding| binding.keys.contains(&name)).map(|binding| binding.action)
}

/// Returns the first key bound to `action`.
pub fn key_for(action: Action) -> &'static str {
    let mut bindings = TABLE.iter().flat_map(|group| group.bindings);
    bindings.find(|binding| binding.action == action).and_then(|b| b.keys.first()).copied().unwrap_or("")
}

/// Returns the item after `now` in a list, wrapping at the end.
pub(super) fn next_of<T: Copy + PartialEq>(all: &[T], now: T) -> T {
    let behind = all.iter().skip_while(|it| **it != now).nth(1);
    behind.or(all.first()).copied().unwrap_or(now)
}

/// Returns the name of a key as used in the table, or `None` for keys without one.
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

/// Returns the table as Markdown, the content of `docs/keys.md`.
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
            assert!(seen.insert(key), "{key} is bound twice");
        }
    }

    #[test]
    fn every_key_of_the_table_can_be_pressed() {
        use KeyCode::{BackTab, Char, Down, End, Enter, Esc, Home, Left, PageDown, PageUp, Right, Tab, Up};
        let named = [Up, Down, Left, Right, PageUp, PageDown, Home, End, Enter, Esc, Tab, BackTab];
        let plain = (' '..='~').map(Char).chain(named).map(|code| KeyEvent::new(code, KeyModifiers::NONE));
        let control = ('a'..='z').map(|c| KeyEvent::new(Char(c), KeyModifiers::CONTROL));
        let pressed: BTreeSet<String> = plain.chain(control).filter_map(|key| name(&key)).collect();
        for name in TABLE.iter().flat_map(|group| group.bindings).flat_map(|binding| binding.keys) {
            assert!(pressed.contains(*name), "{name}");
        }
        let back = KeyEvent::new(Tab, KeyModifiers::SHIFT);
        assert_eq!(action(&back), Some(Action::PreviousPanel));
    }

    /// Compares a document with what is generated from the table, or updates it if `INSTA_UPDATE=always`.
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
