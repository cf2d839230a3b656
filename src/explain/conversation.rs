//! The account of one conversation: its parameters, what is missing, how it ended, and its heartbeat.

use std::time::Duration;

use super::{Row, words};
use crate::event::{Anomaly, Closed, ConnId, Framing, Message, Opening, Tls, Transport};
use crate::http::{Field, Handshake};
use crate::model::{At, Pair, Side, Timestamp};
use crate::text::{beginning, close_code_name, count, span};
use crate::websocket::Opcode;

/// The facts collected about a conversation in progress.
#[derive(Debug)]
pub(super) struct Account {
    row: Row,
    url: Option<String>,
    agreed: Vec<String>,
    messages: Pair<u64>,
    incomplete: u64,
    /// Whether the last message was incomplete.
    last_incomplete: bool,
    truncated: u64,
    searched: u64,
    lost: u64,
    gaps: u64,
    /// The sender of the first lost bytes, and the packet at which they are missing.
    first_gap: Option<(Side, u64)>,
    /// How many of the lost bytes were cut off by the snap length.
    cut: u64,
    /// The transport of messages.
    transport: Transport,
    not_inflated: bool,
    /// How many records had passed before the keys were available.
    late: u64,
    no_handshake: bool,
    /// The snap length that would have captured the complete handshake, if it was truncated.
    snap_length: Option<u32>,
    /// The request of the upgrade was not captured.
    no_request: bool,
    /// Whether the response to the upgrade was not captured.
    no_answer: bool,
    /// What the stream ended inside.
    inside: Option<(Side, &'static str)>,
    /// How TCP ended, if there was no close frame.
    tcp: Option<&'static str>,
    no_echo: bool,
    pings: Pair<Pings>,
    last: Timestamp,
}

/// The heartbeat of one side.
#[derive(Clone, Copy, Debug, Default)]
struct Pings {
    sent: u64,
    answered: u64,
    /// Pings whose answer would have been captured.
    unanswered: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// The longest interval between two pings, and the packet that ended it.
    longest: Duration,
    longest_before: u64,
}

impl Account {
    pub(super) fn new(opening: &Opening, at: Timestamp) -> Self {
        let handshake = opening.handshake.as_deref();
        let row = Row {
            conn: ConnId::new(std::num::NonZeroU64::MIN),
            client: opening.client,
            server: opening.server,
            directed: true,
            is_shown: true,
            reason: "shown",
            what: String::new(),
            more: Vec::new(),
            help: None,
        };
        Account {
            row,
            url: handshake.and_then(|it| it.url.as_deref()).map(shortened),
            agreed: {
                let tls = opening.over.as_deref().and_then(|over| over.tls.as_ref());
                tls.map(encrypted).into_iter().chain(handshake.map(agreed).unwrap_or_default()).collect()
            },
            messages: Pair::default(),
            incomplete: 0,
            last_incomplete: false,
            truncated: 0,
            searched: 0,
            lost: 0,
            gaps: 0,
            first_gap: None,
            cut: 0,
            transport: opening.transport,
            not_inflated: false,
            late: 0,
            no_handshake: handshake.is_none(),
            snap_length: None,
            no_request: handshake.is_some_and(|it| it.request.is_none()),
            no_answer: handshake.is_some_and(|it| it.response.is_none()),
            inside: None,
            tcp: None,
            no_echo: false,
            pings: Pair::default(),
            last: at,
        }
    }

    pub(super) fn message(&mut self, message: &Message<'_>, At { time: at, packet }: At) {
        let count = |number: &mut u64, holds: bool| *number = number.saturating_add(holds.into());
        self.last = at;
        count(&mut self.messages[message.from], true);
        self.last_incomplete = !message.is_complete();
        count(&mut self.incomplete, self.last_incomplete);
        count(&mut self.truncated, message.truncated_to.is_some());
        count(&mut self.searched, message.framing == Framing::Searched);
        self.not_inflated |= message.wire.compressed && !message.wire.inflated;
        match message.opcode {
            Opcode::PING => {
                let pings = &mut self.pings[message.from];
                count(&mut pings.sent, true);
                if let Some(last) = pings.last.replace(at) {
                    let since = at.since(last);
                    if since > pings.longest {
                        (pings.longest, pings.longest_before) = (since, packet);
                    }
                }
                pings.first.get_or_insert(at);
            }
            Opcode::PONG if message.rtt.is_some() => count(&mut self.pings[!message.from].answered, true),
            _ => {}
        }
    }

