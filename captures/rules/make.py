#!/usr/bin/env python3
"""Writes one capture that breaks each rule of `wirefin check`, and one just inside it: RULE.pcap and RULE.inside.pcap.

Every capture is a connection over Ethernet and IPv4, written byte by byte. `python3 make.py` writes all of them anew, always the
same bytes. The test `rules` runs `check` over them: the first must break the rule, the second must not, and none of the second
kind may break any rule of severity error.
"""

import base64
import hashlib
import os
import struct
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENT, SERVER = (b"\x0a\x00\x00\x02", 51314), (b"\x0a\x00\x00\x01", 80)
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
MASKS = [bytes(((n * 37 + i * 101 + 29) & 0xFF) or 1 for i in range(4)) for n in range(1, 500)]
C, S = "client", "server"


def accept(key=KEY):
    return base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Tape:
    """A pcap file with one TCP connection; a packet each 10 milliseconds."""

    def __init__(self):
        self.out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)]
        self.time = 1_767_225_600_000_000
        self.seq = {C: 1000, S: 5000}
        self.number = 0
        self.send(C, b"", 0x02)
        self.send(S, b"", 0x12)
        self.send(C, b"", 0x10)

    def packet(self, ip):
        frame = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0" + ip
        self.out.append(struct.pack("<IIII", self.time // 1_000_000, self.time % 1_000_000, len(frame), len(frame)) + frame)
        self.time += 10_000

    def ip(self, side, payload, protocol=6, flags=0x4000, ident=None):
        (source, _), (target, _) = (CLIENT, SERVER) if side == C else (SERVER, CLIENT)
        self.number += 1
        ident = self.number if ident is None else ident
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, flags, 64, protocol, 0, source, target)
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload

    def tcp(self, side, data, flags, seq):
        (source, sport), (target, dport) = (CLIENT, SERVER) if side == C else (SERVER, CLIENT)
        other = self.seq[S if side == C else C] if flags & 0x10 else 0
        head = struct.pack("!HHIIBBHHH", sport, dport, seq, other, 0x50, flags, 65535, 0, 0)
        pseudo = source + target + struct.pack("!BBH", 0, 6, len(head) + len(data))
        return head[:16] + struct.pack("!H", checksum(pseudo + head + data)) + head[18:] + data

    def send(self, side, data, flags=0x18, seq=None):
        for at in range(0, max(len(data), 1), 1400):
            piece = data[at:at + 1400]
            number = self.seq[side] if seq is None else seq + at
            self.packet(self.ip(side, self.tcp(side, piece, flags, number)))
            if seq is None:
                self.seq[side] += len(piece) + (1 if flags & 0x03 else 0)

    def fin(self):
        self.send(S, b"", 0x11)
        self.send(C, b"", 0x11)
        self.send(S, b"", 0x10)

    def bytes(self):
        return b"".join(self.out)


class Script:
    """A conversation: a handshake whose lines can be changed, and what is sent then."""

    def __init__(self):
        self.masks = iter(MASKS)
        self.method, self.target, self.version = "GET", "/chat", "1.1"
        self.request = [
            ("Host", "example.org"), ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", KEY),
            ("Sec-WebSocket-Version", "13"),
        ]
        self.status = "101 Switching Protocols"
        self.response = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept())]
        self.early = b""
        self.steps = [(C, self.text(C, b"hello")), (S, self.text(S, b"hello"))]
        self.closing = None
        self.ends = True
        self.heads = None

    def frame(self, side, first, payload, mask=None, length=None, masked=None):
        n = len(payload)
        masked = (side == C) if masked is None else masked
        bit = 0x80 if masked else 0
        if length is None:
            length = bytes([bit | n]) if n < 126 else bytes([bit | 126]) + struct.pack("!H", n) if n < 65536 else bytes([bit | 127]) + struct.pack("!Q", n)
        else:
            length = bytes([length[0] | bit]) + length[1:]
        if not masked:
            return bytes([first]) + length + payload
        mask = next(self.masks) if mask is None else mask
        hidden = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        return bytes([first]) + length + mask + hidden

    def text(self, side, payload):
        return self.frame(side, 0x81, payload)

    def close(self, side, body=b"\x03\xe8bye"):
        return self.frame(side, 0x88, body)

    def set(self, what, name, value):
        fields = getattr(self, what)
        fields[:] = [(key, value) if key == name else (key, old) for key, old in fields]

    def drop(self, what, name):
        fields = getattr(self, what)
        fields[:] = [field for field in fields if field[0] != name]

    def head(self, start, fields):
        return "\r\n".join([start] + [f"{name}: {value}" for name, value in fields]).encode() + b"\r\n\r\n"

    def capture(self):
        tape = Tape()
        request = self.head(f"{self.method} {self.target} HTTP/{self.version}", self.request)
        response = self.head(f"HTTP/1.1 {self.status}", self.response)
        if self.heads:
            request, response = self.heads(request, response)
        tape.send(C, request + self.early)
        tape.send(S, response)
        for side, data in self.steps:
            if callable(data):
                data(tape)
            else:
                tape.send(side, data)
        closing = [(C, self.close(C)), (S, self.close(S))] if self.closing is None else self.closing
        for side, data in closing:
            tape.send(side, data)
        if self.ends:
            tape.fin()
        return tape.bytes()


