use std::borrow::Cow;
use std::fmt;

/// Grades an [`Anomaly`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The capture's own limits or ours: nobody on the wire did wrong.
    Note,
    /// A SHOULD was broken, or something is suspicious.
    Warning,
    /// A MUST was broken.
    Error,
}

impl Severity {
    /// Lists all grades, the worst last.
    pub const ALL: [Severity; 3] = [Severity::Note, Severity::Warning, Severity::Error];

    /// Returns the word used in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// One value of an anomaly's evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence<'a> {
    /// A count, length, offset or code.
    Number(u64),
    /// Text, which may come from the wire: escape it before it reaches a terminal.
    Text(Cow<'a, str>),
}

trait AsEvidence {
    fn as_evidence(&self) -> Option<Evidence<'_>>;
}

macro_rules! number_evidence {
    ($($number:ty)*) => {$(
        impl AsEvidence for $number {
            fn as_evidence(&self) -> Option<Evidence<'_>> {
                Some(Evidence::Number(u64::from(*self)))
            }
        }
    )*};
}
number_evidence!(u8 u16 u32 u64);

impl AsEvidence for Box<str> {
    fn as_evidence(&self) -> Option<Evidence<'_>> {
        Some(Evidence::Text(Cow::Borrowed(self)))
    }
}

impl AsEvidence for &'static str {
    fn as_evidence(&self) -> Option<Evidence<'_>> {
        Some(Evidence::Text(Cow::Borrowed(self)))
    }
}

impl<T: AsEvidence> AsEvidence for Option<T> {
    fn as_evidence(&self) -> Option<Evidence<'_>> {
        self.as_ref().and_then(AsEvidence::as_evidence)
    }
}

/// Declares every anomaly once: variant, evidence, code, severity, the RFC section and the sentence shown.
macro_rules! anomalies {
    ($(
        $(#[doc = $doc:literal])+
        $variant:ident { $( $(#[$field_doc:meta])* $field:ident : $type:ty ),* $(,)? }
            = $code:literal, $severity:ident, $spec:expr, $text:literal;
    )*) => {
        /// Name of what was wrong, with the evidence: one variant a broken rule or a limit of the capture.
        ///
        /// The code of a variant is stable and never reused.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Anomaly {
            $( $(#[doc = $doc])+ $variant { $( $(#[$field_doc])* $field: $type ),* }, )*
        }

        impl Anomaly {
            /// Lists every code there is, with its severity and the place of the rule.
            pub const ALL: &'static [(&'static str, Severity, Option<&'static str>)] =
                &[$( ($code, Severity::$severity, $spec) ),*];

            /// Says in one sentence each, in the order of [`Anomaly::ALL`], what is wrong.
            pub const SENTENCES: &'static [&'static str] = &[$( $text ),*];

            /// Returns each rule as its document says it, or in our words, in the order of [`Anomaly::ALL`].
            pub const RULES: &'static [&'static str] = &[$( concat!($($doc),+) ),*];

            /// Names the pieces of evidence of each, in the order of [`Anomaly::ALL`].
            pub const EVIDENCE: &'static [&'static [&'static str]] = &[$( &[$( stringify!($field) ),*] ),*];

            /// Returns the stable kebab-case name.
            pub const fn code(&self) -> &'static str {
                match self { $( Anomaly::$variant { .. } => $code, )* }
            }

            /// Returns how bad it is.
            pub const fn severity(&self) -> Severity {
                match self { $( Anomaly::$variant { .. } => Severity::$severity, )* }
            }

            /// Returns where the rule stands; `None` for what no document rules.
            pub const fn spec(&self) -> Option<&'static str> {
                match self { $( Anomaly::$variant { .. } => $spec, )* }
            }

            /// Returns the rule that was broken as its document says it, or in our words; with the place.
            pub const fn rule(&self) -> &'static str {
                match self { $( Anomaly::$variant { .. } => concat!($($doc),+), )* }
            }

            /// Calls `each` with the name and the value of every piece of evidence, in a fixed order.
            pub fn evidence<'a>(&'a self, #[allow(unused)] mut each: impl FnMut(&'static str, Evidence<'a>)) {
                match self {
                    $( Anomaly::$variant { $( $field ),* } => {
                        $( if let Some(value) = $field.as_evidence() { each(stringify!($field), value); } )*
                    } )*
                }
            }
        }

        /// Says in one sentence what was wrong, without the evidence.
        impl fmt::Display for Anomaly {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $( Anomaly::$variant { .. } => $text, )* })
            }
        }
    };
}