    /// Records an anomaly found at a packet.
    pub(super) fn anomaly(&mut self, from: Option<Side>, anomaly: &Anomaly, packet: u64) {
        match anomaly {
            Anomaly::PingNotAnswered { pings, .. } => {
                if let Some(from) = from {
                    self.pings[!from].unanswered = *pings;
                }
            }
            Anomaly::NoClose { tcp } => self.tcp = Some(tcp),
            Anomaly::NoCloseEcho {} => self.no_echo = true,
            Anomaly::UnfinishedFrame { .. } | Anomaly::UnfinishedMessage {} => {
                let is_frame = matches!(anomaly, Anomaly::UnfinishedFrame { .. });
                let what = if is_frame { "a frame" } else { "a fragmented message" };
                self.inside = from.map(|from| (from, what));
                // Left unfinished by its sender, so no bytes of it are missing.
                if std::mem::take(&mut self.last_incomplete) {
                    self.incomplete = self.incomplete.saturating_sub(1);
                }
            }
            Anomaly::HandshakeTruncated { snap_length } => self.snap_length = Some(*snap_length),
            Anomaly::TlsKeysLate { records, .. } => self.late = self.late.saturating_add(*records),
            Anomaly::Gap { length, least, cause, .. } => {
                let bytes = length.or(*least).unwrap_or(0);
                self.lost = self.lost.saturating_add(bytes);
                self.gaps = self.gaps.saturating_add(1);
                self.first_gap = self.first_gap.or(from.map(|from| (from, packet)));
                if *cause == "snap-length" {
                    self.cut = self.cut.saturating_add(bytes);
                }
            }
            _ => {}
        }
    }

    /// Returns the row; `closed` is the end of the conversation, if it is known.
    pub(super) fn row(self, conn: ConnId, closed: Option<&Closed>) -> Row {
        let missing = self.missing();
        let mut more = missing.clone();
        more.extend(self.agreed.iter().cloned());
        more.extend(Side::BOTH.iter().filter_map(|side| self.heartbeat(*side)));
        more.push(self.ending(closed));
        let sent = |side| count(self.messages[side], "message");
        let url = self.url.as_deref().map_or_else(String::new, |url| format!(" {url}"));
        let mut help = None;
        if let Some(needed) = self.snap_length {
            help = Some(words::too_short(needed));
        } else if self.cut > 0 {
            help = Some("the snap length cut packets short: capture with -s 0".to_owned());
        } else if self.late > 0 {
            help = Some("save the packets, and read them again with the whole key log".to_owned());
        } else if self.lost > 0 {
            help = Some("a capture without loss: a larger buffer (-B), or a filter (-f)".to_owned());
        } else if let Some(side) = self.only_side() {
            help = Some(words::other_direction(side));
        } else if self.no_handshake {
            help = Some("begin to capture before the connection is opened".to_owned());
        }
        Row {
            conn,
            reason: if missing.is_empty() { "shown" } else { "not-all-shown" },
            what: format!(
                "{}{url}: {} of the client, {} of the server",
                match self.transport {
                    Transport::WebSocket => "WebSocket",
                    Transport::Sse => "server-sent events",
                    Transport::Polling => "long polling",
                },
                sent(Side::Client),
                sent(Side::Server)
            ),
            more,
            help: help.filter(|_| !missing.is_empty()),
            ..self.row
        }
    }

    /// Returns the only side with captured data, if the other seems to be missing.
    fn only_side(&self) -> Option<Side> {
        let has = |side| self.messages[side] > 0;
        match (has(Side::Client), has(Side::Server)) {
            (true, false) if self.no_answer || self.no_handshake => Some(Side::Client),
            (false, true) if self.no_request || self.no_handshake => Some(Side::Server),
            _ => None,
        }
    }

