//! What was sent, according to an undamaged capture, and what is shown but was not sent.

use std::collections::BTreeMap;

use serde_json::Value;

use super::judge::{conn, payload};

/// A message as sent or shown.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) opcode: String,
    pub(crate) code: Option<u64>,
    pub(crate) known: Vec<u8>,
    /// Offset and length of the unknown parts.
    pub(crate) missing: Vec<(usize, Option<usize>)>,
    pub(crate) complete: bool,
    pub(crate) truncated: bool,
    pub(crate) inflated: bool,
}

impl Message {
    fn of(record: &Value) -> Message {
        let range = |range: &Value| (size(&range[0]).unwrap(), size(&range[1]));
        let missing =
            record["missing"].as_array().map(|list| list.iter().map(range).collect()).unwrap_or_default();
        // The reason of a close is text; if the body contains more than that, it is shown as bytes.
        Message {
            opcode: record["opcode"].as_str().unwrap().to_owned(),
            code: record["close"]["code"].as_u64(),
            known: payload(record),
            missing,
            complete: record["complete"].is_null(),
            truncated: !record["truncated_to"].is_null(),
            inflated: record["wire"]["inflated"].is_null(),
        }
    }

    fn is_control(&self) -> bool {
        ["close", "ping", "pong"].contains(&self.opcode.as_str())
    }

    /// Returns whether `sent` may be the message that this shows.
    fn shows(&self, sent: &Message) -> bool {
        if self.complete {
            return (&self.opcode, self.code, &self.known) == (&sent.opcode, sent.code, &sent.known);
        }
        // If the first frame was lost, the type of what follows is unknown.
        (self.opcode == sent.opcode || self.opcode == "continuation")
            && (self.opcode == "close" || self.fits(&sent.known))
    }

    /// Returns whether every known byte is at the position where it was sent.
    fn fits(&self, sent: &[u8]) -> bool {
        let (mut known, mut rest, mut at, mut anywhere) = (&self.known[..], sent, 0, false);
        for (offset, length) in self.missing.iter().copied().chain([(usize::MAX, None)]) {
            let (piece, behind) = known.split_at(offset.saturating_sub(at).min(known.len()));
            let found = if anywhere {
                (0..=rest.len()).find(|start| rest[*start..].starts_with(piece))
            } else {
                rest.starts_with(piece).then_some(0)
            };
            let Some(start) = found else { return false };
            rest = &rest[start + piece.len()..];
            known = behind;
            if offset == usize::MAX {
                return known.is_empty();
            }
            at = offset + length.unwrap_or(0);
            anywhere = length.is_none();
            match rest.split_at_checked(length.unwrap_or(0)) {
                Some((_, behind)) => rest = behind,
                None => return false,
            }
        }
        true
    }
}

fn size(value: &Value) -> Option<usize> {
    value.as_u64().map(|value| usize::try_from(value).unwrap())
}

/// Everything that was sent or shown, by sender and receiver.
pub(crate) type Sent = BTreeMap<(String, String), Vec<Message>>;

pub(crate) fn sent(records: &[Value]) -> Sent {
    let end =
        |open: &Value, side: &str| format!("{}:{} {}", open[side]["ip"], open[side]["port"], open["stream"]);
    let opens = records.iter().filter(|record| record["type"] == "open");
    let ends: BTreeMap<_, (String, String)> =
        opens.map(|open| (conn(open), (end(open, "client"), end(open, "server")))).collect();
    let mut sent = Sent::new();
    for record in records.iter().filter(|record| record["type"] == "message") {
        let (client, server) = ends[&conn(record)].clone();
        let way = if record["from"] == "client" { (client, server) } else { (server, client) };
        sent.entry(way).or_default().push(Message::of(record));
    }
    sent
}

/// Lists what is shown but was not sent: each side's messages must be some of those sent, in their order.
pub(crate) fn faults(whole: &Sent, shown: &Sent) -> Vec<String> {
    let mut faults = Vec::new();
    for (way, shown) in shown {
        let Some(sent) = whole.get(way) else {
            faults.push(format!("{way:?}: nothing was sent, {:?} is shown", shown[0]));
            continue;
        };
        for control in [false, true] {
            let sent: Vec<_> = sent.iter().filter(|message| message.is_control() == control).collect();
            let mut next = 0_usize;
            for message in shown.iter().filter(|message| message.is_control() == control && message.inflated)
            {
                // The end of a message whose middle was lost is shown on its own.
                let from = if message.opcode == "continuation" { next.saturating_sub(1) } else { next };
                match sent[from..].iter().position(|sent| message.shows(sent)) {
                    Some(at) => next = from + at + 1,
                    None => {
                        faults.push(format!("{way:?}: not sent so, or not there: {message:?}"));
                        break;
                    }
                }
            }
        }
    }
    faults
}
