use super::held::UndecidedBytes;
use super::socks::{self, Method};
use super::{Parsed, Proxied, Sniff, header, uwsgi};
use crate::model::{At, Pair, Side};

/// The maximum number of bytes held per side: the longest version 2 header of the PROXY protocol, and data after it.
const MOST: usize = 128 << 10;

/// The final result of a [`Preamble`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// A connection of its own follows, beginning with the bytes from [`Preamble::take`].
    Through(Proxied),
    /// A web server's request was parsed: [`Preamble::take`] returns its head as HTTP/1.1, and HTTP follows.
    Request(Proxied),
    /// The proxy refused: nothing follows.
    Refused(Proxied),
    /// It is something else: [`Preamble::take`] returns all of it.
    Other,
}

/// The first bytes of a connection, as long as they may be a preamble.
///
/// ```text
///            ┌─► PROXY header ─────────────────────────────────────────────┐
///   First ───┼─► uwsgi request ────────────────────────────────────────────┼─► Output, over
///            ├─► Request4 ──► Reply4 ──────────────────────────────────────┤
///            └─► Greeting ─► Method ─┬──────────────► Request5 ──► Reply5 ─┘
///                                    └─► Password ─► PasswordReply ─┘
/// ```
///
/// The bytes of one step may be followed by more: clients need not wait for the responses.
#[derive(Debug, Default)]
pub struct Preamble {
    state: State,
    held: Pair<UndecidedBytes>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    First,
    V1,
    V2,
    Uwsgi,
    Request4,
    Reply4(Proxied),
    Greeting,
    Method,
    Password,
    PasswordReply,
    Request5,
    Reply5(Proxied),
    Over,
}

/// A state transition.
enum Step {
    /// Consumes this many bytes of a side.
    To(State, Side, usize),
    End(Output, Side, usize),
    NeedMore,
}

/// Returns whether a client's first bytes may be a preamble.
pub fn looks_like(bytes: &[u8]) -> Sniff {
    let all = [header::begins_v1(bytes), header::begins_v2(bytes), uwsgi::begins(bytes), begins_socks(bytes)];
    if all.contains(&Sniff::Yes) {
        Sniff::Yes
    } else if all.contains(&Sniff::NeedMore) {
        Sniff::NeedMore
    } else {
        Sniff::No
    }
}

/// Returns whether the bytes certainly begin with a PROXY header, even mid-stream.
pub fn is_header(bytes: &[u8]) -> bool {
    let line = header::begins_v1(bytes) == Sniff::Yes && matches!(header::v1(bytes), Some(Ok(_)));
    line || header::begins_v2(bytes) == Sniff::Yes
}

/// Returns whether the bytes may begin with a SOCKS 4 request or a SOCKS 5 greeting.
fn begins_socks(bytes: &[u8]) -> Sniff {
    let parsed = match bytes.first() {
        Some(4) => socks::request4(bytes).map(|it| it.is_ok()),
        Some(5) => socks::greeting(bytes).map(|it| it.is_ok()),
        Some(_) => Some(false),
        None => None,
    };
    match parsed {
        Some(true) => Sniff::Yes,
        Some(false) => Sniff::No,
        None => Sniff::NeedMore,
    }
}

impl Preamble {
    /// Creates a preamble for a connection whose first bytes come next.
    pub fn new() -> Self {
        Preamble::default()
    }

    /// Processes bytes of one side from packet `at`; returns the result once it is known.
    pub fn push(&mut self, side: Side, bytes: &[u8], at: At) -> Option<Output> {
        self.held[side].push(bytes, at);
        loop {
            match self.step() {
                Step::To(state, side, length) => {
                    self.held[side].consume(length);
                    self.state = state;
                }
                Step::End(output, side, length) => {
                    self.held[side].consume(length);
                    self.state = State::Over;
                    return Some(output);
                }
                Step::NeedMore => break,
            }
        }
        let full = Side::BOTH.iter().any(|side| self.held[*side].bytes().len() > MOST);
        full.then(|| self.give_up())
    }

