//! Bodies that carry messages: server-sent events, and requests and responses of Engine.IO's long polling.

use std::sync::Arc;

use super::body::{Body, Next};
use super::head::text_of;
use super::sniff::{Sniff, looks_like};
use super::upgrade::{self, values};
use super::{Field, Handshake, Request, Response, head};
use crate::model::{At, Lost};

/// The way in which bodies carry messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// One response, whose body is a stream of server-sent events (HTML Standard §9.2).
    Sse,
    /// Many requests and responses of Engine.IO's long polling.
    Polling,
}

/// The choice of bodies that are delivered; others are skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Streams of server-sent events.
    pub sse: bool,
    /// Engine.IO's long polling.
    pub polling: bool,
}

impl Wanted {
    /// Returns whether any bodies are delivered.
    pub const fn any(self) -> bool {
        self.sse || self.polling
    }

    /// Returns whether bodies of `carrier` are delivered.
    pub const fn has(self, carrier: Carrier) -> bool {
        match carrier {
            Carrier::Sse => self.sse,
            Carrier::Polling => self.polling,
        }
    }
}

/// An exchange whose body carries messages: its heads, as far as they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// How messages are carried.
    pub carrier: Carrier,
    /// The heads; they contain nothing about an upgrade.
    pub heads: Handshake,
}

/// A delivered part of a body that carries messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyPart {
    /// The body begins.
    Begins(Box<Exchange>),
    /// The next bytes of the body without its framing, and the packet that contained them.
    Bytes(Vec<u8>, At),
    /// Bytes are missing here.
    Gap(Lost),
    /// The body has ended.
    Ends {
        /// Whether it ended where its framing announces, or with the stream if there is no framing.
        whole: bool,
    },
}

impl Exchange {
    /// Creates an exchange from heads of HTTP/1.x.
    pub(super) fn of(
        carrier: Carrier,
        request: Option<&[u8]>,
        response: Option<&[u8]>,
        authority: Option<&str>,
    ) -> Self {
        let request = request.and_then(read_request);
        let response = response.and_then(read_response);
        let url = request.as_ref().and_then(|request| {
            let host = values(&request.headers, "Host").find(|host| !host.is_empty()).or(authority);
            url_of(&request.target, "http", host)
        });
        Exchange { carrier, heads: Handshake::of_exchange(request, response, url) }
    }
}

impl Handshake {
    /// Creates the heads of an exchange that does not request an upgrade.
    pub fn of_exchange(request: Option<Request>, response: Option<Response>, url: Option<Arc<str>>) -> Self {
        Handshake { request, response, url, accept: None, subprotocol: None, deflate: None, per_frame: false }
    }
}

/// Assembles a URL from a target, which may already be one.
pub fn url_of(target: &str, scheme: &str, host: Option<&str>) -> Option<Arc<str>> {
    if target.split_once("://").is_some_and(|(_, rest)| !rest.is_empty()) {
        return Some(target.into());
    }
    let slash = if target.starts_with('/') { "" } else { "/" };
    Some(format!("{scheme}://{}{slash}{target}", host?).into())
}

/// Returns whether a target belongs to Engine.IO's long polling: its query names the revision and the transport.
pub fn is_polling(target: &str) -> bool {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let has = |wanted: &str| query.split('&').any(|pair| pair == wanted);
    has("transport=polling") && (has("EIO=3") || has("EIO=4"))
}

/// Returns whether a media type is that of server-sent events, ignoring parameters.
pub fn is_event_stream(media_type: &str) -> bool {
    super::summary::is_event_stream(media_type.as_bytes())
}

fn read_request(bytes: &[u8]) -> Option<Request> {
    let (text, _, lines) = head::line(bytes)?;
    let line = head::request_line(text)?;
    let (method, target, version) = (text_of(line.method), text_of(line.target), text_of(line.version));
    Some(Request { method, target, version, headers: read_fields(lines) })
}

fn read_response(bytes: &[u8]) -> Option<Response> {
    let (text, _, lines) = head::line(bytes)?;
    let line = head::status_line(text)?;
    let (version, reason) = (text_of(line.version), text_of(line.reason));
    Some(Response { version, status: line.status, reason, headers: read_fields(lines) })
}

