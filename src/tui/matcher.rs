use crate::event::CloseBody;
use crate::filter::{Body, Conversation, Facts, Filter};
use crate::model::At;
use crate::store::{Entry, Facts as Known, PayloadLocation, Store, What};

/// Decides which entries the timeline shows.
#[derive(Debug)]
pub(super) struct Matcher {
    filter: Filter,
    /// Whether payloads must be looked at.
    reads: bool,
    /// What is known of the conversations looked at so far.
    conversations: Vec<Option<Conversation>>,
}

/// Where a filter cannot be understood, and what was expected there.
#[derive(Clone, Debug)]
pub(super) struct ParseError {
    /// The column, from 0.
    pub(super) column: usize,
    pub(super) expected: String,
}

impl Matcher {
    /// Reads what was typed.
    pub(super) fn parse(text: &str) -> Result<Matcher, ParseError> {
        let filter = Filter::parse(text).map_err(|e| ParseError {
            column: e.column().saturating_sub(1),
            expected: format!("expected {}", e.expected()),
        })?;
        Ok(Matcher { reads: filter.needs_body(), filter, conversations: Vec::new() })
    }

    /// Tells whether an entry is shown.
    pub(super) fn matches(&mut self, store: &mut Store, number: u32) -> bool {
        let Some(entry) = store.entry(number).copied() else { return false };
        let slot = entry.conversation();
        self.look_up(store, slot);
        let conversation =
            slot.and_then(|slot| self.conversations.get(slot as usize)).and_then(Option::as_ref);
        let of_store = slot.and_then(|slot| store.conversations().get(slot as usize));
        let conn = of_store.map(|conversation| conversation.id);
        let closed = of_store.and_then(|conversation| conversation.closed.as_deref());
        let began = store.began();
        let at = At { packet: entry.packet(), time: entry.time() };
        let facts = Facts { at, began, conn, conversation, ..Facts::default() };
        match entry.what() {
            What::Message => {
                let gap_before = silence(store, &entry, number);
                let is_close = entry.close_code().is_some();
                let payload = if self.reads || is_close { store.payload(number, usize::MAX) } else { None };
                let reason =
                    payload.filter(|_| is_close).and_then(|payload| payload.get(2..)).unwrap_or_default();
                let reason = reason.utf8_chunks().next().map_or("", |chunk| chunk.valid());
                let known = entry.facts();
                self.filter.matches(&Facts {
                    from: entry.from(),
                    opcode: Some(entry.opcode()),
                    len: Some(entry.length()),
                    body: payload.as_ref().map(|payload| payload as &dyn Body),
                    is_text: known.has(Known::TEXT),
                    complete: Some(!known.has(Known::MISSING)),
                    compressed: Some(known.has(Known::COMPRESSED)),
                    masked: Some(known.has(Known::MASKED)),
                    frames: Some(u64::from(entry.frames())),
                    close: entry.close_code().map(|code| CloseBody { code, reason }),
                    rtt: entry.rtt(),
                    gap_before,
                    ..facts
                })
            }
            What::Anomaly => {
                self.filter.matches(&Facts { from: entry.from(), anomaly: entry.anomaly(), ..facts })
            }
            What::Opened => self.filter.matches(&facts),
            What::Closed => self.filter.matches(&Facts {
                from: closed.and_then(|closed| closed.by),
                close: closed
                    .and_then(|closed| Some(CloseBody { code: closed.code?, reason: &closed.reason })),
                ..facts
            }),
        }
    }

    /// Tells whether it asks about a payload that was dropped.
    pub(super) fn misses(&self, store: &Store, number: u32) -> bool {
        let is_dropped =
            |entry: &Entry| entry.what() == What::Message && store.kept(entry) == PayloadLocation::Dropped;
        self.reads && store.entry(number).is_some_and(is_dropped)
    }

    /// Takes what a filter can ask about a conversation, once.
    fn look_up(&mut self, store: &Store, slot: Option<u32>) {
        let Some(slot) = slot.map(|slot| slot as usize) else { return };
        if self.conversations.len() <= slot {
            self.conversations.resize(slot.saturating_add(1), None);
        }
        if let Some(known @ None) = self.conversations.get_mut(slot) {
            let opened =
                store.conversations().get(slot).and_then(|conversation| conversation.opened.as_deref());
            *known = opened.map(Conversation::of);
        }
    }
}

/// Returns the time since the message, or the opening, before this one in its conversation.
fn silence(store: &Store, entry: &Entry, number: u32) -> Option<std::time::Duration> {
    let conversation = store.conversations().get(entry.conversation()? as usize)?;
    let mut at = conversation.place_of(number);
    while let Some(before) = at.checked_sub(1) {
        let other = store.entry(conversation.entry(before)?)?;
        if matches!(other.what(), What::Message | What::Opened) {
            return Some(entry.time().since(other.time()));
        }
        at = before;
    }
    None
}
