//! The effects that key handlers request.

use crate::model::Timestamp;

/// A part of the screen that can have the focus.
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

/// A border that can be dragged with the mouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Border {
    Conversations,
    Detail,
}

/// The hit at which a search arrives in a message: the first or, backwards, the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    FirstHit,
    LastHit,
}

/// The kind of a prompt.
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
    /// Returns the label of the prompt and an example.
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

/// An effect requested by a handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    None,
    /// Shows a message for a while.
    Say(String),
    /// Focuses a panel.
    Focus(Panel),
    /// Shows one conversation, or all.
    Scope(Option<u32>),
    /// Shows one conversation and selects it in the list.
    Choose(u32),
    /// Applies a filter.
    Filter(String),
    /// Shows a time range, or all.
    Range(Option<(Timestamp, Timestamp)>),
    /// Moves to the first row between two moments.
    Moment(Timestamp, Timestamp),
    /// Moves to an entry, removing any restriction that hides it.
    GoTo(u32),
    /// Moves to the next or previous hit of the search.
    NextHit(bool),
    /// Moves to a row found by a search.
    Hit(usize, Arrival),
    /// Opens a prompt with an initial text.
    Ask(PromptKind, String),
    /// The line was edited or completed.
    Typed,
    Completed,
    /// The prompt is cancelled or accepted.
    Cancel,
    Accept,
    /// Closes the page.
    Close,
    // The following are performed by the caller that runs the screen.
    /// Copies bytes, described by the text.
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
