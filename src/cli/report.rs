//! Messages on standard error after a run, so that nothing is omitted without an explanation.

use std::io::{self, Write};
use std::path::Path;

use crate::capture::{Count, Description, Progress};
use crate::event::{Reason, RunStats};
use crate::http::Wanted;
use crate::pipeline::Summary;
use crate::text::{bytes, count, printable_string};
use crate::wire::{DecodeError, Unread};

/// Fails if no packet could be read because of its link type; `of` names the inputs with such packets.
pub(super) fn check(summary: &Summary, of: Option<&str>) -> anyhow::Result<()> {
    match summary.stop {
        Some(stop @ DecodeError::LinkType(_)) if summary.unreadable == summary.packets => {
            Err(anyhow::anyhow!(reason(stop, of)))
        }
        _ => Ok(()),
    }
}

/// Describes why a packet could not be read, and in which input, if that is known.
fn reason(stop: DecodeError, of: Option<&str>) -> String {
    of.map_or_else(|| stop.to_string(), |of| format!("{of}: {stop}"))
}

/// Reports what was not shown, and why; `of` names the inputs with packets that could not be read, `filter` is the
/// capture filter.
pub(super) fn say(summary: &Summary, of: Option<&str>, filter: Option<&str>) {
    for line in lines(summary, of, filter) {
        // If standard error is closed, there is nowhere to report that.
        let _ = writeln!(io::stderr(), "wirefin: {line}");
    }
}

/// Prints a message that is not an error.
pub(super) fn note(words: &str) {
    // If standard error is closed, there is nowhere to report that.
    let _ = writeln!(io::stderr(), "wirefin: {}", printable_string(words.as_bytes()));
}

/// Reports that capturing has begun, and on which interfaces.
pub(super) fn listening(interfaces: &[Description]) {
    let names: Vec<_> = interfaces.iter().map(|interface| interface.name.as_str()).collect();
    let filter = interfaces.iter().find_map(|interface| interface.filter.as_deref());
    let filter = filter.map_or_else(String::new, |filter| format!(", filter {filter}"));
    if !names.is_empty() {
        let _ = writeln!(io::stderr(), "wirefin: listening on {}{filter}", names.join(", "));
    }
}

/// Reports what arrived before the stop: one line per interface, if there are any, and one for the total.
///
/// `written` is the content of the output, if that is less than what arrived.
pub(super) fn ended(summary: &Summary, written: Option<RunStats>, counts: &[Count]) {
    for line in ended_lines(summary.packets, written.unwrap_or_else(|| summary.tally()), counts) {
        let _ = writeln!(io::stderr(), "wirefin: {line}");
    }
}

/// Reports that keys are read from the file named by the environment.
#[cfg(feature = "tls")]
pub(super) fn keys_from_environment(path: &Path) {
    let path = printable_string(path.as_os_str().as_encoded_bytes());
    let _ = writeln!(io::stderr(), "wirefin: keys from SSLKEYLOGFILE={path}; --no-keylog leaves them out");
}

/// Reports where the output was kept, up to its last complete line.
pub(super) fn kept(path: &Path) {
    let path = printable_string(path.as_os_str().as_encoded_bytes());
    let _ = writeln!(
        io::stderr(),
        "wirefin: what could be written, up to the last whole line, is kept in {path}"
    );
}

/// Reports that a filter matched nothing, and how much there was.
pub(super) fn nothing_matches(filter: &str, summary: &Summary) {
    let tally = summary.tally();
    note(&format!(
        "nothing matches {filter} (of {}, {})",
        count(tally.conversations, "conversation"),
        count(tally.messages, "message")
    ));
}

/// Reports which signal stopped the reading of files, and how far it had come.
pub(super) fn interrupted(signal: &str, progress: Progress, summary: &Summary) {
    let Progress { read, total } = progress;
    let of = total.filter(|total| *total > 0).map_or_else(String::new, |total| {
        let percent = u128::from(read).saturating_mul(100).checked_div(u128::from(total)).unwrap_or(0);
        format!(" of {} ({percent} %)", bytes(total))
    });
    note(&format!("interrupted by {signal} after {}{of}, {}", bytes(read), count(summary.packets, "packet")));
}

