use std::fmt;

/// The kind of a field's values, which determines what they can be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An opcode, by name or number.
    Opcode,
    /// The client or the server.
    Side,
    /// The transport of messages.
    Transport,
    /// A whole number.
    Count,
    /// A number of bytes.
    Size,
    /// A boolean.
    Truth,
    /// Text from the handshake or a close frame.
    Text,
    /// A payload.
    Bytes,
    /// A time span.
    Span,
    /// A point in time.
    Moment,
    /// The code of an anomaly.
    Code,
    /// The severity of an anomaly.
    Severity,
    /// An IP address.
    Address,
    /// A value in a JSON body.
    Json,
}

impl Kind {
    /// Returns whether values of this kind have an order, for `<` and for ranges.
    pub const fn is_ordered(self) -> bool {
        !matches!(self, Kind::Side | Kind::Transport | Kind::Truth | Kind::Text | Kind::Bytes | Kind::Code)
    }

    /// Returns whether values of this kind can be searched by `contains` and `matches`.
    pub const fn is_searchable(self) -> bool {
        matches!(self, Kind::Text | Kind::Bytes | Kind::Code | Kind::Json)
    }

    /// Describes the valid values.
    pub const fn expects(self) -> &'static str {
        match self {
            Kind::Opcode => "an opcode: text, binary, close, ping, pong, continuation, or a number up to 15",
            Kind::Side => "client or server",
            Kind::Transport => "websocket, sse or polling",
            Kind::Count => "a whole number such as 42",
            Kind::Size => "a size such as 100, 1.5k or 2MiB",
            Kind::Truth => "true or false",
            Kind::Text => "a string in quotes",
            Kind::Bytes => "a string in quotes or bytes such as x\"dead\"",
            Kind::Span => "a duration such as 50ms, 1.5s or 2m30s",
            Kind::Moment => "a time such as 1.5s (since the capture began) or 2026-11-21T06:20:00Z",
            Kind::Code => "the code of an anomaly such as \"bad-utf8\"",
            Kind::Severity => "note, warning or error",
            Kind::Address => "an address such as 10.0.0.1 or a network such as 10.0.0.0/8",
            Kind::Json => "a JSON value: a string, a number, true, false or null",
        }
    }
}

/// Defines the list of fields: one line each.
macro_rules! fields {
    ($($variant:ident, $name:literal, $kind:ident, $about:literal;)*) => {
        /// A field that a filter can test.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Field {
            $( #[doc = concat!("`", $name, "`: ", $about, ".")] $variant, )*
        }

        impl Field {
            /// Lists every field, in the order in which they are documented.
            pub const ALL: &'static [Field] = &[$( Field::$variant ),*];

            /// Returns the name used in filters.
            pub const fn name(self) -> &'static str {
                match self { $( Field::$variant => $name, )* }
            }

            /// Returns the kind of its values.
            pub const fn kind(self) -> Kind {
                match self { $( Field::$variant => Kind::$kind, )* }
            }

            /// Returns a short description.
            pub const fn about(self) -> &'static str {
                match self { $( Field::$variant => $about, )* }
            }
        }
    };
}

fields! {
    Opcode, "opcode", Opcode, "what the message is";
    From, "from", Side, "who sent it";
    Len, "len", Size, "its payload's length, unmasked and inflated";
    Text, "text", Bytes, "its payload, where that is text";
    Payload, "payload", Bytes, "its payload, whatever it is";
    Conn, "conn", Count, "the connection's number";
    Stream, "stream", Count, "the stream's number, where a connection carries several";
    Packet, "packet", Count, "the packet's number";
    Time, "time", Moment, "when, absolute or since the capture began";
    GapBefore, "gap_before", Span, "how long its conversation was silent before it";
    Rtt, "rtt", Span, "for a pong, the time since the ping it answers";
    Latency, "latency", Span, "for a sub-protocol's answer, the time since the question";
    Heartbeat, "heartbeat", Truth, "it only keeps the connection alive, as its sub-protocol says";
    Frames, "frames", Count, "how many frames carried it";
    Fragmented, "fragmented", Truth, "more than one frame carried it";
    Compressed, "compressed", Truth, "it was sent compressed";
    Masked, "masked", Truth, "its first frame was masked";
    Complete, "complete", Truth, "all of its bytes are known";
    Framing, "framing", Text, "how its frames were found: counted from the handshake, or found by a search, after a gap or without a handshake";
    CloseCode, "close.code", Count, "the close code";
    CloseReason, "close.reason", Text, "the close reason";
    Anomaly, "anomaly", Code, "the code of an anomaly";
    Severity, "severity", Severity, "how bad an anomaly is";
    Url, "url", Text, "the conversation's URL";
    Host, "host", Text, "the URL's host, without the port";
    Path, "path", Text, "the URL's path, without the query";
    Transport, "transport", Transport, "how its conversation's messages are carried: websocket, sse or polling";
    Subprotocol, "subprotocol", Text, "the sub-protocol agreed on";
    Http, "http", Text, "the version of HTTP that opened the conversation: 1.1, 2";
    Tls, "tls", Truth, "the conversation is encrypted by TLS";
    TlsVersion, "tls.version", Text, "the version of TLS: 1.3";
    TlsSni, "tls.sni", Text, "the server's name, as the client asked TLS for it";
    TlsAlpn, "tls.alpn", Text, "the protocol that TLS agreed on: h2, http/1.1";
    ClientIp, "client.ip", Address, "the client's address";
    ClientPort, "client.port", Count, "the client's port";
    ServerIp, "server.ip", Address, "the server's address";
    ServerPort, "server.port", Count, "the server's port";
    ProxyProtocol, "proxy.protocol", Text, "how a proxy named itself: connect, proxy-v1, proxy-v2, socks4, socks4a, socks5, uwsgi";
    ProxyClient, "proxy.client", Text, "the client behind a proxy, with its port";
    ProxyServer, "proxy.server", Text, "the server that a proxy named, with its port";
    Ip, "ip", Address, "either address";
    Port, "port", Count, "either port";
}

