//! What may stand before a connection's real bytes: a PROXY header, SOCKS, a uwsgi request.
//!
//! [`Preamble`] takes both sides' first bytes and says, once it is known, what they were; what follows is a connection
//! of its own. `header` reads the PROXY protocol, `socks` versions 4 and 5, `uwsgi` the packet of that name, each
//! without state.
//!
//! ```
//! use wirefin::model::{At, Side};
//! use wirefin::proxy::{Output, Preamble};
//!
//! let mut preamble = Preamble::new();
//! let bytes = b"PROXY TCP4 192.0.2.1 198.51.100.7 40000 443\r\nGET / HTTP/1.1\r\n";
//! let Some(Output::Through(proxied)) = preamble.push(Side::Client, bytes, At::default()) else {
//!     panic!("the header is whole")
//! };
//! assert_eq!(proxied.client.as_deref(), Some("192.0.2.1:40000"));
//! ```

mod header;
mod held;
mod preamble;
mod socks;
mod uwsgi;

pub use header::V2_SIGNATURE;
pub use preamble::{Output, Preamble, is_header, looks_like};

/// The ends of a connection as a preamble names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxied {
    /// How it said so: `proxy-v1`, `proxy-v2`, `socks4`, `socks4a`, `socks5` or `uwsgi`.
    pub protocol: &'static str,
    /// The client behind the proxy; `None` where it is not named.
    pub client: Option<Box<str>>,
    /// The server that was reached, or asked for.
    pub server: Option<Box<str>>,
}

/// The verdict on bytes that may be the beginning of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sniff {
    /// They are.
    Yes,
    /// They are not, whatever follows.
    No,
    /// They are too few to tell.
    NeedMore,
}

/// The result of a parser at the beginning of bytes: `None` where they are too few.
type Parsed<T> = Option<Result<(T, usize), Invalid>>;

/// The bytes are of something else, or break the rules of what they seem to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Invalid;