/// Fails if an input is damaged, naming the first place; everything readable was read.
pub(super) fn damage(summary: &Summary) -> anyhow::Result<()> {
    let Some((file, offset, problem)) = &summary.damage else { return Ok(()) };
    let more = match summary.damaged {
        0 | 1 => String::new(),
        n => format!(", and {} more", count(n.saturating_sub(1), "place")),
    };
    anyhow::bail!(
        "{file} is damaged or truncated at byte {offset}: {problem}{more}; the readable part was read"
    )
}

fn ended_lines(packets: u64, tally: RunStats, counts: &[Count]) -> Vec<String> {
    let interface = |it: &Count| {
        format!(
            "{}: {} captured, {} dropped by the kernel, {} by the device",
            it.interface,
            count(it.packets, "packet"),
            it.dropped,
            it.device_dropped
        )
    };
    let mut lines: Vec<String> = counts.iter().map(interface).collect();
    if lines.is_empty() {
        lines.push(format!("{} read", count(packets, "packet")));
    }
    lines.push(format!(
        "{}, {}, {}",
        count(tally.conversations, "conversation"),
        count(tally.messages, "message"),
        match tally.anomalies {
            1 => "1 anomaly".to_owned(),
            n => format!("{n} anomalies"),
        }
    ));
    lines
}

/// Lists what connections were that showed nothing, so many of each of [`Reason::NAMES`]; TLS connections and other
/// protocols with their names.
fn shown_nothing(summary: &Summary, counts: &[u64]) -> String {
    let named = Reason::NAMES.iter().zip(counts).filter(|(_, n)| **n > 0);
    let words = named.map(|((name, words), n)| match *name {
        "tls" => format!("{n} {words}{}", names(summary, *n)),
        "other-protocol" => protocols(summary),
        _ => format!("{n} {words}"),
    });
    let words: Vec<_> = words.collect();
    if words.is_empty() {
        return String::new();
    }
    format!(" ({}); `wirefin explain` says more", words.join(", "))
}

/// Counts the connections of other protocols, the most frequent by name.
fn protocols(summary: &Summary) -> String {
    /// How many are named.
    const NAMED: usize = 5;
    let mut all: Vec<_> = summary.protocols.iter().collect();
    all.sort_by_key(|(name, n)| (std::cmp::Reverse(**n), **name));
    let rest = all.iter().skip(NAMED).fold(0, |sum: u64, (_, n)| sum.saturating_add(**n));
    let named = all.iter().take(NAMED).map(|(name, n)| format!("{n} {name}"));
    let rest = (rest > 0).then(|| format!("{rest} of other protocols"));
    named.chain(rest).collect::<Vec<_>>().join(", ")
}

/// Describes which conversations are not shown completely, and refers to the command that explains why.
fn in_part(summary: &Summary) -> Option<String> {
    let Summary { no_handshake, incomplete, gaps, .. } = *summary;
    let parts = [
        (no_handshake, count(no_handshake, "handshake") + " incomplete"),
        (incomplete, count(incomplete, "message") + " incomplete"),
        (gaps, count(gaps, "gap")),
    ];
    let parts: Vec<_> = parts.into_iter().filter(|(n, _)| *n > 0).map(|(_, words)| words).collect();
    (!parts.is_empty())
        .then(|| format!("not all is shown: {}; `wirefin explain` says more", parts.join(", ")))
}

/// Names the first TLS connections that could not be decrypted, and what would help.
fn names(summary: &Summary, connections: u64) -> String {
    let alike = summary.encrypted.chunk_by(|(_, one), (_, other)| one == other);
    let mut names: Vec<_> = alike
        .filter_map(|alike| Some((printable_string(alike.first()?.1.as_bytes()), alike.len())))
        .map(|(name, n)| if n > 1 { format!("{n} × {name}") } else { name })
        .collect();
    if summary.encrypted.len() < usize::try_from(connections).unwrap_or(usize::MAX) {
        names.push("…".to_owned());
    }
    format!(": {}; --keylog FILE", names.join(", "))
}

