//! The answer to a request and the request of an answer, in sub-protocols and of pings.

use crate::event::{Opcode, StoredMeaning};
use crate::store::{Entry, EntryKind, Facts, Store};

/// The maximum number of entries of a conversation examined.
const LOOKED_AT: usize = 100_000;

/// Finds the request that a message answers, or the first answer to it.
pub(super) fn partner(store: &mut Store, number: u32) -> Option<u32> {
    let entry = store.entry(number).copied().filter(|entry| entry.what() == EntryKind::Message)?;
    match entry.opcode() {
        Opcode::PING => echo(store, number, &entry, Opcode::PONG),
        Opcode::PONG => echo(store, number, &entry, Opcode::PING),
        _ => {
            let meaning = store.meaning(number)?;
            let asked = meaning.of(&[]).units().find_map(|unit| unit.question());
            match asked {
                Some(question) => {
                    let is_it = |it: &Entry| it.packet() == question.packet && it.facts().has(Facts::MEANING);
                    beside(store, number, &entry, false)
                        .into_iter()
                        .find(|other| store.entry(*other).is_some_and(is_it))
                }
                None => answer(store, number, &entry, &meaning),
            }
        }
    }
}

/// Returns the entries of a conversation after or before one of them, nearest first.
fn beside(store: &Store, number: u32, entry: &Entry, forward: bool) -> Vec<u32> {
    let conversation = store.conversation_with(entry);
    let Some(conversation) = conversation else { return Vec::new() };
    let at = conversation.place_of(number);
    let entry_at = |n: usize| conversation.entry(n);
    if forward {
        (at.saturating_add(1)..conversation.entries()).take(LOOKED_AT).filter_map(entry_at).collect()
    } else {
        (0..at).rev().take(LOOKED_AT).filter_map(entry_at).collect()
    }
}

/// Finds the pong of a ping, or the ping of a pong: the control frame of the other side with the same payload.
fn echo(store: &mut Store, number: u32, entry: &Entry, opposite: Opcode) -> Option<u32> {
    let payload = store.payload(number, 125)?.to_vec();
    let from = entry.from()?;
    beside(store, number, entry, opposite == Opcode::PONG).into_iter().find(|other| {
        let fits = |it: &Entry| {
            it.what() == EntryKind::Message && it.opcode() == opposite && it.from() == Some(!from)
        };
        store.entry(*other).is_some_and(fits) && store.payload(*other, 125) == Some(&payload)
    })
}

/// Finds the first message that answers one of a message's units, or is part of its answer.
fn answer(store: &mut Store, number: u32, entry: &Entry, asked: &StoredMeaning) -> Option<u32> {
    let ids: Vec<&str> = asked.of(&[]).units().filter_map(|unit| unit.id()).collect();
    let answers = |meaning: &StoredMeaning| {
        let mut units = meaning.of(&[]).units();
        units.any(|unit| {
            let is_of = unit.question().is_some_and(|it| it.packet == entry.packet());
            is_of && (ids.is_empty() || unit.id().is_none_or(|id| ids.contains(&id)))
        })
    };
    beside(store, number, entry, true)
        .into_iter()
        .find(|other| store.meaning(*other).as_ref().is_some_and(answers))
}