    /// Ends the preamble, because no more bytes will come or some are missing: if incomplete, it is something else.
    pub fn give_up(&mut self) -> Output {
        self.state = State::Over;
        Output::Other
    }

    /// Removes and returns the bytes that a side sent after the preamble, or all if there is none, one piece per
    /// packet.
    pub fn take(&mut self, side: Side) -> Vec<(Vec<u8>, At)> {
        self.held[side].take()
    }

    /// Returns the heap memory it uses, in bytes.
    pub fn allocated(&self) -> usize {
        self.held.client.allocated().saturating_add(self.held.server.allocated())
    }

    fn step(&mut self) -> Step {
        let (client, server) = (self.held.client.bytes(), self.held.server.bytes());
        match &self.state {
            State::First => first(client, server),
            State::V1 => ended(header::v1(client), Output::Through),
            State::V2 => ended(header::v2(client), Output::Through),
            State::Uwsgi => match uwsgi::request(client) {
                Some(Ok((request, length))) => {
                    let uwsgi::Request { head, client, server } = request;
                    self.held.client.consume(length);
                    self.held.client.replace_used(&head);
                    Step::End(Output::Request(Proxied { protocol: "uwsgi", client, server }), Side::Client, 0)
                }
                parsed => ended(parsed.map(|it| it.map(|_| (none("uwsgi"), 0))), Output::Request),
            },
            State::Request4 => next(socks::request4(client), Side::Client, |request| {
                let protocol = if request.by_name { "socks4a" } else { "socks4" };
                State::Reply4(Proxied { server: Some(request.target), ..none(protocol) })
            }),
            State::Reply4(proxied) => granted(socks::reply4(server), proxied),
            State::Greeting => next(socks::greeting(client), Side::Client, |()| State::Method),
            State::Method => match socks::method(server) {
                Some(Ok((Method::Refused, length))) => {
                    Step::End(Output::Refused(none("socks5")), Side::Server, length)
                }
                parsed => next(parsed, Side::Server, |method| match method {
                    Method::Password => State::Password,
                    Method::None | Method::Refused => State::Request5,
                }),
            },
            State::Password => next(socks::password(client), Side::Client, |()| State::PasswordReply),
            State::PasswordReply => match socks::password_reply(server) {
                Some(Ok((false, length))) => Step::End(Output::Refused(none("socks5")), Side::Server, length),
                parsed => next(parsed, Side::Server, |_| State::Request5),
            },
            State::Request5 => next(socks::request5(client), Side::Client, |request| {
                State::Reply5(Proxied { server: Some(request.target), ..none("socks5") })
            }),
            State::Reply5(proxied) => granted(socks::reply5(server), proxied),
            State::Over => Step::NeedMore,
        }
    }
}

const fn none(protocol: &'static str) -> Proxied {
    Proxied { protocol, client: None, server: None }
}

/// Determines the kind of preamble from the client's first bytes. If the server sends first, there is none.
fn first(client: &[u8], server: &[u8]) -> Step {
    if client.is_empty() && !server.is_empty() {
        return Step::End(Output::Other, Side::Client, 0);
    }
    let begins = [
        (header::begins_v1(client), State::V1),
        (header::begins_v2(client), State::V2),
        (uwsgi::begins(client), State::Uwsgi),
        (begins_socks(client), if client.first() == Some(&4) { State::Request4 } else { State::Greeting }),
    ];
    let needs_more = begins.iter().any(|(sniff, _)| *sniff == Sniff::NeedMore);
    match begins.into_iter().find(|(sniff, _)| *sniff == Sniff::Yes) {
        Some((_, state)) => Step::To(state, Side::Client, 0),
        None if needs_more => Step::NeedMore,
        None => Step::End(Output::Other, Side::Client, 0),
    }
}

/// Moves to the next state according to a parser's result.
fn next<T>(parsed: Parsed<T>, side: Side, state: impl FnOnce(T) -> State) -> Step {
    match parsed {
        Some(Ok((value, length))) => Step::To(state(value), side, length),
        Some(Err(_)) => Step::End(Output::Other, side, 0),
        None => Step::NeedMore,
    }
}

