//! One line per conversation (RFC 4180).

use std::fmt::Write;

use super::report::{Conversation, Report, rfc3339};
use crate::text::printable_string;

/// Defines the columns: each with its name and its value.
macro_rules! columns {
    ($($name:literal => |$it:ident| $value:expr;)*) => {
        const NAMES: &[&str] = &[$($name),*];

        fn line(conversation: &Conversation, out: &mut String) {
            let mut first = true;
            $({
                let $it = conversation;
                field($value.as_ref(), std::mem::take(&mut first), out);
            })*
            out.push_str("\r\n");
        }
    };
}

columns! {
    "conn" => |it| it.conn.to_string();
    "stream" => |it| it.stream.map_or_else(String::new, |stream| stream.to_string());
    "client_ip" => |it| it.client.ip.to_string();
    "client_port" => |it| it.client.port.to_string();
    "server_ip" => |it| it.server.ip.to_string();
    "server_port" => |it| it.server.port.to_string();
    "handshake" => |it| it.handshake.to_string();
    "url" => |it| text(it.url.as_deref());
    "transport" => |it| it.transport.to_owned();
    "subprotocol" => |it| text(it.subprotocol.as_deref());
    "deflate" => |it| it.deflate.to_string();
    "compressed_messages" => |it| it.compressed_messages.to_string();
    "opened" => |it| rfc3339(it.opened);
    "duration" => |it| it.duration.as_secs_f64().to_string();
    "client_messages" => |it| it.client_totals.messages.to_string();
    "client_bytes" => |it| it.client_totals.bytes.to_string();
    "client_wire_bytes" => |it| it.client_totals.wire_bytes.to_string();
    "server_messages" => |it| it.server_totals.messages.to_string();
    "server_bytes" => |it| it.server_totals.bytes.to_string();
    "server_wire_bytes" => |it| it.server_totals.wire_bytes.to_string();
    "ratio" => |it| some(it.ratio);
    "rtt_count" => |it| it.rtt.map_or(0, |rtt| rtt.count).to_string();
    "rtt_min" => |it| some(it.rtt.map(|rtt| rtt.min.as_secs_f64()));
    "rtt_median" => |it| some(it.rtt.map(|rtt| rtt.median.as_secs_f64()));
    "rtt_p99" => |it| some(it.rtt.map(|rtt| rtt.p99.as_secs_f64()));
    "rtt_max" => |it| some(it.rtt.map(|rtt| rtt.max.as_secs_f64()));
    "unanswered_pings" => |it| it.unanswered_pings.to_string();
    "longest_silence" => |it| it.longest_silence.as_secs_f64().to_string();
    "end" => |it| it.end;
    "status" => |it| some(it.status);
    "code" => |it| some(it.code);
    "reason" => |it| text(it.reason.as_deref());
    "by" => |it| some(it.by);
    "clean" => |it| some(it.clean);
    "errors" => |it| it.anomalies.error.to_string();
    "warnings" => |it| it.anomalies.warning.to_string();
    "notes" => |it| it.anomalies.note.to_string();
}

/// Writes all conversations of a report.
pub(super) fn csv(report: &Report) -> String {
    let mut out = NAMES.join(",");
    out.push_str("\r\n");
    report.conversations.iter().for_each(|conversation| line(conversation, &mut out));
    out
}

fn some(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// Makes text from the wire safe for a terminal, and adds an apostrophe to text that a spreadsheet would interpret as a
/// formula.
fn text(value: Option<&str>) -> String {
    let shown = printable_string(value.unwrap_or_default().as_bytes());
    if shown.starts_with(['=', '+', '-', '@']) { format!("'{shown}") } else { shown }
}

fn field(value: &str, first: bool, out: &mut String) {
    if !first {
        out.push(',');
    }
    if value.contains([',', '"', '\r', '\n']) {
        // Writing to a string cannot fail.
        let _ = write!(out, "\"{}\"", value.replace('"', "\"\""));
    } else {
        out.push_str(value);
    }
}