    /// Describes why not everything is shown.
    fn missing(&self) -> Vec<String> {
        let mut list = Vec::new();
        if let Some(needed) = self.snap_length {
            list.push(format!(
                "not all is shown: the snap length truncated the handshake, which needs {needed} bytes"
            ));
        } else if self.no_handshake {
            list.push("not all is shown: the handshake was before the capture".to_owned());
        }
        if let Some(side) = self.only_side() {
            list.push(format!("not all is shown: only what the {} sent was captured", side.name()));
        } else if self.no_request {
            list.push("not all is shown: the request of the upgrade was not captured".to_owned());
        } else if self.no_answer {
            list.push("not all is shown: the answer to the upgrade was not captured".to_owned());
        }
        if self.lost > 0 {
            let place = self.first_gap.map_or_else(String::new, |(from, packet)| {
                let gaps = if self.gaps == 1 {
                    "a gap".to_owned()
                } else {
                    format!("{} gaps, the first", self.gaps)
                };
                format!(": {gaps} in what the {} sent, at packet {packet}", from.name())
            });
            let cut = match self.cut {
                0 => String::new(),
                cut => format!(" ({cut} of them cut off by the snap length)"),
            };
            list.push(format!("not all is shown: {} not captured{cut}{place}", count(self.lost, "byte")));
        }
        if self.incomplete > 0 {
            list.push(format!("not all is shown: {} incomplete", count(self.incomplete, "message")));
        }
        if self.late > 0 {
            list.push(format!(
                "not all is shown: its keys came after {}, more than wait for them",
                count(self.late, "TLS record")
            ));
        }
        if self.truncated > 0 {
            list.push(format!(
                "not all is shown: {} cut at the limit --max-message",
                count(self.truncated, "message")
            ));
        }
        if self.searched > 0 {
            list.push(format!("{} found by searching for frames", count(self.searched, "message")));
        }
        if self.not_inflated {
            list.push("compressed messages are shown as sent".to_owned());
        }
        list
    }

    /// Describes how it ended and which side ended it.
    fn ending(&self, closed: Option<&Closed>) -> String {
        let Some(closed) = closed else { return "still open at the end of the capture".to_owned() };
        let by = closed.by.map_or_else(String::new, |by| format!(" by the {}", by.name()));
        // Nothing came behind its last ping.
        let is_silent = |side: Side| {
            let pings = self.pings[side];
            pings.sent > pings.answered && pings.last == Some(self.last)
        };
        let silent = Side::BOTH.into_iter().find(|side| is_silent(*side) && self.pings[*side].unanswered > 0);
        let inside = self
            .inside
            .map_or_else(String::new, |(from, what)| format!(" inside {what} of the {}", from.name()));
        match closed.code {
            None if closed.lost => "ended; a close frame may have been lost".to_owned(),
            None if closed.is_seen() => {
                let how = if closed.clean { "complete" } else { "incomplete" };
                format!("ended{by}, {how}, after {}", span(closed.duration))
            }
            None => {
                let mut text = "still open at the end of the capture".to_owned();
                if let Some(side) = closed.half_closed {
                    text = format!(
                        "half-open: the {} ended its half of TCP, the {} did not",
                        side.name(),
                        (!side).name()
                    );
                }
                if let Some(side) = silent {
                    text = format!(
                        "{text}; the last ping of the {} was not answered: the {} may be dead",
                        side.name(),
                        (!side).name()
                    );
                }
                text
            }
            Some(1006) => {
                let how = self.tcp.map_or_else(String::new, |tcp| format!(" ({tcp})"));
                let why = match closed.by.filter(|by| is_silent(*by)) {
                    Some(_) => ", with no answer to its last ping",
                    None => "",
                };
                format!(
                    "ended{by} without a close frame{inside}{how}{why}: 1006 for the other side, after {}",
                    span(closed.duration)
                )
            }
            Some(code) => {
                let reason = if closed.reason.is_empty() {
                    String::new()
                } else {
                    format!(" “{}”", closed.reason)
                };
                let clean = match (closed.clean, self.no_echo) {
                    (true, _) => "answered",
                    (false, true) => "not answered before TCP ended",
                    (false, false) => "no answer seen",
                };
                let name = close_code_name(code);
                format!(
                    "closed{by} with {code} {name}{reason}{inside}, {clean}, after {}",
                    span(closed.duration)
                )
            }
        }
    }