RULES = {}


def rule(name):
    """Takes a function that writes a script, once for what breaks the rule and once for what is just inside it."""

    def take(write):
        RULES[name] = write
        return write

    return take


# The handshake.

@rule("bad-method")
def _(it, breaks):
    it.method = "POST" if breaks else "GET"


@rule("bad-http-version")
def _(it, breaks):
    it.version = "1.0" if breaks else "1.1"


@rule("missing-header")
def _(it, breaks):
    if breaks:
        it.drop("request", "Host")
    else:
        # Lines whose names are of any case are there.
        it.request = [(name.lower(), value) for name, value in it.request]


@rule("repeated-header")
def _(it, breaks):
    name = "Sec-WebSocket-Version" if breaks else "X-Forwarded-For"
    it.request += [(name, "13"), (name, "13")][breaks:]


@rule("bad-upgrade-header")
def _(it, breaks):
    it.set("response", "Upgrade", "websockets" if breaks else "WebSocket")


@rule("bad-connection-header")
def _(it, breaks):
    it.set("request", "Connection", "keep-alive" if breaks else "keep-alive, UPGRADE")


@rule("bad-key")
def _(it, breaks):
    key = base64.b64encode(b"fifteen bytes!!" if breaks else b"sixteen bytes!!!").decode()
    it.set("request", "Sec-WebSocket-Key", key)
    it.set("response", "Sec-WebSocket-Accept", accept(key))


@rule("bad-websocket-version")
def _(it, breaks):
    it.set("request", "Sec-WebSocket-Version", "8" if breaks else "13")


@rule("accept-mismatch")
def _(it, breaks):
    value = accept()
    it.set("response", "Sec-WebSocket-Accept", value.swapcase() if breaks else f" {value} ")


@rule("subprotocol-not-offered")
def _(it, breaks):
    it.request.append(("Sec-WebSocket-Protocol", "chat, superchat"))
    it.response.append(("Sec-WebSocket-Protocol", "Chat" if breaks else "superchat"))


@rule("bad-subprotocol-header")
def _(it, breaks):
    it.request.append(("Sec-WebSocket-Protocol", "chat room" if breaks else "chat.room"))
    if not breaks:
        it.response.append(("Sec-WebSocket-Protocol", "chat.room"))


@rule("extension-not-offered")
def _(it, breaks):
    if not breaks:
        it.request.append(("Sec-WebSocket-Extensions", "permessage-deflate"))
    it.response.append(("Sec-WebSocket-Extensions", "permessage-deflate"))


