#!/usr/bin/env python3
"""Writes one capture that breaks each rule of `wirefin check`, and one just inside it: RULE.pcap and RULE.inside.pcap.

Every capture is a connection over Ethernet and IPv4, written byte by byte. `python3 make.py` writes all of them anew, always the
same bytes. The test `rules` runs `check` over them: the first must break the rule and no other, but for those that go with it, and
the second must not. The keys of those whose names begin with `tls-` are in `tls.keylog`.
"""

import base64
import gzip
import hashlib
import hmac
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

    def send_unless(self, lost, side, data):
        """Sends bytes that the capture has, or those that it lost."""
        if lost:
            self.seq[side] += len(data)
        else:
            self.send(side, data)

    def acknowledge(self, side):
        """Acknowledges all that the other side sent, and waits until gaps in it are given up."""
        self.send(side, b"", 0x10)
        self.time += 10_000_000

    def fin(self):
        self.send(S, b"", 0x11)
        self.send(C, b"", 0x11)
        self.send(S, b"", 0x10)

    def secrets(self, key_log):
        """Has the file be a pcapng that gives the secrets here."""
        self.out.append(key_log)

    def block(self, kind, body):
        """Has the file be a pcapng with this block here."""
        self.out.append((kind, body))

    def bytes(self):
        if all(isinstance(it, bytes) for it in self.out):
            return b"".join(self.out)

        def block(kind, body):
            body += bytes(-len(body) % 4)
            return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

        blocks = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)), block(1, struct.pack("<HHI", 1, 0, 262144))]
        for it in self.out[1:]:
            if isinstance(it, tuple):
                blocks.append(block(*it))
            elif isinstance(it, str):
                blocks.append(block(10, b"KSLT" + struct.pack("<I", len(it)) + it.encode()))
            else:
                seconds, micros, kept, whole = struct.unpack("<IIII", it[:16])
                time = seconds * 1_000_000 + micros
                blocks.append(block(6, struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, kept, whole) + it[16:]))
        return b"".join(blocks)


class Script:
    """A conversation: a handshake whose lines can be changed, and what is sent then."""

    extension = ".pcap"

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
        self.before = []
        self.finish = lambda tape: tape.bytes()
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

    def binary(self, side, payload):
        return self.frame(side, 0x82, payload)

    def speak(self, name, client=None, server=None):
        """Agrees on a sub-protocol; where the server names another, it is the last argument."""
        self.request.append(("Sec-WebSocket-Protocol", client or name))
        self.response.append(("Sec-WebSocket-Protocol", server or name))

    def texts(self, *steps):
        self.steps = [(side, self.text(side, payload)) for side, payload in steps]

    def binaries(self, *steps):
        self.steps = [(side, self.binary(side, payload)) for side, payload in steps]

    def wait(self, seconds):
        def step(tape):
            tape.time += int(seconds * 1_000_000)

        self.steps.append((C, step))

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
        for side, data in self.before:
            tape.send(side, data)
        for side, head in ((C, request + self.early), (S, response)):
            if head:
                tape.send(side, head)
        for side, data in self.steps:
            if callable(data):
                data(tape)
            else:
                tape.send(side, data)
        closing = [(C, self.close(C)), (S, self.close(S))] if self.closing is None else self.closing
        for side, data in closing:
            if callable(data):
                data(tape)
            else:
                tape.send(side, data)
        if self.ends:
            tape.fin()
        return self.finish(tape)


class H2(Script):
    """A WebSocket on stream 1 of an HTTP/2 connection in clear text (RFC 8441), with frames that can be added before its end."""

    PING, SETTINGS, HEADERS, DATA, CONTINUATION, WINDOW_UPDATE, GOAWAY = 6, 4, 1, 0, 9, 8, 7

    def __init__(self):
        super().__init__()
        self.preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        self.client_settings, self.server_settings = b"", struct.pack("!HI", 8, 1)
        self.first = []
        self.request = [
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/chat"), (":authority", "example.org"),
            ("sec-websocket-version", "13"),
        ]
        self.response = [(":status", "200")]
        self.more = []
        # What is done with segments lost.
        self.lost = []

    @staticmethod
    def h2(kind, flags, stream, payload=b""):
        return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload

    @staticmethod
    def block(fields):
        """Each field as a literal that is not indexed, without Huffman coding (RFC 7541 §6.2.2)."""
        text = lambda it: bytes([len(it)]) + it.encode()
        return b"".join(b"\0" + text(name) + text(value) for name, value in fields)

    def capture(self):
        tape = Tape()
        settings = self.h2(self.SETTINGS, 0, 0, self.client_settings)
        tape.send(C, self.preface + b"".join(self.first) + settings)
        tape.send(S, self.h2(self.SETTINGS, 0, 0, self.server_settings) + self.h2(self.SETTINGS, 1, 0))
        tape.send(C, self.h2(self.SETTINGS, 1, 0))
        tape.send(C, self.h2(self.HEADERS, 4, 1, self.block(self.request)))
        tape.send(S, self.h2(self.HEADERS, 4, 1, self.block(self.response)))
        for side, data in self.steps:
            tape.send(side, self.h2(self.DATA, 0, 1, data))
        for side, data in self.more:
            tape.send(side, data)
        for step in self.lost:
            step(tape)
        closing = [(C, self.close(C)), (S, self.close(S))] if self.closing is None else self.closing
        for side, data in closing:
            tape.send(side, self.h2(self.DATA, 1, 1, data))
        tape.fin()
        return tape.bytes()