/// Describes how many TLS connections could not be decrypted within others, which no other line includes.
fn encrypted(summary: &Summary) -> Option<String> {
    let unread = summary.tls.saturating_sub(summary.decrypted);
    let told = summary.unshown.first().copied().unwrap_or(0);
    if unread <= told {
        return None;
    }
    let all = count(summary.tls, "TLS connection");
    Some(format!("{unread} of {all} without keys{}", names(summary, unread)))
}

/// Describes which HTTP streams other than WebSockets there are, and how to show those that `shown` does not include.
pub(super) fn streams(summary: &Summary, shown: Wanted) -> Option<String> {
    let Summary { event_streams, polls, .. } = *summary;
    let events =
        (event_streams > 0).then(|| format!("{} of server-sent events", count(event_streams, "stream")));
    let polls = (polls > 0).then(|| format!("{} of long polling", count(polls, "request")));
    let hidden: Vec<_> = [("sse", &events, shown.sse), ("polling", &polls, shown.polling)]
        .into_iter()
        .filter_map(|(name, there, shown)| there.as_ref().filter(|_| !shown).map(|_| name))
        .collect();
    let words: Vec<_> = events.into_iter().chain(polls).collect();
    let how = match (hidden.is_empty(), words.len() > hidden.len()) {
        (true, _) => String::new(),
        // One of the two kinds is shown.
        (false, true) => format!(" (--also sse,polling shows the {} too)", hidden.join(",")),
        (false, false) => format!(" (--also {} shows them)", hidden.join(",")),
    };
    (!words.is_empty()).then(|| words.join(", ") + &how)
}

fn lines(summary: &Summary, of: Option<&str>, filter: Option<&str>) -> Vec<String> {
    let mut lines = Vec::new();
    let found = summary.conversations > 0 || summary.refused > 0;
    let packets = count(summary.packets, "packet");
    lines.extend(encrypted(summary));
    if !found {
        lines.push(if summary.packets == 0 {
            match filter {
                Some(filter) => {
                    format!(
                        "no WebSocket found: -f '{}' lets no packet through",
                        printable_string(filter.as_bytes())
                    )
                }
                None => "no WebSocket found: the capture holds no packets".to_owned(),
            }
        } else if summary.segments == 0 {
            format!("no WebSocket found: no TCP in {packets}")
        } else {
            format!(
                "no WebSocket found in {packets}, {} of {}{}",
                count(summary.segments, "TCP segment"),
                count(summary.connections, "connection"),
                shown_nothing(summary, &summary.unshown)
            )
        });
    } else if summary.may_hide.iter().any(|n| *n > 0) {
        let all = summary.may_hide.iter().fold(0, |sum: u64, n| sum.saturating_add(*n));
        let nothing = shown_nothing(summary, &summary.may_hide);
        let verb = if all == 1 { "shows" } else { "show" };
        lines.push(format!(
            "{} may hold WebSockets and {verb} nothing{nothing}",
            count(all, "other connection")
        ));
    }
    lines.extend(in_part(summary));
    if let Some(stop) = summary.stop {
        lines.push(format!(
            "{} of {packets} could not be read, the first because: {}",
            summary.unreadable,
            reason(stop, of)
        ));
    }
    lines.extend(unread(summary, found));
    if summary.captured_again > 0 {
        let segments = count(summary.captured_again, "segment");
        lines.push(format!(
            "{segments} with data captured more than once, as on both sides of a bridge; each counts once"
        ));
    }
    if summary.damaged_segments > 0 {
        let segments = count(summary.damaged_segments, "segment");
        lines.push(format!("{segments} with wrong checksums discarded"));
    }
    lines
}