@rule("extension-accepted-twice")
def _(it, breaks):
    it.request.append(("Sec-WebSocket-Extensions", "permessage-deflate, permessage-deflate; client_max_window_bits"))
    answer = "permessage-deflate, permessage-deflate" if breaks else "permessage-deflate"
    it.response.append(("Sec-WebSocket-Extensions", answer))


@rule("bad-extension-header")
def _(it, breaks):
    it.request.append(("Sec-WebSocket-Extensions", "x-own; a=\"b c\"" if breaks else "x-own; a=\"b\""))


@rule("bad-deflate-parameter")
def _(it, breaks):
    it.request.append(("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"))
    it.response.append(("Sec-WebSocket-Extensions", f"permessage-deflate; client_max_window_bits={7 if breaks else 8}"))


@rule("folded-header")
def _(it, breaks):
    it.response.append(("X-Note", "one\r\n two" if breaks else "one two"))


@rule("bare-line-feed")
def _(it, breaks):
    if breaks:
        it.heads = lambda request, response: (request, response.replace(b"\r\n", b"\n"))


@rule("malformed-header")
def _(it, breaks):
    line = b"no field at all\r\n" if breaks else b"X-Empty:\r\n"
    it.heads = lambda request, response: (request[:-2] + line + b"\r\n", response)


@rule("space-before-colon")
def _(it, breaks):
    it.response.append(("X-Note " if breaks else "X-Note", "x"))


@rule("data-before-handshake")
def _(it, breaks):
    if breaks:
        it.early = it.text(C, b"early")


@rule("content-length-in-101")
def _(it, breaks):
    it.response.append(("Content-Length" if breaks else "X-Length", "0"))


@rule("transfer-encoding-in-101")
def _(it, breaks):
    it.response.append(("Transfer-Encoding" if breaks else "TE", "identity" if breaks else "trailers"))


@rule("refused-without-version")
def _(it, breaks):
    it.status = "426 Upgrade Required"
    it.response = [("Content-Length", "0")] + ([] if breaks else [("Sec-WebSocket-Version", "13")])
    it.steps, it.closing = [], []


@rule("http-in-stream")
def _(it, breaks):
    answer = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
    it.steps.append((S, answer if breaks else it.text(S, answer)))
    if breaks:
        it.closing = []


# Frames.

@rule("unmasked-client-frame")
def _(it, breaks):
    it.steps.append((C, it.frame(C, 0x81, b"plain", masked=not breaks)))


@rule("masked-server-frame")
def _(it, breaks):
    it.steps.append((S, it.frame(S, 0x81, b"hidden", masked=breaks)))


@rule("zero-mask-key")
def _(it, breaks):
    it.steps.append((C, it.frame(C, 0x81, b"zero", mask=b"\0\0\0\0" if breaks else b"\0\0\0\x01")))


@rule("repeated-mask-key")
def _(it, breaks):
    it.steps += [(C, it.frame(C, 0x81, b"one", mask=b"\x01\x02\x03\x04")),
                 (C, it.frame(C, 0x81, b"two", mask=b"\x01\x02\x03\x04" if breaks else b"\x01\x02\x03\x05"))]


@rule("rsv-without-extension")
def _(it, breaks):
    it.steps.append((S, it.frame(S, 0xA1 if breaks else 0x81, b"hello")))


@rule("reserved-opcode")
def _(it, breaks):
    it.steps.append((S, it.frame(S, 0x83 if breaks else 0x82, b"hello")))


@rule("fragmented-control")
def _(it, breaks):
    ping = it.frame(S, 0x09 if breaks else 0x89, b"tick")
    # Between the fragments of a message a whole one may stand.
    it.steps += [(S, it.frame(S, 0x01, b"one ") + ping + it.frame(S, 0x80, b"two")), (C, it.frame(C, 0x8A, b"tick"))]


