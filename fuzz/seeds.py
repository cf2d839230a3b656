#!/usr/bin/env python3
"""Makes the seeds of the fuzz targets from the captures: run it in the repository's top folder."""
import pathlib, struct, zlib

root = pathlib.Path("fuzz/seeds")


def seed(target, name, data):
    folder = root / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def packets(path):
    data = path.read_bytes()
    link, at = struct.unpack("<I", data[20:24])[0] & 0xFFFF, 24
    while at + 16 <= len(data):
        kept = struct.unpack("<I", data[at + 8:at + 12])[0]
        yield link, data[at + 16:at + 16 + kept]
        at += 16 + kept


small = [p for p in sorted(pathlib.Path("captures").rglob("*.pcap")) if p.stat().st_size < 3000]
for path in small[::6]:
    seed("trip", path.stem, path.read_bytes())
for path in sorted(pathlib.Path("captures/files").iterdir()):
    if path.stat().st_size < 3000 and path.suffix in (".pcap", ".pcapng", ".gz", ".zst"):
        seed("capture", path.name, path.read_bytes())
for path in sorted(pathlib.Path("captures/link").glob("*.pcap")):
    for link, packet in list(packets(path))[3:4]:
        seed("wire", path.stem, struct.pack(">H", link) + packet[:400])

request = (b"GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
answer = (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")


def pieces(*parts):
    out = b""
    for side, data in parts:
        data += b" " * (-len(data) % 8) if side is None else b""
        out += bytes([(0x80 if side else 0) | min(127, -(-len(data) // 8))]) + data + b"\n" * (-len(data) % 8)
    return out


seed("http", "upgrade", pieces((0, request), (1, answer)))
seed("http", "chunked", pieces((0, b"GET / HTTP/1.1\r\n\r\n"), (1, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")))
seed("frames", "text", b"\x81\x05hello\x89\x00\x88\x02\x03\xe8")
seed("frames", "masked", b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58")
seed("frames", "long", b"\x82\x7f" + struct.pack(">Q", 1 << 62) + b"x" * 40)
deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
messages = []
for text in (b"hello hello hello", b"hello again", b"x" * 300):
    messages.append((deflater.compress(text) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4])
body = b"".join(bytes([len(m)]) + m for m in messages)
for options in (0x0E, 0x0F, 0x00, 0x80):
    seed("inflate", f"takeover-{options:02x}", bytes([options]) + body)
for n, text in enumerate((b'opcode == text and len > 1k', b'json.type == "trade" or not compressed', b'close.code in {1000 1001..1003}')):
    seed("filter", f"filter-{n}", text)