/// Describes problems of the capture in general, which no single connection shows, and what would help.
pub(super) fn of_capture(summary: &Summary) -> Vec<String> {
    /// How many kinds of packets are named.
    const KINDS: usize = 20;
    let mut notes = Vec::new();
    if summary.packets == 0 {
        notes.push("the capture holds no packets".to_owned());
    }
    if summary.cut > 0 {
        notes.push(format!(
            "the snap length cut {} short; the longest had {} bytes: capture with -s {} or more, or with -s 0",
            count(summary.cut, "packet"),
            summary.longest_cut,
            summary.longest_cut
        ));
    }
    let (kinds, others) = &summary.unread;
    let mut hidden: Vec<_> = kinds.iter().filter(|(kind, _)| kind.may_hide_tcp()).collect();
    hidden.sort_by_key(|(kind, packets)| (std::cmp::Reverse(**packets), **kind));
    for (kind, packets) in hidden.iter().take(KINDS) {
        let what = match kind {
            Unread::Port(443 | 4433) => {
                "a WebSocket over HTTP/3 would be in them; without QUIC (`--disable-quic` in Chromium) it comes over TCP"
            }
            Unread::Link(_) => "this link layer is not read, and TCP may be in it",
            _ => "they are not read, and TCP may be in them",
        };
        notes.push(format!("{}: {what}", kind.counted(**packets)));
    }
    let plain = kinds.iter().filter(|(kind, _)| !kind.may_hide_tcp()).map(|(_, packets)| *packets);
    let rest = hidden.iter().skip(KINDS).map(|(_, packets)| **packets).chain(plain);
    let rest = rest.fold(*others, u64::saturating_add);
    if rest > 0 {
        notes.push(format!("{} of other kinds, which hold no TCP that is read", count(rest, "packet")));
    }
    notes
}

