//! Preambles before a connection's actual protocol: a PROXY header, SOCKS, a uwsgi request.
//!
//! [`Preamble`] takes both sides' first bytes and returns what they were once that is known; what follows is a
//! connection of its own. `header` parses the PROXY protocol, `socks` versions 4 and 5, and `uwsgi` the packet of that
//! name, each without state.
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

/// The endpoints of a connection according to a preamble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxied {
    /// The protocol: `proxy-v1`, `proxy-v2`, `socks4`, `socks4a`, `socks5` or `uwsgi`.
    pub protocol: &'static str,
    /// The client behind the proxy; `None` if it is not given.
    pub client: Option<Box<str>>,
    /// The server that was reached or requested.
    pub server: Option<Box<str>>,
}

/// The verdict on bytes that may be the beginning of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sniff {
    /// They are.
    Yes,
    /// They are not, whatever follows.
    No,
    /// There are too few of them to decide.
    NeedMore,
}

/// The result of parsing the beginning of bytes; `None` if there are too few.
type Parsed<T> = Option<Result<(T, usize), Invalid>>;

/// The bytes are something else, or violate the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Invalid;
