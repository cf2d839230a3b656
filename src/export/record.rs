//! The NDJSON promise as types: the members of each line, their order, and when they are omitted.
//!
//! These types are separate from the analyzer's own, so that those may change while the lines do not. `line` writes the
//! lines; `docs/ndjson.schema.json` is generated from these types, and tests parse every line into them. A Rust program
//! may use them to parse lines, too.
//!
//! ```
//! use wirefin::export::record::Record;
//!
//! let line = r#"{"type":"anomaly","conn":4,"rule":"gap","severity":"note","explanation":"…","evidence":{}}"#;
//! let Record::Anomaly(anomaly) = serde_json::from_str(line)? else { panic!("it is an anomaly") };
//! assert_eq!((anomaly.conn, anomaly.rule.as_str()), (Some(4), "gap"));
//! # Ok::<(), serde_json::Error>(())
//! ```

mod anomaly;
mod close;
mod columns;
mod message;
mod open;
mod place;
mod schema;
mod value;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::anomaly::{Anomaly, EvidenceValue};
pub use self::close::{Close, DirectionTotals};
pub use self::columns::{Reader, columns_for};
pub use self::message::{CloseBody, Frame, Message, Sub, Wire};
pub use self::open::{
    Accept, Deflate, Headers, Open, Proxy, Rejected, Request, Response, Tls, TlsLine, Upgrade,
};
pub use self::place::{Endpoint, Place, Wide};
pub use self::schema::schema;
pub use self::value::{Opcode, Severity, Side, Time};
use super::VERSION;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Record {
    /// A conversation began, or one whose handshake was not captured was found.
    Open(Box<Open>),
    /// An upgrade was refused or never answered.
    Rejected(Box<Rejected>),
    /// A TLS connection (with `--tls`).
    Tls(Box<TlsLine>),
    /// One frame (with `--frames`), control frames and those after a broken rule included.
    Frame(Frame),
    /// One message or control frame, its fragments joined.
    Message(Box<Message>),
    /// A problem was found.
    Anomaly(Box<Anomaly>),
    /// A conversation ended.
    Close(Box<Close>),
}