fn read_fields(lines: &[u8]) -> Vec<Field> {
    let mut all = Vec::new();
    head::walk(lines, |item| {
        if let head::Item::Field { name, value } = item {
            all.push(Field::read(name, value));
        }
    });
    all
}

/// Returns the target in the head of a request.
pub(super) fn target(head: &[u8]) -> Option<Box<str>> {
    upgrade::authority(head)
}

/// A reader of a delivered body.
#[derive(Debug)]
pub(super) struct Delivered {
    body: Body,
    /// The search for the next chunk, if the position in the chunks is lost.
    search: Option<ChunkSearch>,
}

/// The state of a delivered body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    More,
    /// The body ended; if not `whole`, what follows cannot belong to it.
    Ended {
        whole: bool,
    },
    /// The position in the stream is lost.
    Lost,
}

impl Delivered {
    pub(super) fn new(body: Body) -> Self {
        Delivered { body, search: None }
    }

    /// Reads bytes and passes the delivered ones to `each`; `fresh` means that a segment begins here.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        fresh: bool,
        mut each: impl FnMut(&[u8]),
    ) -> (usize, Progress) {
        let Some(search) = &mut self.search else {
            let (used, next) = self.body.read(bytes, each);
            return match next {
                Next::More => (used, Progress::More),
                Next::Done => (used, Progress::Ended { whole: true }),
                Next::Broken => (used, Progress::Ended { whole: false }),
            };
        };
        if fresh && looks_like(bytes) == Sniff::Response {
            return (0, Progress::Ended { whole: false });
        }
        if let Some(held) = search.push(bytes, fresh) {
            self.search = None;
            self.body = Body::CHUNKED;
            let (_, next) = self.body.read(&held, &mut each);
            if next != Next::More {
                return (bytes.len(), Progress::Ended { whole: next == Next::Done });
            }
        }
        (bytes.len(), Progress::More)
    }

    /// Notes that bytes are lost; passes the number of lost body bytes to `each`.
    pub(super) fn lose(&mut self, lost: Lost, mut each: impl FnMut(Lost)) -> Progress {
        if let Some(search) = &mut self.search {
            search.clear();
            return Progress::More;
        }
        match self.body.lose(lost) {
            Some(next) => {
                each(lost);
                if next == Next::Done { Progress::Ended { whole: true } } else { Progress::More }
            }
            None => {
                each(Lost::Unknown { least: 0 });
                if let Body::Chunked(_) = self.body {
                    self.search = Some(ChunkSearch::default());
                    return Progress::More;
                }
                Progress::Lost
            }
        }
    }

    /// Returns whether the end of the stream is also the end of the body.
    pub(super) fn ends_with_stream(&self) -> bool {
        self.body == Body::UntilClose
    }

    /// Returns the memory allocated on the heap, in bytes.
    pub(super) fn allocated(&self) -> usize {
        self.search.as_ref().map_or(0, |search| search.held.capacity())
    }
}

/// A search for the next chunk after a gap.
///
/// A chunk is recognised if it begins with a segment and its size leads exactly to the line end after its data.
#[derive(Debug, Default)]
struct ChunkSearch {
    held: Vec<u8>,
}

/// The longest chunk that is recognised, including its size line, in bytes.
const MAX_CHUNK: usize = 64 << 10;

impl ChunkSearch {
    /// Pushes bytes; returns those from the start of the chunk found.
    fn push(&mut self, bytes: &[u8], fresh: bool) -> Option<Vec<u8>> {
        if self.held.is_empty() && !fresh {
            return None;
        }
        let begins_here = fresh && self.held.is_empty();
        self.held.extend_from_slice(bytes);
        match chunk(&self.held) {
            Some(true) => Some(std::mem::take(&mut self.held)),
            Some(false) if self.held.len() <= MAX_CHUNK.saturating_mul(2) => None,
            _ => {
                self.clear();
                // A segment that does not continue a chunk may begin one.
                if fresh && !begins_here { self.push(bytes, true) } else { None }
            }
        }
    }

    fn clear(&mut self) {
        self.held = Vec::new();
    }
}

