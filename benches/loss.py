#!/usr/bin/env python3
"""What is left of a conversation when a capture misses packets: counts for docs/loss.md.

    cargo build --release
    python3 benches/loss.py                         # the captures of this repository
    python3 benches/loss.py big.pcap other.pcap     # captures of your own, without holes
    python3 benches/loss.py --single 200 big.pcap   # remove one packet at a time, each one that carries a header

A capture without holes is decoded here, by means of its own: TCP streams put together from sequence numbers, frames cut,
messages inflated by zlib. So it is known which packets carry which message. Then packets are removed at random (an
acknowledgment, a SYN or a part of the handshake as likely as data), the analyzer reads what is left, and every message it
shows is held against what was sent. Only the standard library is needed; tshark, where installed, reads the same files.
"""

import argparse, base64, bisect, collections, gzip, hashlib, json, os, random, re, shutil, struct, subprocess, sys, tempfile, zlib

NAMES = {0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}
KINDS = ["uncompressed", "no takeover", "takeover"]
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)


# ---- reading -------------------------------------------------------------------------------------------------------

Segment = collections.namedtuple("Segment", "source target seq flags payload")
FIN, SYN, RST, ACK = 1, 2, 4, 16


def read_pcap(path, most):
    """The file's header and its records: (record header, bytes)."""
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f:
        head = f.read(24)
        order = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"}.get(head[:4])
        if order is None or struct.unpack(order + "I", head[20:])[0] & 0xFFFF not in LINKS:
            return None, []
        records = []
        while len(records) < most and len(record := f.read(16)) == 16:
            records.append((record, f.read(struct.unpack(order + "I", record[8:12])[0])))
        return (order, head), records


LINKS = {1: 14, 113: 16, 276: 20}


def segment(link, data):
    """The TCP segment in a packet, or None."""
    at = LINKS[link]
    kind = {1: data[12:14], 113: data[14:16], 276: data[0:2]}[link]
    if kind == b"\x08\x00" and data[at + 9] == 6:
        start, end = at + (data[at] & 15) * 4, at + int.from_bytes(data[at + 2 : at + 4], "big")
        addresses = data[at + 12 : at + 16], data[at + 16 : at + 20]
        if int.from_bytes(data[at + 6 : at + 8], "big") & 0x3FFF:
            return None
        if end == at:
            end = len(data)
    elif kind == b"\x86\xdd" and data[at + 6] == 6:
        start = at + 40
        end = start + int.from_bytes(data[at + 4 : at + 6], "big")
        addresses = data[at + 8 : at + 24], data[at + 24 : at + 40]
    else:
        return None
    source, target, seq = struct.unpack("!HHI", data[start : start + 8])
    body = data[start + (data[start + 12] >> 4) * 4 : end]
    if end > len(data):
        return None
    return Segment((addresses[0], source), (addresses[1], target), seq, data[start + 13], body)


class Stream:
    """What one side sent: its bytes, and which packets carried them."""

    def __init__(self):
        self.base, self.pieces = None, []

    def add(self, packet, seg):
        if self.base is None:
            if not seg.flags & SYN:
                return
            self.base = (seg.seq + 1) & 0xFFFFFFFF
        if seg.payload:
            seq = seg.seq + (1 if seg.flags & SYN else 0)
            start = (seq - self.base + (1 << 31)) % (1 << 32) - (1 << 31)
            self.pieces.append((start, start + len(seg.payload), packet, seg.payload))

    def assemble(self):
        """Joins the bytes; False where some are missing."""
        self.pieces.sort(key=lambda p: (p[0], p[2]))
        self.starts = [p[0] for p in self.pieces]
        data = bytearray()
        for start, end, _, payload in self.pieces:
            if start > len(data):
                return False
            if end > len(data):
                data += payload[len(data) - start :]
        self.bytes = bytes(data)
        return True

    def carriers(self, offset):
        """The packets that carry the byte at `offset`."""
        n = bisect.bisect_right(self.starts, offset)
        while n > 0 and self.starts[n - 1] > offset - 70000:
            n -= 1
            if self.pieces[n][1] > offset:
                yield self.pieces[n][2]

    def holes(self, removed):
        """The ranges that are left in no packet."""
        holes, reached = [], 0
        for start, end, packet, _ in self.pieces:
            if packet in removed:
                continue
            if start > reached:
                holes.append((reached, start))
            reached = max(reached, end)
        if reached < len(self.bytes):
            holes.append((reached, len(self.bytes)))
        return holes