    /// Describes the pings of a side, with their interval if there were several.
    fn heartbeat(&self, side: Side) -> Option<String> {
        let Pings { sent, answered, unanswered, first, last, longest, longest_before } = self.pings[side];
        if sent == 0 {
            return None;
        }
        let unseen = sent.saturating_sub(answered).saturating_sub(unanswered);
        let answers = match (unanswered, unseen) {
            (0, 0) => "all answered".to_owned(),
            (n, 0) => format!("{n} not answered"),
            (0, n) => format!("{} not seen", count(n, "answer")),
            (n, unseen) => format!("{n} not answered, {} not seen", count(unseen, "answer")),
        };
        let name = side.name();
        let between = u32::try_from(sent.saturating_sub(1)).ok().filter(|n| *n > 0);
        let interval = between.and_then(|n| last?.since(first?).checked_div(n));
        // The mean interval without the longest one, if the latter deviates from it.
        let usual = between
            .and_then(|n| last?.since(first?).saturating_sub(longest).checked_div(n.saturating_sub(1)))
            .filter(|usual| longest.saturating_mul(2) > usual.saturating_mul(3));
        Some(match (usual, interval) {
            (Some(usual), _) => format!(
                "heartbeat: {sent} pings of the {name}, every {}, at the longest {} (before packet {longest_before}), {answers}",
                span(usual),
                span(longest)
            ),
            (None, Some(mean)) => {
                format!("heartbeat: {sent} pings of the {name}, every {}, {answers}", span(mean))
            }
            (None, None) => format!("heartbeat: 1 ping of the {name}, {answers}"),
        })
    }
}

/// Describes the TLS parameters, and the origin of the keys.
fn encrypted(tls: &Tls) -> String {
    let facts = [("", &tls.version), ("with ", &tls.cipher), ("to ", &tls.sni), ("for ", &tls.alpn)];
    let facts = facts.into_iter().filter_map(|(word, fact)| Some(format!(" {word}{}", fact.as_deref()?)));
    let keys = match tls.keys {
        Some("keylog") => ", keys from the key log",
        Some("dsb") => ", keys from the capture",
        Some("pem") => ", keys from the server's private key",
        _ => "",
    };
    let resumed = if tls.resumed == Some(true) { ", resumed" } else { "" };
    format!("agreed: TLS{}{resumed}{keys}", facts.collect::<String>())
}

/// Describes which extensions were offered, and which were agreed on.
fn agreed(handshake: &Handshake) -> Vec<String> {
    let mut list = Vec::new();
    let offered =
        |name| handshake.request.as_ref().map(|request| values(&request.headers, name)).unwrap_or_default();
    let protocols = offered("sec-websocket-protocol");
    match (&handshake.subprotocol, protocols.is_empty()) {
        (Some(chosen), true) => list.push(format!("sub-protocol {chosen}, which was not offered")),
        (Some(chosen), false) if *protocols == **chosen => {
            list.push(format!("agreed: sub-protocol {chosen}"));
        }
        (Some(chosen), false) => list.push(format!("agreed: sub-protocol {chosen}, of {protocols}")),
        (None, false) => list.push(format!("not agreed: none of the sub-protocols {protocols}")),
        (None, true) => {}
    }
    let extensions = offered("sec-websocket-extensions");
    let taken = handshake.response.as_ref();
    let taken = taken.map(|it| values(&it.headers, "sec-websocket-extensions")).filter(|it| !it.is_empty());
    match (handshake.deflate.is_some(), taken) {
        (true, Some(taken)) if taken == extensions || extensions.is_empty() => {
            list.push(format!("agreed: {taken}"));
        }
        (true, Some(taken)) => list.push(format!("agreed: {taken}, of {extensions}")),
        (true, None) => list.push("agreed: permessage-deflate".to_owned()),
        (false, _) if extensions.contains("permessage-deflate") => {
            list.push("not agreed: permessage-deflate was offered".to_owned());
        }
        (false, _) => {}
    }
    list
}

/// Returns the values of all fields with a name, joined.
fn values(fields: &[Field], name: &str) -> String {
    let fields = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
    fields.map(|field| &*field.value).collect::<Vec<_>>().join(", ")
}

/// The maximum length of a URL that is kept, in bytes.
const MAX_URL: usize = 4096;

/// Returns a copy of a URL, with a sign at its end if it is too long to be kept.
fn shortened(url: &str) -> String {
    let kept = beginning(url, MAX_URL);
    let sign = if kept.len() < url.len() { "…" } else { "" };
    format!("{kept}{sign}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_urls_are_kept_in_part() {
        assert_eq!(shortened("ws://h/ü"), "ws://h/ü");
        let long = shortened(&format!("{}ü", "x".repeat(MAX_URL - 1)));
        assert_eq!(long, format!("{}…", "x".repeat(MAX_URL - 1)));
    }
}
