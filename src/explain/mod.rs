//! Explains why a connection shows no messages, or not all of them.
//!
//! [`Explain`] collects one [`Row`] for each TCP connection that could contain a WebSocket: its kind, why nothing or
//! not everything in it is shown, and what would help. [`write()`] writes them, grouped if there are many.
//!
//! ```
//! use wirefin::capture::Files;
//! use wirefin::event::Reducer;
//! use wirefin::explain::Explain;
//! use wirefin::pipeline::{Options, run};
//!
//! let mut files = Files::open(&["captures/messages/fragments-with-pings-between.pcap".into()])?;
//! let mut explain = Reducer::new(Explain::new());
//! run(&mut files, &Options::default(), &mut explain)?;
//! assert_eq!(explain.into_inner().explanation().rows.len(), 1);
//! # Ok::<(), wirefin::pipeline::Error>(())
//! ```

mod conversation;
mod row;
mod words;

use std::collections::HashMap;
use std::io::{self, Write};

use ahash::RandomState;
use serde_json::{Value, json};

use self::conversation::Account;
pub use self::row::Row;
use crate::event::{Anomaly, BoundedList, ConnId, CountMap, Event, Gather, Kind, Sink};
use crate::text::{count, printable_string, write_json};

/// A sink that determines the kind of each connection.
#[derive(Debug, Default)]
pub struct Explain {
    live: HashMap<ConnId, Account, RandomState>,
    /// Why connections were not decrypted, until they end.
    encrypted: HashMap<ConnId, Anomaly, RandomState>,
    rows: BoundedList<Row>,
    /// The number of connections of each reason and server, including those without a row.
    groups: CountMap<(String, String)>,
    unlisted: u64,
    /// The connection and packet of the last refused upgrade.
    refused: Option<(ConnId, u64)>,
}

/// The maximum number of groups of a shard.
const GROUPS: usize = 4096;
/// The number of rows from which on they are grouped.
const GROUPED: usize = 50;

impl Explain {
    /// Creates an empty one.
    pub fn new() -> Self {
        Explain::default()
    }

    fn add(&mut self, row: Row) {
        let key = (row.reason.to_owned(), row.server.to_string());
        if self.groups.len() < GROUPS || self.groups.contains_key(&key) {
            self.groups.add(key, 1);
        }
        let bytes = row.text_length();
        if !self.rows.push(row, bytes) {
            self.unlisted = self.unlisted.saturating_add(1);
        }
    }

    /// Ends the collection.
    fn finish(&mut self) {
        let mut live: Vec<_> = self.live.drain().collect();
        live.sort_unstable_by_key(|(conn, _)| *conn);
        for (conn, account) in live {
            self.add(account.row(conn, None));
        }
    }

    /// Returns a row for each connection, in capture order.
    pub fn explanation(mut self) -> Explanation {
        self.finish();
        self.rows.sort_by_key(|row| row.conn);
        // A connection first given up as unrecognised may later be found to be a WebSocket.
        let shown: std::collections::BTreeSet<_> =
            self.rows.iter().filter(|row| row.is_shown).map(|row| row.conn).collect();
        let mut rows = self.rows.into_vec();
        rows.retain(|row| row.is_shown || !shown.contains(&row.conn));
        Explanation { rows, groups: self.groups, unlisted: self.unlisted }
    }
}

impl Sink for Explain {
    fn event(&mut self, event: &Event<'_>) {
        let Some(conn) = event.conn else { return };
        match &event.kind {
            Kind::Opened(opening) => {
                if let Some(before) = self.live.insert(conn, Account::new(opening, event.at.time)) {
                    self.add(before.row(conn, None));
                }
            }
            Kind::Rejected(rejected) => {
                self.add(Row::rejected(conn, rejected));
                self.refused = Some((conn, event.at.packet));
            }
            Kind::Unshown(unshown) => {
                let why = self.encrypted.remove(&conn);
                self.add(Row::unshown(conn, unshown, why.as_ref()));
            }
            Kind::Closed(closed) => {
                if let Some(account) = self.live.remove(&conn) {
                    self.add(account.row(conn, Some(closed)));
                }
            }
            Kind::Message(message) => {
                if let Some(account) = self.live.get_mut(&conn) {
                    account.message(message, event.at);
                }
            }
            Kind::Anomaly { from, anomaly } => {
                if let Some(account) = self.live.get_mut(&conn) {
                    account.anomaly(*from, anomaly, event.at.packet);
                } else if self.refused == Some((conn, event.at.packet))
                    && self.rows.last().is_some_and(|row| row.conn == conn)
                {
                    let fault = row::fault(*from, anomaly);
                    self.rows.extend_last(fault.len(), |row| row.add_fault(anomaly, fault));
                } else if anomaly.explains_missing_decryption()
                    && self.encrypted.len() < BoundedList::<Row>::ITEMS
                {
                    self.encrypted.insert(conn, (*anomaly).clone());
                }
            }
            Kind::Frame(_) => {}
        }
    }
}

