"""The dialogues that endpoints.py speaks, by the path of the capture that shows each."""
import base64, hashlib, random, zlib
from endpoints import *

DIALOGUES = {}


def add(name, shows, *connections, truth=True, **options):
    DIALOGUES[name] = Dialogue(name, shows, list(connections), truth, options)


def whole(*middle, **how):
    """A clean conversation around some steps."""
    return hello(**how) + list(middle) + bye()


# ---- handshake: what is asked and what is answered -----------------------------------------------------------------

add("handshake/rfc6455-sample", "the request and answer of RFC 6455 §1.2, sub-protocol `chat` out of two",
    [c(upgrade(extra=[("Origin", "http://example.com"), ("Sec-WebSocket-Protocol", "chat, superchat")])),
     s(switch(extra=[("Sec-WebSocket-Protocol", "chat")])), c(text("Hello")), s(text("Hello")), *bye()])

three = switch()
add("handshake/head-in-three-segments", "a 101 that arrives in three segments, cut inside a field name and inside the last CRLF",
    [c(upgrade()), s(three[:44]), s(three[44:-3]), s(three[-3:]), c(text("hello")), s(text("hello")), *bye()])
add("handshake/request-in-four-segments", "a request that arrives in four segments, the last one a single LF",
    [c(upgrade()[:7]), c(upgrade()[7:60]), c(upgrade()[60:-1]), c(upgrade()[-1:]), s(switch()), c(text("hello")), *bye()])
add("handshake/frame-with-the-101", "the server's first text in the same segment as its 101",
    [c(upgrade()), s(switch(), text("welcome")), c(text("hello")), *bye()])
add("handshake/half-a-frame-with-the-101", "the first bytes of a frame header in the same segment as the 101, the rest after it",
    [c(upgrade()), s(switch(), b"\x81"), s(b"\x07wel"), s(b"come"), c(text("hello")), *bye()], truth=False)
add("handshake/frame-with-the-request", "an impatient client: its first frame in the same segment as its request, before any 101",
    [c(upgrade(), text("too early")), s(switch()), s(text("hello")), *bye()])

FOLDED_KEY = "TnPHI5cX2WGBi3iwEQlRgA=="
add("handshake/folded-tutorial-server", "a well-known tutorial's 101: folded lines right after the status line, no blank after the colon",
    [c(upgrade(FOLDED_KEY)),
     s("HTTP/1.1 101 Web Socket Protocol Handshake\r\n Upgrade: WebSocket\r\n Connection: Upgrade\r\nsec-websocket-accept:" + accept_for(FOLDED_KEY) + "\r\n\r\n"),
     c(text("hello")), s(text("hello, too")), *bye()])
add("handshake/folded-request", "a request whose Connection field is folded over two lines",
    [c("GET /chat HTTP/1.1\r\nHost: 10.77.0.1:9001\r\nUpgrade: websocket\r\nConnection: keep-alive,\r\n\tUpgrade\r\nSec-WebSocket-Key: " + KEY + "\r\nSec-WebSocket-Version: 13\r\n\r\n"),
     s(switch()), c(text("hello")), *bye()])
add("handshake/bare-line-feeds", "request and answer whose lines end in LF alone",
    [c(upgrade().replace(b"\r\n", b"\n")), s(switch().replace(b"\r\n", b"\n")), c(text("hello")), s(text("hello")), *bye()])
add("handshake/strange-case-and-spacing", "field names and tokens in odd case, blanks and tabs around values",
    [c("GET /chat HTTP/1.1\r\nhost:10.77.0.1:9001\r\nUPGRADE:   WebSocket  \r\nconnection:\tKeep-Alive ,upGRADE\r\nsec-websocket-KEY:" + KEY + "   \r\nSec-Websocket-Version:13\r\n\r\n"),
     s("HTTP/1.1 101 \r\nUpgrade:WEBSOCKET\r\nConnection:upgrade\r\nSec-WebSocket-Accept:   " + accept_for(KEY) + " \r\n\r\n"), c(text("hello")), *bye()])
add("handshake/absolute-target", "a target in absolute form, with query and percent escapes",
    whole(c(text("hello")), target="http://10.77.0.1:9001/caf%C3%A9?room=1&q=a%20b"))
add("handshake/fields-on-several-lines", "Connection, protocol and extension fields repeated on lines of their own",
    [c(upgrade(change={"Connection": "keep-alive"}, extra=[("Connection", "Upgrade"), ("Sec-WebSocket-Protocol", "soap"), ("Sec-WebSocket-Protocol", "wamp"),
        ("Sec-WebSocket-Extensions", "permessage-deflate"), ("Sec-WebSocket-Extensions", "x-other; a=1")])),
     s(switch(extra=[("Sec-WebSocket-Protocol", "wamp")])), c(text("hello")), *bye()])

