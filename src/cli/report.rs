//! What is said on standard error after a run, so that nothing is shown without saying why.

use std::io::{self, Write};
use std::path::Path;

use crate::capture::{Count, Description};
use crate::event::Reason;
use crate::pipeline::{RunStats, Summary};
use crate::view::{count, printable_string};
use crate::wire::{DecodeError, Unread};

/// Fails where not one packet could be read for its link type; `of` names what has such packets.
pub(super) fn check(summary: &Summary, of: Option<&str>) -> anyhow::Result<()> {
    match summary.stop {
        Some(stop @ DecodeError::LinkType(_)) if summary.unreadable == summary.packets => {
            Err(anyhow::anyhow!(reason(stop, of)))
        }
        _ => Ok(()),
    }
}

/// Says why a packet could not be read, and in what, where that is known.
fn reason(stop: DecodeError, of: Option<&str>) -> String {
    of.map_or_else(|| stop.to_string(), |of| format!("{of}: {stop}"))
}

/// Says what was not seen, and why; `of` names what has the packets that could not be read.
pub(super) fn say(summary: &Summary, of: Option<&str>) {
    for line in lines(summary, of) {
        // Where standard error is gone, there is nobody to tell.
        let _ = writeln!(io::stderr(), "wirefin: {line}");
    }
}

/// Says something that is no failure.
pub(super) fn note(words: &str) {
    // Where standard error is gone, there is nobody to tell.
    let _ = writeln!(io::stderr(), "wirefin: {}", printable_string(words.as_bytes()));
}

/// Says that packets are captured from here on, and where.
pub(super) fn listening(interfaces: &[Description]) {
    let names: Vec<_> = interfaces.iter().map(|interface| interface.name.as_str()).collect();
    let filter = interfaces.iter().find_map(|interface| interface.filter.as_deref());
    let filter = filter.map_or_else(String::new, |filter| format!(", filter {filter}"));
    if !names.is_empty() {
        let _ = writeln!(io::stderr(), "wirefin: listening on {}{filter}", names.join(", "));
    }
}

/// Says what came until the end was asked for: in one line an interface, where there are any, and one in all.
///
/// What stands in the output is in `written`, where that is less than what came.
pub(super) fn ended(summary: &Summary, written: Option<RunStats>, counts: &[Count]) {
    for line in ended_lines(summary.packets, written.unwrap_or_else(|| summary.tally()), counts) {
        let _ = writeln!(io::stderr(), "wirefin: {line}");
    }
}

/// Says that keys are read from the file that the environment names.
#[cfg(feature = "tls")]
pub(super) fn keys_from_environment(path: &Path) {
    let path = printable_string(path.as_os_str().as_encoded_bytes());
    let _ = writeln!(io::stderr(), "wirefin: keys from SSLKEYLOGFILE={path}; --no-keylog leaves them out");
}

