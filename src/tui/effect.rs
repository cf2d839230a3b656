//! What handlers of keys ask for, and the words in which they do.

use crate::model::Timestamp;

/// Name of a part of the screen that keys can go to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Panel {
    Conversations,
    #[default]
    Timeline,
    Detail,
}

/// The size of the detail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum DetailSize {
    #[default]
    Normal,
    Large,
    Away,
}

/// A border that the mouse holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Border {
    Conversations,
    Detail,
}

/// The end of a message at which a search came to it: its first hit or, backwards, its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    FirstHit,
    LastHit,
}

/// The kind of a prompt: what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PromptKind {
    Filter,
    Search,
    Narrow,
    Columns,
    GoTo,
    Export,
    Save,
}

impl PromptKind {
    /// Returns what is asked for, and what could be typed.
    pub(super) const fn words(self) -> (&'static str, &'static str) {
        match self {
            PromptKind::Filter => {
                ("filter", "len > 1k and json.type == \"trade\" · Tab completes, ↑ recalls")
            }
            PromptKind::Search => ("search", "text, r\"regular expression\" or x\"68 65 78\" · ↑ recalls"),
            PromptKind::Narrow => ("conversations with", "words of host, path, address or sub-protocol"),
            PromptKind::Columns => {
                ("columns", "fields with commas between them: json.type,rtt,host · nothing for none")
            }
            PromptKind::GoTo => {
                ("go to", "1234 a packet · 12:00:05 or +3.5 a time · #4 a conversation · m17 a message")
            }
            PromptKind::Export => ("export to", "a file's name: .ndjson or .json"),
            PromptKind::Save => ("save packets to", "a file's name: .pcapng"),
        }
    }
}

/// The effect that a handler asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    None,
    /// Says a line of words for a while.
    Say(String),
    /// Gives a panel the keys.
    Focus(Panel),
    /// Shows one conversation, or all.
    Scope(Option<u32>),
    /// Shows one conversation, and selects it in the list.
    Choose(u32),
    /// Shows what a filter lets through.
    Filter(String),
    /// Shows a stretch of time, or all.
    Range(Option<(Timestamp, Timestamp)>),
    /// Goes to the first row between two moments.
    Moment(Timestamp, Timestamp),
    /// Goes to an entry, whatever hides it.
    GoTo(u32),
    /// Goes to the next hit of the search, or to the one before.
    NextHit(bool),
    /// Goes to a row that a search found.
    Hit(usize, Arrival),
    /// Asks for a line of text, and proposes one.
    Ask(PromptKind, String),
    /// The line was changed by a key, or completed.
    Typed,
    Completed,
    /// The line is left, or done.
    Cancel,
    Accept,
    /// Leaves the page.
    Close,
    // What follows is done by whoever runs the screen.
    /// Copies bytes, and says what they are.
    Copy(Vec<u8>, String),
    Redraw,
    Suspend,
    Quit,
}

impl Effect {
    pub(super) fn say(words: &str) -> Effect {
        Effect::Say(words.to_owned())
    }
}