@rule("control-too-long")
def _(it, breaks):
    body = b"x" * (126 if breaks else 125)
    it.steps += [(C, it.frame(C, 0x89, body)), (S, it.frame(S, 0x8A, body))]


@rule("message-inside-message")
def _(it, breaks):
    it.steps.append((S, it.frame(S, 0x01, b"one ") + it.frame(S, 0x81 if breaks else 0x80, b"two")))
    if breaks:
        it.steps.append((S, it.frame(S, 0x80, b"three")))


@rule("orphan-continuation")
def _(it, breaks):
    begin = b"" if breaks else it.frame(S, 0x01, b"one ")
    it.steps.append((S, begin + it.frame(S, 0x80, b"two")))


@rule("length-not-minimal")
def _(it, breaks):
    payload = b"x" * (125 if breaks else 126)
    it.steps.append((S, it.frame(S, 0x81, payload, length=b"\x7e" + struct.pack("!H", len(payload)))))


@rule("length-top-bit")
def _(it, breaks):
    if breaks:
        it.steps.append((S, b"\x82\x7f" + struct.pack("!Q", 1 << 63) + b"xxxx"))
        it.closing = []
    else:
        it.steps.append((S, it.frame(S, 0x82, b"x" * 65536)))


@rule("bad-utf8")
def _(it, breaks):
    # U+D800 is no character; U+D7FF, the one before it, is.
    it.steps.append((S, it.text(S, b"\xed\xa0\x80" if breaks else b"\xed\x9f\xbf")))


@rule("close-body-one-byte")
def _(it, breaks):
    body = b"\x03" if breaks else b""
    it.closing = [(C, it.close(C, body)), (S, it.close(S, b""))]


@rule("bad-close-code")
def _(it, breaks):
    code = struct.pack("!H", 1005 if breaks else 1003)
    it.closing = [(C, it.close(C, code)), (S, it.close(S, code if not breaks else b"\x03\xea"))]


@rule("bad-close-reason")
def _(it, breaks):
    body = b"\x03\xe8" + (b"\xff" if breaks else "é".encode())
    it.closing = [(C, it.close(C, body)), (S, it.close(S, b"\x03\xe8"))]


@rule("frame-after-close")
def _(it, breaks):
    late = it.text(C, b"late") if breaks else b""
    it.closing = [(C, it.close(C) + late), (S, it.text(S, b"still") + it.close(S))]


@rule("ping-not-answered")
def _(it, breaks):
    def wait(tape):
        # Who has not answered for ten seconds does not answer.
        tape.time += 11_000_000

    it.steps += [(S, it.frame(S, 0x89, b"tick")), (S, wait)]
    it.steps += [(C, it.text(C, b"%d" % n)) for n in range(3)]
    if not breaks:
        it.steps.append((C, it.frame(C, 0x8A, b"tick")))


@rule("no-close-echo")
def _(it, breaks):
    it.closing = [(C, it.close(C))] + ([] if breaks else [(S, it.close(S, b""))])


@rule("no-close")
def _(it, breaks):
    if breaks:
        it.closing = []


@rule("unfinished-frame")
def _(it, breaks):
    whole = it.text(S, b"hello")
    it.closing = [(S, whole[:-1] if breaks else whole)]


@rule("unfinished-message")
def _(it, breaks):
    it.closing = [(S, it.frame(S, 0x01, b"one ") + (b"" if breaks else it.frame(S, 0x80, b"two")))]


# Compression.