anomalies! {
    // The handshake.
    /// "The method of the request MUST be GET" (RFC 6455 §4.1).
    BadMethod { /// The method found.
        method: Box<str> }
        = "bad-method", Error, Some("RFC 6455 §4.1"), "the upgrade request's method is not GET";
    /// "the HTTP version MUST be at least 1.1" (RFC 6455 §4.1).
    BadHttpVersion { /// The version found.
        version: Box<str> }
        = "bad-http-version", Error, Some("RFC 6455 §4.1"), "the handshake's HTTP version is below 1.1";
    /// A header field the handshake needs is not there (RFC 6455 §4.1, §4.2.2).
    MissingHeader { /// The field's name.
        name: &'static str }
        = "missing-header", Error, Some("RFC 6455 §4.1"), "a header field that the handshake needs is missing";
    /// A header field that may stand only once stands again (RFC 6455 §11.3).
    RepeatedHeader { /// The field's name.
        name: &'static str, /// How often it stands.
        count: u32 }
        = "repeated-header", Error, Some("RFC 6455 §11.3"), "a header field that may stand once is repeated";
    /// "an |Upgrade| header field whose value MUST include the websocket keyword" (RFC 6455 §4.1).
    BadUpgradeHeader { /// The value found.
        found: Box<str> }
        = "bad-upgrade-header", Error, Some("RFC 6455 §4.1"), "the Upgrade header does not name websocket";
    /// "a |Connection| header field whose value MUST include the Upgrade token" (RFC 6455 §4.1).
    BadConnectionHeader { /// The value found.
        found: Box<str> }
        = "bad-connection-header", Error, Some("RFC 6455 §4.1"), "the Connection header does not hold the token Upgrade";
    /// The key must be 16 bytes in base64 (RFC 6455 §4.1).
    BadKey { /// The key found.
        key: Box<str>, /// How many bytes it decodes to, where it is base64 at all.
        decoded_length: Option<u64> }
        = "bad-key", Error, Some("RFC 6455 §4.1"), "Sec-WebSocket-Key is not 16 bytes in base64";
    /// "The value of this header field MUST be 13" (RFC 6455 §4.1).
    BadWebSocketVersion { /// The version found.
        version: Box<str> }
        = "bad-websocket-version", Error, Some("RFC 6455 §4.1"), "Sec-WebSocket-Version is not 13";
    /// The accept value is not the hash of the key (RFC 6455 §4.2.2).
    AcceptMismatch { /// The key of the request.
        key: Box<str>, /// The value found.
        found: Box<str>, /// The value that the key demands.
        expected: Box<str>, /// The known mistake that makes the value found.
        cause: Option<Box<str>> }
        = "accept-mismatch", Error, Some("RFC 6455 §4.2.2"), "Sec-WebSocket-Accept does not answer the key";
    /// The server chose a sub-protocol that the client did not offer (RFC 6455 §4.1).
    SubprotocolNotOffered { /// The one chosen.
        found: Box<str>, /// Those offered, joined by commas.
        offered: Box<str> }
        = "subprotocol-not-offered", Error, Some("RFC 6455 §4.1"), "the server chose a sub-protocol that was not offered";
    /// The names offered "MUST all be unique strings" and tokens (RFC 6455 §4.1).
    BadSubprotocolHeader { /// The value found.
        found: Box<str>, /// What is wrong with it.
        problem: &'static str }
        = "bad-subprotocol-header", Error, Some("RFC 6455 §4.1"), "Sec-WebSocket-Protocol does not follow its grammar";
    /// The server answered with an extension that the client did not offer (RFC 6455 §4.1, §9.1).
    ExtensionNotOffered { /// The extension as the server wrote it.
        found: Box<str> }
        = "extension-not-offered", Error, Some("RFC 6455 §9.1"), "the server accepted an extension that was not offered";
    /// The server accepted an extension twice, or two that claim the same bit (RFC 7692 §5).
    ExtensionAcceptedTwice { /// The second one as the server wrote it.
        found: Box<str> }
        = "extension-accepted-twice", Error, Some("RFC 7692 §5"), "the server accepted an extension twice, or two that exclude each other";
    /// An extension list does not follow its grammar (RFC 6455 §9.1).
    BadExtensionHeader { /// The value found.
        found: Box<str> }
        = "bad-extension-header", Error, Some("RFC 6455 §9.1"), "Sec-WebSocket-Extensions does not follow its grammar";
    /// A `permessage-deflate` parameter is unknown, repeated, has an illegal value, or was not offered (RFC 7692 §7.1).
    BadDeflateParameter { /// The parameter as found.
        found: Box<str>, /// What is wrong with it.
        problem: &'static str }
        = "bad-deflate-parameter", Error, Some("RFC 7692 §7.1"), "a permessage-deflate parameter is not legal";
    /// "A server that receives obs-fold … MUST either reject … or replace" (RFC 9112 §5.2).
    FoldedHeader { /// The field's name, empty where no field came before.
        name: Box<str> }
        = "folded-header", Warning, Some("RFC 9112 §5.2"), "a header line is folded";
    /// A head line ends in LF alone (RFC 9112 §2.2).
    BareLineFeed {}
        = "bare-line-feed", Warning, Some("RFC 9112 §2.2"), "a line of the head ends in LF without CR";
    /// A head line is not a header field (RFC 9112 §5).
    MalformedHeader { /// The line, cut to a bounded length.
        line: Box<str> }
        = "malformed-header", Error, Some("RFC 9112 §5"), "a line of the head is not a header field";
    /// White space stands between a field's name and its colon (RFC 9112 §5.1).
    SpaceBeforeColon { /// The field's name.
        name: Box<str> }
        = "space-before-colon", Error, Some("RFC 9112 §5.1"), "white space stands before a header's colon";
    /// The client sent bytes before the server answered its handshake (RFC 6455 §4.1).
    DataBeforeHandshake { /// How many bytes.
        bytes: u64 }
        = "data-before-handshake", Error, Some("RFC 6455 §4.1"), "the client sent data before the server's answer";
    /// The handshake is one of the drafts before RFC 6455 (hixie-75, hixie-76), whose frames are others.
    OldProtocol {}
        = "old-protocol", Note, Some("RFC 6455 §1.3"), "the handshake and its frames follow a draft before RFC 6455";
    /// "A server MUST NOT send a Content-Length header field in any response with a status code of 1xx" (RFC 9110 §8.6).
    ContentLengthIn101 { /// The value found.
        found: Box<str> }
        = "content-length-in-101", Error, Some("RFC 9110 §8.6"), "the 101 has a Content-Length";
    /// "A server MUST NOT send a Transfer-Encoding header field in any response with a status code of 1xx" (RFC 9112 §6.1).
    TransferEncodingIn101 { /// The value found.
        found: Box<str> }
        = "transfer-encoding-in-101", Error, Some("RFC 9112 §6.1"), "the 101 has a Transfer-Encoding";
    /// What follows a 101 is frames alone: they come in chunks, as its Transfer-Encoding says, and no client expects them there (RFC 9112 §6.1).
    ChunkedFrames {}
        = "chunked-frames", Error, Some("RFC 9112 §6.1"), "the server sends its frames in chunks";
    /// The connection was upgraded to another protocol than WebSocket, which is not decoded (RFC 9110 §7.8).
    OtherUpgrade { /// The protocol.
        found: Box<str> }
        = "other-upgrade", Note, Some("RFC 9110 §7.8"), "the connection was upgraded to another protocol";
    /// An HTTP response stands where a frame should be: two servers answered one upgrade (RFC 6455 §5.2).
    HttpInStream { /// Where in the sender's WebSocket bytes.
        offset: u64, /// Its status line.
        found: Box<str> }
        = "http-in-stream", Error, Some("RFC 6455 §5.2"), "an HTTP response stands where a frame should be";
    /// What follows an upgrade without a key is no frame (RFC 6455 §5.2).
    NotWebSocket { /// Its first bytes, in hex.
        found: Box<str> }
        = "not-websocket", Error, Some("RFC 6455 §5.2"), "what follows the upgrade is not WebSocket";
    /// The server refused with 426 but named no version (RFC 6455 §4.4).
    RefusedWithoutVersion {}
        = "refused-without-version", Error, Some("RFC 6455 §4.4"), "a 426 refusal names no Sec-WebSocket-Version";

    // Frames.
    /// "a client MUST mask all frames that it sends to the server" (RFC 6455 §5.1).
    UnmaskedClientFrame { /// The frame's place in the client's WebSocket bytes.
        offset: u64 }
        = "unmasked-client-frame", Error, Some("RFC 6455 §5.1"), "a client frame is not masked";
    /// "A server MUST NOT mask any frames that it sends to the client" (RFC 6455 §5.1).
    MaskedServerFrame { /// The frame's place in the server's WebSocket bytes.
        offset: u64 }
        = "masked-server-frame", Error, Some("RFC 6455 §5.1"), "a server frame is masked";
    /// A key of four zero bytes masks nothing (RFC 6455 §5.3, §10.3).
    ZeroMaskKey { /// The frame's place.
        offset: u64 }
        = "zero-mask-key", Warning, Some("RFC 6455 §5.3"), "the masking key is zero";
    /// "a fresh masking key" for each frame: the same key came again at once (RFC 6455 §5.3).
    RepeatedMaskKey { /// The frame's place.
        offset: u64, /// The key in hex.
        mask: Box<str> }
        = "repeated-mask-key", Warning, Some("RFC 6455 §5.3"), "a masking key is used again";
    /// An RSV bit is set and no extension that was agreed on gives it a meaning (RFC 6455 §5.2).
    RsvWithoutExtension { /// The three bits, RSV1 being 4.
        rsv: u8, /// The frame's place.
        offset: u64 }
        = "rsv-without-extension", Error, Some("RFC 6455 §5.2"), "an RSV bit is set without an extension that defines it";
    /// RSV1 on a continuation frame (RFC 7692 §6.1).
    Rsv1OnContinuation { /// The frame's place.
        offset: u64 }
        = "rsv1-on-continuation", Error, Some("RFC 7692 §6.1"), "RSV1 is set on a continuation frame";
    /// RSV1 on a control frame (RFC 7692 §6.1).
    Rsv1OnControl { /// The opcode's name.
        opcode: &'static str, /// The frame's place.
        offset: u64 }
        = "rsv1-on-control", Error, Some("RFC 7692 §6.1"), "RSV1 is set on a control frame";
    /// The opcode has no meaning (RFC 6455 §5.2).
    ReservedOpcode { /// The opcode.
        opcode: u8, /// The frame's place.
        offset: u64 }
        = "reserved-opcode", Error, Some("RFC 6455 §5.2"), "the opcode is reserved";
    /// "Control frames themselves MUST NOT be fragmented" (RFC 6455 §5.4).
    FragmentedControl { /// The opcode's name.
        opcode: &'static str, /// The frame's place.
        offset: u64 }
        = "fragmented-control", Error, Some("RFC 6455 §5.4"), "a control frame is fragmented";
    /// "All control frames MUST have a payload length of 125 bytes or less" (RFC 6455 §5.5).
    ControlTooLong { /// The opcode's name.
        opcode: &'static str, /// The declared length.
        length: u64, /// The frame's place.
        offset: u64 }
        = "control-too-long", Error, Some("RFC 6455 §5.5"), "a control frame is longer than 125 bytes";
    /// "The fragments of one message MUST NOT be interleaved between the fragments of another" (RFC 6455 §5.4).
    MessageInsideMessage { /// The frame's place.
        offset: u64 }
        = "message-inside-message", Error, Some("RFC 6455 §5.4"), "a new message begins inside an unfinished one";
    /// A continuation frame continues nothing (RFC 6455 §5.4).
    OrphanContinuation { /// The frame's place.
        offset: u64 }
        = "orphan-continuation", Error, Some("RFC 6455 §5.4"), "a continuation frame has no message to continue";
    /// "the minimal number of bytes MUST be used to encode the length" (RFC 6455 §5.2).
    LengthNotMinimal { /// The declared length.
        length: u64, /// The frame's place.
        offset: u64 }
        = "length-not-minimal", Error, Some("RFC 6455 §5.2"), "the payload length is not in its shortest form";
    /// "the most significant bit MUST be 0" (RFC 6455 §5.2).
    LengthTopBit { /// The declared length.
        length: u64, /// The frame's place.
        offset: u64 }
        = "length-top-bit", Error, Some("RFC 6455 §5.2"), "the payload length has its top bit set";
    /// Text that is not UTF-8 (RFC 6455 §8.1).
    BadUtf8 { /// The offset of the first bad byte in the message's payload.
        offset: u64 }
        = "bad-utf8", Error, Some("RFC 6455 §8.1"), "a text message is not UTF-8";

    // Closing.
    /// A close body is empty or begins with a two-byte code (RFC 6455 §5.5.1).
    CloseBodyOneByte {}
        = "close-body-one-byte", Error, Some("RFC 6455 §5.5.1"), "a close frame's body is a single byte";
    /// The code may not be sent (RFC 6455 §7.4).
    BadCloseCode { /// The code.
        code: u16 }
        = "bad-close-code", Error, Some("RFC 6455 §7.4"), "the close code may not be sent";
    /// The reason is not UTF-8 (RFC 6455 §5.5.1).
    BadCloseReason { /// The offset of the first bad byte in the reason.
        offset: u64 }
        = "bad-close-reason", Error, Some("RFC 6455 §5.5.1"), "the close reason is not UTF-8";
    /// "The application MUST NOT send any more data frames after sending a Close frame" (RFC 6455 §5.5.1).
    FrameAfterClose { /// The opcode's name.
        opcode: &'static str, /// The frame's place.
        offset: u64 }
        = "frame-after-close", Error, Some("RFC 6455 §5.5.1"), "a frame follows the sender's close frame";
    /// A ping was never answered, though its receiver sent other frames later: it MUST send a pong.
    PingNotAnswered { /// How many pings had no answer.
        pings: u64, /// How long the receiver had sent other frames since the first of them, in seconds.
        seconds: u64 }
        = "ping-not-answered", Error, Some("RFC 6455 §5.5.2"), "a ping was never answered";
    /// "the endpoint MUST send a Close frame in response" (RFC 6455 §5.5.1).
    NoCloseEcho {}
        = "no-close-echo", Error, Some("RFC 6455 §5.5.1"), "the close frame was not answered before TCP ended";
    /// TCP ended and no close frame was sent (RFC 6455 §7.1.5: code 1006).
    NoClose { /// How TCP ended: `fin` or `reset`.
        tcp: &'static str }
        = "no-close", Warning, Some("RFC 6455 §7.1.5"), "TCP ended without a close frame";
    /// A frame was not finished when the stream ended.
    UnfinishedFrame { /// How many bytes of it are missing; absent where its header is not whole.
        missing: Option<u64> }
        = "unfinished-frame", Warning, Some("RFC 6455 §5.2"), "the stream ended inside a frame";
    /// A message was not finished when the stream ended.
    UnfinishedMessage {}
        = "unfinished-message", Warning, Some("RFC 6455 §5.4"), "the stream ended inside a fragmented message";

    // Compression.
    /// The compressed bytes are damaged (RFC 7692 §7.2.2).
    DeflateDamaged { /// The offset of the damage in the message's inflated payload.
        offset: u64, /// What was wrong.
        problem: Box<str> }
        = "deflate-damaged", Error, Some("RFC 7692 §7.2.2"), "a compressed message cannot be inflated";
    /// A back-reference goes beyond the window that was agreed on (RFC 7692 §7.1.2).
    DeflateDistance { /// The distance.
        distance: u32, /// The window agreed on, in bytes.
        window: u32 }
        = "deflate-distance", Error, Some("RFC 7692 §7.1.2"), "a back-reference goes beyond the agreed window";
    /// A message was sent compressed and is shown as it was sent.
    NotInflated {}
        = "not-inflated", Note, Some("RFC 7692 §6"), "compressed messages are shown as sent, not inflated";
    /// Part of a side's compression history is unknown: it was lost, or sent before the capture began.
    DeflateHistoryLost {}
        = "deflate-history-lost", Note, Some("RFC 7692 §7.2.3"), "part of the compression history is unknown";
    /// Inflating one message exceeded the work bound: the side's history ends here.
    InflateLimit { /// The bound in bytes of output.
        limit: u64 }
        = "inflate-limit", Note, None, "inflating one message exceeded the work bound";

    // HTTP/2.
    /// "The client connection preface starts with a sequence of 24 octets" (RFC 9113 §3.4).
    H2Preface {}
        = "h2-preface", Error, Some("RFC 9113 §3.4"), "the client does not begin with the HTTP/2 connection preface";
    /// The connection preface of each side begins with a SETTINGS frame (RFC 9113 §3.4).
    H2SettingsFirst { /// The type of the frame found.
        frame: &'static str }
        = "h2-settings-first", Error, Some("RFC 9113 §3.4"), "the first HTTP/2 frame of a side is not SETTINGS";
    /// A frame is longer than the receiver allows, or has not the length of its type (RFC 9113 §4.2).
    H2FrameSize { /// The frame's type.
        frame: &'static str, /// Its length.
        length: u32, /// The greatest length allowed, or the one its type has.
        expected: u32 }
        = "h2-frame-size", Error, Some("RFC 9113 §4.2"), "an HTTP/2 frame has a length that is not allowed";
    /// A frame belongs to a stream that its type may not have, or to one the sender may not open (RFC 9113 §5.1.1, §6).
    H2StreamId { /// The frame's type.
        frame: &'static str, /// The stream.
        stream: u32 }
        = "h2-stream-id", Error, Some("RFC 9113 §5.1.1"), "an HTTP/2 frame has a stream identifier that is not allowed";
    /// A frame came on a stream that is idle or closed (RFC 9113 §5.1).
    H2StreamState { /// The frame's type.
        frame: &'static str, /// The stream.
        stream: u32, /// The state the stream is in.
        state: &'static str }
        = "h2-stream-state", Error, Some("RFC 9113 §5.1"), "an HTTP/2 frame came in a state of its stream that does not allow it";
    /// A header block is one sequence of HEADERS and CONTINUATION frames (RFC 9113 §6.10).
    H2Continuation { /// The type of the frame found.
        frame: &'static str, /// The stream of the frame.
        stream: u32 }
        = "h2-continuation", Error, Some("RFC 9113 §6.10"), "a header block is interrupted, or a CONTINUATION frame continues none";
    /// The padding is as long as the payload or longer (RFC 9113 §6.1).
    H2Padding { /// The frame's type.
        frame: &'static str, /// The stream.
        stream: u32 }
        = "h2-padding", Error, Some("RFC 9113 §6.1"), "the padding of an HTTP/2 frame exceeds its payload";
    /// A header block that cannot be decoded (RFC 9113 §4.3).
    H2Compression { /// The stream.
        stream: u32, /// The offset of the fault in the block.
        offset: u32, /// What was wrong.
        problem: &'static str }
        = "h2-compression", Error, Some("RFC 9113 §4.3"), "a header block cannot be decoded";
    /// A setting has a value that is not allowed (RFC 9113 §6.5.2, RFC 8441 §3).
    H2SettingValue { /// The setting.
        setting: &'static str, /// Its value.
        value: u32 }
        = "h2-setting-value", Error, Some("RFC 9113 §6.5.2"), "an HTTP/2 setting has a value that is not allowed";
    /// A sender sent more than the receiver's window allows (RFC 9113 §6.9.1).
    H2FlowControl { /// The stream; 0 for the connection.
        stream: u32, /// By how many bytes the window was exceeded.
        excess: u64 }
        = "h2-flow-control", Error, Some("RFC 9113 §6.9.1"), "a flow-control window was exceeded";
    /// The increment of a window is 0 (RFC 9113 §6.9).
    H2WindowUpdate { /// The stream; 0 for the connection.
        stream: u32, /// The increment.
        increment: u32 }
        = "h2-window-update", Error, Some("RFC 9113 §6.9"), "a WINDOW_UPDATE frame has an increment that is not allowed";
    /// A peer gave up the connection for an error (RFC 9113 §6.8).
    H2GoAway { /// The error code's name.
        code: &'static str, /// The last stream that was or may be processed.
        last_stream: u32, /// What the peer said about it.
        debug: Box<str> }
        = "h2-goaway", Warning, Some("RFC 9113 §6.8"), "a peer gave up the HTTP/2 connection for an error";
    /// Extended CONNECT may be used once `SETTINGS_ENABLE_CONNECT_PROTOCOL` was received with the value 1 (RFC 8441 §3).
    H2ConnectNotEnabled { /// The stream.
        stream: u32 }
        = "h2-connect-not-enabled", Error, Some("RFC 8441 §3"), "extended CONNECT was used although the server does not allow it";
    /// A pseudo-header field is missing, repeated, undefined or behind other fields (RFC 9113 §8.3, RFC 8441 §4).
    H2PseudoHeader { /// The field's name.
        name: Box<str>, /// What is wrong with it.
        problem: &'static str }
        = "h2-pseudo-header", Error, Some("RFC 9113 §8.3"), "a pseudo-header field is not as it has to be";
    /// The name of a field has capital letters (RFC 9113 §8.2.1).
    H2FieldName { /// The field's name.
        name: Box<str> }
        = "h2-field-name", Error, Some("RFC 9113 §8.2.1"), "the name of an HTTP/2 header field has capital letters";
    /// A field that speaks of one HTTP/1.1 connection has no place in HTTP/2 (RFC 9113 §8.2.2, RFC 8441 §5).
    H2ConnectionHeader { /// The field's name.
        name: Box<str> }
        = "h2-connection-header", Error, Some("RFC 9113 §8.2.2"), "a header field of HTTP/1.1 connections is used in HTTP/2";
    /// A stream ended and no close frame was sent on it (RFC 8441 §5, RFC 6455 §7.1.5: code 1006).
    H2NoClose { /// What ended it: `END_STREAM`, `RST_STREAM` or `GOAWAY`.
        by: &'static str, /// The error code's name, where there is one.
        code: Option<&'static str> }
        = "h2-no-close", Warning, Some("RFC 8441 §5"), "the stream ended without a close frame";
    /// Fields of a header block are unknown: the table entries they refer to were not captured.
    H2HeaderUnknown { /// The stream.
        stream: u32, /// How many fields.
        fields: u32 }
        = "h2-header-unknown", Note, Some("RFC 7541 §2.3.2"), "header fields refer to entries that were not captured";
    /// A header block is not whole in the capture, or is longer than the limit.
    H2BlockLost { /// The stream.
        stream: u32 }
        = "h2-block-lost", Note, None, "a header block was lost in part";
    /// HTTP/2 frames were found again after a gap, or in a connection that was joined in mid-stream.
    H2Resynchronised { /// How many captured bytes were skipped.
        skipped: u64 }
        = "h2-resynchronised", Note, None, "HTTP/2 frames were found after a gap";

    // Security, judged by `check` alone.
    /// "Servers that are not intended to process input from any web page but only for certain sites SHOULD verify the
    /// |Origin| field is an origin they expect" (RFC 6455 §10.2); browsers always send one.
    OriginMissing {}
        = "origin-missing", Note, Some("RFC 6455 §10.2"), "a request with cookies was granted without an Origin";
    /// "If the origin indicated is unacceptable to the server, then it SHOULD respond to the WebSocket handshake with a
    /// reply containing HTTP 403 Forbidden status code" (RFC 6455 §10.2).
    OriginForeign { /// The origin of the page.
        origin: Box<str>, /// The host that was asked.
        host: Box<str> }
        = "origin-foreign", Warning, Some("RFC 6455 §10.2"), "a request with cookies was granted to a page of another host";
    /// "Connection confidentiality and integrity is provided by running the WebSocket Protocol over TLS" (RFC 6455
    /// §10.6).
    CredentialsInClear { /// The header field that holds them.
        field: &'static str }
        = "credentials-in-clear", Warning, Some("RFC 6455 §10.6"), "credentials were sent without encryption";
    /// URLs are logged and shown where header fields are not.
    TokenInUrl { /// The name of the parameter.
        parameter: Box<str> }
        = "token-in-url", Warning, Some("RFC 9110 §17.9"), "the URL holds a secret";
    /// Sec-WebSocket-Protocol names sub-protocols; a server that echoes a token shows it to whoever reads the answer.
    TokenInSubprotocol { /// The length of what looks like a token, in characters.
        length: u64 }
        = "token-in-subprotocol", Note, Some("RFC 6455 §1.9"), "an offered sub-protocol looks like a token";
    /// A small message that inflates to a large one is an attack on who receives it (RFC 7692 §8).
    CompressionRatio { /// Its bytes on the wire.
        wire: u64, /// Its bytes inflated.
        length: u64 }
        = "compression-ratio", Warning, Some("RFC 7692 §8"), "a message is more than 200 times as long as it was on the wire";

    /// A SOCKS server did not grant what it was asked for: nothing follows (RFC 1928 §6).
    ProxyRefused { /// Which proxy protocol.
        protocol: &'static str, /// What was asked for, where that was said.
        server: Option<Box<str>> }
        = "proxy-refused", Note, Some("RFC 1928 §6"), "a proxy refused the connection";

    // TCP and IP.
    /// A retransmitted byte differs from the first copy, which stands (RFC 9293 §3.10.7.4).
    OverlapDiffers { /// Where in the sender's byte stream.
        offset: u64, /// How many bytes differ.
        length: u64 }
        = "overlap-differs", Warning, Some("RFC 9293 §3.10.7.4"), "a retransmission carries different bytes";
    /// A segment whose checksum is wrong is discarded (RFC 9293 §3.1), as its receiver discards it. What it held is missing
    /// until it is sent again.
    ChecksumWrong { /// How many bytes it held.
        length: u64, /// The checksum in its header.
        found: Box<str>, /// The checksum of its bytes.
        expected: Box<str> }
        = "checksum-wrong", Note, Some("RFC 9293 §3.1"), "a segment with a wrong checksum was discarded";
    /// IP fragments overlap and were rejected (RFC 8200 §4.5, RFC 5722).
    FragmentOverlap {}
        = "fragment-overlap", Warning, Some("RFC 5722"), "overlapping IP fragments were rejected";
    /// Bytes are missing from the capture.
    Gap { /// Where in the sender's byte stream.
        offset: u64, /// How many bytes; `None` where nobody can tell.
        length: Option<u64>, /// How many bytes at the least, where nobody can tell how many.
        least: Option<u64>, /// Why: `lost`, `snap-length` or `limit`.
        cause: &'static str }
        = "gap", Note, None, "bytes are missing from the capture";
    /// A gap swallowed a frame header; decoding went on where frames were found again.
    Resynchronised { /// Where decoding stopped, in the side's WebSocket bytes.
        offset: u64, /// How many bytes were lost.
        lost: u64, /// How many captured bytes were skipped.
        skipped: u64 }
        = "resynchronised", Note, None, "frames were found again after a gap";
    /// No frame was found after a gap.
    LostSync { /// Where decoding stopped, in the side's WebSocket bytes.
        offset: u64, /// How many captured bytes were skipped.
        skipped: u64 }
        = "lost-sync", Note, None, "no frame was found again after a gap";
    /// After a gap, the same bytes are frames, or the payload of one frame whose header may stand before them. They are
    /// shown as neither: decoding goes on where both readings do.
    AmbiguousFraming { /// Where the frame that may cover others begins, in the side's WebSocket bytes.
        offset: u64, /// How long it is, header and payload.
        length: u64 }
        = "ambiguous-framing", Note, None, "bytes after a gap are frames, or the payload of one";
    /// The handshake was not captured.
    MissingHandshake {}
        = "missing-handshake", Note, None, "the handshake was not captured";

    // Bodies that carry messages.
    /// Captured bytes of a body behind a gap belong to no message of which the beginning is known.
    BodySkipped { /// How many.
        skipped: u64 }
        = "body-skipped", Note, None, "bytes behind a gap belong to no known message";
    /// The rest of a body cannot be read.
    BodyUnreadable { /// Why.
        cause: &'static str }
        = "body-unreadable", Note, None, "the rest of the body cannot be read";
    /// "If the file ends in the middle of an event, before the final empty line, the incomplete event is not dispatched"
    /// (HTML Standard §9.2.6); a packet of long polling that is not whole is none either.
    BodyUnfinished {}
        = "body-unfinished", Warning, Some("HTML §9.2.6"), "the body ended inside of a message";

    // Sub-protocols.
    /// The conversation was taken for a sub-protocol, and its first messages are none of its.
    SubprotocolMistaken { /// The sub-protocol.
        protocol: &'static str }
        = "subprotocol-mistaken", Note, None, "the messages are none of the sub-protocol that the handshake means";
    /// The conversation ended inside of a sub-protocol's packet: what came of it is shown nowhere else.
    SubprotocolUnfinished { /// The sub-protocol.
        protocol: &'static str, /// How many bytes of the packet came.
        bytes: u64, /// In how many messages.
        messages: u64, /// The packet that carried the first of them.
        first: u64 }
        = "subprotocol-unfinished", Note, None, "the conversation ended inside of a sub-protocol's packet";
    /// The server sends pings in revision 4 of Engine.IO, the client in revision 3.
    EngineIoPingSide { /// The revision in use.
        revision: u8 }
        = "engineio-ping-side", Warning, Some("Engine.IO 4"), "a ping came from the side that has to answer them";
    /// The answer to a ping has to come within `pingTimeout`.
    EngineIoPongLate { /// The time from ping to pong, in milliseconds.
        after: u64, /// The time allowed, in milliseconds.
        timeout: u64 }
        = "engineio-pong-late", Warning, Some("Engine.IO 4"), "a pong came later than the time-out allows";
    /// The client sends no message longer than `maxPayload`.
    EngineIoPayload { /// The message's length.
        length: u64, /// The length allowed.
        most: u64 }
        = "engineio-payload-too-long", Warning, Some("Engine.IO 4"), "a message is longer than the server takes";
    /// A packet's attachments follow it before any other packet.
    SocketIoAttachments { /// How many the packet announced.
        expected: u64, /// How many did not come.
        missing: u64 }
        = "socketio-attachments", Error, Some("Socket.IO 5"), "a packet came before the attachments of the one before it";
    /// "MQTT Control Packets MUST be sent in WebSocket binary data frames" (MQTT 5.0 §6.0, MQTT-6.0.0-1).
    MqttText {}
        = "mqtt-text-message", Error, Some("MQTT 5.0 §6.0"), "MQTT is sent in a text message";
    /// A packet's parts do not add up to its length, or hold what they may not (MQTT 5.0 §4.13).
    MqttMalformed { /// The type of the packet.
        packet: &'static str }
        = "mqtt-malformed-packet", Error, Some("MQTT 5.0 §4.13"), "an MQTT packet is malformed";
    /// A flag that is marked as reserved must have the value listed (MQTT 5.0 §2.1.3, MQTT-2.1.3-1).
    MqttFlags { /// The type of the packet.
        packet: &'static str, /// The flags found.
        flags: u8 }
        = "mqtt-reserved-flags", Error, Some("MQTT 5.0 §2.1.3"), "an MQTT packet has flags that are reserved";
    /// A packet is longer than the Maximum Packet Size that its receiver named (MQTT 5.0 §3.1.2.11.4).
    MqttPacketTooLarge { /// The packet's length.
        length: u64, /// The length allowed.
        most: u64 }
        = "mqtt-packet-too-large", Error, Some("MQTT 5.0 §3.1.2"), "an MQTT packet is longer than its receiver takes";
    /// The client must send a packet within the Keep Alive; the server bears one and a half of it (MQTT 5.0 §3.1.2.10).
    MqttKeepAlive { /// How long the client was silent, in milliseconds.
        silent: u64, /// The Keep Alive, in seconds.
        keep_alive: u64 }
        = "mqtt-keep-alive", Warning, Some("MQTT 5.0 §3.1.2"), "an MQTT client was silent for longer than its keep-alive allows";
    /// The client left without DISCONNECT: its Will Message is published (MQTT 5.0 §3.14).
    MqttNoDisconnect {}
        = "mqtt-no-disconnect", Warning, Some("MQTT 5.0 §3.14"), "an MQTT client ended without DISCONNECT";
    /// A topic alias has to be said what it stands for before it is used alone (MQTT 5.0 §3.3.2.3.4).
    MqttTopicAlias {}
        = "mqtt-topic-alias", Error, Some("MQTT 5.0 §3.3.2"), "an MQTT topic alias stands for no topic";

    /// A hub message in JSON ends in a record separator; one in MessagePack is as long as the number before it says.
    SignalRRecord {}
        = "signalr-record", Error, Some("SignalR"), "a SignalR hub message does not end as its encoding demands";
    /// A side from which nothing came for 30 s, the default of both time-outs, is taken for gone; pings are there to prevent it.
    SignalRSilence { /// How long it was silent, in milliseconds.
        silent: u64 }
        = "signalr-silence", Warning, Some("SignalR"), "a SignalR side was silent for longer than its peer waits";
    /// A response answers one request, by its id (JSON-RPC 2.0 §5): these answer none, or one that was answered before.
    JsonRpcUnasked { /// How many responses, of the last 64.
        answers: u64 }
        = "jsonrpc-unasked", Warning, Some("JSON-RPC 2.0 §5"), "JSON-RPC responses came to no request";
    /// "If there is already an active subscriber for an operation matching the provided ID" the server closes with 4409.
    GraphQlDuplicateId {}
        = "graphql-duplicate-id", Error, Some("graphql-ws"), "an operation uses the id of one that is not over";
    /// The server refuses what the client did by a close code of its own.
    GraphQlClosed { /// The close code.
        code: u16, /// What it means.
        means: &'static str }
        = "graphql-closed", Warning, Some("graphql-ws"), "the server gave a GraphQL conversation up for what the client did";
    /// The handshake names one of the two protocols, and the messages are the other one's.
    GraphQlMisnamed { /// The name in the handshake.
        header: &'static str }
        = "graphql-misnamed", Warning, None, "the messages are those of the other protocol for GraphQL than the handshake names";

    /// `CONNECTED` names the version in use, which is what `Sec-WebSocket-Protocol` means.
    StompVersion { /// The version that the handshake means.
        agreed: &'static str, /// The version that the server names.
        found: Box<str> }
        = "stomp-version", Note, Some("STOMP 1.2"), "the version is not the one that the handshake means";
    /// WAMP sends JSON in text messages, MessagePack and CBOR in binary ones.
    WampOpcode { /// The message's opcode.
        opcode: u8 }
        = "wamp-opcode", Error, Some("WAMP v2 §5.2"), "the message's type is not the one of the serialization";
    /// A message is an array that begins with a message type from 2 to 6.
    OcppMessage { /// The message type found; 0 where there is none.
        kind: u64 }
        = "ocpp-message", Error, Some("OCPP-J 1.6 §4.1"), "the message is no call, result or error";
    /// A side sends no call while one of its calls has no answer.
    OcppOutstanding {}
        = "ocpp-outstanding", Warning, Some("OCPP-J 1.6 §4.1.1"), "a call came while the one before it had no answer";
    /// A compressed stream over all messages cannot be read on behind a loss.
    SubprotocolCompression { /// How it is compressed.
        method: &'static str }
        = "subprotocol-compression", Note, None, "the sub-protocol's compressed stream cannot be read any further";
    /// The messages carry a connection of another protocol.
    TunnelInside { /// What is inside.
        protocol: &'static str }
        = "tunnel-inside", Note, None, "the messages carry a connection of another protocol";

    // TLS.
    /// No key is known for a TLS connection.
    TlsNoKeys { /// The first bytes of the client's random, as the key log would have them.
        client_random: Option<Box<str>>, /// The server's name, as the client asked for it.
        server_name: Option<Box<str>>, /// How many secrets are known, for other connections.
        known: u64 }
        = "tls-no-keys", Note, Some("RFC 9850"), "no key is known for this TLS connection";
    /// Keys are known for a TLS connection and open none of its records.
    TlsKeysWrong { /// How many secrets were tried.
        tried: u64 }
        = "tls-keys-wrong", Warning, Some("RFC 9850"), "the keys known for this TLS connection do not open its records";
    /// A part of the handshake that decryption needs was not captured.
    TlsHandshakeMissing { /// The server's name, as the client asked for it.
        server_name: Option<Box<str>> }
        = "tls-handshake-missing", Note, Some("RFC 5246 §6.3"), "TLS up to 1.2 cannot be decrypted without its handshake";
    /// The cipher suite is not one that can be decrypted.
    TlsSuiteUnsupported { /// Its name or number.
        suite: Box<str> }
        = "tls-suite-unsupported", Note, None, "the cipher suite of this TLS connection is not supported";
    /// A record is not authentic: its bytes are not those that were sent (RFC 8446 §5.2).
    TlsBadRecord { /// Its number under its keys.
        number: u64, /// How many bytes it has.
        length: u64 }
        = "tls-bad-record", Error, Some("RFC 8446 §5.2"), "a TLS record is not authentic";
    /// TLS records were lost, and decryption went on behind them.
    TlsRecordsLost { /// How many.
        records: u64, /// How many bytes of plaintext they had, where that can be known.
        bytes: Option<u64> }
        = "tls-records-lost", Note, None, "TLS records are missing from the capture";
    /// Bytes of a TLS record that is not whole were decrypted; nothing proves that they were sent so.
    TlsUnverified { /// How many bytes.
        bytes: u64 }
        = "tls-unverified", Note, Some("RFC 8446 §5.2"), "parts of a TLS record were decrypted without a proof";
    /// A TLS connection was captured from its middle on and is decrypted nevertheless.
    TlsMidStream { /// The number of the first record that was opened.
        number: u64 }
        = "tls-mid-stream", Note, None, "the TLS handshake was not captured";
    /// The server did not take the early data: the client sends it again (RFC 8446 §4.2.10).
    TlsEarlyDataRejected { /// How many bytes of it are left out.
        bytes: u64 }
        = "tls-early-data-rejected", Note, Some("RFC 8446 §4.2.10"), "the server rejected the early data";
    /// "Each party MUST send a `close_notify` alert before closing its write side" (RFC 8446 §6.1).
    TlsTruncated {}
        = "tls-truncated", Warning, Some("RFC 8446 §6.1"), "TCP ended without a TLS close_notify";
    /// A TLS alert other than `close_notify` (RFC 8446 §6.2).
    TlsAlert { /// Its name.
        alert: &'static str }
        = "tls-alert", Warning, Some("RFC 8446 §6.2"), "a TLS alert was sent";
    /// A line of the key log is none.
    KeylogLine { /// Its number.
        line: u64 }
        = "keylog-line", Note, Some("RFC 9850 §2"), "a line of the key log cannot be read";
    /// The key log was replaced or truncated while it was read.
    KeylogReplaced {}
        = "keylog-replaced", Note, None, "the key log was replaced";

    // Limits.
    /// A bound was reached and something was given up.
    LimitReached { /// Which bound.
        limit: &'static str, /// Its value.
        value: u64 }
        = "limit-reached", Note, None, "a limit was reached";
    /// A message is longer than what is kept of it.
    MessageTruncated { /// The bytes kept.
        kept: u64 }
        = "message-truncated", Note, None, "a message is longer than the limit and is shown in part";

    // The capture itself.
    /// The file ends inside a record, or a record cannot be true.
    CaptureDamaged { /// The file.
        file: Box<str>, /// Where in it, in bytes after decompression.
        offset: u64, /// What is wrong there.
        problem: Box<str> }
        = "capture-damaged", Note, None, "the capture file is damaged";
    /// Packets came that the capture did not get; what they held is a gap.
    CaptureDropped { /// The interface.
        interface: Box<str>, /// Packets dropped since this was last said: there was no room for them.
        dropped: u64, /// Packets that the device or its driver dropped since this was last said.
        device_dropped: u64, /// Both, since the capture began.
        total: u64 }
        = "capture-dropped", Note, None, "packets were dropped before they could be captured";
    /// Packets were captured more than once, on several interfaces or on both sides of a bridge; each counts once.
    CapturedTwice { /// Segments with data that were captured again.
        segments: u64, /// The packet of the first of them.
        first: u64 }
        = "captured-twice", Note, None, "the capture holds packets more than once";
    /// An interface went down, came back, or is no more.
    InterfaceChanged { /// The interface.
        interface: Box<str>, /// What became of it: `down`, `up`, `vanished` or `failed`.
        state: &'static str, /// What the system says, where it says something.
        problem: Option<Box<str>> }
        = "interface-changed", Note, None, "the state of a captured interface changed";
    /// Packets could not be saved.
    NotSaved { /// The file.
        file: Box<str>, /// Why.
        problem: Box<str> }
        = "not-saved", Note, None, "packets are no longer saved";
    /// A file that may hold what follows cannot be read, or the one that is followed was taken away.
    NotFollowed { /// The file.
        file: Box<str>, /// What is wrong with it.
        problem: Box<str> }
        = "not-followed", Note, None, "a capture file cannot be followed";
}