Frame = collections.namedtuple("Frame", "start header end opcode fin length body rsv")


class Message:
    def __init__(self, opcode):
        self.opcode, self.frames, self.body = opcode, [], b""


def frames_of(data, at):
    while at + 2 <= len(data):
        first, second = data[at], data[at + 1]
        length, head = second & 127, at + 2
        if length > 125:
            size = 2 if length == 126 else 8
            length, head = int.from_bytes(data[head : head + size], "big"), head + size
        key = data[head : head + 4] if second & 128 else None
        head += 4 if key else 0
        end = head + length
        if end > len(data):
            return
        body = data[head:end]
        if key and length:
            mask = (key * (length // 4 + 1))[:length]
            body = (int.from_bytes(body, "big") ^ int.from_bytes(mask, "big")).to_bytes(length, "big")
        yield Frame(at, head, end, first & 15, bool(first & 128), length, body, first >> 4 & 7)
        at = end


class Conversation:
    """One connection whose handshake and frames are all there."""

    def __init__(self, client, server):
        self.streams = {"client": client, "server": server}
        ask, answer = client.bytes.find(b"\r\n\r\n") + 4, server.bytes.find(b"\r\n\r\n") + 4
        head = server.bytes[:answer].lower()
        self.good = ask > 3 and answer > 3 and head.startswith(b"http/1.1 101") and client.bytes.startswith(b"GET ")
        if not self.good:
            return
        self.starts = {"client": ask, "server": answer}
        deflate = re.search(rb"sec-websocket-extensions:[^\r]*permessage-deflate([^\r,]*)", head)
        agreed = deflate.group(1) if deflate else None
        none = {side: agreed is not None and side.encode() + b"_no_context" in agreed for side in self.starts}
        self.kind = {side: KINDS[0] if agreed is None else KINDS[1] if none[side] else KINDS[2] for side in self.starts}
        self.frames, self.messages = {}, {}
        for side, start in self.starts.items():
            self.frames[side] = list(frames_of(self.streams[side].bytes, start))
            self.messages[side] = list(messages_of(self.frames[side], agreed is not None, none[side]))
        self.good = all(m.body is not None for side in self.messages.values() for m in side)


def messages_of(frames, deflate, forgets):
    inflate, open_ = zlib.decompressobj(-15), None
    for f in frames:
        if f.opcode >= 8:
            m = Message(f.opcode)
            m.frames, m.body = [f], f.body
            yield m
            continue
        if f.opcode:
            open_ = Message(f.opcode)
        if open_ is None:
            return
        open_.frames.append(f)
        if f.fin:
            raw = b"".join(f.body for f in open_.frames)
            if deflate and open_.frames[0].rsv & 4:
                if forgets:
                    inflate = zlib.decompressobj(-15)
                try:
                    raw = inflate.decompress(raw + b"\0\0\xff\xff")
                except zlib.error:
                    raw = None
            open_.body = raw
            yield open_
            open_ = None


class Capture:
    def __init__(self, path, most, only=None):
        self.path = path
        self.header, self.records = read_pcap(path, most)
        if only is not None:
            self.records = [record for n, record in enumerate(self.records) if n in only]
        self.conversations, self.packet_of = [], {}
        if self.header is None:
            return
        link = struct.unpack(self.header[0] + "I", self.header[1][20:])[0] & 0xFFFF
        live, all_ = {}, []
        for n, (_, data) in enumerate(self.records):
            seg = segment(link, data)
            if seg is None:
                continue
            key = tuple(sorted((seg.source, seg.target)))
            if seg.flags & SYN and not seg.flags & ACK:
                known = live.get(key)
                if known is None or known[1]["client"].base != (seg.seq + 1) & 0xFFFFFFFF:
                    live[key] = (seg.source, {"client": Stream(), "server": Stream()}, len(all_))
                    all_.append(live[key])
            if key in live:
                client, streams, number = live[key]
                side = "client" if seg.source == client else "server"
                streams[side].add(n, seg)
                self.packet_of[n] = (number, side)
        numbers = {}
        for _, streams, number in all_:
            if all(s.base is not None and s.assemble() for s in streams.values()):
                c = Conversation(streams["client"], streams["server"])
                if c.good:
                    numbers[number] = c
        self.packet_of = {n: (numbers[c], side) for n, (c, side) in self.packet_of.items() if c in numbers}
        self.conversations = list(numbers.values())

    def write(self, path, removed):
        """Writes what is left; returns the old number of each packet, counted from 0."""
        kept = [n for n in range(len(self.records)) if n not in removed]
        with open(path, "wb") as f:
            f.write(self.header[1])
            f.writelines(part for n in kept for part in self.records[n])
        return kept


# ---- what survived -------------------------------------------------------------------------------------------------


def touches(holes, start, end):
    n = bisect.bisect_left(holes, (end, 0)) - 1
    return n >= 0 and holes[n][1] > start


class Left:
    """What is left of a conversation behind a removal."""

    def __init__(self, conversation, removed):
        self.conversation, self.removed, self.by_body = conversation, removed, {}
        self.survived, self.swallowed, self.shown, self.last = {}, {}, set(), {}
        self.frames = collections.Counter()
        for side, stream in conversation.streams.items():
            holes = stream.holes(removed)
            frames, messages = conversation.frames[side], conversation.messages[side]
            whole = {f.start for f in frames if not touches(holes, f.start, f.end)}
            self.survived[side] = {n for n, m in enumerate(messages) if all(f.start in whole for f in m.frames)}
            # Holes that took a header, or a part of one: where frames go on has to be found again.
            starts = [f.start for f in frames]
            self.swallowed[side] = [(a, b) for a, b in holes if any(
                a < f.header and f.start < b for f in frames[max(0, bisect.bisect_right(starts, a) - 1) : bisect.bisect_left(starts, b)])]
            for n, m in enumerate(messages):
                self.by_body.setdefault((side, m.opcode, hashlib.sha1(m.body).digest()), []).append(n)

    def find(self, side, opcode, body, first):
        """The message sent that reads like this: the one that begins in this packet, and the first one that does not."""
        messages, stream = self.conversation.messages[side], self.conversation.streams[side]
        left = [n for n in self.by_body.get((side, opcode, hashlib.sha1(body).digest()), []) if (side, n) not in self.shown]
        exact = (n for n in left if first in stream.carriers(messages[n].frames[0].start))
        return next(exact, None), next((n for n in left if n in self.survived[side]), next(iter(left), None))

    def allows(self, side, record, body, first):
        """Whether an incomplete message, seen first in this packet, shows only what was sent, at its place."""
        opcode, stream = OPCODES.get(record["opcode"], 15), self.conversation.streams[side]
        for m in self.conversation.messages[side]:
            if opcode not in (0, m.opcode) or first is not None and not any(self.touched(stream, f, first) for f in m.frames):
                continue
            if agrees(m.body, record, body):
                return True
        return False

    @staticmethod
    def touched(stream, frame, wanted):
        n = bisect.bisect_left(stream.starts, frame.start - 70000)
        while n < len(stream.pieces) and stream.starts[n] < frame.end:
            start, end, packet, _ = stream.pieces[n]
            if end > frame.start and packet == wanted:
                return True
            n += 1
        return False


OPCODES = {name: number for number, name in NAMES.items()}


def agrees(sent, record, body):
    """Whether the known bytes stand in what was sent where the missing ranges say; a range without length may be any."""
    pattern, at, place = b"", 0, 0
    for offset, length in record["missing"]:
        run = body[at : at + offset - place]
        pattern += re.escape(run) + (b".*" if length is None else b".{%d}" % length)
        at, place = at + len(run), offset + (length or 0)
    return re.fullmatch(pattern + re.escape(body[at:]), sent, re.DOTALL) is not None


def body_of(record):
    if record["opcode"] == "close" and record.get("complete", True):
        close = record.get("close") or {}
        code = close.get("code", 1005)
        return b"" if code == 1005 else struct.pack("!H", code) + close.get("reason", "").encode()
    return record["text"].encode() if "text" in record else base64.b64decode(record.get("base64", ""))


# ---- counting ------------------------------------------------------------------------------------------------------


def wirefin(program, path, arguments=("--frames",)):
    run = subprocess.run([program, "export", *arguments, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if run.returncode:
        sys.exit(f"wirefin: exit {run.returncode}: {run.stderr.decode(errors='replace')[-300:]}")
    return [json.loads(line) for line in run.stdout.splitlines()]


def judge(capture, removed, records, kept, tally, say, others=None):
    """Holds what the analyzer shows against what was sent; `others` are the frames that other programs print."""
    lefts = {id(c): Left(c, removed) for c in capture.conversations}
    seen_in = collections.defaultdict(list)
    for r in records:
        if r["type"] not in ("message", "frame"):
            continue
        known = capture.packet_of.get(kept[r["conn"] - 1])
        if known is None:
            continue
        conversation, side = known[0], r["from"]
        left, count = lefts[id(conversation)], tally[conversation.kind[side]]
        if r["type"] == "frame":
            left.frames[side, OPCODES.get(r["opcode"]), r["length"]] += 1
            continue
        count["told"] += 1
        count["searched"] += "framing" in r
        body, first = body_of(r), kept[r["wire"]["first_packet"] - 1]
        seen_in[id(conversation), side].append(first)
        if r.get("complete", True) is False:
            count["incomplete"] += 1
            if not left.allows(side, r, body, first) and not left.allows(side, r, body, None):
                count["wrong bytes"] += 1
                say(f"WRONG bytes in an incomplete message: {json.dumps(r)[:300]}")
            continue
        n, elsewhere = left.find(side, OPCODES.get(r["opcode"]), body, first)
        if n is None and elsewhere is not None:
            count["elsewhere"] += 1
            say(f"another packet: {json.dumps(r)[:300]}")
            n = elsewhere
        if n is None:
            count["wrong"] += 1
            say(f"WRONG, nobody sent this: {json.dumps(r)[:300]}")
            continue
        left.shown.add((side, n))
        message = conversation.messages[side][n]
        if n not in left.survived[side]:
            count["wrong"] += 1
            say(f"WRONG, bytes of it are lost and it is shown as complete: {json.dumps(r)[:300]}")
        if message.frames[-1].end <= left.last.get(side, 0):
            count["wrong"] += 1
            say(f"WRONG order: {json.dumps(r)[:300]}")
        left.last[side] = message.frames[-1].end
    for c in capture.conversations:
        left = lefts[id(c)]
        for side, messages in c.messages.items():
            count = tally[c.kind[side]]
            count["sent"] += len(messages)
            count["survived"] += len(left.survived[side])
            shown = {n for s, n in left.shown if s == side}
            count["shown"] += len(shown & left.survived[side])
            for n in sorted(left.survived[side] - shown)[:3]:
                f = messages[n].frames[0]
                say(f"missed: {NAMES[messages[n].opcode]} of {side}, {len(messages[n].body)} bytes, stream {f.start}, "
                    f"packets {[p + 1 for p in c.streams[side].carriers(f.start)]}")
            holes, places = left.swallowed[side], {p: (a, b) for a, b, p, _ in c.streams[side].pieces}
            seen = sorted(places[p] for p in seen_in[id(c), side] if p in places)
            for k, (_, end) in enumerate(holes):
                until = holes[k + 1][0] if k + 1 < len(holes) else len(c.streams[side].bytes)
                behind = [n for n in left.survived[side] if end <= messages[n].frames[0].start < until]
                if not behind:
                    continue
                count["swallowed"] += 1
                n = bisect.bisect_left(seen, (end, 0))
                count["found"] += n < len(seen) and seen[n][0] < until
            if others is not None:
                count_frames(left, side, count, {"wirefin": left.frames} | {name: shown[id(c)] for name, shown in others.items()})
    return lefts


def count_frames(left, side, count, programs):
    """Counts frames by opcode and length: those that survived, those of them shown, those nobody sent."""
    c = left.conversation
    holes = c.streams[side].holes(left.removed)
    sent = collections.Counter((side, f.opcode, f.length) for f in c.frames[side])
    survived = collections.Counter((side, f.opcode, f.length) for f in c.frames[side] if not touches(holes, f.start, f.end))
    count["frames survived"] += sum(survived.values())
    for name, shown in programs.items():
        shown = collections.Counter({k: v for k, v in shown.items() if k[0] == side})
        count[f"frames {name}"] += sum((survived & shown).values())
        count[f"phantoms {name}"] += sum((shown - sent).values())


def tshark(command, path, capture, kept):
    """Counts the frames tshark prints, by conversation and side."""
    fields = ["frame.number", "websocket.opcode", "websocket.payload_length", "websocket.payload_length_ext_16", "websocket.payload_length_ext_64"]
    run = subprocess.run([*command, "-r", path, "-Y", "websocket", "-T", "fields", *(x for f in fields for x in ("-e", f))],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    shown = collections.defaultdict(collections.Counter)
    for line in run.stdout.splitlines():
        number, opcodes, lengths, ext16, ext64 = (line.split("\t") + [""] * 5)[:5]
        known = capture.packet_of.get(kept[int(number) - 1])
        if known is None:
            continue
        ext16, ext64 = iter(ext16.split(",")), iter(ext64.split(","))
        for opcode, length in zip(opcodes.split(","), lengths.split(",")):
            length = next(ext16, "") if length == "126" else next(ext64, "") if length == "127" else length
            shown[id(known[0])][known[1], int(opcode or -1, 0), int(length or -1)] += 1
    return shown


# ---- the experiments -----------------------------------------------------------------------------------------------


def remove(rng, packets, rate, burst):
    """Chooses packets to remove, in runs of `burst`."""
    starts = (n for n in range(packets) if rng.random() < rate / burst)
    return {n for start in starts for n in range(start, min(start + burst, packets))}


def at_random(capture, o, peers, rows, say):
    """Removes packets at each rate, with several seeds."""
    path = os.path.join(o.folder, "left.pcap")
    for rate in o.rates:
        for seed in range(1, (o.seeds or max(3, min(60, 20000 // len(capture.records)))) + 1):
            removed = remove(random.Random(f"{os.path.basename(capture.path)} {rate} {seed}"), len(capture.records), rate, o.burst)
            if not removed:
                continue
            kept, tally = capture.write(path, removed), collections.defaultdict(collections.Counter)
            others = None
            if seed <= o.peer_seeds:
                others = {name: tshark(command, path, capture, kept) for name, command in peers.items()}
            judge(capture, removed, wirefin(o.wirefin, path), kept, tally, lambda text: say(f"rate {rate} seed {seed}: {text}"), others)
            for kind, count in tally.items():
                rows[kind, rate].update(count)


def one_at_a_time(capture, o, rows, skipped, say):
    """Removes one packet that carries a header, then another, each alone; of one conversation, so that it is quick."""
    path = os.path.join(o.folder, "left.pcap")
    rng = random.Random(os.path.basename(capture.path))
    for conversation in rng.sample(capture.conversations, min(len(capture.conversations), o.conversations)):
        own = {n for n, (c, _) in capture.packet_of.items() if c is conversation}
        small = Capture(capture.path, o.packets, only=own)
        if not small.conversations:
            continue
        c = small.conversations[0]
        carriers = sorted({p for side, s in c.streams.items() for f in c.frames[side] for at in (f.start, f.header - 1) for p in s.carriers(at)})
        for packet in rng.sample(carriers, min(len(carriers), o.single)):
            kept, tally = small.write(path, {packet}), collections.defaultdict(collections.Counter)
            records = wirefin(o.wirefin, path)
            judge(small, {packet}, records, kept, tally, lambda text: say(f"without packet {packet + 1} of its conversation: {text}"))
            for kind, count in tally.items():
                rows[kind, 0].update(count)
                if count["swallowed"]:
                    skipped[kind].append(sum(r["evidence"].get("skipped", 0) for r in records if r["type"] == "anomaly" and r["rule"] == "resynchronised"))


def percent(part, whole):
    return f"{part:,} ({100 * part / whole:.2f} %)" if whole else "–"


def show(rows, names):
    print("| packets removed | compression | messages sent | all bytes survived | of those shown complete | headers swallowed | found again | incomplete | marked as searched | wrong |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for (kind, rate), n in sorted(rows.items(), key=lambda row: (KINDS.index(row[0][0]), row[0][1])):
        print(f"| {f'{rate * 100:g} %' if rate else 'one'} | {kind} | {n['sent']:,} | {n['survived']:,} | {percent(n['shown'], n['survived'])} | {n['swallowed']:,} | "
              f"{percent(n['found'], n['swallowed'])} | {n['incomplete']:,} | {percent(n['searched'], n['told'])} | {n['wrong'] + n['wrong bytes']} |")
    if not any(n["frames survived"] for n in rows.values()):
        return
    print("\n| packets removed | compression | frames whose bytes survived |" + "".join(f" {name} shows | shows, though never sent |" for name in names))
    print("|---|---|---|" + "---|---|" * len(names))
    for (kind, rate), n in sorted(rows.items(), key=lambda row: (KINDS.index(row[0][0]), row[0][1])):
        cells = "".join(f" {percent(n['frames ' + name], n['frames survived'])} | {n['phantoms ' + name]:,} |" for name in names)
        print(f"| {rate * 100:g} % | {kind} | {n['frames survived']:,} |{cells}")


def corpus():
    """The captures of this repository that any program can record: whole, by programs that keep to the rules."""
    for folder, pattern in [("compressed", "ws-"), ("compressed", "chromium"), ("compressed", "websockets-"), ("messages", ""), ("tcp", "reordered"), ("tcp", "repeated")]:
        for name in sorted(os.listdir(os.path.join(ROOT, "captures", folder))):
            if name.startswith(pattern) and name.endswith((".pcap", ".pcap.gz")):
                yield os.path.join(ROOT, "captures", folder, name)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("captures", nargs="*", help="pcap files without holes; by default, those of this repository")
    p.add_argument("--wirefin", default=os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release", "wirefin"))
    p.add_argument("--rates", type=lambda s: [float(x) / 100 for x in s.split(",")], default=[0.001, 0.01, 0.05], help="in percent: 0.1,1,5")
    p.add_argument("--seeds", type=int, help="removals at each rate; by default more for small captures")
    p.add_argument("--burst", type=int, default=1, help="packets removed in a row")
    p.add_argument("--packets", type=int, default=40000, help="read only so many packets of each capture")
    p.add_argument("--single", type=int, metavar="N", help="remove one packet that carries a header, N times for each conversation")
    p.add_argument("--conversations", type=int, default=5, help="with --single: so many of each capture")
    p.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND", help="instead of tshark=tshark; an empty one for none")
    p.add_argument("--peer-seeds", type=int, default=3, help="let tshark read so many of the removals")
    p.add_argument("-v", "--verbose", action="store_true", help="name what is missed, too")
    o = p.parse_args()
    peers = dict(x.split("=", 1) for x in o.peer if x) if o.peer else {"tshark": "tshark"}
    peers = {name: command.split() for name, command in peers.items() if shutil.which(command.split()[0])}
    rows, skipped, read = collections.defaultdict(collections.Counter), collections.defaultdict(list), 0
    with tempfile.TemporaryDirectory() as o.folder:
        for path in o.captures or corpus():
            capture = Capture(path, o.packets)
            if not capture.conversations:
                print(f"{path}: no conversation without holes", file=sys.stderr)
                continue
            read += 1
            name = os.path.basename(path)
            say = lambda text: print(f"{name}: {text}", file=sys.stderr) if o.verbose or "WRONG" in text else None
            nothing = collections.defaultdict(collections.Counter)
            judge(capture, set(), wirefin(o.wirefin, capture_copy(capture, o)), range(len(capture.records)), nothing, say)
            if any(n["shown"] != n["sent"] or n["wrong"] for n in nothing.values()):
                print(f"{name}: differs without any removal: {dict(nothing)}", file=sys.stderr)
            if o.single:
                one_at_a_time(capture, o, rows, skipped, say)
            else:
                at_random(capture, o, peers, rows, say)
    print(f"{read} captures.\n")
    show(rows, ["wirefin", *peers])
    for kind, sizes in skipped.items():
        sizes.sort()
        print(f"\n{kind}: captured bytes passed over until frames were found again: median {sizes[len(sizes) // 2]:,}, "
              f"90 % at most {sizes[len(sizes) * 9 // 10]:,}, all at most {sizes[-1]:,}")
    sys.exit(any(n["wrong"] or n["wrong bytes"] for n in rows.values()))


def capture_copy(capture, o):
    path = os.path.join(o.folder, "whole.pcap")
    capture.write(path, set())
    return path


if __name__ == "__main__":
    main()
