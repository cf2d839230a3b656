use std::io::{self, Write};

use serde_json::{Map, Value};

use super::words;
use crate::event::{Anomaly, ConnId, Opening, Rejected, Unshown};
use crate::model::{Endpoint, Side};
use crate::text::printable_string;

/// Bounds what is said of one refused request.
const FAULTS: usize = 8;

/// One connection.
#[derive(Clone, Debug)]
pub struct Row {
    /// The connection.
    pub conn: ConnId,
    /// The endpoint that opened it.
    pub client: Endpoint,
    /// The endpoint it was opened to.
    pub server: Endpoint,
    /// Whether it is known which of the two opened it.
    pub directed: bool,
    /// Whether messages of it are shown.
    pub is_shown: bool,
    /// The stable name of the reason why nothing or not everything is shown; `shown` if everything is.
    pub reason: &'static str,
    /// The kind of connection.
    pub what: String,
    /// Further details, one sentence each.
    pub more: Vec<String>,
    /// What would help.
    pub help: Option<String>,
}

/// Describes an anomaly of a side with its evidence.
pub(super) fn fault(from: Option<Side>, anomaly: &Anomaly) -> String {
    let Some(side) = from else { return String::new() };
    let found = anomaly.evidence_words();
    let found = if found.is_empty() { found } else { format!(" ({found})") };
    format!("the {}: {}{found}", side.name(), anomaly.rule().sentence)
}

impl Row {
    /// Returns the total length of its texts in bytes.
    pub(super) fn text_length(&self) -> usize {
        let texts = self.more.iter().chain(&self.help).chain([&self.what]);
        texts.map(String::len).fold(0, usize::saturating_add)
    }

    pub(super) fn unshown(conn: ConnId, it: &Unshown, why: Option<&Anomaly>) -> Self {
        let mut more = Vec::new();
        if it.lost > 0 {
            more.push(format!("{} bytes of it were not captured", it.lost));
        }
        Row {
            conn,
            client: it.client,
            server: it.server,
            directed: it.directed,
            is_shown: false,
            reason: words::name(&it.reason),
            what: words::what(&it.reason, why),
            more,
            help: words::help(&it.reason, why, it.lost, it.snap_length),
        }
    }

    pub(super) fn rejected(conn: ConnId, it: &Rejected) -> Self {
        let Opening { client, server, ref handshake, .. } = it.opening;
        let url = handshake.as_deref().and_then(|it| it.url.as_deref());
        let to = url.map_or_else(String::new, |url| format!(" to {url}"));
        let response = handshake.as_deref().and_then(|it| it.response.as_ref());
        let answer = match response {
            Some(response) if response.status != 101 => {
                let words = format!("status {} {}", response.status, response.reason);
                format!("an upgrade{to} was refused: {}", words.trim_end())
            }
            Some(_) => format!("an upgrade{to} was refused: {}", it.why()),
            None => format!("an upgrade{to} was not answered: {}", it.why()),
        };
        Row {
            conn,
            client,
            server,
            directed: true,
            is_shown: false,
            reason: "rejected",
            what: answer,
            more: response.and_then(words::says_more).into_iter().collect(),
            help: it.status().and_then(words::help_with_refusal).map(str::to_owned),
        }
    }

    /// Adds a fault of a refused request, or of its answer, described by [`fault`].
    pub(super) fn add_fault(&mut self, anomaly: &Anomaly, fault: String) {
        if let Anomaly::H2ConnectNotEnabled { .. } = anomaly {
            self.help = Some(words::NOT_ENABLED.to_owned());
        } else if !fault.is_empty() && self.more.len() < FAULTS {
            self.more.push(fault);
        }
    }

    /// Writes it for people; text may come from the wire.
    pub(super) fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        let Row { conn, client, server, what, .. } = self;
        let arrow = if self.directed { '→' } else { '↔' };
        writeln!(to, "#{conn}  {client} {arrow} {server}  {}", printable_string(what.as_bytes()))?;
        for more in &self.more {
            writeln!(to, "    {}", printable_string(more.as_bytes()))?;
        }
        if let Some(help) = &self.help {
            writeln!(to, "    what helps: {help}")?;
        }
        Ok(())
    }

    pub(super) fn json(&self) -> Value {
        let end = |end: Endpoint| serde_json::json!({"ip": end.ip, "port": end.port});
        let mut all = Map::new();
        let members = [
            ("conn", Some(Value::from(self.conn.packet.get()))),
            ("stream", self.conn.stream().map(Value::from)),
            ("client", Some(end(self.client))),
            ("server", Some(end(self.server))),
            ("directed", Some(self.directed.into())),
            ("shown", Some(self.is_shown.into())),
            ("reason", Some(self.reason.into())),
            ("explanation", Some(self.what.as_str().into())),
            ("more", Some(self.more.clone().into())),
            ("help", self.help.as_deref().map(Value::from)),
        ];
        all.extend(members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        Value::from(all)
    }
}