/// Ends with a parser's result for the client.
fn ended(parsed: Parsed<Proxied>, output: fn(Proxied) -> Output) -> Step {
    match parsed {
        Some(Ok((proxied, length))) => Step::End(output(proxied), Side::Client, length),
        Some(Err(_)) => Step::End(Output::Other, Side::Client, 0),
        None => Step::NeedMore,
    }
}

/// Ends depending on whether the server granted the request.
fn granted(parsed: Parsed<bool>, proxied: &Proxied) -> Step {
    match parsed {
        Some(Ok((true, length))) => Step::End(Output::Through(proxied.clone()), Side::Server, length),
        Some(Ok((false, length))) => Step::End(Output::Refused(proxied.clone()), Side::Server, length),
        Some(Err(_)) => Step::End(Output::Other, Side::Server, 0),
        None => Step::NeedMore,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GET: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
    const OK: &[u8] = b"HTTP/1.1 101 x\r\n\r\n";

    /// Runs a dialogue in which each turn is split into pieces of `size` bytes.
    fn run(turns: &[(Side, &[u8])], size: usize) -> (Option<Output>, [Vec<u8>; 2]) {
        let mut preamble = Preamble::new();
        let mut output = None;
        let mut rest = [Vec::new(), Vec::new()];
        for (packet, (side, bytes)) in turns.iter().enumerate() {
            for piece in bytes.chunks(size) {
                let at = At { packet: packet as u64 + 1, ..At::default() };
                if output.is_some() {
                    rest[usize::from(*side == Side::Server)].extend_from_slice(piece);
                    continue;
                }
                output = preamble.push(*side, piece, at);
                if output.is_some() {
                    for side in Side::BOTH {
                        let all = preamble.take(side).into_iter().flat_map(|(bytes, _)| bytes);
                        rest[usize::from(side == Side::Server)].extend(all);
                    }
                }
            }
        }
        (output, rest)
    }

    /// Checks the result of a dialogue split in every way, and that the bytes after it are complete.
    fn check(turns: &[(Side, &[u8])], expected: &Output, behind: [&[u8]; 2]) {
        for size in [1, 2, 3, 7, 1000] {
            let (output, rest) = run(turns, size);
            assert_eq!(output.as_ref(), Some(expected), "{turns:?} {size}");
            assert_eq!([&rest[0][..], &rest[1][..]], behind, "{size}");
        }
    }

    fn through(protocol: &'static str, client: Option<&str>, server: Option<&str>) -> Output {
        Output::Through(Proxied { protocol, client: client.map(Into::into), server: server.map(Into::into) })
    }

    use Side::{Client, Server};

    #[test]
    fn a_proxy_header_in_its_own_segment_or_not() {
        let line: &[u8] = b"PROXY TCP4 192.0.2.7 10.0.0.1 56324 8080\r\n";
        let told = through("proxy-v1", Some("192.0.2.7:56324"), Some("10.0.0.1:8080"));
        check(&[(Client, line), (Client, GET), (Server, OK)], &told, [GET, OK]);
        check(&[(Client, &[line, GET].concat())], &told, [GET, b""]);
        let binary =
            [&header::V2_SIGNATURE[..], b"\x21\x11\x00\x0c\xc0\x00\x02\x07\x0a\0\0\x01\xdc\x04\x1f\x90", GET];
        let told = through("proxy-v2", Some("192.0.2.7:56324"), Some("10.0.0.1:8080"));
        check(&[(Client, &binary.concat())], &told, [GET, b""]);
    }

    #[test]
    fn socks_4_and_4a() {
        let asked: &[u8] = b"\x04\x01\x00\x50\x0a\0\0\x09me\0";
        let yes: &[u8] = b"\0\x5a\0\0\0\0\0\0";
        let told = through("socks4", None, Some("10.0.0.9:80"));
        check(&[(Client, asked), (Server, yes), (Client, GET), (Server, OK)], &told, [GET, OK]);
        let named: &[u8] = b"\x04\x01\x00\x50\0\0\0\x07\0h.example\0";
        check(&[(Client, named), (Server, yes)], &through("socks4a", None, Some("h.example:80")), [b"", b""]);
        let no: &[u8] = b"\0\x5b\0\0\0\0\0\0";
        let refused = Output::Refused(Proxied { server: Some("10.0.0.9:80".into()), ..none("socks4") });
        check(&[(Client, asked), (Server, no)], &refused, [b"", b""]);
    }

    #[test]
    fn socks_5_with_and_without_a_password_and_all_at_once() {
        let (ask, yes): (&[u8], &[u8]) = (b"\x05\x01\0\x03\x01h\0\x50", b"\x05\0\0\x01\0\0\0\0\0\0");
        let told = through("socks5", None, Some("h:80"));
        let plain =
            [(Client, &b"\x05\x01\0"[..]), (Server, b"\x05\0"), (Client, ask), (Server, yes), (Client, GET)];
        check(&plain, &told, [GET, b""]);
        let password = [
            (Client, &b"\x05\x02\0\x02"[..]),
            (Server, b"\x05\x02"),
            (Client, b"\x01\x02me\x02pw"),
            (Server, b"\x01\0"),
            (Client, ask),
            (Server, yes),
            (Client, GET),
        ];
        check(&password, &told, [GET, b""]);
        let eager = [b"\x05\x01\0", ask, GET].concat();
        check(&[(Client, &eager), (Server, &[b"\x05\0", yes, OK].concat())], &told, [GET, OK]);
        let denied = [
            (Client, &b"\x05\x01\x02"[..]),
            (Server, b"\x05\x02"),
            (Client, b"\x01\x01a\x01b"),
            (Server, b"\x01\x01"),
        ];
        check(&denied, &Output::Refused(none("socks5")), [b"", b""]);
    }

    #[test]
    fn a_uwsgi_request_gives_the_head_that_it_was_made_from() {
        let packet = b"\0\x1b\0\0\x0e\0REQUEST_METHOD\x03\0GET\x00\x00\x00\x00";
        let mut packet = packet.to_vec();
        packet[1] = u8::try_from(packet.len() - 4).unwrap();
        let head: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
        check(&[(Client, &packet), (Server, OK)], &Output::Request(none("uwsgi")), [head, OK]);
    }

    #[test]
    fn what_is_something_else_is_given_back_whole() {
        let others: [&[u8]; 6] = [
            GET,
            b"\x16\x03\x01\x02\0\x01",
            b"\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            b"PROXY rules\r\n",
            b"\x05\0abcdef",
            b"\0\0\0\0\0\0\0\0",
        ];
        for bytes in others {
            check(&[(Client, bytes)], &Output::Other, [bytes, b""]);
        }
        // A server that sends first, and one that responds to SOCKS with something else.
        check(&[(Server, b"220 mail\r\n")], &Output::Other, [b"", b"220 mail\r\n"]);
        let (output, _) = run(&[(Client, b"\x05\x01\0"), (Server, b"HTTP/1.1 400 x\r\n")], 1000);
        assert_eq!(output, Some(Output::Other));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic_and_every_cutting_gives_the_same(
            start in prop::sample::select(vec![&b""[..], b"PROXY ", &header::V2_SIGNATURE, b"\x04\x01\0\x50", b"\x05\x01\0", b"\0\x20\0\0\x04\0ABCD"]),
            bytes in prop::collection::vec(any::<u8>(), 0..120), answer in prop::collection::vec(any::<u8>(), 0..20), size in 1_usize..20,
        ) {
            let client = [start, &bytes].concat();
            let turns = [(Client, &client[..]), (Server, &answer[..])];
            let (whole, rest) = run(&turns, 1000);
            let (cut, cut_rest) = run(&turns, size);
            prop_assert_eq!(&whole, &cut);
            if whole.is_some() {
                prop_assert_eq!(rest, cut_rest);
            }
        }
    }
}