/// Names what was not read, the most frequent first: everything if nothing was found, else only what may contain TCP.
fn unread(summary: &Summary, found: bool) -> Option<String> {
    /// How many kinds are named.
    const KINDS: usize = 6;
    let (kinds, others) = &summary.unread;
    // A single link type is named where packets could not be read.
    let links = kinds.keys().filter(|kind| matches!(kind, Unread::Link(_))).count();
    let is_news = |kind| links > 1 || !matches!(kind, Unread::Link(_));
    let mut named: Vec<_> =
        kinds.iter().filter(|(kind, _)| is_news(**kind) && (!found || kind.may_hide_tcp())).collect();
    named.sort_by_key(|(kind, packets)| (std::cmp::Reverse(**packets), **kind));
    let rest =
        named.get(KINDS..).unwrap_or_default().iter().fold(*others, |sum, (_, n)| sum.saturating_add(**n));
    let mut parts: Vec<_> = named.iter().take(KINDS).map(|(kind, packets)| kind.counted(**packets)).collect();
    if rest > 0 && !parts.is_empty() {
        parts.push(format!("{} of other kinds", count(rest, "packet")));
    }
    let more =
        if kinds.keys().any(|kind| kind.may_hide_tcp()) { "; `wirefin explain` says more" } else { "" };
    (!parts.is_empty()).then(|| format!("not read: {}{more}", parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LinkType;

    #[test]
    fn an_unknown_link_type_of_all_packets_is_an_error_with_its_number_and_the_file() {
        let of = Some("a.pcap");
        let stop = Some(DecodeError::LinkType(LinkType(147)));
        let summary = Summary { packets: 5, unreadable: 5, stop, ..Summary::default() };
        assert_eq!(
            check(&summary, of).unwrap_err().to_string(),
            "a.pcap: link type 147 (USER0) is not supported"
        );
        let summary = Summary { packets: 6, conversations: 1, ..summary };
        assert!(check(&summary, of).is_ok());
        assert_eq!(
            lines(&summary, of, None),
            [
                "5 of 6 packets could not be read, the first because: a.pcap: link type 147 (USER0) is not supported"
            ]
        );
    }

    #[test]
    fn what_was_not_read_is_named() {
        let mut summary = Summary { packets: 40, ..Summary::default() };
        summary.unread.0 = [
            (Unread::EtherType(0x0806), 3),
            (Unread::EtherType(0x88e5), 22),
            (Unread::Hidden("protected 802.11 frames"), 9),
        ]
        .into();
        assert_eq!(
            lines(&summary, None, None),
            [
                "no WebSocket found: no TCP in 40 packets",
                "not read: 22 packets of EtherType 0x88e5 (MACsec, encrypted), 9 protected 802.11 frames, \
                 3 packets of EtherType 0x0806 (ARP); `wirefin explain` says more"
            ]
        );
        summary.conversations = 1;
        assert_eq!(
            lines(&summary, None, None),
            [
                "not read: 22 packets of EtherType 0x88e5 (MACsec, encrypted), 9 protected 802.11 frames; `wirefin explain` says more"
            ]
        );
    }

    #[test]
    fn what_a_capture_hides_is_told_with_what_would_help() {
        let mut summary = Summary { packets: 40, cut: 3, longest_cut: 1514, ..Summary::default() };
        summary.unread.0 = [(Unread::Port(443), 22), (Unread::Link(147), 2), (Unread::Port(53), 9)].into();
        let notes = of_capture(&summary);
        assert!(
            notes[0].contains("cut 3 packets short") && notes[0].contains("-s 1514 or more"),
            "{notes:?}"
        );
        assert!(
            notes[1].starts_with("22 packets of UDP port 443 (QUIC, encrypted): a WebSocket over HTTP/3"),
            "{notes:?}"
        );
        assert!(
            notes[2].starts_with("2 packets of link type 147 (USER0): this link layer is not read"),
            "{notes:?}"
        );
        assert!(notes[3].starts_with("9 packets of other kinds"), "{notes:?}");
        assert_eq!(of_capture(&Summary::default()), ["the capture holds no packets"]);
    }

    #[test]
    fn other_protocols_are_named_and_what_is_not_whole_is_counted() {
        let mut summary = Summary { packets: 10, segments: 9, connections: 9, ..Summary::default() };
        let protocol = Reason::Protocol("MQTT").name();
        let place = Reason::NAMES.iter().position(|(name, _)| *name == protocol).unwrap();
        summary.unshown[place] = 9;
        for (name, times) in
            [("MQTT", 3), ("Redis", 1), ("SSH", 1), ("AMQP", 1), ("NATS", 1), ("XMPP", 1), ("SMTP", 1)]
        {
            summary.protocols.add(name, times);
        }
        assert_eq!(
            lines(&summary, None, None),
            [
                "no WebSocket found in 10 packets, 9 TCP segments of 9 connections (3 MQTT, 1 AMQP, 1 NATS, 1 Redis, 1 SMTP, 2 of other protocols); `wirefin explain` says more"
            ]
        );
        (summary.conversations, summary.no_handshake, summary.incomplete, summary.gaps) = (1, 1, 2, 3);
        assert_eq!(
            lines(&summary, None, None),
            [
                "not all is shown: 1 handshake incomplete, 2 messages incomplete, 3 gaps; `wirefin explain` says more"
            ]
        );
    }

    #[test]
    fn nothing_found_is_said_with_what_was_seen() {
        let mut summary = Summary::default();
        assert_eq!(lines(&summary, None, None), ["no WebSocket found: the capture holds no packets"]);
        assert_eq!(
            lines(&summary, None, Some("port 1")),
            ["no WebSocket found: -f 'port 1' lets no packet through"]
        );
        summary.packets = 10;
        assert_eq!(lines(&summary, None, None), ["no WebSocket found: no TCP in 10 packets"]);
        (summary.segments, summary.connections) = (9, 1);
        (summary.unshown[0], summary.may_hide[0]) = (1, 1);
        let conn = crate::event::ConnId::new(std::num::NonZeroU64::MIN);
        (summary.tls, summary.encrypted) = (1, vec![(conn, ":443 shop.example (h2)".into())]);
        assert_eq!(
            lines(&summary, None, None),
            [
                "no WebSocket found in 10 packets, 9 TCP segments of 1 connection (1 TLS without keys: :443 shop.example (h2); --keylog FILE); `wirefin explain` says more"
            ]
        );
        summary.refused = 1;
        assert_eq!(
            lines(&summary, None, None),
            [
                "1 other connection may hold WebSockets and shows nothing (1 TLS without keys: :443 shop.example (h2); --keylog FILE); `wirefin explain` says more"
            ]
        );
        (summary.unshown, summary.may_hide) = Default::default();
        assert_eq!(
            lines(&summary, None, None),
            ["1 of 1 TLS connection without keys: :443 shop.example (h2); --keylog FILE"]
        );
        summary.decrypted = 1;
        assert!(lines(&summary, None, None).is_empty());
        summary.damaged_segments = 2;
        assert_eq!(lines(&summary, None, None)[0], "2 segments with wrong checksums discarded");
        summary.captured_again = 2;
        assert!(lines(&summary, None, None)[0].starts_with("2 segments with data captured more than once"));
    }
}