WIDE_KEY, WIDE_ACCEPT = "7+C600xYybOv2zmJ69RQsw==", "fYoqiH14DgI+SylEMwM2sDLzDiO="
add("handshake/accept-widely-copied-sample", "a sample found all over the web whose accept value is not the right one",
    [c(upgrade(WIDE_KEY)), s(switch(accept=WIDE_ACCEPT)), c(text("hello")), s(text("hello")), *bye()])
add("handshake/accept-second-sample", "key `Zx8rNEkBE4xnwifpuh8DHQ==` with its right accept value",
    [c(upgrade("Zx8rNEkBE4xnwifpuh8DHQ==")), s(switch(accept="52Rg3vW4JQ1yWpkvFlsTsiezlqw=")), c(text("hello")), s(text("hello")), *bye()])


def mismatch(name, shows, accept, key="x3JJHMbDL1EzLkh9GBhXDw==", sent=None):
    add("handshake/accept-" + name, "an accept value made wrongly: " + shows,
        [c(upgrade(sent or key)), s(switch(accept=accept)), c(text("hello")), s(text("hello")), *bye()])


K = "x3JJHMbDL1EzLkh9GBhXDw=="
sha = lambda b: base64.b64encode(hashlib.sha1(b).digest()).decode()
mismatch("guid-left-out", "the GUID left out", sha(raw(K)))
mismatch("guid-misspelt", "two digits of the GUID swapped", accept_for(K, "258EAFA5-E914-47DA-95CA-5CAB0DC85B11"))
mismatch("guid-lower-case", "the GUID in lower case", accept_for(K, GUID.lower()))
mismatch("key-decoded-first", "the key base64-decoded before hashing", sha(base64.b64decode(K) + raw(GUID)))
mismatch("key-with-blank", "the blank before the key hashed with it", sha(raw(" " + K + GUID)))
mismatch("key-with-trailing-blank", "the blank after the key hashed with it", sha(raw(K + " " + GUID)), sent=K + " ")
mismatch("key-with-line-end", "the key's CR hashed with it", sha(raw(K + "\r" + GUID)))
mismatch("key-undefined", "the text `undefined` in place of the key", sha(raw("undefined" + GUID)))
mismatch("key-null", "the text `null` in place of the key", sha(raw("null" + GUID)))
mismatch("key-empty", "nothing in place of the key", sha(raw(GUID)))
mismatch("hex", "hex instead of base64", hashlib.sha1(raw(K + GUID)).hexdigest())
mismatch("hex-then-base64", "base64 of the hex digits", base64.b64encode(raw(hashlib.sha1(raw(K + GUID)).hexdigest())).decode())
mismatch("constant", "a constant that belongs to another key", accept_for(KEY))
mismatch("missing", "no such field at all", None)
mismatch("empty", "an empty field", "")
add("handshake/accept-of-earlier-key", "the server answers a second request with the accept value of the first, which it refused, on one connection",
    [c(upgrade(KEY, target="/first")), s("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\nRetry-After: 1\r\n\r\nlater"),
     c(upgrade(K, target="/second")), s(switch(accept=accept_for(KEY))), c(text("hello")), s(text("hello")), *bye()])
add("handshake/accept-twice", "the accept field twice, right and wrong",
    [c(upgrade()), s(switch(extra=[("Sec-WebSocket-Accept", accept_for(K))])), c(text("hello")), *bye()])


def odd_request(name, shows, **how):
    key = (how.get("change") or {}).get("Sec-WebSocket-Key", KEY)
    add("handshake/request-" + name, "a broken request that is granted all the same: " + shows,
        [c(upgrade(**how)), s(switch(key or "")), c(text("hello")), *bye()])


odd_request("key-short", "a key of 8 bytes", change={"Sec-WebSocket-Key": "c2hvcnRrZXk="})
odd_request("key-not-base64", "a key that is not base64", change={"Sec-WebSocket-Key": "this is not base64!!"})
odd_request("key-missing", "no key", change={"Sec-WebSocket-Key": None})
odd_request("key-twice", "two keys", extra=[("Sec-WebSocket-Key", K)])
odd_request("version-missing", "no version", change={"Sec-WebSocket-Version": None})
odd_request("version-8", "version 8", change={"Sec-WebSocket-Version": "8"})
odd_request("post", "method POST", method="POST")
odd_request("http-1-0", "HTTP/1.0", version="HTTP/1.0")
odd_request("host-missing", "no Host", change={"Host": None})
odd_request("upgrade-missing", "no Upgrade field", change={"Upgrade": None})
odd_request("connection-without-upgrade", "Connection: keep-alive", change={"Connection": "keep-alive"})


def odd_answer(name, shows, request={}, **how):
    add("handshake/answer-" + name, "a broken 101: " + shows, [c(upgrade(**request)), s(switch(**how)), c(text("hello")), *bye()])