impl Gather for Explain {
    fn fresh(&self) -> Self {
        Explain::default()
    }

    fn absorb(&mut self, mut other: Self) {
        other.finish();
        self.rows.append(other.rows);
        self.unlisted = self.unlisted.saturating_add(other.unlisted);
        self.groups.absorb(other.groups);
    }
}

/// The explanation of a capture's connections.
#[derive(Debug)]
pub struct Explanation {
    /// A row for each connection that is reported individually.
    pub rows: Vec<Row>,
    groups: CountMap<(String, String)>,
    /// The number of connections without a row.
    pub unlisted: u64,
}

impl Explanation {
    /// Counts the connections of each reason, if there are several: `: 2 WebSocket, 1 TLS`.
    fn kinds(&self) -> String {
        let mut kinds: CountMap<&str> = CountMap::default();
        if self.unlisted == 0 {
            self.rows.iter().for_each(|row| kinds.add(row.reason, 1));
        } else {
            self.groups.iter().for_each(|((reason, _), times)| kinds.add(reason, *times));
        }
        if kinds.len() < 2 {
            return String::new();
        }
        let mut kinds: Vec<_> = kinds.into_map().into_iter().collect();
        kinds.sort_by_key(|(reason, times)| (std::cmp::Reverse(*times), *reason));
        let words: Vec<_> =
            kinds.into_iter().map(|(reason, times)| format!("{times} {}", words::reason(reason))).collect();
        format!(": {}", words.join(", "))
    }
}

/// The format of an explanation.
#[derive(Clone, Copy, Debug)]
pub enum WriteOptions {
    /// For people; grouped if there are many rows.
    Text {
        /// Never group.
        all: bool,
        /// Whether rows were selected by a filter.
        filtered: bool,
    },
    /// One JSON object.
    Json,
}

/// Writes an explanation; `notes` are sentences about the capture in general.
pub fn write(it: &Explanation, manner: WriteOptions, notes: &[String], to: &mut dyn Write) -> io::Result<()> {
    match manner {
        WriteOptions::Json => {
            let groups: Vec<Value> = it
                .groups
                .iter()
                .map(|((reason, server), times)| json!({"reason": reason, "server": server, "connections": times}))
                .collect();
            let rows: Vec<Value> = it.rows.iter().map(Row::json).collect();
            let whole = json!({"v": 2, "connections": rows, "groups": groups, "unlisted": it.unlisted, "capture": notes});
            write_json(&whole, &mut *to)?;
            to.write_all(b"\n")
        }
        WriteOptions::Text { all, filtered } => text(it, all, filtered, notes, to),
    }
}

