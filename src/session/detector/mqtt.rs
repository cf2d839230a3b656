//! Recognition of MQTT packets in a mid-stream connection (MQTT 3.1.1 §2, MQTT 5.0 §2).

/// The number of consecutive packets that cannot be a coincidence.
const ENOUGH: usize = 3;

/// Returns whether everything that both sides sent is MQTT packets; the last one of each may be truncated.
pub(in crate::session) fn is_mqtt(client: &[u8], server: &[u8]) -> bool {
    let (Some(client), Some(server)) = (packets(client), packets(server)) else { return false };
    client.saturating_add(server) >= ENOUGH
}

/// Counts MQTT packets; returns `None` if the bytes contain anything else.
fn packets(mut bytes: &[u8]) -> Option<usize> {
    let mut count = 0_usize;
    while let [first, rest @ ..] = bytes {
        let Some((length, rest)) = remaining_length(rest)? else { break };
        let Some((body, behind)) = rest.split_at_checked(length) else { break };
        if !is_packet(*first, body) {
            return None;
        }
        count = count.saturating_add(1);
        bytes = behind;
    }
    Some(count)
}

/// Reads a number of one to four bytes, seven bits each; returns `Some(None)` if it is truncated, `None` if it is
/// longer.
#[expect(clippy::option_option, reason = "a number that is none, and one that is cut")]
fn remaining_length(bytes: &[u8]) -> Option<Option<(usize, &[u8])>> {
    let mut length = 0_usize;
    for (n, byte) in bytes.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (n.saturating_mul(7));
        if byte & 0x80 == 0 {
            return Some(bytes.get(n.saturating_add(1)..).map(|rest| (length, rest)));
        }
    }
    (bytes.len() < 4).then_some(None)
}

/// Returns whether a packet's flags and the first parts of its body fit its type.
fn is_packet(first: u8, body: &[u8]) -> bool {
    let has_number = matches!(body, [a, b, ..] if a | b != 0);
    match (first >> 4, first & 15) {
        (1, 0) => body.starts_with(b"\0\x04MQTT") || body.starts_with(b"\0\x06MQIsdp"),
        (2, 0) => matches!(body, [0 | 1, code, ..] if *code < 6 || *code >= 0x80),
        (3, flags) if flags & 6 != 6 => {
            string(body).is_some_and(|(topic, rest)| is_topic(topic) && (flags & 6 == 0 || rest.len() >= 2))
        }
        (4 | 5 | 7 | 11, 0) | (6, 2) => has_number && body.len() < 128,
        // With or without properties.
        (8 | 10, 2) => {
            let filters = body.get(2..).unwrap_or_default();
            has_number
                && (is_filters(filters) || filters.split_first().is_some_and(|(_, rest)| is_filters(rest)))
        }
        (9, 0) => has_number && body.len() > 2 && body.last().is_some_and(|code| *code < 3 || *code >= 0x80),
        (12 | 13, 0) => body.is_empty(),
        (14, 0) => body.len() < 128,
        _ => false,
    }
}

/// Returns whether the first topic filter of a subscription is valid.
fn is_filters(bytes: &[u8]) -> bool {
    string(bytes).is_some_and(|(filter, _)| !filter.is_empty() && std::str::from_utf8(filter).is_ok())
}

/// Returns whether a message may have this topic, which must not contain wildcards.
fn is_topic(topic: &[u8]) -> bool {
    std::str::from_utf8(topic).is_ok_and(|topic| !topic.contains(['\0', '#', '+']))
}

/// Removes a string with its two-byte length from the front.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::is_mqtt;

    #[test]
    fn packets_of_both_sides_are_known_and_others_are_not() {
        let subscribe = b"\x82\x08\x25\xfb\0\x03a/b\0";
        let both = [&subscribe[..], subscribe].concat();
        assert!(is_mqtt(&both, b"\x90\x03\x25\xfb\0"));
        assert!(is_mqtt(b"\xc0\0\xc0\0", b"\xd0\0\xd0\0"));
        assert!(is_mqtt(b"", b"\x30\x05\0\x03a/b\x32\x09\0\x03a/b\0\x01hi\x40\x02\0\x01"));
        // The last one is truncated, or even its length.
        assert!(is_mqtt(&[&both, &subscribe[..5]].concat(), b"\x90\x03\x25\xfb\0\x30"));
        // Too few packets, an invalid flag, a wildcard where none is allowed, WebSocket frames.
        assert!(!is_mqtt(subscribe, b"\x90\x03\x25\xfb\0"));
        assert!(!is_mqtt(&both, b"\x91\x03\x25\xfb\0"));
        assert!(!is_mqtt(b"\x30\x05\0\x03a/#\x30\x05\0\x03a/#", b"\xd0\0"));
        assert!(!is_mqtt(
            b"\x82\x85\x01\x02\x03\x04abcde\x82\x80\x01\x02\x03\x04",
            b"\x82\x01a\x82\x01b\x82\x01c"
        ));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(client: Vec<u8>, server: Vec<u8>) {
            is_mqtt(&client, &server);
        }
    }
}