def deflate(payload, bits=15):
    packer = zlib.compressobj(wbits=-bits)
    return (packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


def agree(it, answer="permessage-deflate"):
    it.request.append(("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"))
    it.response.append(("Sec-WebSocket-Extensions", answer))


@rule("rsv1-on-continuation")
def _(it, breaks):
    agree(it)
    packed = deflate(b"hello hello hello")
    it.steps.append((S, it.frame(S, 0x41, packed[:3]) + it.frame(S, 0xC0 if breaks else 0x80, packed[3:])))


@rule("rsv1-on-control")
def _(it, breaks):
    agree(it)
    it.steps += [(S, it.frame(S, 0xC9 if breaks else 0x89, b"tick")), (C, it.frame(C, 0x8A, b"tick"))]


@rule("deflate-damaged")
def _(it, breaks):
    agree(it)
    it.steps.append((S, it.frame(S, 0xC1, b"\x07\xff\xff" if breaks else deflate(b"hello"))))


@rule("deflate-distance")
def _(it, breaks):
    # A window of 512 bytes was agreed on. Only what goes further back than that breaks the rule.
    agree(it, "permessage-deflate; server_max_window_bits=9")
    it.set("request", "Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=9")
    words = "".join(hashlib.sha256(b"%d" % n).hexdigest() for n in range(9)).encode()
    near, far = words[:400] + words[:64], words[:576] + words[:64]
    it.steps.append((S, it.frame(S, 0xC1, deflate(far if breaks else near))))


@rule("compression-ratio")
def _(it, breaks):
    agree(it)
    payload = b"x" * ((1 << 20) if breaks else (1 << 20) - 1)
    it.steps.append((S, it.frame(S, 0xC1, deflate(payload))))


# Security.

@rule("origin-missing")
def _(it, breaks):
    it.request.append(("Cookie", "theme=dark"))
    if not breaks:
        it.request.append(("Origin", "http://example.org"))


@rule("origin-foreign")
def _(it, breaks):
    it.request += [("Cookie", "theme=dark"), ("Origin", "http://evil.example" if breaks else "http://example.org")]


@rule("credentials-in-clear")
def _(it, breaks):
    if breaks:
        it.request.append(("Authorization", "Basic dXNlcjpzZWNyZXQ="))


@rule("token-in-url")
def _(it, breaks):
    it.target = "/chat?access_token=8f14e45fceea167a5a36dedd4bea2543" if breaks else "/chat?room=lobby"


@rule("token-in-subprotocol")
def _(it, breaks):
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJlc2lnbmF0dXJl"
    it.request.append(("Sec-WebSocket-Protocol", f"chat, {token}" if breaks else "chat, v2.chat.example.org"))
    it.response.append(("Sec-WebSocket-Protocol", "chat"))


# The network and the capture.

@rule("overlap-differs")
def _(it, breaks):
    frame = it.text(S, b"hello")

    def again(tape):
        at = tape.seq[S]
        tape.send(S, frame)
        tape.send(C, it.text(C, b"ok"))
        tape.send(S, frame[:-1] + (b"!" if breaks else frame[-1:]), seq=at)

    it.steps.append((S, again))


@rule("gap")
def _(it, breaks):
    first, second = it.text(S, b"one, which is lost"), it.text(S, b"two")

    def lose(tape):
        if breaks:
            tape.seq[S] += len(first)
        else:
            tape.send(S, first)
        tape.send(S, second)
        tape.send(C, b"", 0x10)
        tape.time += 10_000_000

    it.steps.append((S, lose))


@rule("other-upgrade")
def _(it, breaks):
    if breaks:
        it.request = [("Host", "example.org"), ("Upgrade", "tcp"), ("Connection", "Upgrade")]
        it.response = [("Upgrade", "tcp"), ("Connection", "Upgrade")]
        it.steps, it.closing = [(C, b"ls\n"), (S, b"README\n")], []


def main():
    for name, write in RULES.items():
        for suffix, breaks in ((".pcap", True), (".inside.pcap", False)):
            script = Script()
            write(script, breaks)
            with open(os.path.join(HERE, name + suffix), "wb") as file:
                file.write(script.capture())
    print(f"{len(RULES)} rules")


if __name__ == "__main__":
    main()