/// Returns whether `bytes` begin with a chunk; `None` if not, `Some(false)` if more bytes are needed.
fn chunk(bytes: &[u8]) -> Option<bool> {
    const LINE: usize = 64;
    let digits = bytes.iter().take(9).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let rest = bytes.get(digits..)?;
    let Some(end) = memchr::memchr(b'\n', rest.get(..LINE).unwrap_or(rest)) else {
        let may_go_on = matches!(rest, [] | [b'\r' | b';' | b' ', ..]) && digits <= 8 && rest.len() < LINE;
        return may_go_on.then_some(false);
    };
    let line = rest.get(..end)?.strip_suffix(b"\r")?;
    let is_line = matches!(line, [] | [b';' | b' ', ..]) && (1..=8).contains(&digits);
    let size = usize::from_str_radix(std::str::from_utf8(bytes.get(..digits)?).ok()?, 16).ok()?;
    if !is_line || size == 0 || size > MAX_CHUNK {
        return None;
    }
    let behind = rest.get(end.saturating_add(1)..)?.get(size..);
    match behind {
        None | Some([] | [b'\r']) => Some(false),
        Some([b'\r', b'\n', ..]) => Some(true),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(delivered: &mut Delivered, bytes: &[u8], fresh: bool) -> (Vec<u8>, usize, Progress) {
        let mut out = Vec::new();
        let (used, progress) = delivered.read(bytes, fresh, |piece| out.extend_from_slice(piece));
        (out, used, progress)
    }

    #[test]
    fn targets_of_long_polling() {
        assert!(is_polling("/socket.io/?EIO=4&transport=polling&t=abc"));
        assert!(is_polling("/x?transport=polling&EIO=3"));
        assert!(!is_polling("/socket.io/?EIO=4&transport=websocket"));
        assert!(!is_polling("/transport=polling&EIO=4"));
        assert!(!is_polling("/?EIO=5&transport=polling"));
    }

    #[test]
    fn a_chunk_is_found_behind_a_gap_where_a_segment_begins_with_it() {
        let mut it = Delivered::new(Body::CHUNKED);
        assert_eq!(read(&mut it, b"5\r\nhel", true).0, b"hel");
        let mut lost = Vec::new();
        assert_eq!(it.lose(Lost::Exact(20), |it| lost.push(it)), Progress::More);
        assert_eq!(lost, [Lost::Unknown { least: 0 }]);
        // Text, then a size that leads nowhere.
        assert_eq!(read(&mut it, b"data: x\r\n", true), (vec![], 9, Progress::More));
        assert_eq!(read(&mut it, b"3\r\nabcd\r\n", true), (vec![], 9, Progress::More));
        // A chunk in two segments, and another after it.
        assert_eq!(read(&mut it, b"4\r\nda", true).0, b"");
        assert_eq!(read(&mut it, b"ta\r\n2\r\nok\r\n0\r\n\r\n", true).0, b"dataok");
        // The body is over where the next response begins.
        let mut it = Delivered::new(Body::CHUNKED);
        it.lose(Lost::Exact(1), |_| ());
        let answer = b"HTTP/1.1 200 OK\r\n";
        assert_eq!(read(&mut it, answer, true), (vec![], 0, Progress::Ended { whole: false }));
    }

    #[test]
    fn a_loss_of_counted_bytes_is_a_gap_of_that_length() {
        let (mut lost, mut it) = (Vec::new(), Delivered::new(Body::Length(9)));
        assert_eq!(read(&mut it, b"abc", true).0, b"abc");
        assert_eq!(it.lose(Lost::Exact(4), |it| lost.push(it)), Progress::More);
        assert_eq!(it.lose(Lost::Exact(2), |it| lost.push(it)), Progress::Ended { whole: true });
        assert_eq!(lost, [Lost::Exact(4), Lost::Exact(2)]);
        assert_eq!(Delivered::new(Body::Length(9)).lose(Lost::Exact(10), |_| ()), Progress::Lost);
    }

    #[test]
    fn the_search_is_bounded() {
        let mut search = ChunkSearch::default();
        search.push(b"ffff\r\n", true);
        for _ in 0..1000 {
            search.push(&[b'x'; 1000], true);
            assert!(search.held.capacity() < MAX_CHUNK * 4);
        }
    }
}
