use super::{AsEvidence, Evidence, Rule, Severity};

anomalies! {
    // The handshake.
    /// "The method of the request MUST be GET" (RFC 6455 §4.1).
    BadMethod { method: Box<str> = "The method found." }
        = "bad-method", Error, "RFC 6455 §4.1", "the upgrade request's method is not GET";
    /// "the HTTP version MUST be at least 1.1" (RFC 6455 §4.1).
    BadHttpVersion { version: Box<str> = "The version found." }
        = "bad-http-version", Error, "RFC 6455 §4.1", "the handshake's HTTP version is below 1.1";
    /// A header field required by the handshake is missing (RFC 6455 §4.1, §4.2.2).
    MissingHeader { name: &'static str = "The field's name." }
        = "missing-header", Error, "RFC 6455 §4.1", "a header field that the handshake needs is missing";
    /// A header field that may occur only once is repeated (RFC 6455 §11.3).
    RepeatedHeader { name: &'static str = "The field's name.", count: u32 = "How often it occurs." }
        = "repeated-header", Error, "RFC 6455 §11.3", "a header field that may appear only once is repeated";
    /// "an |Upgrade| header field whose value MUST include the websocket keyword" (RFC 6455 §4.1).
    BadUpgradeHeader { found: Box<str> = "The value found." }
        = "bad-upgrade-header", Error, "RFC 6455 §4.1", "the Upgrade header does not name websocket";
    /// "a |Connection| header field whose value MUST include the Upgrade token" (RFC 6455 §4.1).
    BadConnectionHeader { found: Box<str> = "The value found." }
        = "bad-connection-header", Error, "RFC 6455 §4.1", "the Connection header does not hold the token Upgrade";
    /// The key must be 16 bytes in base64 (RFC 6455 §4.1).
    BadKey {
        key: Box<str> = "The key found.",
        decoded_length: Option<u64> = "How many bytes it decodes to, if it is base64 at all.",
    } = "bad-key", Error, "RFC 6455 §4.1", "Sec-WebSocket-Key is not 16 bytes in base64";
    /// "The value of this header field MUST be 13" (RFC 6455 §4.1).
    BadWebSocketVersion { version: Box<str> = "The version found." }
        = "bad-websocket-version", Error, "RFC 6455 §4.1", "Sec-WebSocket-Version is not 13";
    /// The accept value is not the hash of the key (RFC 6455 §4.2.2).
    AcceptMismatch {
        key: Box<str> = "The key of the request.",
        found: Box<str> = "The value found.",
        expected: Box<str> = "The value that the key requires.",
        cause: Option<Box<str>> = "The known mistake that yields the value found.",
    } = "accept-mismatch", Error, "RFC 6455 §4.2.2", "Sec-WebSocket-Accept does not answer the key";
    /// The server chose a sub-protocol that the client did not offer (RFC 6455 §4.1).
    SubprotocolNotOffered {
        found: Box<str> = "The sub-protocol chosen.",
        offered: Box<str> = "The sub-protocols offered, joined by commas.",
    } = "subprotocol-not-offered", Error, "RFC 6455 §4.1", "the server chose a sub-protocol that was not offered";
    /// The names offered "MUST all be unique strings" and tokens (RFC 6455 §4.1).
    BadSubprotocolHeader {
        found: Box<str> = "The value found.",
        problem: &'static str = "What is wrong with it.",
    } = "bad-subprotocol-header", Error, "RFC 6455 §4.1", "Sec-WebSocket-Protocol does not follow its grammar";
    /// The server answered with an extension that the client did not offer (RFC 6455 §4.1, §9.1).
    ExtensionNotOffered { found: Box<str> = "The extension as the server wrote it." }
        = "extension-not-offered", Error, "RFC 6455 §9.1", "the server accepted an extension that was not offered";
    /// The server accepted an extension twice, or two that claim the same bit (RFC 7692 §5).
    ExtensionAcceptedTwice { found: Box<str> = "The second one as the server wrote it." }
        = "extension-accepted-twice", Error, "RFC 7692 §5",
            "the server accepted an extension twice, or two that exclude each other";
    /// An extension list does not follow its grammar (RFC 6455 §9.1).
    BadExtensionHeader { found: Box<str> = "The value found." }
        = "bad-extension-header", Error, "RFC 6455 §9.1", "Sec-WebSocket-Extensions does not follow its grammar";
    /// A `permessage-deflate` parameter is unknown or repeated, has an illegal value, or was not offered (RFC 7692
    /// §7.1).
    BadDeflateParameter {
        found: Box<str> = "The parameter as found.",
        problem: &'static str = "What is wrong with it.",
    } = "bad-deflate-parameter", Error, "RFC 7692 §7.1", "a permessage-deflate parameter is not legal";
    /// "A server that receives obs-fold … MUST either reject … or replace" (RFC 9112 §5.2).
    FoldedHeader { name: Box<str> = "The field's name, empty if no field came before." }
        = "folded-header", Warning, "RFC 9112 §5.2", "a header line is folded";
    /// A line of the head ends in LF without CR (RFC 9112 §2.2).
    BareLineFeed {} = "bare-line-feed", Warning, "RFC 9112 §2.2", "a line of the head ends in LF without CR";
    /// A line of the head is not a header field (RFC 9112 §5).
    MalformedHeader { line: Box<str> = "The line, truncated to a bounded length." }
        = "malformed-header", Error, "RFC 9112 §5", "a line of the head is not a header field";
    /// There is white space between a field's name and its colon (RFC 9112 §5.1).
    SpaceBeforeColon { name: Box<str> = "The field's name." }
        = "space-before-colon", Error, "RFC 9112 §5.1", "white space precedes a header field's colon";
    /// The client sent data before the server responded to its handshake (RFC 6455 §4.1).
    DataBeforeHandshake { bytes: u64 = "How many bytes." }
        = "data-before-handshake", Error, "RFC 6455 §4.1", "the client sent data before the server's answer";
    /// The handshake follows a draft before RFC 6455 (hixie-75, hixie-76), whose frames have another format.
    OldProtocol {}
        = "old-protocol", Note, "RFC 6455 §1.3", "the handshake and its frames follow a draft before RFC 6455";
    /// "A server MUST NOT send a Content-Length header field in any response with a status code of 1xx" (RFC 9110
    /// §8.6).
    ContentLengthIn101 { found: Box<str> = "The value found." }
        = "content-length-in-101", Error, "RFC 9110 §8.6", "the 101 has a Content-Length";
    /// "A server MUST NOT send a Transfer-Encoding header field in any response with a status code of 1xx" (RFC 9112
    /// §6.1).
    TransferEncodingIn101 { found: Box<str> = "The value found." }
        = "transfer-encoding-in-101", Error, "RFC 9112 §6.1", "the 101 has a Transfer-Encoding";
    /// Only frames may follow a 101 response, but they are sent with the chunked transfer coding, which no peer expects
    /// there (RFC 9112 §6.1).
    ChunkedFrames {} = "chunked-frames", Error, "RFC 9112 §6.1", "frames are sent in chunks";
    /// The connection was upgraded to a protocol other than WebSocket, which is not decoded (RFC 9110 §7.8).
    OtherUpgrade { found: Box<str> = "The protocol." }
        = "other-upgrade", Note, "RFC 9110 §7.8", "the connection was upgraded to another protocol";
    /// An HTTP message is in place of a frame: two servers answered one upgrade, or a proxy sends requests of other
    /// clients (RFC 6455 §5.2).
    HttpInStream {
        offset: u64 = "The message's offset in the sender's WebSocket bytes.",
        found: Box<str> = "Its first line.",
    } = "http-in-stream", Error, "RFC 6455 §5.2", "an HTTP message is in place of a frame";
    /// Text is in place of a frame: it was written to the connection without a frame, or is the rest of a payload whose
    /// header declares too short a length (RFC 6455 §5.2).
    TextInStream {
        offset: u64 = "The text's offset in the sender's WebSocket bytes.",
        found: Box<str> = "Its first line.",
    } = "text-in-stream", Error, "RFC 6455 §5.2", "text is in place of a frame";
    /// The bytes after an upgrade without a key are not a frame (RFC 6455 §5.2).
    NotWebSocket { found: Box<str> = "Its first bytes, in hex." }
        = "not-websocket", Error, "RFC 6455 §5.2", "the bytes after the upgrade are not WebSocket";
    /// The server refused with 426 but did not list its versions (RFC 6455 §4.4).
    RefusedWithoutVersion {}
        = "refused-without-version", Error, "RFC 6455 §4.4", "a 426 refusal names no Sec-WebSocket-Version";

    // Frames.
    /// "a client MUST mask all frames that it sends to the server" (RFC 6455 §5.1).
    UnmaskedClientFrame { offset: u64 = "The frame's offset in the client's WebSocket bytes." }
        = "unmasked-client-frame", Error, "RFC 6455 §5.1", "a client frame is not masked";
    /// "A server MUST NOT mask any frames that it sends to the client" (RFC 6455 §5.1).
    MaskedServerFrame { offset: u64 = "The frame's offset in the server's WebSocket bytes." }
        = "masked-server-frame", Error, "RFC 6455 §5.1", "a server frame is masked";
    /// A key of four zero bytes masks nothing (RFC 6455 §5.3, §10.3).
    ZeroMaskKey { offset: u64 = "The frame's offset." }
        = "zero-mask-key", Warning, "RFC 6455 §5.3", "the masking key is zero";
    /// "a fresh masking key" for each frame: two consecutive frames have the same key (RFC 6455 §5.3).
    RepeatedMaskKey { offset: u64 = "The frame's offset.", mask: Box<str> = "The key in hex." }
        = "repeated-mask-key", Warning, "RFC 6455 §5.3", "a masking key is used again";
    /// An RSV bit is set, but no negotiated extension defines it (RFC 6455 §5.2).
    RsvWithoutExtension { rsv: u8 = "The three bits, RSV1 being 4.", offset: u64 = "The frame's offset." }
        = "rsv-without-extension", Error, "RFC 6455 §5.2", "an RSV bit is set without an extension that defines it";
    /// RSV1 on a continuation frame (RFC 7692 §6.1).
    Rsv1OnContinuation { offset: u64 = "The frame's offset." }
        = "rsv1-on-continuation", Error, "RFC 7692 §6.1", "RSV1 is set on a continuation frame";
    /// RSV1 on a control frame (RFC 7692 §6.1).
    Rsv1OnControl { opcode: &'static str = "The opcode's name.", offset: u64 = "The frame's offset." }
        = "rsv1-on-control", Error, "RFC 7692 §6.1", "RSV1 is set on a control frame";
    /// The opcode is reserved (RFC 6455 §5.2).
    ReservedOpcode { opcode: u8 = "The opcode.", offset: u64 = "The frame's offset." }
        = "reserved-opcode", Error, "RFC 6455 §5.2", "the opcode is reserved";
    /// "Control frames themselves MUST NOT be fragmented" (RFC 6455 §5.4).
    FragmentedControl { opcode: &'static str = "The opcode's name.", offset: u64 = "The frame's offset." }
        = "fragmented-control", Error, "RFC 6455 §5.4", "a control frame is fragmented";
    /// "All control frames MUST have a payload length of 125 bytes or less" (RFC 6455 §5.5).
    ControlTooLong {
        opcode: &'static str = "The opcode's name.",
        length: u64 = "The declared length.",
        offset: u64 = "The frame's offset.",
    } = "control-too-long", Error, "RFC 6455 §5.5", "a control frame is longer than 125 bytes";
    /// "The fragments of one message MUST NOT be interleaved between the fragments of another" (RFC 6455 §5.4).
    MessageInsideMessage { offset: u64 = "The frame's offset." }
        = "message-inside-message", Error, "RFC 6455 §5.4", "a new message begins inside an unfinished one";
    /// A continuation frame has no message to continue (RFC 6455 §5.4).
    OrphanContinuation { offset: u64 = "The frame's offset." }
        = "orphan-continuation", Error, "RFC 6455 §5.4", "a continuation frame has no message to continue";
    /// "the minimal number of bytes MUST be used to encode the length" (RFC 6455 §5.2).
    LengthNotMinimal { length: u64 = "The declared length.", offset: u64 = "The frame's offset." }
        = "length-not-minimal", Error, "RFC 6455 §5.2", "the payload length is not in its shortest form";
    /// "the most significant bit MUST be 0" (RFC 6455 §5.2).
    LengthTopBit { length: u64 = "The declared length.", offset: u64 = "The frame's offset." }
        = "length-top-bit", Error, "RFC 6455 §5.2", "the payload length has its top bit set";
    /// Text that is not UTF-8 (RFC 6455 §8.1).
    BadUtf8 { offset: u64 = "The offset of the first bad byte in the message's payload." }
        = "bad-utf8", Error, "RFC 6455 §8.1", "a text message is not UTF-8";

    // Closing.
    /// The body of a close frame is either empty or begins with a two-byte code (RFC 6455 §5.5.1).
    CloseBodyOneByte {}
        = "close-body-one-byte", Error, "RFC 6455 §5.5.1", "a close frame's body is a single byte";
    /// The close code must not be sent (RFC 6455 §7.4).
    BadCloseCode { code: u16 = "The code." }
        = "bad-close-code", Error, "RFC 6455 §7.4", "the close code may not be sent";
    /// The close reason is not UTF-8 (RFC 6455 §5.5.1).
    BadCloseReason { offset: u64 = "The offset of the first bad byte in the reason." }
        = "bad-close-reason", Error, "RFC 6455 §5.5.1", "the close reason is not UTF-8";
    /// "The application MUST NOT send any more data frames after sending a Close frame" (RFC 6455 §5.5.1).
    FrameAfterClose { opcode: &'static str = "The opcode's name.", offset: u64 = "The frame's offset." }
        = "frame-after-close", Error, "RFC 6455 §5.5.1", "a frame follows the sender's close frame";
    /// A ping was never answered, although its receiver sent other frames later: it MUST send a pong.
    PingNotAnswered {
        pings: u64 = "How many pings were not answered.",
        seconds: u64 = "How long the receiver kept sending other frames after the first of them, in seconds.",
    } = "ping-not-answered", Error, "RFC 6455 §5.5.2", "a ping was never answered";
    /// "the endpoint MUST send a Close frame in response" (RFC 6455 §5.5.1).
    NoCloseEcho {}
        = "no-close-echo", Error, "RFC 6455 §5.5.1", "the close frame was not answered before TCP ended";
    /// TCP ended without a close frame (RFC 6455 §7.1.5: code 1006).
    NoClose { tcp: &'static str = "How TCP ended: `fin` or `reset`." }
        = "no-close", Warning, "RFC 6455 §7.1.5", "TCP ended without a close frame";
    /// A frame was not finished when the stream ended.
    UnfinishedFrame {
        missing: Option<u64> = "How many bytes of it are missing; absent if its header is incomplete.",
    } = "unfinished-frame", Warning, "RFC 6455 §5.2", "the stream ended inside a frame";
    /// A message was not finished when the stream ended.
    UnfinishedMessage {}
        = "unfinished-message", Warning, "RFC 6455 §5.4", "the stream ended inside a fragmented message";

    // Compression.
    /// The compressed bytes are damaged (RFC 7692 §7.2.2).
    DeflateDamaged {
        offset: u64 = "The offset of the damage in the message's inflated payload.",
        problem: Box<str> = "What was wrong.",
    } = "deflate-damaged", Error, "RFC 7692 §7.2.2", "a compressed message cannot be inflated";
    /// A back-reference reaches beyond the negotiated window (RFC 7692 §7.1.2).
    DeflateDistance { distance: u32 = "The distance.", window: u32 = "The negotiated window, in bytes." }
        = "deflate-distance", Error, "RFC 7692 §7.1.2", "a back-reference goes beyond the agreed window";
    /// Part of a side's compression history is unknown: it was lost, or sent before the capture began.
    DeflateHistoryLost {}
        = "deflate-history-lost", Note, "RFC 7692 §7.2.3", "part of the compression history is unknown";
    /// Inflating one message exceeded the work bound, so the side's history is lost.
    InflateLimit { limit: u64 = "The bound in bytes of output." }
        = "inflate-limit", Note, none, "inflating one message exceeded the work bound";

    // HTTP/2.
    /// "The client connection preface starts with a sequence of 24 octets" (RFC 9113 §3.4).
    H2Preface {}
        = "h2-preface", Error, "RFC 9113 §3.4", "the client does not begin with the HTTP/2 connection preface";
    /// The connection preface of each side begins with a SETTINGS frame (RFC 9113 §3.4).
    H2SettingsFirst { frame: &'static str = "The type of the frame found." }
        = "h2-settings-first", Error, "RFC 9113 §3.4", "the first HTTP/2 frame of a side is not SETTINGS";
    /// A frame is longer than the receiver allows, or does not have the length required by its type (RFC 9113 §4.2).
    H2FrameSize {
        frame: &'static str = "The frame's type.",
        length: u32 = "Its length.",
        expected: u32 = "The greatest length allowed, or the one its type requires.",
    } = "h2-frame-size", Error, "RFC 9113 §4.2", "an HTTP/2 frame has a length that is not allowed";
    /// A frame has a stream identifier that is not allowed for its type, or one that its sender may not open (RFC 9113
    /// §5.1.1, §6).
    H2StreamId { frame: &'static str = "The frame's type.", stream: u32 = "The stream." }
        = "h2-stream-id", Error, "RFC 9113 §5.1.1", "an HTTP/2 frame has a stream identifier that is not allowed";
    /// A frame arrived on a stream that is idle or closed (RFC 9113 §5.1).
    H2StreamState {
        frame: &'static str = "The frame's type.",
        stream: u32 = "The stream.",
        state: &'static str = "The state the stream is in.",
    } = "h2-stream-state", Error, "RFC 9113 §5.1",
            "an HTTP/2 frame came in a state of its stream that does not allow it";
    /// A header block is one sequence of HEADERS and CONTINUATION frames (RFC 9113 §6.10).
    H2Continuation {
        frame: &'static str = "The type of the frame found.",
        stream: u32 = "The stream of the frame.",
    } = "h2-continuation", Error, "RFC 9113 §6.10",
            "a header block is interrupted, or a CONTINUATION frame continues none";
    /// The padding is as long as the payload or longer (RFC 9113 §6.1).
    H2Padding { frame: &'static str = "The frame's type.", stream: u32 = "The stream." }
        = "h2-padding", Error, "RFC 9113 §6.1", "the padding of an HTTP/2 frame exceeds its payload";
    /// A header block cannot be decoded (RFC 9113 §4.3).
    H2Compression {
        stream: u32 = "The stream.",
        offset: u32 = "The offset of the fault in the block.",
        problem: &'static str = "What was wrong.",
    } = "h2-compression", Error, "RFC 9113 §4.3", "a header block cannot be decoded";
    /// A setting has a value that is not allowed (RFC 9113 §6.5.2, RFC 8441 §3).
    H2SettingValue { setting: &'static str = "The setting.", value: u32 = "Its value." }
        = "h2-setting-value", Error, "RFC 9113 §6.5.2", "an HTTP/2 setting has a value that is not allowed";
    /// A sender sent more than the receiver's window allows (RFC 9113 §6.9.1).
    H2FlowControl {
        stream: u32 = "The stream; 0 for the connection.",
        excess: u64 = "By how many bytes the window was exceeded.",
    } = "h2-flow-control", Error, "RFC 9113 §6.9.1", "a flow-control window was exceeded";
    /// The increment of a flow-control window is 0 (RFC 9113 §6.9).
    H2WindowUpdate { stream: u32 = "The stream; 0 for the connection.", increment: u32 = "The increment." }
        = "h2-window-update", Error, "RFC 9113 §6.9", "a WINDOW_UPDATE frame has an increment that is not allowed";
    /// A peer closed the connection because of an error (RFC 9113 §6.8).
    H2GoAway {
        code: &'static str = "The error code's name.",
        last_stream: u32 = "The last stream that was or may be processed.",
        debug: Box<str> = "The peer's debug data.",
    } = "h2-goaway", Warning, "RFC 9113 §6.8", "a peer closed the HTTP/2 connection because of an error";
    /// Extended CONNECT may be used only after `SETTINGS_ENABLE_CONNECT_PROTOCOL` was received with the value 1 (RFC
    /// 8441 §3).
    H2ConnectNotEnabled { stream: u32 = "The stream." }
        = "h2-connect-not-enabled", Error, "RFC 8441 §3",
            "extended CONNECT was used although the server does not allow it";
    /// A pseudo-header field is missing, repeated, undefined or after other fields (RFC 9113 §8.3, RFC 8441 §4).
    H2PseudoHeader { name: Box<str> = "The field's name.", problem: &'static str = "What is wrong with it." }
        = "h2-pseudo-header", Error, "RFC 9113 §8.3", "a pseudo-header field is not valid";
    /// The name of a field has uppercase letters (RFC 9113 §8.2.1).
    H2FieldName { name: Box<str> = "The field's name." }
        = "h2-field-name", Error, "RFC 9113 §8.2.1", "the name of an HTTP/2 header field has capital letters";
    /// Connection-specific header fields of HTTP/1.1 must not be used in HTTP/2 (RFC 9113 §8.2.2, RFC 8441 §5).
    H2ConnectionHeader { name: Box<str> = "The field's name." }
        = "h2-connection-header", Error, "RFC 9113 §8.2.2", "a header field of HTTP/1.1 connections is used in HTTP/2";
    /// A stream ended without a close frame (RFC 8441 §5, RFC 6455 §7.1.5: code 1006).
    H2NoClose {
        by: &'static str = "What ended it: `END_STREAM`, `RST_STREAM` or `GOAWAY`.",
        code: Option<&'static str> = "The error code's name, if there is one.",
    } = "h2-no-close", Warning, "RFC 8441 §5", "the stream ended without a close frame";
    /// Fields of a header block are unknown because the table entries they refer to were not captured.
    H2HeaderUnknown { stream: u32 = "The stream.", fields: u32 = "How many fields." }
        = "h2-header-unknown", Note, "RFC 7541 §2.3.2", "header fields refer to entries that were not captured";
    /// A header block was not captured completely, or is longer than the limit.
    H2BlockLost { stream: u32 = "The stream." }
        = "h2-block-lost", Note, none, "a header block was lost in part";
    /// HTTP/2 frames were found again after a gap, or in a connection captured mid-stream.
    H2Resynchronised { skipped: u64 = "How many captured bytes were skipped." }
        = "h2-resynchronised", Note, none, "HTTP/2 frames were found after a gap";

    // Security, judged by `check` alone.
    /// "Servers that are not intended to process input from any web page but only for certain sites SHOULD verify the
    /// |Origin| field is an origin they expect" (RFC 6455 §10.2); browsers always send one.
    OriginMissing {}
        = "origin-missing", Note, "RFC 6455 §10.2", "a request with cookies was granted without an Origin";
    /// "If the origin indicated is unacceptable to the server, then it SHOULD respond to the WebSocket handshake with a
    /// reply containing HTTP 403 Forbidden status code" (RFC 6455 §10.2).
    OriginForeign {
        origin: Box<str> = "The origin of the page.",
        host: Box<str> = "The requested host.",
    } = "origin-foreign", Warning, "RFC 6455 §10.2", "a request with cookies was granted to a page of another host";
    /// "Connection confidentiality and integrity is provided by running the WebSocket Protocol over TLS" (RFC 6455
    /// §10.6).
    CredentialsInClear { field: &'static str = "The header field that contains them." }
        = "credentials-in-clear", Warning, "RFC 6455 §10.6", "credentials were sent without encryption";
    /// URLs are logged and displayed in many places where header fields are not.
    TokenInUrl { parameter: Box<str> = "The name of the parameter." }
        = "token-in-url", Warning, "RFC 9110 §17.9", "the URL holds a secret";
    /// Sec-WebSocket-Protocol is for the names of sub-protocols; a server that echoes a token reveals it to anyone who
    /// reads the response.
    TokenInSubprotocol { length: u64 = "The length of what looks like a token, in characters." }
        = "token-in-subprotocol", Note, "RFC 6455 §1.9", "an offered sub-protocol looks like a token";
    /// A small message that inflates to a large one may be an attack on its receiver (RFC 7692 §8).
    CompressionRatio { wire: u64 = "Its bytes on the wire.", length: u64 = "Its bytes inflated." }
        = "compression-ratio", Warning, "RFC 7692 §8", "a message is more than 200 times as long as it was on the wire";

    /// A SOCKS server refused the request, so nothing follows (RFC 1928 §6).
    ProxyRefused {
        protocol: &'static str = "The proxy protocol.",
        server: Option<Box<str>> = "The requested destination, if known.",
    } = "proxy-refused", Note, "RFC 1928 §6", "a proxy refused the connection";

    // TCP and IP.
    /// A retransmitted byte differs from the first copy, which is kept (RFC 9293 §3.10.7.4).
    OverlapDiffers {
        offset: u64 = "The offset in the sender's byte stream.",
        length: u64 = "How many bytes differ.",
    } = "overlap-differs", Warning, "RFC 9293 §3.10.7.4", "a retransmission carries different bytes";
    /// A segment with a wrong checksum is discarded (RFC 9293 §3.1), as its receiver does. Its bytes are missing until
    /// they are retransmitted.
    ChecksumWrong {
        length: u64 = "How many bytes of payload it had.",
        found: Box<str> = "The checksum in its header.",
        expected: Box<str> = "The checksum of its bytes.",
    } = "checksum-wrong", Note, "RFC 9293 §3.1", "a segment with a wrong checksum was discarded";
    /// IP fragments overlap and were rejected (RFC 8200 §4.5, RFC 5722).
    FragmentOverlap {} = "fragment-overlap", Warning, "RFC 5722", "overlapping IP fragments were rejected";
    /// Bytes are missing from the capture.
    Gap {
        offset: u64 = "The offset in the sender's byte stream.",
        length: Option<u64> = "How many bytes; `None` if unknown.",
        least: Option<u64> = "The minimum number of bytes, if the exact number is unknown.",
        cause: &'static str = "The cause: `lost`, `snap-length` or `limit`.",
    } = "gap", Note, none, "bytes are missing from the capture";
    /// A gap swallowed a frame header; decoding continued where frames were found again.
    Resynchronised {
        offset: u64 = "The offset at which decoding stopped, in the side's WebSocket bytes.",
        lost: u64 = "How many bytes were lost.",
        skipped: u64 = "How many captured bytes were skipped.",
    } = "resynchronised", Note, none, "frames were found again after a gap";
    /// No frame was found after a gap.
    LostSync {
        offset: u64 = "The offset at which decoding stopped, in the side's WebSocket bytes.",
        skipped: u64 = "How many captured bytes were skipped.",
    } = "lost-sync", Note, none, "no frame was found again after a gap";
    /// After a gap, the same bytes are either frames, or the payload of a single frame whose header may precede them.
    /// They are shown as neither: decoding continues where both readings agree.
    AmbiguousFraming {
        offset: u64 = "The offset of the frame that may cover others, in the side's WebSocket bytes.",
        length: u64 = "Its length, including the header.",
    } = "ambiguous-framing", Note, none, "bytes after a gap are frames, or the payload of one";
    /// The handshake was not captured.
    MissingHandshake {} = "missing-handshake", Note, none, "the handshake was not captured";
    /// The snap length truncated packets that carried the handshake.
    HandshakeTruncated {
        snap_length: u32 = "The smallest snap length that would truncate none of the connection's packets so far.",
    } = "handshake-truncated", Note, none, "the snap length truncated the handshake";

    // Bodies that carry messages.
    /// Captured bytes of a body after a gap belong to no message whose beginning is known.
    BodySkipped { skipped: u64 = "How many." }
        = "body-skipped", Note, none, "bytes behind a gap belong to no known message";
    /// The rest of a body cannot be decoded.
    BodyUnreadable { cause: &'static str = "Why." }
        = "body-unreadable", Note, none, "the rest of the body cannot be read";
    /// "If the file ends in the middle of an event, before the final empty line, the incomplete event is not
    /// dispatched" (HTML Standard §9.2.6); nor is an incomplete packet of long polling.
    BodyUnfinished {} = "body-unfinished", Warning, "HTML §9.2.6", "the body ended inside a message";

    // Sub-protocols.
    /// The conversation was assumed to use a sub-protocol, but its first messages do not follow it.
    SubprotocolMistaken { protocol: &'static str = "The sub-protocol." }
        = "subprotocol-mistaken", Note, none, "the messages are none of the sub-protocol that the handshake means";
    /// The conversation ended inside a sub-protocol's packet, whose received part is shown nowhere else.
    SubprotocolUnfinished {
        protocol: &'static str = "The sub-protocol.",
        bytes: u64 = "How many bytes of the packet were received.",
        messages: u64 = "In how many messages.",
        first: u64 = "The packet that carried the first of them.",
    } = "subprotocol-unfinished", Note, none, "the conversation ended inside a sub-protocol's packet";
    /// The server sends pings in revision 4 of Engine.IO, the client in revision 3.
    EngineIoPingSide { revision: u8 = "The revision in use." }
        = "engineio-ping-side", Warning, "Engine.IO 4", "a ping came from the side that must answer pings";
    /// The response to a ping must come within `pingTimeout`.
    EngineIoPongLate {
        after: u64 = "The time from ping to pong, in milliseconds.",
        timeout: u64 = "The time allowed, in milliseconds.",
    } = "engineio-pong-late", Warning, "Engine.IO 4", "a pong came later than the time-out allows";
    /// The client must not send messages longer than `maxPayload`.
    EngineIoPayload { length: u64 = "The message's length.", most: u64 = "The length allowed." }
        = "engineio-payload-too-long", Warning, "Engine.IO 4", "a message is longer than the server takes";
    /// A packet's attachments follow it before any other packet.
    SocketIoAttachments {
        expected: u64 = "How many the packet announced.",
        missing: u64 = "How many did not arrive.",
    } = "socketio-attachments", Error, "Socket.IO 5", "a packet came before the attachments of the one before it";
    /// "MQTT Control Packets MUST be sent in WebSocket binary data frames" (MQTT 5.0 §6.0, MQTT-6.0.0-1).
    MqttText {} = "mqtt-text-message", Error, "MQTT 5.0 §6.0", "MQTT is sent in a text message";
    /// The parts of a packet do not add up to its length, or have values that are not allowed (MQTT 5.0 §4.13).
    MqttMalformed { packet: &'static str = "The type of the packet." }
        = "mqtt-malformed-packet", Error, "MQTT 5.0 §4.13", "an MQTT packet is malformed";
    /// A flag that is marked as reserved must have the value listed (MQTT 5.0 §2.1.3, MQTT-2.1.3-1).
    MqttFlags { packet: &'static str = "The type of the packet.", flags: u8 = "The flags found." }
        = "mqtt-reserved-flags", Error, "MQTT 5.0 §2.1.3", "an MQTT packet has flags that are reserved";
    /// A packet is longer than the Maximum Packet Size announced by its receiver (MQTT 5.0 §3.1.2.11.4).
    MqttPacketTooLarge { length: u64 = "The packet's length.", most: u64 = "The length allowed." }
        = "mqtt-packet-too-large", Error, "MQTT 5.0 §3.1.2", "an MQTT packet is longer than its receiver takes";
    /// The client must send a packet within the Keep Alive; the server allows one and a half times that (MQTT 5.0
    /// §3.1.2.10).
    MqttKeepAlive {
        silent: u64 = "How long the client was silent, in milliseconds.",
        keep_alive: u64 = "The Keep Alive, in seconds.",
    } = "mqtt-keep-alive", Warning, "MQTT 5.0 §3.1.2",
            "an MQTT client was silent for longer than its keep-alive allows";
    /// The client left without DISCONNECT, so its Will Message is published (MQTT 5.0 §3.14).
    MqttNoDisconnect {}
        = "mqtt-no-disconnect", Warning, "MQTT 5.0 §3.14", "an MQTT client ended without DISCONNECT";
    /// A topic alias must be assigned a topic before it is used on its own (MQTT 5.0 §3.3.2.3.4).
    MqttTopicAlias {}
        = "mqtt-topic-alias", Error, "MQTT 5.0 §3.3.2", "an MQTT topic alias is not assigned to a topic";

    /// A hub message in JSON ends with a record separator; one in MessagePack is preceded by its length.
    SignalRRecord {}
        = "signalr-record", Error, "SignalR", "a SignalR hub message does not end as its encoding demands";
    /// A side that sends nothing for 30 s, the default of both time-outs, is considered disconnected; pings exist to
    /// prevent that.
    SignalRSilence { silent: u64 = "How long it was silent, in milliseconds." }
        = "signalr-silence", Warning, "SignalR", "a SignalR side was silent for longer than its peer waits";
    /// A response answers one request, identified by its id (JSON-RPC 2.0 §5): these answer none, or one already
    /// answered.
    JsonRpcUnasked { answers: u64 = "How many responses, of the last 64." }
        = "jsonrpc-unasked", Warning, "JSON-RPC 2.0 §5", "JSON-RPC responses match no request";
    /// "If there is already an active subscriber for an operation matching the provided ID" the server closes with
    /// 4409.
    GraphQlDuplicateId {}
        = "graphql-duplicate-id", Error, "graphql-ws", "an operation uses the id of one that is still active";
    /// The server rejects an action of the client with a close code of the protocol.
    GraphQlClosed { code: u16 = "The close code.", means: &'static str = "What it means." }
        = "graphql-closed", Warning, "graphql-ws", "the server closed a GraphQL conversation because of the client";
    /// The handshake names one of the two protocols, but the messages follow the other.
    GraphQlMisnamed { header: &'static str = "The name in the handshake." }
        = "graphql-misnamed", Warning, none,
            "the messages are those of the other protocol for GraphQL than the handshake names";

    /// `CONNECTED` gives the version in use, which should match that in `Sec-WebSocket-Protocol`.
    StompVersion {
        agreed: &'static str = "The version according to the handshake.",
        found: Box<str> = "The version that the server reports.",
    } = "stomp-version", Note, "STOMP 1.2", "the version differs from the one that the handshake chose";
    /// WAMP sends JSON in text messages, MessagePack and CBOR in binary ones.
    WampOpcode { opcode: u8 = "The message's opcode." }
        = "wamp-opcode", Error, "WAMP v2 §5.2", "the message's type does not match the serialization";
    /// A message is an array that begins with a message type from 2 to 6.
    OcppMessage { kind: u64 = "The message type found; 0 if there is none." }
        = "ocpp-message", Error, "OCPP-J 1.6 §4.1", "the message is no call, result or error";
    /// A side must not send a call while another of its calls is unanswered.
    OcppOutstanding {}
        = "ocpp-outstanding", Warning, "OCPP-J 1.6 §4.1.1", "a call was sent before the one before it was answered";
    /// A compressed stream that spans all messages cannot be decoded after a loss.
    SubprotocolCompression { method: &'static str = "How it is compressed." }
        = "subprotocol-compression", Note, none, "the sub-protocol's compressed stream cannot be read any further";
    /// The messages carry a connection of another protocol.
    TunnelInside { protocol: &'static str = "What is inside." }
        = "tunnel-inside", Note, none, "the messages carry a connection of another protocol";

    // TLS.
    /// No key is known for a TLS connection.
    TlsNoKeys {
        client_random: Option<Box<str>> = "The first bytes of the client's random, as a key log would contain them.",
        server_name: Option<Box<str>> = "The server name requested by the client.",
        known: u64 = "How many secrets are known, for other connections.",
    } = "tls-no-keys", Note, "RFC 9850", "no key is known for this TLS connection";
    /// Keys are known for a TLS connection, but decrypt none of its records.
    TlsKeysWrong { tried: u64 = "How many secrets were tried." }
        = "tls-keys-wrong", Warning, "RFC 9850", "the known keys do not decrypt this TLS connection";
    /// A part of the handshake that decryption requires was not captured.
    TlsHandshakeMissing { server_name: Option<Box<str>> = "The server name requested by the client." }
        = "tls-handshake-missing", Note, "RFC 5246 §6.3", "TLS up to 1.2 cannot be decrypted without its handshake";
    /// The cipher suite is not supported for decryption.
    TlsSuiteUnsupported { suite: Box<str> = "Its name or number." }
        = "tls-suite-unsupported", Note, none, "the cipher suite of this TLS connection is not supported";
    /// A record is not authentic: its bytes are not the ones that were sent (RFC 8446 §5.2).
    TlsBadRecord { number: u64 = "Its number under its keys.", length: u64 = "How many bytes it has." }
        = "tls-bad-record", Error, "RFC 8446 §5.2", "a TLS record is not authentic";
    /// TLS records were lost, and decryption continued after them.
    TlsRecordsLost {
        records: u64 = "How many.",
        bytes: Option<u64> = "How many bytes of plaintext they had, if that is known.",
    } = "tls-records-lost", Note, none, "TLS records are missing from the capture";
    /// The keys of a TLS connection came after more records had passed than are held for them.
    TlsKeysLate {
        records: u64 = "How many records were not decrypted.",
        bytes: Option<u64> = "How many bytes of plaintext they had, if that is known.",
    } = "tls-keys-late", Note, "RFC 9850", "the keys came too late for the first TLS records";
    /// Bytes of an incomplete TLS record were decrypted; nothing proves that they were sent so.
    TlsUnverified { bytes: u64 = "How many bytes." }
        = "tls-unverified", Note, "RFC 8446 §5.2", "parts of a TLS record were decrypted without verification";
    /// A TLS connection was captured mid-stream and is decrypted nevertheless.
    TlsMidStream { number: u64 = "The number of the first record that was decrypted." }
        = "tls-mid-stream", Note, none, "the TLS handshake was not captured";
    /// The server did not accept the early data, so the client sends it again (RFC 8446 §4.2.10).
    TlsEarlyDataRejected { bytes: u64 = "How many bytes of it are left out." }
        = "tls-early-data-rejected", Note, "RFC 8446 §4.2.10", "the server rejected the early data";
    /// "Each party MUST send a `close_notify` alert before closing its write side" (RFC 8446 §6.1).
    TlsTruncated {} = "tls-truncated", Warning, "RFC 8446 §6.1", "TCP ended without a TLS close_notify";
    /// A TLS alert other than `close_notify` (RFC 8446 §6.2).
    TlsAlert { alert: &'static str = "Its name." }
        = "tls-alert", Warning, "RFC 8446 §6.2", "a TLS alert was sent";
    /// A line of the key log cannot be parsed.
    KeylogLine { line: u64 = "Its number." }
        = "keylog-line", Note, "RFC 9850 §2", "a line of the key log cannot be read";
    /// The key log was replaced or truncated while it was read.
    KeylogReplaced {} = "keylog-replaced", Note, none, "the key log was replaced";

    // Limits.
    /// A bound was reached and data was dropped.
    LimitReached { limit: &'static str = "The bound.", value: u64 = "Its value." }
        = "limit-reached", Note, none, "a limit was reached";
    /// A message is longer than the limit, and only its beginning is kept.
    MessageTruncated { kept: u64 = "The bytes kept." }
        = "message-truncated", Note, none, "a message is longer than the limit and is shown in part";

    // The capture itself.
    /// The file ends inside a record, or a record is invalid.
    CaptureDamaged {
        file: Box<str> = "The file.",
        offset: u64 = "The offset in the file, in bytes after decompression.",
        problem: Box<str> = "What is wrong there.",
    } = "capture-damaged", Note, none, "the capture file is damaged";
    /// Packets arrived that were not captured; their bytes are gaps.
    CaptureDropped {
        interface: Box<str> = "The interface.",
        dropped: u64 = "Packets dropped for lack of buffer space since the last report.",
        device_dropped: u64 = "Packets dropped by the device or its driver since the last report.",
        total: u64 = "The total of both since the capture began.",
    } = "capture-dropped", Note, none, "packets were dropped before they could be captured";
    /// Packets were captured more than once, on several interfaces or on both sides of a bridge; each counts once.
    CapturedTwice {
        segments: u64 = "Segments with data that were captured again.",
        first: u64 = "The packet of the first of them.",
    } = "captured-twice", Note, none, "the capture holds packets more than once";
    /// An interface went down, came back up, or disappeared.
    InterfaceChanged {
        interface: Box<str> = "The interface.",
        state: &'static str = "Its new state: `down`, `up`, `vanished` or `failed`.",
        problem: Option<Box<str>> = "The system's error message, if there is one.",
    } = "interface-changed", Note, none, "the state of a captured interface changed";
    /// Packets could not be saved.
    NotSaved { file: Box<str> = "The file.", problem: Box<str> = "Why." }
        = "not-saved", Note, none, "packets are no longer saved";
    /// A file that may be the continuation cannot be read, or the file being followed was removed.
    NotFollowed { file: Box<str> = "The file.", problem: Box<str> = "What is wrong with it." }
        = "not-followed", Note, none, "a capture file cannot be followed";
}