fn text(it: &Explanation, all: bool, filtered: bool, notes: &[String], to: &mut dyn Write) -> io::Result<()> {
    let mut connections: Vec<_> = it.rows.iter().map(|row| row.conn.packet).collect();
    connections.dedup();
    let total = (connections.len() as u64).saturating_add(it.unlisted);
    let streams = it.rows.iter().filter(|row| row.conn.stream.is_some()).count() as u64;
    let streams =
        if streams == 0 { String::new() } else { format!(", {} of HTTP/2", count(streams, "stream")) };
    let matching = if filtered { " of those that match" } else { "" };
    writeln!(to, "{}{matching}{streams}{}", count(total, "TCP connection"), it.kinds())?;
    let many = it.rows.len() > GROUPED && !all;
    for row in
        it.rows.iter().filter(|row| !many || row.is_shown).take(if many { GROUPED } else { usize::MAX })
    {
        row.text(to)?;
    }
    if many {
        let mut groups: Vec<_> = it.groups.iter().collect();
        groups.sort_by_key(|(name, times)| (std::cmp::Reverse(**times), *name));
        writeln!(to, "\nby reason and server (--all lists each connection):")?;
        for ((reason, server), times) in groups.iter().take(GROUPED) {
            writeln!(
                to,
                "{times:>8}  {:<22}  {}",
                words::reason(reason),
                printable_string(server.as_bytes())
            )?;
        }
        if groups.len() > GROUPED {
            writeln!(to, "          … {} more", count(groups.len().saturating_sub(GROUPED) as u64, "group"))?;
        }
    }
    if it.unlisted > 0 {
        writeln!(to, "{} more not listed one by one", count(it.unlisted, "connection"))?;
    }
    for note in notes {
        writeln!(to, "{}", printable_string(note.as_bytes()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Anomaly, Closed, Http, Reason, Tls, Unshown};
    use crate::model::Side;
    use crate::view::samples;
    use crate::websocket::Opcode;
    use std::num::NonZeroU64;

    fn unshown(reason: Reason) -> Unshown {
        let opening = samples::opened();
        Unshown {
            client: opening.client,
            server: opening.server,
            directed: true,
            reason,
            lost: 0,
            snap_length: None,
        }
    }

    fn of(conn: u64, kind: Kind<'_>) -> Event<'_> {
        Event { conn: NonZeroU64::new(conn).map(ConnId::new), ..samples::event(conn, conn * 1000, kind) }
    }

    fn told(events: &[Event<'_>], manner: WriteOptions) -> String {
        let mut explain = Explain::new();
        events.iter().for_each(|event| explain.event(event));
        let mut out = Vec::new();
        write(&explain.explanation(), manner, &[], &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_reason_is_said_with_what_would_help() {
        let tls = Tls { sni: Some("shop.example".into()), version: Some("1.3".into()), ..Tls::default() };
        let http = Http { host: Some("h".into()), status: Some(200), ..Http::default() };
        let upgrade = Http { upgrade: Some("tcp".into()), status: Some(101), ..Http::default() };
        let reasons = [
            Reason::Tls(Box::new(tls)),
            Reason::Http(Box::new(http)),
            Reason::Http(Box::new(upgrade)),
            Reason::Http2 { read: true },
            Reason::Protocol("MQTT"),
            Reason::OneSide(Side::Client),
            Reason::Silent,
            Reason::MidStream,
            Reason::Unknown,
        ];
        let unshown: Vec<_> = reasons.map(unshown).into();
        let events: Vec<_> = (1..).zip(&unshown).map(|(conn, it)| of(conn, Kind::Unshown(it))).collect();
        insta::assert_snapshot!(told(&events, WriteOptions::Text { all: false, filtered: false }));
        let json: Value = serde_json::from_str(&told(&events, WriteOptions::Json)).unwrap();
        assert_eq!(json["connections"].as_array().unwrap().len(), 9);
        assert_eq!(
            (&json["connections"][0]["reason"], &json["connections"][0]["shown"]),
            (&"tls".into(), &false.into())
        );
    }

    #[test]
    fn what_is_wrong_with_the_keys_is_said_of_each_connection() {
        let tls = Tls { sni: Some("shop.example".into()), version: Some("1.3".into()), ..Tls::default() };
        let it = unshown(Reason::Tls(Box::new(tls.clone())));
        let (client_random, server_name) = (Some("0a1b2c3d".into()), Some("shop.example".into()));
        let reasons = [
            Anomaly::TlsNoKeys { client_random, server_name: server_name.clone(), known: 9 },
            Anomaly::TlsKeysWrong { tried: 4 },
            Anomaly::TlsHandshakeMissing { server_name },
            Anomaly::TlsSuiteUnsupported { suite: "TLS_SM4_GCM_SM3".into() },
        ];
        let mut events = Vec::new();
        for (conn, anomaly) in (1..).zip(&reasons) {
            events.push(of(conn, Kind::Anomaly { from: None, anomaly }));
            events.push(of(conn, Kind::Unshown(&it)));
        }
        let read = unshown(Reason::Decrypted(Box::new(Tls { keys: Some("keylog"), ..tls })));
        events.push(of(5, Kind::Unshown(&read)));
        // Keys that were too late for the first records of a conversation.
        let (opened, closed) = (samples::opened(), samples::closed());
        let late = Anomaly::TlsKeysLate { records: 40, bytes: Some(70_000) };
        events.push(of(6, Kind::Opened(&opened)));
        events.push(of(6, Kind::Anomaly { from: Some(Side::Server), anomaly: &late }));
        events.push(of(6, Kind::Closed(&closed)));
        insta::assert_snapshot!(told(&events, WriteOptions::Text { all: false, filtered: false }));
    }

    #[test]
    fn a_conversation_says_what_was_agreed_how_it_ended_and_what_is_missing() {
        let (opened, closed, refused) = (samples::opened(), samples::closed(), samples::refused());
        let mut holes = samples::message(Side::Server, Opcode::TEXT, b"hello");
        holes.missing = samples::HOLES;
        let gap = Anomaly::Gap { offset: 7, length: Some(12), least: None, cause: "lost" };
        let ping = |n| of(n, Kind::Message(samples::message(Side::Client, Opcode::PING, b"")));
        let events = [
            of(4, Kind::Opened(&opened)),
            of(4, Kind::Message(holes)),
            of(4, Kind::Anomaly { from: Some(Side::Server), anomaly: &gap }),
            Event { conn: NonZeroU64::new(4).map(ConnId::new), ..ping(5) },
            Event { conn: NonZeroU64::new(4).map(ConnId::new), ..ping(6) },
            Event { conn: NonZeroU64::new(4).map(ConnId::new), ..ping(7) },
            of(4, Kind::Closed(&closed)),
            of(9, Kind::Rejected(&refused)),
        ];
        insta::assert_snapshot!(told(&events, WriteOptions::Text { all: false, filtered: false }));
    }

    #[test]
    fn the_end_of_a_conversation_says_what_it_cut_short() {
        let (opened, closed) = (samples::opened(), samples::closed());
        let ended = Closed { code: Some(1006), by: Some(Side::Server), clean: false, ..samples::closed() };
        let ping = of(4, Kind::Message(samples::message(Side::Server, Opcode::PING, b"")));
        let unfinished = Anomaly::UnfinishedMessage {};
        let unfinished = of(4, Kind::Anomaly { from: Some(Side::Client), anomaly: &unfinished });
        for (events, words) in [
            (
                vec![unfinished, of(4, Kind::Closed(&closed))],
                "“bye” inside a fragmented message of the client",
            ),
            (
                vec![unfinished, of(4, Kind::Closed(&ended))],
                "ended by the server without a close frame inside a fragmented message of the client:",
            ),
            (
                vec![ping, of(4, Kind::Closed(&ended))],
                "ended by the server without a close frame, with no answer to its last ping: 1006",
            ),
        ] {
            let events = [vec![of(4, Kind::Opened(&opened))], events].concat();
            let text = told(&events, WriteOptions::Text { all: false, filtered: false });
            assert!(text.contains(words) && !text.contains("not all is shown"), "{text}");
        }
    }

    #[test]
    fn the_cause_of_a_refusal_is_named() {
        let mut refused = samples::refused();
        let anomaly = Anomaly::MissingHeader { name: "Sec-WebSocket-Key" };
        let fault = Kind::Anomaly { from: Some(Side::Client), anomaly: &anomaly };
        let manner = WriteOptions::Text { all: false, filtered: false };
        let text = told(&[of(9, Kind::Rejected(&refused)), of(9, fault)], manner);
        let words =
            "the client: a header field that the handshake needs is missing (name \"Sec-WebSocket-Key\")";
        assert!(text.contains(words) && text.contains("Sec-WebSocket-Version: 13"), "{text}");
        if let Some(handshake) = &mut refused.opening.handshake {
            handshake.response = None;
        }
        refused.tcp = Some((Side::Server, "reset"));
        let text = told(&[of(9, Kind::Rejected(&refused))], manner);
        assert!(text.contains("was not answered: no answer before the server ended TCP (reset)"), "{text}");
    }

    #[test]
    fn one_direction_of_a_conversation_is_reported() {
        let mut opened = samples::opened();
        if let Some(handshake) = &mut opened.handshake {
            handshake.response = None;
        }
        let message = |from| of(4, Kind::Message(samples::message(from, Opcode::TEXT, b"x")));
        let text = told(
            &[of(4, Kind::Opened(&opened)), message(Side::Client)],
            WriteOptions::Text { all: false, filtered: false },
        );
        assert!(
            text.contains("only what the client sent was captured")
                && text.contains("where the server is seen too"),
            "{text}"
        );
        let both = [of(4, Kind::Opened(&opened)), message(Side::Client), message(Side::Server)];
        let text = told(&both, WriteOptions::Text { all: false, filtered: false });
        assert!(text.contains("the answer to the upgrade was not captured"), "{text}");
    }

    #[test]
    fn many_connections_are_grouped_and_the_memory_is_bounded() {
        const MOST: usize = BoundedList::<Row>::ITEMS;
        let it = unshown(Reason::Http2 { read: false });
        let mut explain = Explain::new();
        for conn in 1..=MOST as u64 + 10 {
            explain.event(&of(conn, Kind::Unshown(&it)));
        }
        let it = explain.explanation();
        assert_eq!((it.rows.len(), it.unlisted), (MOST, 10));
        let mut out = Vec::new();
        write(&it, WriteOptions::Text { all: false, filtered: false }, &[], &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().count() < 10 && text.contains("2058  HTTP/2"), "{text}");
    }
}
