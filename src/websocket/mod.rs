//! Bytes in order → messages (RFC 6455 §5–7, RFC 7692).
//!
//! Small machines, each on its own: [`Header`] is parsed by nom and knows nothing else; frames are cut from the
//! bytes; messages are joined from frames; `deflate` inflates them; `close` reads how it ended. None of them
//! knows TCP: bytes come in order, lost ones as gaps of known length.

mod header;
mod frames;
pub mod mask;
mod payload;
mod utf8;

pub use frames::{Frames, Piece, Taken};
pub use header::{Header, Opcode};
pub use payload::{Missing, Payload};
pub use utf8::Utf8;

/// Is the body of a close frame (RFC 6455 §5.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseBody<'a> {
    /// The code; 1005 stands for none.
    pub code: u16,
    /// The reason, as far as it is UTF-8.
    pub reason: &'a str,
}