impl Field {
    /// Returns the field called `name`; `None` if there is none.
    pub fn named(name: &str) -> Option<Field> {
        let known = Field::ALL.iter().copied().find(|field| field.name() == name);
        known.or_else(|| Field::ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, field)| *field))
    }

    /// Returns whether it is known as soon as a conversation begins, and the same for all of its rows.
    pub const fn is_of_conversation(self) -> bool {
        matches!(
            self,
            Field::Conn
                | Field::Stream
                | Field::Url
                | Field::Host
                | Field::Path
                | Field::Subprotocol
                | Field::Transport
                | Field::ClientIp
                | Field::ClientPort
                | Field::ServerIp
                | Field::ServerPort
                | Field::ProxyProtocol
                | Field::ProxyClient
                | Field::ProxyServer
                | Field::Ip
                | Field::Port
        )
    }

    /// Lists alternative names: those of Wireshark and those of NDJSON.
    pub const ALIASES: &'static [(&'static str, Field)] = &[
        ("websocket.opcode", Field::Opcode),
        ("websocket.payload", Field::Payload),
        ("websocket.payload.text", Field::Text),
        ("websocket.payload_length", Field::Len),
        ("websocket.mask", Field::Masked),
        ("ip.addr", Field::Ip),
        ("ipv6.addr", Field::Ip),
        ("tcp.port", Field::Port),
        ("frame.number", Field::Packet),
        ("frame.time_relative", Field::Time),
        ("http.host", Field::Host),
        ("length", Field::Len),
        ("delta", Field::GapBefore),
        ("rule", Field::Anomaly),
        ("http.request.full_uri", Field::Url),
        ("wire.frames", Field::Frames),
        ("wire.compressed", Field::Compressed),
        ("wire.masked", Field::Masked),
    ];

    /// Lists Wireshark names without an equivalent field, and what to use instead.
    pub const ANSWERS: &'static [(&'static str, &'static str)] = &[
        ("ip.src", "client.ip or server.ip, with from == client or from == server"),
        ("ip.dst", "client.ip or server.ip, with from == client or from == server"),
        ("tcp.srcport", "client.port or server.port, with from == client or from == server"),
        ("tcp.dstport", "client.port or server.port, with from == client or from == server"),
        ("tcp.stream", "conn, the number of the connection's first packet"),
        ("websocket.fin", "fragmented or frames"),
        ("websocket.rsv", "compressed"),
        ("websocket.rsv1", "compressed"),
        ("websocket.masking_key", "masked"),
        ("frame.time", "time, as in time >= 2026-11-21T06:20:00Z"),
        ("frame.time_epoch", "time, as in time >= 2026-11-21T06:20:00Z"),
        ("frame.len", "len, the payload's length"),
        ("frame", "text or payload"),
        ("websocket", "a test such as opcode == text: every message is of a WebSocket"),
        ("tcp", "a test such as port == 80, or -f for what tcpdump understands"),
        ("http.request.uri", "path or url"),
        ("tls.handshake.extensions_server_name", "host"),
    ];

    /// Returns what to write instead of a Wireshark name; `None` for other names.
    pub fn instead_of(name: &str) -> Option<String> {
        const LAYERS: [&str; 8] = ["websocket.", "ip.", "ipv6.", "tcp.", "frame.", "http.", "http2.", "tls."];
        if let Some((_, answer)) = Field::ANSWERS.iter().find(|(known, _)| *known == name) {
            return Some((*answer).to_owned());
        }
        LAYERS.iter().any(|layer| name.starts_with(layer)).then(|| {
            let known: Vec<_> =
                Field::ALIASES.iter().map(|(alias, _)| *alias).filter(|alias| alias.contains('.')).collect();
            format!(
                "a field such as opcode, len or text, or one of Wireshark's and NDJSON's names: {}",
                known.join(", ")
            )
        })
    }
}

/// Formats the name.
impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
