//! Decoding of a byte stream into messages (RFC 6455 §5–7, RFC 7692).
//!
//! It consists of small, independent state machines: [`Header`] is parsed with nom; [`Frames`] splits the bytes into
//! frames; [`Payload`] joins frames into messages; `deflate` inflates them; `close` parses close frames. None of them
//! knows about TCP: bytes arrive in order, and lost ones as gaps of known length.
//!
//! ```
//! use wirefin::websocket::mask::unmask;
//! use wirefin::websocket::{Frames, Opcode, Piece};
//!
//! // The masked "Hello" of RFC 6455 §5.7.
//! let mut input = &[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58][..];
//! let mut frames = Frames::default();
//! let Some(Piece::Header { header, .. }) = frames.next(&mut input) else { panic!("the header is whole") };
//! assert_eq!((header.opcode, header.fin, header.length), (Opcode::TEXT, true, 5));
//! let Some(Piece::Payload { bytes, position }) = frames.next(&mut input) else { panic!("so is the payload") };
//! let mut text = bytes.to_vec();
//! unmask(&mut text, header.mask.unwrap_or_default(), position);
//! assert_eq!(text, b"Hello");
//! ```

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
