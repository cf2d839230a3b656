#!/usr/bin/env python3
"""Floods: captures made to take memory and time, and what wirefin takes for each; the tables of docs/hardening.md.

    python3 benches/hardening.py WIREFIN [FLOOD …]

Each flood is written to WIREFIN's standard input as it is made, so nothing lies on the disk. The first table has, for
`export`, the size of the input, the CPU seconds and the peak memory of the process with 1, 2 and 8 threads, and how it
ended; the second has the peak of each subcommand with two threads; the third has half of each flood and all of it, to
show that time grows with the input and no faster. Only Python's standard library is used.
"""
import base64, hashlib, multiprocessing, os, random, struct, subprocess, sys, zlib

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = base64.b64encode(hashlib.sha1((KEY + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
SYN, FIN, PSH, ACK = 2, 1, 8, 16
SERVER = (b"\x09\x09\x09\x09", 80)
HEAD = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101)


def packet(n, source, target, seq, ack, flags, payload):
    tcp = struct.pack(">HHIIBBHHH", source[1], target[1], seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 65535, 0, 0)
    length = 20 + len(tcp) + len(payload)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, min(length, 65535), 0, 0, 64, 6, 0) + source[0] + target[0]
    return struct.pack("<IIII", 1_700_000_000 + n // 1_000_000, n % 1_000_000, length, length) + ip + tcp + payload


class Talk:
    """One TCP connection: packets in the order in which they are sent."""
    clock = 0

    def __init__(self, n):
        self.client = (bytes([10, n >> 16 & 255, n >> 8 & 255, n & 255]), 40_000)
        self.next = {"c": 1000, "s": 5000}

    def send(self, side, payload=b"", flags=PSH | ACK, lost=0):
        Talk.clock += 1
        other = "s" if side == "c" else "c"
        ends = (self.client, SERVER) if side == "c" else (SERVER, self.client)
        self.next[side] += lost
        out = packet(Talk.clock, *ends, self.next[side], self.next[other], flags, payload)
        self.next[side] += len(payload) + (1 if flags & (SYN | FIN) else 0)
        return out

    def open(self):
        return self.send("c", flags=SYN) + self.send("s", flags=SYN | ACK)

    @staticmethod
    def request(fields="", target="/"):
        return (f"GET {target} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{fields}\r\n").encode()

    def ask(self, fields=""):
        return self.send("c", self.request(fields))

    def grant(self, fields=""):
        return self.send("s", (f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               f"Sec-WebSocket-Accept: {ACCEPT}\r\n{fields}\r\n").encode())

    def upgrade(self, fields=""):
        return self.open() + self.ask(fields) + self.grant(fields)


def frame(first, payload, mask=None):
    n, bit = len(payload), 0x80 if mask else 0
    size = bytes([bit | n]) if n < 126 else bytes([bit | 126]) + struct.pack(">H", n) if n < 65536 \
        else bytes([bit | 127]) + struct.pack(">Q", n)
    if mask:
        payload = bytes(b ^ mask[i & 3] for i, b in enumerate(payload))
        size += mask
    return bytes([first]) + size + payload


def deflated(payload):
    press = zlib.compressobj(9, zlib.DEFLATED, -15)
    return press.compress(payload) + press.flush(zlib.Z_SYNC_FLUSH)


def pieces(payload, most=1400):
    return [payload[at:at + most] for at in range(0, len(payload), most)]


def syns(k):
    for n in range(1_000_000 // k):
        yield Talk(n).send("c", flags=SYN)


def half_open_upgrades(k):
    for n in range(300_000 // k):
        talk = Talk(n)
        yield talk.open() + talk.ask("X: " + "x" * 200 + "\r\n")


def long_requests(k):
    for n in range(30_000 // k):
        talk = Talk(n)
        yield talk.open()
        for part in pieces(talk.request("X-Long: " + "x" * 60_000 + "\r\n")):
            yield talk.send("c", part)


def long_urls(k):
    for n in range(30_000 // k):
        talk = Talk(n)
        yield talk.open()
        for part in pieces(talk.request(target="/" + "u" * 60_000)):
            yield talk.send("c", part)
        yield talk.grant()


def unfinished_messages(k):
    first, more = frame(0x01, b"u" * 1390), frame(0x00, b"u" * 1390)
    talks = []
    for n in range(2000 // k):
        talks.append(Talk(n))
        yield talks[-1].upgrade()
    for part in range(400):
        for talk in talks:
            yield talk.send("s", more if part else first)


def unfinished_bombs(k):
    body = deflated(b"\x01" * (4 << 20))
    for n in range(4000 // k):
        talk = Talk(n)
        yield talk.upgrade(DEFLATE)
        for part in pieces(frame(0x41, body)):
            yield talk.send("s", part)


def finished_bombs(k):
    body = frame(0xC1, deflated(b"\x01" * (16 << 20)))
    for n in range(64 // k):
        talk = Talk(n)
        yield talk.upgrade(DEFLATE)
        for _ in range(4):
            for part in pieces(body, 60_000):
                yield talk.send("s", part)


def holes(k):
    talks = []
    for n in range(4000 // k):
        talks.append(Talk(n))
        yield talks[-1].upgrade() + talks[-1].send("s", b"h" * 1400, lost=1)
    for _ in range(100):
        for talk in talks:
            yield talk.send("s", b"h" * 1400)


def windows(k):
    dice = random.Random(1)
    text = bytes(dice.choice(b"0123456789abcdef") for _ in range(40_000))
    body = frame(0xC1, deflated(text)[:-4])
    for n in range(20_000 // k):
        talk = Talk(n)
        yield talk.upgrade(DEFLATE)
        for part in pieces(body, 30_000):
            yield talk.send("s", part)


def takeover(k):
    body = frame(0xC1, deflated(b"a few words")[:-4])
    talks = []
    for n in range(100_000 // k):
        talks.append(Talk(n))
        yield talks[-1].upgrade(DEFLATE)
    for _ in range(3):
        for talk in talks:
            yield talk.send("s", body)


def findings(k):
    bad = frame(0x81, b"unmasked") + frame(0x82, b"\xff\xfe") + frame(0x8B, b"reserved") + frame(0x89, b"x" * 126)
    for n in range(200_000 // k):
        talk = Talk(n)
        yield talk.upgrade() + talk.send("c", bad)


def tiny_frames(k):
    talk = Talk(1)
    yield talk.upgrade()
    for _ in range(20_000 // k):
        yield talk.send("s", b"\x81\x00" * 700)


def tls_without_keys(k):
    hello = b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03" + b"r" * 32 + b"\x00\x00\x02\x13\x01\x01\x00\x00\x00"
    for n in range(300_000 // k):
        talk = Talk(n)
        yield talk.open() + talk.send("c", hello) + talk.send("s", b"\x17\x03\x03\x00\x10" + b"x" * 16)


def ciphertext_in_tiny_segments(k):
    hello = b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03" + b"r" * 32 + b"\x00\x00\x02\x13\x01\x01\x00\x00\x00"
    for n in range(500 // k):
        talk = Talk(n)
        yield talk.open() + talk.send("c", hello + b"\x17\x03\x03\x00\x20" + b"x" * 32 + b"\x17\x03\x03\x40\x00")
        yield b"".join(talk.send("c", b"x") for _ in range(3500))


def http2_streams(k):
    def h2(kind, flags, stream, body):
        return struct.pack(">I", len(body))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + body
    talk = Talk(1)
    yield talk.open() + talk.send("c", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + h2(4, 0, 0, b""))
    yield talk.send("s", h2(4, 0, 0, b"\x00\x08\x00\x00\x00\x01"))
    connect = b"\x02\x07CONNECT\x40\x09:protocol\x09websocket\x87\x84\x41\x01h"
    for n in range(1_000_000 // k):
        yield talk.send("c", h2(1, 4, 2 * n + 1, connect))


def look_alikes(k):
    dice = random.Random(2)
    lie = b"".join(bytes([0x81, 0x7E]) + struct.pack(">H", dice.randrange(126, 4000)) + b"\x81\x05hello" for _ in range(90))
    for n in range(20 // k or 1):
        talk = Talk(n)
        yield talk.upgrade()
        for _ in range(200):
            yield talk.send("s", lie, lost=500)


FLOODS = [syns, half_open_upgrades, long_requests, long_urls, unfinished_messages, unfinished_bombs, finished_bombs, holes, windows, takeover,
          findings, tiny_frames, tls_without_keys, ciphertext_in_tiny_segments, http2_streams, look_alikes]


def run(wirefin, command, flood, k=1):
    """Feeds a flood to a subcommand; returns MB of input, CPU seconds, MiB at the peak, and the exit code."""
    Talk.clock = 0
    reading, writing = os.pipe()
    fed = multiprocessing.Value("Q", 0)

    def feed():
        os.close(reading)
        try:
            with open(writing, "wb") as pipe:
                pipe.write(HEAD)
                for data in flood(k):
                    fed.value += len(data)
                    pipe.write(data)
        except BrokenPipeError:
            pass

    # A process of its own, for what this one holds would count as the peak of a process that it starts.
    feeder = multiprocessing.get_context("fork").Process(target=feed)
    feeder.start()
    os.close(writing)
    process = subprocess.Popen([wirefin, *command, "-"], stdin=reading, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    os.close(reading)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    feeder.join()
    return fed.value / 1e6, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, process.returncode


def main():
    wirefin, names = sys.argv[1], sys.argv[2:]
    floods = [flood for flood in FLOODS if not names or flood.__name__ in names]
    print("| flood | input, MB | CPU, s: 1, 2, 8 threads | peak, MiB: 1, 2, 8 threads | exit |\n|---|--:|--:|--:|--:|")
    whole = {}
    for flood in floods:
        runs = [run(wirefin, ["export", "-q", "--threads", n], flood) for n in "128"]
        whole[flood] = runs[0]
        print(f"| {flood.__name__.replace('_', ' ')} | {runs[0][0]:.0f} | {', '.join(f'{r[1]:.1f}' for r in runs)} "
              f"| {', '.join(f'{r[2]:.0f}' for r in runs)} | {', '.join(sorted({str(r[3]) for r in runs}))} |", flush=True)
    others = ["print", "stats", "check", "explain"]
    print(f"\n| flood | {' | '.join(f'{other}, MiB' for other in others)} |\n|---|{'--:|' * len(others)}")
    for flood in floods:
        peaks = [run(wirefin, [other, "--threads", "2"], flood)[2] for other in others]
        print(f"| {flood.__name__.replace('_', ' ')} | {' | '.join(f'{peak:.0f}' for peak in peaks)} |", flush=True)
    print("\n| flood | CPU, s, half of it | all of it | ratio |\n|---|--:|--:|--:|")
    for flood in floods:
        half = run(wirefin, ["export", "-q", "--threads", "1"], flood, 2)[1]
        print(f"| {flood.__name__.replace('_', ' ')} | {half:.1f} | {whole[flood][1]:.1f} "
              f"| {whole[flood][1] / max(half, 0.01):.1f} |", flush=True)


if __name__ == "__main__":
    main()
