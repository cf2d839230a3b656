#!/usr/bin/env python3
"""seeds.py: makes fuzz/seeds/ from captures/, the same bytes each time; needs nothing.

Seeds are small: a few packets, heads, frames and messages of the corpus, in the form that fuzz/bodies.rs takes."""
import gzip, pathlib, random, shutil, struct

HERE = pathlib.Path(__file__).resolve().parent
CAPTURES = HERE.parent / "captures"
LINKS = [1, 0, 101, 108, 113, 228, 229, 276]
LARGEST = 2500


def packets(path):
    """Gives the link type and the bytes of each packet of a pcap file."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    link, at = struct.unpack_from(order + "I", data, 20)[0], 24
    while at + 16 <= len(data):
        length = struct.unpack_from(order + "I", data, at + 8)[0]
        yield link, data[at + 16 : at + 16 + length]
        at += 16 + length


def segments(path):
    """Gives the side (0 the client), the sequence number, the flags and the payload of each TCP segment in plain Ethernet and IPv4."""
    client, first = None, {}
    for link, data in packets(path):
        if link != 1 or data[12:14] != b"\x08\x00" or data[23] != 6:
            continue
        ip = data[14 : 14 + struct.unpack_from(">H", data, 16)[0]]
        tcp = ip[(ip[0] & 15) * 4 :]
        client = client or tcp[:2]
        side, seq, ack = int(tcp[:2] != client), *struct.unpack_from(">II", tcp, 4)
        first.setdefault(side, seq)
        yield side, (seq - first[side]) & 0xFFFF, (ack - first.get(1 - side, ack)) & 0xFFFF, tcp[13], tcp[(tcp[12] >> 4) * 4 :]


def frames(path):
    """Gives the bytes of each side behind the handshake."""
    sides = [b"", b""]
    for side, *_, payload in segments(path):
        sides[side] += payload
    return [stream.partition(b"\r\n\r\n")[2] for stream in sides]


def messages(stream):
    """Gives the unmasked payloads of compressed frames."""
    while len(stream) >= 2:
        length, at = stream[1] & 127, 2
        if length >= 126:
            size = 2 if length == 126 else 8
            length, at = int.from_bytes(stream[at : at + size], "big"), at + size
        key = b"\0\0\0\0"
        if stream[1] & 128:
            key, at = stream[at : at + 4], at + 4
        payload = bytes(byte ^ key[n % 4] for n, byte in enumerate(stream[at : at + length]))
        if stream[0] & 0x40:
            yield payload
        stream = stream[at + length :]


made = {}


def seed(target, name, data):
    if data:
        made[target, name] = data[:LARGEST]


def of(*patterns):
    return sorted(path for pattern in patterns for path in CAPTURES.glob(pattern))


for path in of("files/*.pcap"):
    seed("pcap", path.stem, path.read_bytes())
for path in of("files/*.pcap.gz", "files/*.pcap.zst"):
    seed("pcap", path.name.replace(".", "-"), path.read_bytes())
for path in of("files/*.pcapng"):
    seed("pcap", path.stem + "-ng", path.read_bytes())
    seed("pcapng", path.stem, path.read_bytes()[28:])
for path in of("link/*.pcap"):
    data = b""
    for link, packet in list(packets(path))[3:7]:
        if link in LINKS:
            data += bytes([LINKS.index(link), 0]) + struct.pack(">H", len(packet)) + packet
    seed("wire", path.stem, data)
for path in of("tcp/*.pcap"):
    data = b""
    for side, seq, ack, flags, payload in segments(path):
        payload = payload[:15] if len(payload) < 100 else payload[: len(payload) // 100 * 100][:1500]
        size, unit = (len(payload), 0) if len(payload) < 16 else (len(payload) // 100, 2)
        what = side | unit | (2 << 2) | size << 4
        data += bytes([what]) + struct.pack(">HH", (seq + 0x7F00) & 0xFFFF, (ack + 0x7F00) & 0xFFFF) + bytes([flags]) + payload
    seed("tcp", path.stem, data)
for path in of("handshake/*.pcap", "http/*.pcap")[::4]:
    data = b""
    for side, _, _, flags, payload in segments(path):
        if payload:
            data += bytes([side]) + struct.pack(">H", len(payload)) + payload
        if flags & 1:
            data += bytes([6 << 5 | side, 0, 0])
    seed("http", path.stem, data)
for path in of("h2/*.pcap"):
    if path.with_suffix(".keylog").exists():
        continue
    start, data, streams = (0 if "late" in path.stem else 2), b"", [b"", b""]
    for side, *_, payload in segments(path):
        if payload and not payload.startswith((b"GET ", b"HTTP/1.1 ")):
            data += bytes([side]) + struct.pack(">H", len(payload)) + payload
            streams[side] += payload
    seed("http2", path.stem, bytes([start]) + data)
    stream, at, data = streams[0].partition(b"SM\r\n\r\n")[2], 0, b""
    while at + 9 <= len(stream):
        length, kind, flags = int.from_bytes(stream[at : at + 3], "big"), stream[at + 3], stream[at + 4]
        if kind == 1 and flags & 0x28 == 0 and length < 256:
            data += bytes([length]) + stream[at + 9 : at + 9 + length]
        at += 9 + length
    seed("hpack", path.stem, bytes([0]) + data if data else b"")
for path in of("messages/*.pcap", "hostile/*.pcap", "control/*.pcap")[::3]:
    for side, stream in zip(("client", "server"), frames(path)):
        seed("frames", f"{path.stem}-{side}", bytes([7]) + stream if stream else b"")
for path in of("compressed/*.pcap"):
    for side, stream in zip(("client", "server"), frames(path)):
        data = b"".join(struct.pack(">H", len(m)) + m for m in messages(stream))
        seed("deflate", f"{path.stem}-{side}", bytes([0x1E]) + data if data else b"")
for path in of("*/*.pcap")[::12]:
    if path.stat().st_size < LARGEST:
        seed("session", path.stem, path.read_bytes())
for n in range(12):
    seed("talk", f"{n}", bytes([n & 3]) + random.Random(n).randbytes(400 + 150 * n))
for n, text in enumerate([
    "opcode == text", "len > 100 && from == client", 'text contains "err"', 'not (url matches "/chat" or conn in {1, 4})',
    "json.a.b == 3", 'time >= "2026-01-01"', "(((", 'text ~ "[a-"', "opcode in {ping pong}", "!",
]):
    seed("filter", f"{n}", text.encode())

def said(*messages):
    """Joins messages: `>` from the client, `<` from the server; bytes are binary messages."""
    out = b""
    for message in messages:
        text = isinstance(message, str)
        side = message[:1] if text else message[:1].decode()
        payload = message[1:].encode() if text else message[1:]
        out += bytes([(side == "<") | (0 if text else 2)]) + struct.pack(">H", len(payload)) + payload
    return out


ANY = 255
for name, which, data in [
    ("socketio", ANY, said('<0{"sid":"a","pingInterval":25000,"pingTimeout":20000}', ">40/admin,{}", '<40/admin,{"sid":"b"}', '>42/admin,1["chat",{"a":1}]',
                           '<43/admin,1["ok"]', '>451-["up",{"_placeholder":true,"num":0}]', b">\x01\x02", "<2", ">3")),
    ("jsonrpc", ANY, said('>{"jsonrpc":"2.0","id":1,"method":"a","params":[1]}', '<{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}}')),
    ("mqtt", 1, said(b">\x10\x10\x00\x04MQTT\x05\x02\x00\x0a\x00\x00\x03abc", b"<\x20\x03\x00\x00\x00", b">\x32", b">\x08\x00\x01q\x00\x05\x00hi", b"<\x40\x02\x00\x05")),
    ("signalr", ANY, said('>{"protocol":"messagepack","version":1}\x1e', "<{}\x1e", b">\x0c\x95\x01\x80\xa1\x30\xa3Add\x92\x02\x03", b"<\x07\x95\x03\x80\xa1\x30\x03\x05")),
    ("graphql", ANY, said('>{"type":"connection_init"}', '>{"id":"1","type":"subscribe","payload":{"query":"query A{b}"}}', '<{"id":"1","type":"next","payload":{"data":{}}}')),
    ("stomp", ANY, said(">CONNECT\naccept-version:1.2\n\n\0", "<CONNECTED\nversion:1.2\n\n\0", ">SEND\ndestination:/a\nreceipt:1\n\nhi\0", "<RECEIPT\nreceipt-id:1\n\n\0")),
]:
    seed("subprotocol", name, bytes([which]) + data)

for n, path in enumerate(of("tls/tls1*-aes*.pcap", "tls/early-data.pcap", "tls/keyupdate-by-client.pcap")[::2]):
    log = path.with_suffix(".keylog")
    if not log.exists():
        continue
    text = log.read_bytes()
    seed("keylog", path.stem, text)
    data = bytes([n % 4 & 2]) + struct.pack(">H", len(text)) + text
    for number, (side, _, _, _, payload) in enumerate(segments(path)):
        if payload:
            lost = number % 11 == 10
            data += bytes([side | 4 * lost]) + struct.pack(">H", len(payload)) + (b"" if lost else payload)
        if number == 7:
            data += bytes([6, 0, 0])
    made["tls", path.stem] = data[:6000]

shutil.rmtree(HERE / "seeds", ignore_errors=True)
for (target, name), data in made.items():
    folder = HERE / "seeds" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
print(len(made), "seeds,", sum(map(len, made.values())), "bytes")
