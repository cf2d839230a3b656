//! Bytes in order → messages (RFC 6455 §5–7, RFC 7692).
//!
//! Small machines, each on its own: [`Header`] is parsed by nom and knows nothing else; frames are cut from the
//! bytes; messages are joined from frames; `deflate` inflates them; `close` reads how it ended. None of them
//! knows TCP: bytes come in order, lost ones as gaps of known length.

pub mod close;
pub mod deflate;
mod frames;
mod header;
mod hixie;
pub mod mask;
mod payload;
mod pings;
mod rules;
mod utf8;

pub use close::CloseBody;
pub use frames::{Frames, Piece, Taken};
pub use header::{Header, Opcode};
pub use hixie::{Hixie, HixieFrame};
pub use payload::{MAX_MISSING, Missing, Payload};
pub use pings::{Answered, PayloadNovelty, Pings, Unanswered};
pub use rules::{Context, Rsv1, Rules};
pub use utf8::Utf8;
