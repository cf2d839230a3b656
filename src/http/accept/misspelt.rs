//! Misspellings of the GUID.

use sha1::{Digest as _, Sha1};

/// Wrong copies of the GUID in published code, most of them in many places, which differ by more than the [`slips`].
const PUBLISHED: &[&str] = &[
    "258EAFA5-E914-47DA-95CA-5AB0DC85B11A",
    "258EAFA5-E914-47DA-95CA-5AB0DC85B11B",
    "258EAFA5-E914-47DA-95CA-5AB0DC85B11D",
    "258EAFA5-E914-47DA-95CA-5AB0DC85B11F",
    "258EAFA5-E914-47DA-95CA-5AB0DC85B39A",
    "258EAFA5-E914-47DA-95CA-5AB0DC85B39F",
    "258EAFA5-E914-47DA-95CA-5AB5DC085B11",
    "258EAFA5-E914-47DA-95CA-5AB5DC11505A",
    "258EAFA5-E914-47DA-95CA-5AB5DC11653B",
    "258EAFA5-E914-47DA-95CA-5AB5DC11B735",
    "258EAFA5-E914-47DA-95CA-5AB5DC11BE85",
    "258EAFA5-E914-47DA-95CA-5AB5DC11CE56",
    "258EAFA5-E914-47DA-95CA-5AB5DC11D65A",
    "258EAFA5-E914-47DA-95CA-5AB5DC11D65B",
    "258EAFA5-E914-47DA-95CA-5AB9DC11B85B",
    "258EAFA5-E914-47DA-95CA-5AB9DC85B11D",
    "258EAFA5-E914-47DA-95CA-C5AB0DC85B39",
    "258EAFA5-E914-47DA-95CA-C5AB5DC11B5A6",
    "258EAFA5-E914-47DA-95CA-C5ABDC085B11",
    "258EAFA5E91447DA95CAC5AB0DC85B11",
    "{258EAFA5-E914-47DA-95CA-C5AB0DC85B11}",
];

const DIGITS: &[u8] = b"0123456789ABCDEFabcdef";

/// Finds the wrong GUID that was hashed after `key`: a published one, or the result of a single slip.
///
/// This takes fewer than 900 hashes, each of the GUID's length, however long the key is.
pub(super) fn find(guid: &str, key: &str, hash: &[u8; 20]) -> Option<String> {
    let keyed = Sha1::new_with_prefix(key);
    let published = PUBLISHED.iter().map(|&wrong| wrong.as_bytes().to_vec());
    let makes_it = |wrong: &Vec<u8>| <[u8; 20]>::from(keyed.clone().chain_update(wrong).finalize()) == *hash;
    let wrong = published.chain(slips(guid.as_bytes())).find(makes_it)?;
    String::from_utf8(wrong).ok()
}

/// Returns the results of a single slip: two neighbours swapped, a character omitted, or a hex digit in place of
/// another character.
fn slips(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let swapped = (1..text.len()).map(|at| {
        let mut wrong = text.to_vec();
        wrong.swap(at.saturating_sub(1), at);
        wrong
    });
    let shorter = (0..text.len()).map(|at| {
        let mut wrong = text.to_vec();
        wrong.remove(at);
        wrong
    });
    let replaced = (0..text.len()).flat_map(move |at| {
        DIGITS.iter().map(move |digit| {
            let mut wrong = text.to_vec();
            wrong.splice(at..=at, [*digit]);
            wrong
        })
    });
    swapped.chain(shorter).chain(replaced).filter(move |wrong| wrong != text)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::{GUID, sha1};
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    #[test]
    fn every_slip_is_found_and_told_as_it_was_written() {
        for wrong in [
            "258EAFA5-E914-47DA-95CA-C5AB0DC85B10",
            "258EAFA5-E914-47Da-95CA-C5AB0DC85B11",
            "058EAFA5-E914-47DA-95CA-C5AB0DC85B11",
            "258EAFA5-E914-47DA-95CA-C5AB0DC85B1f",
            "258EAFA50E914-47DA-95CA-C5AB0DC85B11",
            "528EAFA5-E914-47DA-95CA-C5AB0DC85B11",
            "258EAFA5-E914-47DA-95CA-C5AB0DC851B1",
            "258EAFA5E-914-47DA-95CA-C5AB0DC85B11",
            "58EAFA5-E914-47DA-95CA-C5AB0DC85B11",
            "258EAFA5-E914-47DA95CA-C5AB0DC85B11",
            "258EAFA5-E914-47DA-95CA-C5AB0DC85B1",
        ] {
            assert!(!PUBLISHED.contains(&wrong));
            let hash = sha1(&[KEY.as_bytes(), wrong.as_bytes()]);
            assert_eq!(find(GUID, KEY, &hash).as_deref(), Some(wrong));
        }
    }

    #[test]
    fn what_is_right_or_wrong_in_two_places_is_no_slip() {
        for guid in [GUID, "258EAFA5-E914-47DA-95CA-C5AB0DC85B22", "2580AFA5-E914-47DA-95CA-C5AB0DC80B11"] {
            assert_eq!(find(GUID, KEY, &sha1(&[KEY.as_bytes(), guid.as_bytes()])), None);
        }
    }

    #[test]
    fn the_work_is_bounded_and_no_published_mistake_is_tried_twice() {
        let slips: HashSet<_> = slips(GUID.as_bytes()).collect();
        assert!(slips.len() + PUBLISHED.len() < 900, "{}", slips.len());
        assert!(PUBLISHED.iter().all(|wrong| !slips.contains(wrong.as_bytes())));
    }
}