/// Says where what was written lies, up to its last whole line.
pub(super) fn kept(path: &Path) {
    let path = printable_string(path.as_os_str().as_encoded_bytes());
    let _ = writeln!(
        io::stderr(),
        "wirefin: what could be written, up to the last whole line, is kept in {path}"
    );
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

/// How many of [`Reason::NAMES`] may be WebSockets all the same.
const MAY_BE: usize = 4;

/// Lists what the connections were that showed nothing, of the first so many reasons.
fn shown_nothing(summary: &Summary, reasons: usize) -> String {
    let named = Reason::NAMES.iter().zip(summary.unshown).take(reasons).filter(|(_, n)| *n > 0);
    let words = named.map(|(name, n)| {
        let what = match *name {
            "tls" => "TLS without keys",
            "http2" => "HTTP/2",
            "one-direction" => "captured in one direction only",
            "mid-stream" => "joined mid-stream",
            "http" => "HTTP without an upgrade",
            "other-protocol" => "another protocol",
            "no-data" => "without data",
            _ => "unknown",
        };
        format!("{n} {what}")
    });
    let words: Vec<_> = words.collect();
    if words.is_empty() {
        return String::new();
    }
    format!(" ({}); `wirefin explain` says more", words.join(", "))
}

/// Says which TLS connections could not be read.
fn encrypted(summary: &Summary) -> Option<String> {
    let unread = summary.tls.saturating_sub(summary.decrypted);
    if unread == 0 {
        return None;
    }
    let mut names: Vec<_> =
        summary.encrypted.iter().map(|(_, name)| printable_string(name.as_bytes())).collect();
    if names.len() < usize::try_from(unread).unwrap_or(usize::MAX) {
        names.push("…".to_owned());
    }
    let how_many = match (summary.tls, summary.decrypted) {
        (all, 0) => format!("{} ({}), none with keys", count(all, "TLS connection"), names.join(", ")),
        (all, _) => {
            format!("{unread} of {} without keys ({})", count(all, "TLS connection"), names.join(", "))
        }
    };
    Some(format!("{how_many}: --keylog FILE"))
}

fn lines(summary: &Summary, of: Option<&str>) -> Vec<String> {
    let mut lines = Vec::new();
    let found = summary.conversations > 0 || summary.refused > 0;
    let packets = count(summary.packets, "packet");
    lines.extend(encrypted(summary));
    if !found {
        lines.push(if summary.packets == 0 {
            "no WebSocket found: the capture holds no packets".to_owned()
        } else if summary.segments == 0 {
            format!("no WebSocket found: no TCP in {packets}")
        } else {
            format!(
                "no WebSocket found in {packets}, {} of {}{}",
                count(summary.segments, "TCP segment"),
                count(summary.connections, "connection"),
                shown_nothing(summary, Reason::NAMES.len())
            )
        });
    } else if summary.unshown.iter().take(MAY_BE).any(|n| *n > 0) {
        let all = summary.unshown.iter().take(MAY_BE).fold(0, |sum: u64, n| sum.saturating_add(*n));
        let nothing = shown_nothing(summary, MAY_BE);
        lines.push(format!(
            "{} may hold WebSockets and shows nothing{nothing}",
            count(all, "other connection")
        ));
    }
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
    lines
}

/// Names what was not read, the most frequent first: where nothing was found everything, else what may hide TCP.
fn unread(summary: &Summary, found: bool) -> Option<String> {
    /// How many kinds are named.
    const KINDS: usize = 6;
    let (kinds, others) = &summary.unread;
    // One link type alone is named where packets could not be read.
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
    (!parts.is_empty()).then(|| format!("not read: {}", parts.join(", ")))
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
            lines(&summary, of),
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
            lines(&summary, None),
            [
                "no WebSocket found: no TCP in 40 packets",
                "not read: 22 packets of EtherType 0x88e5 (MACsec, encrypted), 9 protected 802.11 frames, \
                 3 packets of EtherType 0x0806 (ARP)"
            ]
        );
        summary.conversations = 1;
        assert_eq!(
            lines(&summary, None),
            ["not read: 22 packets of EtherType 0x88e5 (MACsec, encrypted), 9 protected 802.11 frames"]
        );
    }

    #[test]
    fn nothing_found_is_said_with_what_was_seen() {
        let mut summary = Summary::default();
        assert_eq!(lines(&summary, None), ["no WebSocket found: the capture holds no packets"]);
        summary.packets = 10;
        assert_eq!(lines(&summary, None), ["no WebSocket found: no TCP in 10 packets"]);
        (summary.segments, summary.connections, summary.unshown[0]) = (9, 1, 1);
        assert_eq!(
            lines(&summary, None),
            [
                "no WebSocket found in 10 packets, 9 TCP segments of 1 connection (1 TLS without keys); `wirefin explain` says more"
            ]
        );
        summary.refused = 1;
        assert_eq!(
            lines(&summary, None),
            [
                "1 other connection may hold WebSockets and shows nothing (1 TLS without keys); `wirefin explain` says more"
            ]
        );
        summary.unshown = [0; 8];
        assert!(lines(&summary, None).is_empty());
        summary.captured_again = 2;
        assert!(lines(&summary, None)[0].starts_with("2 segments with data captured more than once"));
    }
}