class Chacha:
    """ChaCha20-Poly1305 (RFC 8439) for sealing."""

    @staticmethod
    def block(key, counter, nonce):
        state = list(struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<I", counter) + nonce))
        work = state[:]
        turn = lambda value, by: (value << by | value >> (32 - by)) & 0xFFFFFFFF
        for _ in range(10):
            for a, b, c, d in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15), (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
                for x, y, z, by in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                    work[x] = (work[x] + work[y]) & 0xFFFFFFFF
                    work[z] = turn(work[z] ^ work[x], by)
        return struct.pack("<16I", *[(x + y) & 0xFFFFFFFF for x, y in zip(state, work)])

    @classmethod
    def seal(cls, key, nonce, data, plain):
        stream = b"".join(cls.block(key, 1 + n, nonce) for n in range(len(plain) // 64 + 1))
        sealed = bytes(x ^ y for x, y in zip(plain, stream))
        pad = lambda it: it + bytes(-len(it) % 16)
        once = cls.block(key, 0, nonce)
        r = int.from_bytes(once[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
        tag, all = 0, pad(data) + pad(sealed) + struct.pack("<QQ", len(data), len(sealed))
        for at in range(0, len(all), 16):
            tag = (tag + int.from_bytes(all[at:at + 16] + b"\x01", "little")) * r % ((1 << 130) - 5)
        return sealed + ((tag + int.from_bytes(once[16:32], "little")) & ((1 << 128) - 1)).to_bytes(16, "little")


class Tls(Script):
    """A WebSocket over TLS 1.3 with TLS_CHACHA20_POLY1305_SHA256, whose secrets are made of their names."""

    HANDSHAKE, ALERT, DATA = 22, 21, 23
    CLOSE_NOTIFY = b"\x01\x00"
    LABELS = {
        ("early", C): "CLIENT_EARLY_TRAFFIC_SECRET", ("handshake", C): "CLIENT_HANDSHAKE_TRAFFIC_SECRET", ("handshake", S): "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        ("traffic", C): "CLIENT_TRAFFIC_SECRET_0", ("traffic", S): "SERVER_TRAFFIC_SECRET_0",
    }

    def __init__(self):
        super().__init__()
        # Of the connections, the key log has right secrets for "known", wrong ones for "mistaken", and none for others.
        self.name, self.suite = "known", 0x1303
        self.handshake = True
        self.offered = self.accepted = None
        self.alerts = [(C, self.CLOSE_NOTIFY), (S, self.CLOSE_NOTIFY)]
        self.number = {}

    @staticmethod
    def random(name):
        return hashlib.sha256(f"client random {name}".encode()).digest()

    @classmethod
    def secret(cls, name, epoch, side):
        return hashlib.sha256(f"{name} {cls.LABELS[epoch, side]}".encode()).digest()

    @classmethod
    def key_log(cls, names=(("known", "known"), ("mistaken", "nothing"))):
        lines = ["# The keys of captures/rules/tls-*.pcap; they are made up, and open nothing else."]
        for name, of in names:
            for (epoch, side), label in cls.LABELS.items():
                lines.append(f"{label} {cls.random(name).hex()} {cls.secret(of, epoch, side).hex()}")
        return "\n".join(lines) + "\n"

    def record(self, side, data, kind=DATA, epoch="traffic"):
        number = self.number.get((epoch, side), 0)
        self.number[epoch, side] = number + 1

        def expand(label, length):
            info = struct.pack("!HB", length, 6 + len(label)) + b"tls13 " + label + b"\0\x01"
            return hmac.new(self.secret(self.name, epoch, side), info, hashlib.sha256).digest()[:length]

        nonce = (int.from_bytes(expand(b"iv", 12), "big") ^ number).to_bytes(12, "big")
        head = struct.pack("!BHH", 23, 0x0303, len(data) + 17)
        return head + Chacha.seal(expand(b"key", 32), nonce, head, data + bytes([kind]))

    @staticmethod
    def message(kind, body):
        return bytes([kind]) + struct.pack("!I", len(body))[1:] + body

    @staticmethod
    def extensions(*all):
        body = b"".join(struct.pack("!HH", kind, len(value)) + value for kind, value in all)
        return struct.pack("!H", len(body)) + body

    def clear(self, kind, body):
        data = self.message(kind, body)
        return struct.pack("!BHH", 22, 0x0303, len(data)) + data

    def hellos(self):
        alpn, early = (16, b"\x00\x09\x08http/1.1"), [(42, b"")]
        name = b"example.org"
        asked = [(0, struct.pack("!HBH", len(name) + 3, 0, len(name)) + name), alpn, (43, b"\x02\x03\x04")]
        yield C, self.clear(1, b"\x03\x03" + self.random(self.name) + b"\0" + struct.pack("!HH", 2, self.suite) + b"\x01\0" + self.extensions(*asked, *early[:self.offered is not None]))
        if self.offered is not None:
            yield C, self.record(C, self.offered, epoch="early")
        yield S, self.clear(2, b"\x03\x03" + hashlib.sha256(b"server random").digest() + b"\0" + struct.pack("!HB", self.suite, 0) + self.extensions((43, b"\x03\x04")))
        agreed = self.message(8, self.extensions(alpn, *early[:bool(self.accepted)]))
        yield S, self.record(S, agreed + self.message(20, b"f" * 32), self.HANDSHAKE, "handshake")
        if self.accepted:
            yield C, self.record(C, self.message(5, b""), self.HANDSHAKE, "early")
        yield C, self.record(C, self.message(20, b"f" * 32), self.HANDSHAKE, "handshake")

    def capture(self):
        tape = Tape()
        if not self.handshake:
            del tape.out[1:]
        for side, data in self.hellos():
            tape.send(side, data)
            if not self.handshake:
                tape.out.pop()
        if not self.accepted:
            tape.send(C, self.record(C, self.head(f"GET {self.target} HTTP/1.1", self.request)))
        tape.send(S, self.record(S, self.head(f"HTTP/1.1 {self.status}", self.response)))
        for side, data in self.steps + [(C, self.close(C)), (S, self.close(S))]:
            if callable(data):
                data(tape)
            else:
                tape.send(side, self.record(side, data))
        for side, alert in self.alerts:
            tape.send(side, self.record(side, alert, self.ALERT))
        tape.fin()
        return tape.bytes()

    def lose(self, side, from_byte, breaks):
        """Sends two messages, of the first of which the segments from a byte on are lost, or are not."""

        def step(tape):
            first, second = [self.record(side, self.text(side, text)) for text in (b"x" * 2000, b"behind it")]
            kept = first[:from_byte] if breaks else first
            if kept:
                tape.send(side, kept)
            tape.seq[side] += len(first) - len(kept)
            tape.send(side, second)
            tape.acknowledge(C if side == S else S)

        self.steps.append((side, step))


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


@rule("text-in-stream")
def _(it, breaks):
    warning = b"PHP Warning:  Undefined variable $user in /srv/chat.php on line 42\r\n"
    it.steps.append((S, warning if breaks else it.text(S, warning)))


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


@rule("inflate-limit")
def _(it, breaks):
    """A message of 512 MiB, or a byte more; both are truncated."""
    it.extension = ".pcap.gz"
    agree(it)
    packer, piece = zlib.compressobj(9, wbits=-15), bytes(1 << 20)
    packed = b"".join(packer.compress(piece) for _ in range(512)) + packer.compress(b"x" * breaks)
    it.steps.append((S, it.frame(S, 0xC2, (packed + packer.flush(zlib.Z_SYNC_FLUSH))[:-4])))


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
        tape.send_unless(breaks, S, first)
        tape.send(S, second)
        tape.acknowledge(C)

    it.steps.append((S, lose))


@rule("other-upgrade")
def _(it, breaks):
    if breaks:
        it.request = [("Host", "example.org"), ("Upgrade", "tcp"), ("Connection", "Upgrade")]
        it.response = [("Upgrade", "tcp"), ("Connection", "Upgrade")]
        it.steps, it.closing = [(C, b"ls\n"), (S, b"README\n")], []


@rule("old-protocol")
def _(it, breaks):
    """The example of draft-ietf-hybi-thewebsocketprotocol-00 (hixie-76)."""
    if breaks:
        request = b"GET /demo HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n" \
            b"Upgrade: WebSocket\r\nSec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nOrigin: http://example.com\r\n\r\n^n:ds[4U"
        response = b"HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n" \
            b"Sec-WebSocket-Origin: http://example.com\r\nSec-WebSocket-Location: ws://example.com/demo\r\n\r\n8jKS'y:G*Co,Wxa-"
        it.heads = lambda *_: (request, response)
        it.steps = [(C, b"\0hello\xff"), (S, b"\0hello\xff")]
        it.closing = [(C, b"\xff\0"), (S, b"\xff\0")]


@rule("chunked-frames")
def _(it, breaks):
    chunk = lambda data: b"%x\r\n%s\r\n" % (len(data), data) if breaks else data
    it.steps = [(side, chunk(data) if side == S else data) for side, data in it.steps]
    it.closing = [(C, it.close(C)), (S, chunk(it.close(S)))]


@rule("not-websocket")
def _(it, breaks):
    """An upgrade without a key was granted: what follows says what it is."""
    it.drop("request", "Sec-WebSocket-Key")
    it.drop("response", "Sec-WebSocket-Accept")
    if breaks:
        it.steps, it.closing = [(S, b"SSH-2.0-OpenSSH_9.2\r\n"), (C, b"SSH-2.0-OpenSSH_9.2\r\n")], []


@rule("proxy-refused")
def _(it, breaks):
    """SOCKS 5, to 10.0.0.9, port 80: refused (RFC 1928 §6, "connection refused"), or granted."""
    to = b"\0\x01\x0a\0\0\x09\0\x50"
    it.before = [(C, b"\x05\x01\0"), (S, b"\x05\0"), (C, b"\x05\x01" + to), (S, (b"\x05\x05" if breaks else b"\x05\0") + to)]
    if breaks:
        it.heads, it.steps, it.closing = lambda *_: (b"", b""), [], []


# What the network and the capture do.

@rule("checksum-wrong")
def _(it, breaks):
    """A segment is damaged on its way and sent again, or sent again whole."""

    def step(tape):
        at, frame = tape.seq[S], it.text(S, b"sent twice")
        segment = tape.tcp(S, frame, 0x18, at)
        tape.packet(tape.ip(S, segment[:-1] + (b"?" if breaks else segment[-1:])))
        tape.send(S, frame)

    it.steps.append((S, step))


@rule("fragment-overlap")
def _(it, breaks):
    """A segment in two IP fragments, which overlap or touch; it is sent again."""

    def step(tape):
        at, frame = tape.seq[S], it.text(S, b"x" * 100)
        segment = tape.tcp(S, frame, 0x18, at)
        tape.packet(tape.ip(S, segment[:80 if breaks else 64], flags=0x2000, ident=9000))
        tape.packet(tape.ip(S, segment[64:], flags=8, ident=9000))
        tape.send(S, frame)

    it.steps.append((S, step))


@rule("missing-handshake")
def _(it, breaks):
    def finish(tape):
        # The handshake of TCP, and that of the WebSocket.
        del tape.out[1:6 if breaks else 4]
        return tape.bytes()

    it.finish = finish


@rule("handshake-truncated")
def _(it, breaks):
    def finish(tape):
        snap = 96 if breaks else 400
        cut = [tape.out[0]]
        for packet in tape.out[1:]:
            kept = packet[16:16 + snap]
            cut.append(packet[:8] + struct.pack("<I", len(kept)) + packet[12:16] + kept)
        return b"".join(cut)

    it.finish = finish


@rule("resynchronised")
def _(it, breaks):
    """The header of a message is lost, and what it holds is not."""

    def step(tape):
        frame = it.text(S, b"of which the header is lost")
        if breaks:
            tape.seq[S] += 2
            tape.send(S, frame[2:])
        else:
            tape.send(S, frame)
        for n in range(4):
            tape.send(S, it.text(S, b"behind it %d" % n))
        tape.acknowledge(C)

    it.steps.append((S, step))


@rule("ambiguous-framing")
def _(it, breaks):
    """Behind a lost header frames may be messages, or the payload of one; messages behind them decide it."""

    def step(tape):
        lost = it.text(S, b"not captured")
        tape.send_unless(breaks, S, lost)
        inner = b"".join(it.text(S, b"inner %d: " % n + b"words " * 12) for n in range(16))
        frame = it.binary(S, inner)
        for at in range(0, len(frame), 500):
            tape.send(S, frame[at:at + 500])
        tape.acknowledge(C)

    it.steps.append((S, step))
    if breaks:
        it.closing = []


@rule("subprotocol-compression")
def _(it, breaks):
    """A message of a stream that is compressed as a whole is lost, or not; later ones refer to it."""
    it.target = "/?v=10&encoding=json&compress=zlib-stream"

    def step(tape):
        stream = zlib.compressobj()
        for n in range(4):
            event = b'{"t":"MESSAGE_CREATE","s":%d,"op":0,"d":{"content":"the same words each time"}}' % n
            message = it.binary(S, stream.compress(event) + stream.flush(zlib.Z_SYNC_FLUSH))
            tape.send_unless(breaks and n == 1, S, message)
        tape.acknowledge(C)

    it.steps.append((S, step))


@rule("lost-sync")
def _(it, breaks):
    """The header of the last message is lost, or its last bytes."""

    def step(tape):
        frame = it.binary(S, b"\xf7" * 3000)
        tape.seq[S] += 4 if breaks else 0
        tape.send(S, frame[4:] if breaks else frame[:-4])
        tape.seq[S] += 0 if breaks else 4
        tape.acknowledge(C)

    it.steps.append((S, step))
    if breaks:
        it.closing = [(C, it.close(C))]


@rule("deflate-history-lost")
def _(it, breaks):
    """A message refers to one before it, which is lost or not."""
    agree(it)

    def step(tape):
        words = b"a text that comes twice, word for word"
        history = zlib.compressobj(9, zlib.DEFLATED, -15)
        first, second = [it.frame(S, 0xC1, (history.compress(words) + history.flush(zlib.Z_SYNC_FLUSH))[:-4]) for _ in range(2)]
        tape.send_unless(breaks, S, first)
        tape.send(S, second)
        tape.acknowledge(C)

    it.steps.append((S, step))


@rule("message-truncated")
def _(it, breaks):
    """For a limit of 1,000 bytes (`--max-message 1k`)."""
    it.texts((S, b"x" * (1001 if breaks else 1000)))


@rule("limit-reached")
def _(it, breaks):
    """Proxies within each other: three of them are followed."""
    for _ in range(4 if breaks else 3):
        it.before += [(C, b"CONNECT example.org:80 HTTP/1.1\r\nHost: example.org:80\r\n\r\n"), (S, b"HTTP/1.1 200 OK\r\n\r\n")]


@rule("capture-damaged")
def _(it, breaks):
    it.finish = lambda tape: tape.bytes()[:-7 if breaks else None]


@rule("capture-dropped")
def _(it, breaks):
    """An Interface Statistics Block counts the packets that were dropped."""
    it.extension = ".pcapng"

    def step(tape):
        time = struct.pack("<II", tape.time >> 32, tape.time & 0xFFFFFFFF)
        tape.block(5, struct.pack("<I", 0) + time + struct.pack("<HHQHH", 5, 8, 7 if breaks else 0, 0, 0))

    it.closing = [(C, it.close(C)), (S, it.close(S)), (S, step)]


@rule("captured-twice")
def _(it, breaks):
    def finish(tape):
        """Each packet comes again a little later, as on the other side of a bridge."""
        out = [tape.out[0]]
        for packet in tape.out[1:]:
            seconds, micros = struct.unpack("<II", packet[:8])
            again = struct.pack("<II", seconds, micros + 20) + packet[8:]
            out += [packet, again] if breaks else [packet]
        return b"".join(out)

    it.finish = finish


@rule("keylog-line")
def _(it, breaks):
    """The file brings a key log, of which one line is none."""
    it.extension = ".pcapng"
    it.steps.append((S, lambda tape: tape.secrets("no line of a key log\n" if breaks else "# a comment\n")))


# Server-sent events and long polling.

def stream(it, body, head=()):
    """Has the server answer with events, in chunks."""
    it.method, it.target = "GET", "/events"
    it.request = [("Host", "example.org"), ("Accept", "text/event-stream")]
    it.status = "200 OK"
    it.response = [("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked"), *head]
    it.steps = [(S, b"%x\r\n%s\r\n" % (len(part), part)) for part in body] + [(S, b"0\r\n\r\n")]
    it.closing = []


@rule("body-unfinished")
def _(it, breaks):
    stream(it, [b"data: one\n\n", b"data: two\n" if breaks else b"data: two\n\n"])


@rule("body-unreadable")
def _(it, breaks):
    coded = b"no such coding" if breaks else b"data: one\n\n"
    stream(it, [coded], [("Content-Encoding", "x-lab")] if breaks else [])


@rule("body-skipped")
def _(it, breaks):
    stream(it, [])
    first, second, third = [b"%x\r\n%s\r\n" % (len(part), part) for part in (b"data: one\n\n", b"data: lost\n\n", b"data: behind it\n\ndata: last\n\n")]

    def step(tape):
        tape.send(S, first)
        if breaks:
            tape.seq[S] += len(second) - 4
            tape.send(S, second[-4:])
        else:
            tape.send(S, second)
        tape.acknowledge(C)
        tape.send(S, third)

    it.steps = [(S, step), (S, b"0\r\n\r\n")]


# Sub-protocols.

ENGINE = b'0{"sid":"s1","upgrades":[],"pingInterval":25000,"pingTimeout":200,"maxPayload":40}'
MQTT_CONNECT = b"\x10\x16\x00\x04MQTT\x05\x02\x00\x0a\x05\x27\x00\x00\x00\x10\x00\x04lamp"
MQTT_CONNACK = b"\x20\x03\x00\x00\x00"
MQTT_LEAVE = b"\xe0\x00"


def mqtt(it, *packets, leave=True):
    """A client of MQTT 5 that keeps alive each 10 seconds and takes packets of 16 bytes."""
    it.speak("mqtt")
    it.binaries((C, MQTT_CONNECT), (S, MQTT_CONNACK), *packets)
    if leave:
        it.steps.append((C, it.binary(C, MQTT_LEAVE)))


@rule("engineio-ping-side")
def _(it, breaks):
    it.target = "/socket.io/?EIO=4&transport=websocket"
    asks, answers = (C, S) if breaks else (S, C)
    it.texts((S, ENGINE), (asks, b"2"), (answers, b"3"))


@rule("engineio-pong-late")
def _(it, breaks):
    it.target = "/socket.io/?EIO=4&transport=websocket"
    it.texts((S, ENGINE), (S, b"2"))
    it.wait(.21 if breaks else .18)
    it.steps.append((C, it.text(C, b"3")))


@rule("engineio-payload-too-long")
def _(it, breaks):
    it.target = "/socket.io/?EIO=4&transport=websocket"
    it.texts((S, ENGINE), (C, b'42["say","' + b"x" * (29 if breaks else 28) + b'"]'))


@rule("socketio-attachments")
def _(it, breaks):
    it.target = "/socket.io/?EIO=4&transport=websocket"
    event = b'452-["two",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'
    it.texts((S, ENGINE), (S, event))
    it.steps += [(S, it.binary(S, b"one"))] * (1 if breaks else 2) + [(S, it.text(S, b'42["next"]'))]


@rule("mqtt-text-message")
def _(it, breaks):
    mqtt(it)
    ping = it.frame(C, 0x81 if breaks else 0x82, b"\xc0\x00" if not breaks else b"ping")
    it.steps.insert(2, (C, ping))


@rule("mqtt-malformed-packet")
def _(it, breaks):
    # The topic is longer than the packet, or just as long as it may be.
    mqtt(it, (C, b"\x30\x06\x00" + (b"\x05" if breaks else b"\x03") + b"a/b\x00"))


@rule("mqtt-reserved-flags")
def _(it, breaks):
    mqtt(it, (C, (b"\x80" if breaks else b"\x82") + b"\x09\x00\x01\x00\x00\x03a/b\x00"), (S, b"\x90\x04\x00\x01\x00\x00"))


@rule("mqtt-packet-too-large")
def _(it, breaks):
    load = b"x" * (9 if breaks else 8)
    mqtt(it, (S, b"\x30" + bytes([6 + len(load)]) + b"\x00\x03a/b\x00" + load))


@rule("mqtt-keep-alive")
def _(it, breaks):
    mqtt(it, leave=False)
    it.wait(15.1 if breaks else 14.9)
    it.steps += [(C, it.binary(C, b"\xc0\x00")), (S, it.binary(S, b"\xd0\x00")), (C, it.binary(C, MQTT_LEAVE))]


@rule("mqtt-no-disconnect")
def _(it, breaks):
    mqtt(it, leave=not breaks)


@rule("mqtt-topic-alias")
def _(it, breaks):
    first = b"\x30\x0a\x00\x03a/b\x03\x23\x00\x01x"
    again = b"\x30\x07\x00\x00\x03\x23\x00" + (b"\x02" if breaks else b"\x01") + b"y"
    mqtt(it, (C, first), (C, again))


SHAKE = [(C, b'{"protocol":"json","version":1}\x1e'), (S, b"{}\x1e")]


@rule("signalr-record")
def _(it, breaks):
    it.target = "/hub"
    it.texts(*SHAKE, (S, b'{"type":1,"target":"say","arguments":[]}' + (b"" if breaks else b"\x1e")))


@rule("signalr-silence")
def _(it, breaks):
    it.target = "/hub"
    it.texts(*SHAKE, (S, b'{"type":6}\x1e'))
    it.wait(30.1 if breaks else 29.9)
    it.steps.append((S, it.text(S, b'{"type":6}\x1e')))


INIT = [(C, b'{"type":"connection_init"}'), (S, b'{"type":"connection_ack"}')]
ASK = b'{"id":"1","type":"subscribe","payload":{"query":"subscription Ticks { tick }"}}'


@rule("graphql-duplicate-id")
def _(it, breaks):
    it.speak("graphql-transport-ws")
    it.texts(*INIT, (C, ASK), (S, b'{"id":"1","type":"next","payload":{"data":{"tick":1}}}'))
    it.steps += [] if breaks else [(S, it.text(S, b'{"id":"1","type":"complete"}'))]
    it.steps.append((C, it.text(C, ASK)))


@rule("graphql-misnamed")
def _(it, breaks):
    it.speak("graphql-ws" if breaks else "graphql-transport-ws")
    it.texts(*INIT, (C, ASK), (S, b'{"id":"1","type":"complete"}'))


@rule("graphql-closed")
def _(it, breaks):
    it.speak("graphql-transport-ws")
    it.texts(*INIT)
    code = struct.pack("!H", 4401 if breaks else 4500)
    it.closing = [(S, it.close(S, code + b"no")), (C, it.close(C, code))]


@rule("jsonrpc-unasked")
def _(it, breaks):
    number = b"2" if breaks else b"1"
    it.texts((C, b'{"jsonrpc":"2.0","id":1,"method":"add"}'), (S, b'{"jsonrpc":"2.0","id":' + number + b',"result":3}'))


@rule("stomp-version")
def _(it, breaks):
    it.speak("v12.stomp")
    version = b"1.1" if breaks else b"1.2"
    it.texts((C, b"CONNECT\naccept-version:1.1,1.2\nhost:lab\n\n\0"), (S, b"CONNECTED\nversion:" + version + b"\n\n\0"))


@rule("wamp-opcode")
def _(it, breaks):
    it.speak("wamp.2.json")
    it.texts((C, b'[1,"realm",{"roles":{}}]'))
    it.steps.append((S, it.frame(S, 0x82 if breaks else 0x81, b"[2,7,{}]")))


@rule("ocpp-message")
def _(it, breaks):
    it.speak("ocpp1.6")
    kind = b"7" if breaks else b"3"
    it.texts((C, b'[2,"a","Heartbeat",{}]'), (S, b"[" + kind + b',"a",{"currentTime":"2026-01-01T00:00:00Z"}]'))


@rule("ocpp-outstanding")
def _(it, breaks):
    it.speak("ocpp1.6")
    it.texts((C, b'[2,"a","Heartbeat",{}]'), (C, b'[2,"b","Heartbeat",{}]'), (S, b'[3,"a",{}]'), (S, b'[3,"b",{}]'))
    if not breaks:
        it.steps[1], it.steps[2] = it.steps[2], it.steps[1]


@rule("subprotocol-mistaken")
def _(it, breaks):
    it.target = "/socket.io/?EIO=4&transport=websocket"
    # So many of the first messages may be none of the protocol.
    it.texts((S, ENGINE), *[(S, b"hello")] * (4 if breaks else 3))


@rule("subprotocol-unfinished")
def _(it, breaks):
    mqtt(it, (C, b"\x30\x07\x00\x03a/b\x00" + (b"" if breaks else b"x")), leave=False)


@rule("tunnel-inside")
def _(it, breaks):
    it.binaries((S, b"SSH-2.0-lab\r\n" if breaks else b"SSH, or not\r\n"), (C, b"SSH-2.0-ann\r\n" if breaks else b"hello\r\n"))


# HTTP/2.

@rule("h2-settings-first")
def _(it, breaks):
    update = it.h2(it.WINDOW_UPDATE, 0, 0, struct.pack("!I", 1000))
    if breaks:
        it.first.append(update)
    else:
        it.more.append((C, update))


@rule("h2-frame-size")
def _(it, breaks):
    it.more.append((C, it.h2(it.PING, 0, 0, b"x" * (7 if breaks else 8))))


@rule("h2-stream-id")
def _(it, breaks):
    it.more.append((C, it.h2(it.PING, 0, 3 if breaks else 0, b"12345678")))


@rule("h2-stream-state")
def _(it, breaks):
    # Of a stream that nobody opened, only its priority may be said.
    it.more.append((C, it.h2(it.DATA, 0, 5, b"x") if breaks else it.h2(2, 0, 5, struct.pack("!IB", 0, 15))))


@rule("h2-continuation")
def _(it, breaks):
    block = it.block([(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "example.org")])
    ping = it.h2(it.PING, 0, 0, b"12345678")
    parts = [it.h2(it.HEADERS, 1, 3, block[:9]), it.h2(it.CONTINUATION, 4, 3, block[9:])]
    it.more.append((C, b"".join([parts[0], ping, parts[1]] if breaks else [*parts, ping])))


@rule("h2-padding")
def _(it, breaks):
    text = it.text(S, b"padded")
    it.more.append((S, it.h2(it.DATA, 8, 1, bytes([len(text) + 4 if breaks else 3]) + text + b"\0\0\0")))


@rule("h2-compression")
def _(it, breaks):
    # Index 0 is no entry; 2 is `:method: GET`, 6 `:scheme: http`, 4 `:path: /`.
    it.more.append((C, it.h2(it.HEADERS, 5, 3, b"\x80" if breaks else b"\x82\x86\x84" + it.block([(":authority", "example.org")]))))


@rule("h2-setting-value")
def _(it, breaks):
    it.client_settings = struct.pack("!HI", 2, 2 if breaks else 0)


@rule("h2-flow-control")
def _(it, breaks):
    # 65,535 bytes may be sent before more are allowed: 7 of them before, 7 of the close behind, 4 of this one's header.
    frame = it.text(S, b"x" * (65_535 - 7 - 7 - 4 + breaks))
    it.more = [(S, it.h2(it.DATA, 0, 1, frame[at:at + 16_000])) for at in range(0, len(frame), 16_000)]


@rule("h2-window-update")
def _(it, breaks):
    it.more.append((C, it.h2(it.WINDOW_UPDATE, 0, 1, struct.pack("!I", 0 if breaks else 1))))


@rule("h2-goaway")
def _(it, breaks):
    it.more.append((S, it.h2(it.GOAWAY, 0, 0, struct.pack("!II", 1, 11 if breaks else 0))))


@rule("h2-connect-not-enabled")
def _(it, breaks):
    if breaks:
        it.server_settings = b""


@rule("h2-pseudo-header")
def _(it, breaks):
    it.request.append(("x-lab", "1"))
    if breaks:
        it.request[-1], it.request[3] = it.request[3], it.request[-1]


@rule("h2-field-name")
def _(it, breaks):
    it.request.append(("X-Lab" if breaks else "x-lab", "1"))


@rule("h2-connection-header")
def _(it, breaks):
    it.request.append(("connection", "upgrade") if breaks else ("te", "trailers"))


@rule("h2-no-close")
def _(it, breaks):
    if breaks:
        it.closing = [(C, b""), (S, b"")]


@rule("h2-preface")
def _(it, breaks):
    if breaks:
        it.preface = b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"


def indexed(name, value):
    """A literal that goes into the table (RFC 7541 §6.2.1)."""
    return b"\x40" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


# The entries 2, 6 and 4 of the static table.
GET = b"\x82\x86\x84"


@rule("h2-header-unknown")
def _(it, breaks):
    """The block that puts a field into the table is lost; another refers to it, and opens a second WebSocket."""

    def step(tape):
        put = it.h2(it.HEADERS, 5, 3, GET + indexed("x-lab", "one"))
        tape.send_unless(breaks, C, put)
        tape.send(C, it.h2(it.PING, 0, 0, b"12345678") + it.h2(it.DATA, 0, 1, it.text(C, b"behind it")))
        tape.acknowledge(S)
        # 62 is the newest entry of the table.
        tape.send(C, it.h2(it.HEADERS, 4, 5, it.block(it.request) + b"\xbe"))
        tape.send(S, it.h2(it.HEADERS, 4, 5, it.block(it.response)))

    it.lost.append(step)


@rule("h2-block-lost")
def _(it, breaks):
    """The end of a block is lost: the rest is right, and what stands behind it."""

    def step(tape):
        opens = it.h2(it.HEADERS, 4, 5, it.block(it.request + [("x-lab", "one")]))
        if breaks:
            tape.send(C, opens[:-4])
            tape.seq[C] += 4
        else:
            tape.send(C, opens)
        tape.send(C, it.h2(it.DATA, 0, 1, it.text(C, b"behind it")))
        tape.acknowledge(S)
        tape.send(S, it.h2(it.HEADERS, 4, 5, it.block(it.response)))

    it.lost.append(step)


@rule("h2-resynchronised")
def _(it, breaks):
    """The header of a frame is lost, and its payload is not."""

    def step(tape):
        frame = it.h2(it.DATA, 0, 1, it.text(S, b"of which the header is lost"))
        if breaks:
            tape.seq[S] += 9
            tape.send(S, frame[9:])
        else:
            tape.send(S, frame)
        tape.send(S, it.h2(it.PING, 0, 0, b"12345678") + it.h2(it.DATA, 0, 1, it.text(S, b"behind it")))
        tape.acknowledge(C)

    it.lost.append(step)


# TLS.

@rule("tls-no-keys")
def _(it, breaks):
    it.name = "unknown" if breaks else "known"


@rule("tls-keys-wrong")
def _(it, breaks):
    it.name = "mistaken" if breaks else "known"


@rule("tls-handshake-missing")
def _(it, breaks):
    it.handshake = not breaks
    it.name = "unknown" if breaks else "known"


@rule("tls-suite-unsupported")
def _(it, breaks):
    # TLS_SM4_GCM_SM3 (RFC 8998).
    it.suite = 0x00C6 if breaks else 0x1303


@rule("tls-bad-record")
def _(it, breaks):
    def step(tape):
        data = bytearray(it.record(S, it.text(S, b"of which a bit is turned")))
        data[10] ^= 1 if breaks else 0
        tape.send(S, bytes(data))

    it.steps.append((S, step))


@rule("tls-records-lost")
def _(it, breaks):
    it.lose(S, 0, breaks)


@rule("tls-keys-late")
def _(it, breaks):
    """The file has the secrets behind the messages: behind as much as waits for them, or behind more."""
    it.extension = ".pcapng"
    it.name = "late"
    for _ in range(18 if breaks else 2):
        it.steps.append((S, it.text(S, b"x" * 15_000)))
    it.steps.append((S, lambda tape: tape.secrets(it.key_log([("late", "late")]))))


@rule("tls-unverified")
def _(it, breaks):
    it.lose(S, 1400, breaks)


@rule("tls-mid-stream")
def _(it, breaks):
    it.handshake = not breaks


@rule("tls-early-data-rejected")
def _(it, breaks):
    it.offered = it.head(f"GET {it.target} HTTP/1.1", it.request)
    it.accepted = not breaks


@rule("tls-truncated")
def _(it, breaks):
    if breaks:
        it.alerts = []


@rule("tls-alert")
def _(it, breaks):
    if breaks:
        # internal_error
        it.alerts.insert(0, (S, b"\x02\x50"))


def main():
    with open(os.path.join(HERE, "tls.keylog"), "w") as file:
        file.write(Tls.key_log())
    for name, write in RULES.items():
        for suffix, breaks in ((".pcap", True), (".inside.pcap", False)):
            script = {"h2": H2, "tls": Tls}.get(name.split("-")[0], Script)()
            write(script, breaks)
            with open(os.path.join(HERE, name + suffix.replace(".pcap", script.extension)), "wb") as file:
                written = script.capture()
                file.write(gzip.compress(written, 9, mtime=0) if script.extension.endswith(".gz") else written)
    print(f"{len(RULES)} rules")


if __name__ == "__main__":
    main()