chat = {"extra": [("Sec-WebSocket-Protocol", "chat")]}
odd_answer("upgrade-missing", "no Upgrade field", change={"Upgrade": None})
odd_answer("upgrade-other", "Upgrade: h2c", change={"Upgrade": "h2c"})
odd_answer("connection-missing", "no Connection field", change={"Connection": None})
odd_answer("subprotocol-not-offered", "a sub-protocol nobody offered", extra=[("Sec-WebSocket-Protocol", "chat")])
odd_answer("subprotocol-other", "another sub-protocol than the offered one", request=chat, extra=[("Sec-WebSocket-Protocol", "mqtt")])
odd_answer("subprotocol-two", "two sub-protocols chosen", request={"extra": [("Sec-WebSocket-Protocol", "chat, mqtt")]}, extra=[("Sec-WebSocket-Protocol", "chat, mqtt")])
odd_answer("extension-not-offered", "an extension nobody offered", extra=[("Sec-WebSocket-Extensions", "permessage-deflate")])
odd_answer("with-body", "a Content-Length on a 101, which has no body", extra=[("Content-Length", "7")])


def refused(name, shows, answer, **how):
    add("handshake/refused-" + name, "a refused upgrade: " + shows, [c(upgrade(**how)), s(answer)])


refused("400", "400 with a reason in its body", "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 18\r\nConnection: close\r\n\r\nno such room: lab\n")
refused("401", "401 with a challenge", 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm="lab"\r\nContent-Length: 0\r\n\r\n')
refused("403", "403 in chunks", "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n6\r\norigin\r\nd\r\n not allowed\n\r\n0\r\n\r\n")
refused("404", "404", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
refused("426-versions", "426 with the versions the server knows, in two fields", "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13, 8\r\nSec-WebSocket-Version: 7\r\nContent-Length: 0\r\n\r\n", change={"Sec-WebSocket-Version": "25"})
refused("301", "a redirect", "HTTP/1.1 301 Moved Permanently\r\nLocation: ws://10.77.0.1:9001/new\r\nContent-Length: 0\r\n\r\n")
refused("200", "a web server that knows nothing of it answers 200 with a page", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 14\r\n\r\n<p>welcome</p>")
refused("503-until-close", "503 whose body ends with the connection", "HTTP/1.0 503 Service Unavailable\r\nContent-Type: text/plain\r\n\r\ntry again in a minute\n")
add("handshake/unanswered", "an upgrade request that the server answers by closing", [c(upgrade()), fin("server")])
add("handshake/reset", "an upgrade request that is answered by RST", [c(upgrade()), rst("server")])
add("handshake/refused-then-granted", "401, then the same connection asks again with credentials and is granted",
    [c(upgrade(target="/lab")), s('HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="lab"\r\nContent-Length: 3\r\n\r\nno\n'),
     c(upgrade(K, target="/lab", extra=[("Authorization", "Basic bGFiOmxhYg==")])), s(switch(K)), c(text("hello")), s(text("hello")), *bye()])

# ---- messages ------------------------------------------------------------------------------------------------------

add("messages/mdn-fragmented", "the fragmented dialogue of MDN's server guide: `hello`, then `and a` + `happy new` + `year!`",
    [*hello(), c(text("hello")), s(text("hi.")), c(text("and a", fin=False)), s(text("(listening, new message containing text started)")),
     c(cont("happy new", fin=False)), s(text("(listening, payload concatenated to previous message)")), c(cont("year!")), s(text("Happy new year to you too!")), *bye()])
add("messages/masked-abaoge", "the text 我是阿宝哥 masked with 08f6efb1: ee7e7e57 90590629 b713412c ed654a",
    whole(c(text("我是阿宝哥", mask=bytes.fromhex("08f6efb1"))), s(text("我是阿宝哥"))))
add("messages/rfc6455-examples", "the frames of RFC 6455 §5.7 in order, 256 and 65536 bytes left out",
    whole(s(text("Hello")), c(text("Hello", mask=bytes.fromhex("37fa213d"))), s(text("Hel", fin=False)), s(cont("lo")), s(ping("Hello")), c(pong("Hello", mask=bytes.fromhex("37fa213d")))))
add("messages/fragments-with-pings-between", "a message in four frames, pings and pongs of both sides between them",
    whole(c(text("one ", fin=False)), c(ping("a")), s(pong("a")), c(cont("two ", fin=False)), s(ping("b")), c(pong("b")), c(cont("", fin=False)), c(cont("three")), s(text("ok"))))
pile = "снег 🦀 naïve".encode()
add("messages/utf8-across-fragments", "characters of two and four bytes cut by frame ends, in every place",
    whole(*[c(text(pile[:1], fin=False)), *[c(cont(pile[i:i + 1], fin=False)) for i in range(1, len(pile) - 1)], c(cont(pile[-1:]))], s(text(pile))))
add("messages/many-fragments", "one binary message of 300 bytes in 300 frames, ten to a segment",
    whole(*[c(*[Frame(2 if i == 0 else 0, bytes([i & 255]), fin=i == 299) for i in range(k, k + 10)]) for k in range(0, 300, 10)], s(text("300"))), truth=False)
add("messages/several-frames-in-a-segment", "seven frames in one segment",
    whole(c(text("one"), text("two"), binary(b"\0\1\2"), ping("p"), text(""), text("three"), text("four and a half"))))
slow = Frame(1, b"drip", mask=b"\1\2\3\4").wire("client", None)
add("messages/a-byte-a-segment", "the whole conversation after the upgrade a byte at a time",
    [*hello(), *[c(slow[i:i + 1]) for i in range(len(slow))], *[s(bytes([b])) for b in b"\x81\x04drop"], *bye()], truth=False)
add("messages/empty", "empty text, binary, ping, pong, fragments and close",
    whole(c(text()), s(text()), c(binary()), s(binary()), c(ping()), s(pong()), c(text(fin=False)), c(cont(fin=False)), c(cont()))[:-2] + [c(close()), s(close())])
add("messages/lengths", "payloads of 125, 126, 127, 65535 and 65536 bytes, both ways",
    whole(*[st for n in (125, 126, 127, 65535, 65536) for st in (c(text("a" * n)), s(text("b" * n)))]))
add("messages/json-and-unicode", "JSON, line breaks, quotes and backslashes, combining marks, emoji with joiners, right-to-left text",
    whole(c(text('{"type":"subscribe","channels":["ticker","book"],"id":1}')), s(text("line one\nline two\ttab \"quoted\" back\\slash")),
          c(text("e\u0301 n\u0303 👩\u200d👩\u200d👧 🇨🇭")), s(text("שלום עולם · مرحبا بالعالم")), c(text("日本語テキスト"))))
add("messages/binary-kinds", "binary messages that are a PNG head, CBOR, protobuf, zeros, and valid UTF-8",
    whole(c(binary(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")), s(binary(bytes.fromhex("a26161016162820203"))), c(binary(b"\x08\x96\x01\x12\x05wires")), s(binary(b"\0" * 32)), c(binary("just text"))))

# ---- control -------------------------------------------------------------------------------------------------------

add("control/pong-answers-the-latest-ping", "three pings, one pong: it answers the last (RFC 6455 §5.5.3)",
    whole(s(ping("1")), pause(.03), s(ping("2")), pause(.03), s(ping("3")), pause(.03), c(pong("3"))))
add("control/pong-unasked", "pongs that answer nothing, and one whose payload differs from the ping's",
    whole(c(pong("heartbeat")), s(pong()), s(ping("abc")), c(pong("abd"))))
add("control/ping-125", "pings of 125 bytes, text and not", whole(s(ping("p" * 125)), c(pong("p" * 125)), c(ping(bytes(range(131, 256)))), s(pong(bytes(range(131, 256))))))
CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)
add("control/close-codes-legal", "a connection for each close code that may be sent, begun by either side in turn",
    *[[*hello(), c(close(n, f"code {n}")), s(close(n))] if i % 2 else [*hello(), s(close(n, f"code {n}")), c(close(n))] for i, n in enumerate(CODES)])
add("control/close-crossing", "both sides send a close before they see the other's",
    [*hello(), c(text("hello")), pause(.1), *crossing(close(1001, "leaving"), close(1012, "restarting"))])
add("control/close-reason-123", "the longest reason there may be, in characters of three bytes", [*hello(), s(close(4000, "雪" * 41)), c(close(4000, "雪" * 41))])
add("control/close-without-echo", "a close that is answered by FIN alone", [*hello(), c(text("hello")), c(close(1000, "bye")), fin("server")])
add("control/close-without-echo-reset", "a close that is answered by RST", [*hello(), c(text("hello")), c(close(1000, "bye")), rst("server")])
add("control/end-without-close", "both sides just end TCP: 1006", [*hello(), c(text("hello")), s(text("hello")), fin("client"), fin("server")])
add("control/end-by-reset", "RST in the middle of a conversation: 1006", [*hello(), c(text("hello")), s(text("hello")), rst("server")])
add("control/end-inside-a-frame", "TCP ends in the middle of a frame", [*hello(), c(text("hello")), s(text("half of this", declared=24)), fin("server")])
add("control/end-inside-a-message", "TCP ends between two fragments of a message", [*hello(), s(text("once upon ", fin=False)), s(cont("a time ", fin=False)), fin("server")])

# ---- compressed ----------------------------------------------------------------------------------------------------

PMD = ("Sec-WebSocket-Extensions", "permessage-deflate")


def deflater(bits=15): return zlib.compressobj(9, zlib.DEFLATED, -bits)
def squeeze(z, body): return (z.compress(raw(body)) + z.flush(zlib.Z_SYNC_FLUSH))[:-4]
def packed(body, opcode=1, **how): return Frame(opcode, body, rsv=4, **how)


def deflated(*middle, offer="permessage-deflate", answer="permessage-deflate"):
    return [c(upgrade(extra=[("Sec-WebSocket-Extensions", offer)])), s(switch(extra=[("Sec-WebSocket-Extensions", answer)] if answer else [])), *middle, *bye()]


h = bytes.fromhex
add("compressed/rfc7692-examples", "the byte examples of RFC 7692 §7.2.3: one block, fragments, a shared window, a block without compression, BFINAL, two blocks",
    deflated(s(packed(h("f248cdc9c90700"))), c(packed(h("f248cd"), fin=False)), c(cont(h("c9c90700"))), s(packed(h("f200110000"))),
             c(packed(h("000500faff48656c6c6f00"))), s(packed(h("f348cdc9c9070000"))), c(packed(h("f248050000 00ffffcac9c90700".replace(" ", "")))), s(packed(h("f248cdc9c90700")))))
add("compressed/plain-between", "compressed and plain messages in turn",
    (lambda a, b: deflated(c(packed(squeeze(a, "alpha beta alpha beta"))), s(text("plain")), s(packed(squeeze(b, "gamma gamma gamma"))), c(text("alpha beta alpha beta")), c(packed(squeeze(a, "alpha beta alpha beta")))))(deflater(), deflater()))
add("compressed/empty-messages", "empty messages as 00, as a BFINAL block, and as a frame without payload", deflated(c(packed(h("00"))), s(packed(h("030000"))), c(packed(b"")), s(packed(h("00")))))
add("compressed/window-beyond-agreed", "a window of 256 bytes agreed, a back-reference over 800 bytes sent",
    (lambda z, r: deflated(s(packed(squeeze(z, r))), s(packed(squeeze(z, r[:200]))), c(text("after")), offer="permessage-deflate; server_max_window_bits=8", answer="permessage-deflate; server_max_window_bits=8"))(deflater(), random.Random(7).randbytes(450).hex()[:800]))
add("compressed/takeover-against-agreement", "no context takeover agreed, the window used all the same",
    (lambda z: deflated(s(packed(squeeze(z, "the same words again"))), s(packed(squeeze(z, "the same words again"))), c(text("after")), answer="permessage-deflate; server_no_context_takeover"))(deflater()))
add("compressed/damaged", "a message whose deflate data is damaged, then good ones of both sides",
    (lambda a, b: deflated(s(packed(squeeze(a, "good before"))), s(packed(b"\xff\xff\xff\xff")), s(text("plain after")), c(packed(squeeze(b, "the other side is well")))))(deflater(), deflater()))
add("compressed/refused-offer", "compression offered and not taken: plain frames", deflated(c(text("hello")), s(text("hello")), answer=None))
add("compressed/rsv1-though-refused", "compression offered and not taken, yet RSV1 is set",
    deflated(c(packed(h("f248cdc9c90700"))), s(text("hello")), answer=None))
add("compressed/offers-in-turn", "three offers in order of preference, the second taken",
    deflated(c(packed(h("f248cdc9c90700"))), s(packed(h("f248cdc9c90700"))), offer="permessage-deflate; server_max_window_bits=10; server_no_context_takeover, permessage-deflate; client_max_window_bits, permessage-deflate",
             answer="permessage-deflate; client_max_window_bits=12"))
for name, answer, shows in (("parameter-unknown", "permessage-deflate; speed=9", "a parameter that does not exist"),
                            ("parameter-twice", "permessage-deflate; server_no_context_takeover; server_no_context_takeover", "a parameter twice"),
                            ("bits-7", "permessage-deflate; server_max_window_bits=7", "a window of 7 bits"),
                            ("bits-without-value", "permessage-deflate; server_max_window_bits", "window bits without a value"),
                            ("bits-not-offered", "permessage-deflate; client_max_window_bits=10", "client window bits the client did not offer"),
                            ("takeover-with-value", "permessage-deflate; server_no_context_takeover=1", "a value where none may be")):
    add("compressed/answer-" + name, "an illegal answer to the offer: " + shows, deflated(c(packed(h("f248cdc9c90700"))), s(packed(h("f248cdc9c90700"))), answer=answer))
add("compressed/bits-quoted", "window bits as a quoted string, which is legal", deflated(c(packed(h("f248cdc9c90700"))), offer='permessage-deflate; client_max_window_bits="12"', answer='permessage-deflate; client_max_window_bits="12"'))
add("compressed/webkit-deflate-frame", "x-webkit-deflate-frame of old Safari: every frame inflated by itself, fragments too",
    (lambda z: deflated(c(packed(squeeze(z, "hello from Safari"))), s(text("plain")), c(packed(squeeze(z, "hello "), fin=False)), c(packed(squeeze(z, "again"), 0)), offer="x-webkit-deflate-frame", answer="x-webkit-deflate-frame"))(deflater()))
add("compressed/control-between-fragments", "a compressed message in three frames with a ping inside and a plain message behind",
    (lambda z, d: deflated(c(packed(d[:9], fin=False)), s(ping("mid")), c(pong("mid")), c(cont(d[9:20], fin=False)), c(ping("me too")), s(pong("me too")), c(cont(d[20:])), c(text("plain"))))(None, squeeze(deflater(), "a message long enough to be cut into three parts, long enough indeed")))
add("compressed/small-bomb", "16 MiB of zeros in 16 KB, then a good message over the same window",
    (lambda z: deflated(s(packed(squeeze(z, b"\0" * (1 << 24)), 2)), s(packed(squeeze(z, "all is well")))))(deflater()))

# ---- tcp: what real sockets do on purpose --------------------------------------------------------------------------

add("tcp/half-close", "the client ends its side after a request, the server talks on",
    [*hello(), c(text("tell me all")), fin("client"), s(text("one")), s(text("two")), s(close(1000, "that was all"))])
add("tcp/port-used-again", "two conversations after one another on the same four-tuple",
    [*hello(), c(text("first")), c(close(1000)), s(close(1000)), fin("server")], [*hello(key=K), c(text("second")), c(close(1000)), s(close(1000)), fin("server")], source=40000)
add("tcp/syn-with-data", "TCP Fast Open: the upgrade request rides on the SYN", whole(c(text("hello")), s(text("hello"))), fastopen=True)
add("tcp/keep-alive-probes", "two seconds of silence with keep-alive probes, then a message", whole(c(text("hello")), pause(2.4), s(text("still here"))), keepalive=True)
add("tcp/zero-window", "a client that does not read: the window closes, is probed, opens again",
    [*hello(), Step("client", act="deaf", seconds=.9), *[s(binary(bytes([k]) * 1500)) for k in range(6)], *bye()], rcvbuf=2304)
add("tcp/urgent-data", "one byte of urgent data between frames' bytes, in line", whole(c(text("hello")), urgent("client", b"\x81"), c(b"\x80\0\0\0\0"), c(text("after"))), truth=False, oobinline=True)
add("tcp/tiny-segments", "a maximum segment size of 88 bytes", whole(c(text("x" * 500)), s(text("y" * 500))), maxseg=88)
add("tcp/simultaneous-open", "both hosts connect to each other at once: two SYNs cross", whole(c(text("hello")), s(text("hello"))), simultaneous=True)

# ---- http: what else is on the connection --------------------------------------------------------------------------


def get(path, method="GET", extra=""): return f"{method} {path} HTTP/1.1\r\nHost: 10.77.0.1:9001\r\n{extra}\r\n"


add("http/keep-alive-before-upgrade", "seven exchanges, then the upgrade on the same connection: bodies by length and by chunk, HEAD, 304, 204, 100-continue",
    [c(get("/")), s("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n<p>home</p>"),
     c(get("/list")), s("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n4;name=value\r\none,\r\n"), s("A\r\ntwo,three,\r\n0\r\nX-Sum: 14\r\n\r\n"),
     c(get("/big", "HEAD")), s("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
     c(get("/", extra='If-None-Match: "1"\r\n')), s('HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nContent-Length: 11\r\n\r\n'),
     c(get("/x", "DELETE")), s("HTTP/1.1 204 No Content\r\n\r\n"),
     c(get("/upload", "PUT", "Content-Length: 9\r\nExpect: 100-continue\r\n")), s("HTTP/1.1 100 Continue\r\n\r\n"), c("some data"), s("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"),
     c(get("/form", "POST", "Transfer-Encoding: chunked\r\n") + "5\r\nfield\r\n0\r\n\r\n"), s("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
     *whole(c(text("hello")), s(text("hello")))])
add("http/pipelined-before-upgrade", "three requests and the upgrade sent at once, four answers at once",
    [c(get("/a") + get("/b") + get("/c", "HEAD"), upgrade()), s("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", switch(), text("hello")), c(text("hello")), *bye()])
add("http/body-that-looks-like-an-upgrade", "a page whose body is an upgrade request, an answer whose body is a 101 and a frame: no WebSocket here",
    [c(get("/paste", "POST", f"Content-Length: {len(upgrade())}\r\n"), upgrade()), s(f"HTTP/1.1 200 OK\r\nContent-Length: {len(switch()) + 7}\r\n\r\n", switch(), b"\x81\x05Hello")])
add("http/no-upgrade", "plain HTTP, three exchanges", [st for k in range(3) for st in (c(get(f"/{k}")), s(f"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{k}"))])
add("http/upgrade-to-something-else", "a 101 to another protocol, whose bytes look like frames",
    [c(upgrade(change={"Upgrade": "raw-lab", "Sec-WebSocket-Key": None, "Sec-WebSocket-Version": None})), s("HTTP/1.1 101 Switching Protocols\r\nUpgrade: raw-lab\r\nConnection: Upgrade\r\n\r\n"), c(b"\x81\x85\0\0\0\0hello"), s(b"\x81\x05hello")])
add("http/101-after-early-hints", "103 and 100 before the 101", [c(upgrade()), s("HTTP/1.1 100 Continue\r\n\r\n"), s("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"), s(switch()), c(text("hello")), *bye()])
add("http/upgrade-with-body", "an upgrade request that has a body of four bytes", [c(upgrade(extra=[("Content-Length", "4")]), "body"), s(switch()), c(text("hello")), *bye()])
add("http/connect-refused-then-granted", "a proxy that asks for credentials, then opens the tunnel, on one connection",
    [c("CONNECT 10.77.0.9:80 HTTP/1.1\r\nHost: 10.77.0.9:80\r\n\r\n"), s('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="lab"\r\nContent-Length: 4\r\n\r\nwho?'),
     c("CONNECT 10.77.0.9:80 HTTP/1.1\r\nHost: 10.77.0.9:80\r\nProxy-Authorization: Basic bGFiOmxhYg==\r\n\r\n"), s("HTTP/1.1 200 Connection established\r\n\r\n"), *whole(c(text("hello")), s(text("hello")))])

# ---- hostile: one broken rule each, the conversation going on around it ---------------------------------------------


def broken(name, shows, *middle, truth=True):
    add("hostile/" + name, shows, whole(c(text("before")), *middle, c(text("after")), s(text("after"))), truth=truth)


broken("ping-126", "a ping of 126 bytes", s(ping("p" * 126)), c(pong("p" * 126)))
broken("ping-fragmented", "a ping in two frames", c(ping("pi", fin=False)), c(cont("ng")))
broken("ping-rsv1", "RSV1 on a ping", s(ping("abc", rsv=4)))
broken("orphan-continuation", "a continuation of nothing", s(cont("lost")), c(cont("lost too", fin=False)), c(cont("and found")))
broken("message-inside-a-message", "a new text inside an unfinished one, then a continuation", c(text("first half ", fin=False)), c(text("a whole one")), c(cont("second half")))
broken("utf8-bad", "texts that are not UTF-8: a stray byte, an overlong form, a surrogate, beyond U+10FFFF, cut at the end",
       *[s(text(b)) for b in (b"ok \xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"cut \xe9\x98")])
broken("utf8-bad-across-fragments", "a character begun in one frame and not finished in the next, at offset 6", c(text(b"good \xe2", fin=False)), c(cont(b"\x82x", fin=False)), c(cont(b" rest")))
broken("unmasked-client-frame", "a client's frame without mask", c(text("naked", mask=None)))
broken("masked-server-frame", "a server's frame with mask", s(text("veiled", mask=b"\xde\xad\xbe\xef")))
broken("mask-zero", "a mask key of zeros, twice", c(text("plain to see", mask=b"\0\0\0\0")), c(text("once more", mask=b"\0\0\0\0")))
broken("mask-repeated", "the same mask key on every frame", *[c(text(f"message {k}", mask=b"\x12\x34\x56\x78")) for k in range(4)])
broken("opcode-reserved", "all ten reserved opcodes", *[s(Frame(n, raw(f"opcode {n}"))) for n in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)])
broken("opcode-reserved-fragmented", "a reserved opcode with a continuation", c(Frame(3, b"one ", fin=False)), c(cont("two")))
broken("rsv-bits", "RSV1, RSV2, RSV3 and all of them without an extension", *[s(text("reserved", rsv=r)) for r in (4, 2, 1, 7)])
broken("rsv1-on-continuation", "RSV1 on a continuation", c(text("first ", fin=False)), c(cont("second", rsv=4)))
broken("length-not-minimal", "lengths in longer forms than they need: 5 in 16 bits, 5 in 64, 300 in 64, a ping's 4 in 16",
       c(text("hello", form=16)), s(text("hello", form=64)), s(text("x" * 300, form=64)), s(ping("ping", form=16)))
add("hostile/length-top-bit", "a length with its top bit set; nothing after it can be found again by arithmetic", [*hello(), c(text("before")), s(text("x", declared=(1 << 63) + 5)), s(text("after")), c(text("the client goes on"))], truth=False)
add("hostile/length-huge", "a length of 2⁶³−1", [*hello(), c(text("before")), s(binary(b"x" * 64, declared=(1 << 63) - 1)), s(b"y" * 64), c(text("the client goes on")), fin("client"), fin("server")], truth=False)
add("hostile/close-one-byte", "a close whose body is one byte", [*hello(), c(text("before")), c(Frame(8, b"\x03")), s(close(1002))])
add("hostile/close-126", "a close of 126 bytes", [*hello(), c(text("before")), s(close(1000, "r" * 124)), c(close(1000))])
add("hostile/close-reason-not-utf8", "a close reason that is not UTF-8", [*hello(), c(close(1000, b"caf\xe9")), s(close(1007))])
add("hostile/close-codes-illegal", "a connection for each kind of code that must not be sent", *[[*hello(), c(close(n, f"code {n}")), s(close(1002))] for n in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)])
add("hostile/close-fragmented", "a close in two frames", [*hello(), c(close(1000, "by", fin=False)), c(cont("e")), s(close(1002))])
add("hostile/data-after-close", "text, ping and a second close after the close", [*hello(), c(text("before")), c(close(1000, "bye")), c(text("one more thing")), c(ping("?")), c(close(1001, "bye again")), s(close(1000, "bye"))])
ESC = "\x1b[31mred\x1b[0m \x1b[2J\x1b[H \x1b]0;owned\x07 \x1b]52;c;bHM=\x07 \x1b]8;;http://10.77.0.1\x1b\\link\x1b]8;;\x1b\\ \x1bP+q\x1b\\ \x9b31m \x9d0;c1\x9c \x08\x08\x7f \r\n over"
add("hostile/terminal-escapes", "escape sequences, OSC (title, clipboard, link), C1 controls, backspaces in text, binary, ping, header, sub-protocol and close reason",
    [c(upgrade(target="/\x1b[31mred", extra=[("User-Agent", "lab \x1b]0;owned\x07 \x1b[2J"), ("Sec-WebSocket-Protocol", "chat")])), s(switch(status="101 \x1b[5mblink", extra=[("Sec-WebSocket-Protocol", "chat\x1b[7m"), ("Server", "\x9b31m\x1b(0")])),
     c(text(ESC)), s(text(ESC)), s(binary(ESC.encode("latin-1"))), c(ping("\x1b[6n")), s(pong("\x1b[6n")), c(close(1000, "\x1b[31mbye\x07")), s(close(1000, "\x1b]0;x\x07"))])
BIDI = "user \u202etxt.exe\u202c \u2066isolate\u2069 \u200f \u2028 \ufeff \u200b zero\u00adwidth \U000e0041\U000e0042"
add("hostile/bidi-and-invisible", "bidi overrides and isolates, zero-width, line separators, tag characters in text, header, target and close reason",
    [c(upgrade(target="/\u202egnp.exe", extra=[("X-Note", BIDI)])), s(switch(extra=[("X-Note", BIDI)])), c(text(BIDI)), s(text(BIDI)), c(close(1000, BIDI)), s(close(1000, "\u202ebye"))])
add("hostile/nul-and-controls", "NUL and all C0 and C1 controls in text, header, ping and close reason",
    [c(upgrade(extra=[("X-Note", "a\0b\x01c")])), s(switch(extra=[("X-Note", "a\0b")])), c(text("".join(map(chr, range(32))))), s(text("".join(map(chr, range(0x7f, 0xa0))))), c(text("a\0b\0\0c")), c(ping("\0")), s(pong("\0")), c(close(1000, "a\0b")), s(close(1000))])
add("hostile/json-breakers", "texts and headers that would break naive JSON, CSV, HTML or a shell",
    [c(upgrade(extra=[("X-Note", '"},{"type":"open"}'), ("X-Formula", "=1+1")])), s(switch()), c(text('"}\n{"type":"message","conn":0}\n')), s(text("</script><script>alert(1)</script>")), c(text("=cmd|' /C calc'!A0")), s(text("$(id) `id` ; rm -rf x")), c(text("\u2028\u2029\ud7ff\ue000\uffff")), *bye()])
add("hostile/fragments-endless", "a message of 400 empty fragments that never ends", [*hello(), c(text("", fin=False)), *[c(*[cont("", fin=False) for _ in range(40)]) for _ in range(10)], fin("client"), fin("server")], truth=False)
add("hostile/fragments-20000", "a text in 20,000 frames, of a byte or none in turn", whole(s(text("", fin=False), *[cont("x" * (k & 1), fin=False) for k in range(19998)], cont("!"))), truth=False)
add("hostile/head-never-ends", "a request head of 300 KB that never ends", [c("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"), *[c("X-Pad: " + "a" * 5993 + "\r\n") for _ in range(50)], fin("client"), fin("server")])
add("hostile/head-of-2000-fields", "a granted upgrade whose request has 2000 fields", [c(upgrade(extra=[(f"X-{k}", "v") for k in range(2000)])), s(switch()), c(text("hello")), *bye()])
add("hostile/garbage-after-upgrade", "random bytes where frames should be, on both sides",
    [*hello(), c(text("before")), *[st for k in range(4) for st in (c(random.Random(k).randbytes(700)), s(random.Random(k + 50).randbytes(700)))]], truth=False)
add("hostile/payload-looks-like-frames", "binary payloads full of bytes that look like frame headers and like a 101",
    whole(s(binary(b"\x81\x05hello" * 40)), c(binary(b"\x81\x85\0\0\0\0hello" * 30)), s(binary(switch() + b"\x88\x02\x03\xe8")), s(binary(b"\x82\x7e" * 200))))
