//! Types shared by all modules.
//!
//! Nothing here parses or depends on a protocol module; only `std` is used.
//!
//! ```
//! use wirefin::model::{Pair, Seq, Side};
//!
//! let mut bytes = Pair { client: 0, server: 0 };
//! bytes[Side::Client] += 100;
//! bytes[!Side::Client] += 7;
//! assert_eq!((bytes.client, bytes.server), (100, 7));
//! assert!(Seq(u32::MAX).before(Seq(u32::MAX).plus(2)), "sequence numbers wrap");
//! ```

mod anomaly;
mod checksum;
mod deflate;
mod endpoint;
mod key_origin;
mod lost;
mod packet;
mod segment;
mod seq;
mod side;
mod time;

pub use anomaly::{Anomaly, Evidence, Rule, Severity};
pub use checksum::Checksum;
pub use deflate::DeflateSide;
pub use endpoint::{Endpoint, FlowKey, Tunnel};
pub use key_origin::KeyOrigin;
pub use lost::Lost;
pub use packet::{At, LinkType, Packet};
pub use segment::{Flags, Flow, Segment, SenderClock};
pub use seq::Seq;
pub use side::{Pair, Side};
pub use time::Timestamp;
