#!/usr/bin/env python3
"""tls_loss.py WIREFIN [CAPTURE...]: how much TLS is decrypted despite lost packets, late captures or late keys.

Each CAPTURE is a pcap of complete connections, with its key log beside it (`.keylog`). The output of `WIREFIN export` for the complete
capture defines what was sent; the modified copies are judged against it. By default, the captures in captures/tls/ that have a key log
are used. Prints the table of docs/loss.md. "Captured" is the payload carried by the remaining packets, according to the positions of
the records; captures in which these are unknown (CBC, padding) are excluded from it. A message is untouched if all packets of its
records remain. The tshark column, present if tshark is installed, counts the messages whose last frame it shows."""
import base64, collections, json, os, random, shutil, struct, subprocess, sys, tempfile

wirefin, captures = sys.argv[1], sys.argv[2:]
here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if not captures:
    names = ["tls13-aes128-gcm", "tls13-chacha20", "tls13-big-records", "tls13-aes128-ccm8", "tls12-ecdhe-aes256-gcm", "tls12-ecdhe-chacha20",
             "tls12-ecdhe-aes128-sha-etm", "keyupdate-by-server", "record-padding"]
    captures = [os.path.join(here, "captures/tls", name + ".pcap") for name in names]


def read(path):
    data = open(path, "rb").read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    link, at, packets = struct.unpack(order + "I", data[20:24])[0], 24, []
    while at + 16 <= len(data):
        seconds, part, length, original = struct.unpack(order + "4I", data[at:at + 16])
        packets.append((seconds, part, original, data[at + 16:at + 16 + length]))
        at += 16 + length
    return link, data[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d"), packets


def payload(link, packet):
    """The TCP payload's length and the sender's port."""
    ip = packet[{1: 14, 113: 16, 276: 20, 101: 0}[link]:]
    if not ip or ip[0] >> 4 != 4 or ip[9] != 6:
        return 0, 0
    tcp = ip[(ip[0] & 15) * 4:int.from_bytes(ip[2:4], "big") or len(ip)]
    return len(tcp) - (tcp[12] >> 4) * 4, int.from_bytes(tcp[:2], "big")


def segment(link, packet):
    """The sender's port, the sequence number of the first byte, and the bytes."""
    ip = packet[{1: 14, 113: 16, 276: 20, 101: 0}[link]:]
    tcp = ip[(ip[0] & 15) * 4:int.from_bytes(ip[2:4], "big") or len(ip)]
    return int.from_bytes(tcp[:2], "big"), int.from_bytes(tcp[4:8], "big"), tcp[(tcp[12] >> 4) * 4:]


def overhead(tls):
    """The number of bytes before and after the content of a fragment, or None if unknown."""
    if "CBC" in tls["cipher"]:
        return None
    tag = 8 if tls["cipher"].endswith(("CCM_8", "CCM_8_SHA256")) else 16
    return (0, tag + 1) if tls["version"] == "1.3" else (0 if "CHACHA" in tls["cipher"] else 8, tag)


def contents(link, packets, port, before, behind):
    """For each application data record of a side, the packets that carry each of its bytes (several if retransmitted)."""
    stream, carried, first = bytearray(), [], None
    for number, packet in enumerate(packets):
        if payload(link, packet[3])[0] > 0:
            sender, sequence, data = segment(link, packet[3])
            if sender == port:
                first = sequence if first is None else first
                start = (sequence - first) % 2**32
                for place in range(start, min(len(stream), start + len(data))):
                    carried[place] += (number,)
                new = data[max(0, len(stream) - start):]
                stream += new
                carried += [(number,)] * len(new)
    records, at = [], 0
    while at + 5 <= len(stream):
        length = int.from_bytes(stream[at + 3:at + 5], "big")
        if stream[at] == 23:
            records.append(carried[at + 5 + before:at + 5 + length - behind])
        at += 5 + length
    return records


class Places:
    """The packets that carry the payload of each message of a capture; the last frame ends with the last data record."""

    def __init__(self, link, packets, lines, ports):
        self.payload, self.messages = [], []
        opened = [line for line in lines if line["type"] == "open"]
        around = overhead(opened[0]["tls"]) if len(opened) == 1 else None
        self.known = around is not None
        for side, port in ports.items() if self.known else ():
            frames = [line for line in lines if line["type"] == "frame" and line["from"] == side]
            records = contents(link, packets, port, *around)
            fits = False
            for updates in (False, True):  # a key update has five bytes, a close_notify two
                data = [packets for record in records if len(record) != 5 or not updates for packets in record]
                data = data[:-2] if len(records[-1]) == 2 else data
                last = frames[-1]
                start = len(data) - last["offset"] - last["header_length"] - last["length"]
                own = [data[start + frame["offset"]:start + frame["offset"] + frame["header_length"] + frame["length"]] for frame in frames]
                fits = start >= 0 and all(it and it[0][0] < frame["packet"] <= it[-1][-1] + 1 for it, frame in zip(own, frames))
                fits &= all(len(it) > 1000 or it[0] == it[-1] for it in own)  # short frames are within one packet
                if fits:
                    break
            self.known &= fits
            self.payload += [packets for it, frame in zip(own, frames) if frame["opcode"] != "close" for packets in it[frame["header_length"]:]]
        sides = [payload(link, packet[3])[1] for packet in packets]
        for line in (line for line in lines if line["type"] == "message"):
            port, first = ports[line["from"]], line["wire"].get("first_packet", line["packet"])
            self.messages.append({n for n in range(first - 1, line["packet"]) if sides[n] == port})

    def captured(self, left):
        return sum(not left.isdisjoint(packets) for packets in self.payload)

    def untouched(self, left):
        return sum(packets <= left for packets in self.messages)


def block(kind, body):
    body += b"\0" * (-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def write(path, link, nano, packets, keys):
    """A pcapng file with the secrets before the packet of a given number."""
    at, text = keys
    with open(path, "wb") as file:
        file.write(block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)))
        file.write(block(1, struct.pack("<HHI", link, 0, 0) + struct.pack("<HHB3x", 9, 1, 9) + b"\0" * 4))
        for number, (seconds, part, original, data) in enumerate(packets):
            if number == at:
                file.write(block(10, struct.pack("<II", 0x544c534b, len(text)) + text))
            time = seconds * 10**9 + part * (1 if nano else 1000)
            file.write(block(6, struct.pack("<5I", 0, time >> 32, time & 0xffffffff, len(data), original) + data))


def export(path, *more):
    run = subprocess.run([wirefin, "export", "--format", "ndjson", *more, path], capture_output=True)
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


def messages(path):
    found = []
    for line in export(path):
        if line["type"] == "message":
            body = line["text"].encode() if "text" in line else base64.b64decode(line.get("base64", ""))
            found.append((line["from"], line["opcode"], body, line.get("complete", True)))
    return found


def by_tshark(path):
    """The number of messages whose last frame tshark shows."""
    if not shutil.which("tshark"):
        return 0
    fields = ["-T", "fields", "-E", "occurrence=a", "-e", "websocket.fin"]
    run = subprocess.run(["tshark", "-r", path, "-d", "tcp.port==9443,tls", "-Y", "websocket", *fields], capture_output=True, text=True)
    return sum(fin in ("1", "True") for line in run.stdout.splitlines() for fin in line.split(","))


rows = collections.OrderedDict()


def judge(row, sent, path, places, left_packets):
    shown = messages(path)
    left = collections.Counter((side, opcode, body) for side, opcode, body, _ in sent)
    complete = wrong = known = 0
    for side, opcode, body, whole in shown:
        known += len(body) if opcode != "close" else 0
        if whole:
            if left[side, opcode, body] > 0:
                left[side, opcode, body] -= 1
                complete += 1
            else:
                wrong += 1
    sum_ = rows.setdefault(row, [0] * 9)
    untouched = places.untouched(left_packets)
    captured = (places.captured(left_packets), known) if places.known else (0, 0)
    sent_bytes = sum(len(body) for _, _, body, _ in sent)
    for n, value in enumerate((1, sent_bytes, *captured, len(sent), untouched, complete, wrong, by_tshark(path))):
        sum_[n] += value


with tempfile.TemporaryDirectory() as folder:
    copy = os.path.join(folder, "copy.pcapng")
    for capture in captures:
        link, nano, packets = read(capture)
        text = open(capture.removesuffix(".pcap") + ".keylog", "rb").read()
        write(copy, link, nano, packets, (0, text))
        sent = messages(copy)
        sizes = [payload(link, packet[3]) for packet in packets]
        # The hellos are kept; only application data is lost.
        data = [n for n, (size, _) in enumerate(sizes) if size > 0][6:]
        client = sizes[0][1]
        server = next(port for _, port in sizes if port != client)
        places = Places(link, packets, export(copy, "--frames"), {"client": client, "server": server})
        everything = set(range(len(packets)))

        def without(row, gone):
            gone = set(gone)
            if gone:
                write(copy, link, nano, [packet for n, packet in enumerate(packets) if n not in gone], (0, text))
                judge(row, sent, copy, places, everything - gone)

        for n in data:
            without("each packet once", [n])
        for share in (0.001, 0.01, 0.05):
            for seed in range(30):
                dice = random.Random(seed)
                without(f"{share * 100:g} % at random", [n for n in data if dice.random() < share])
        for seed in range(20):
            dice = random.Random(seed)
            begin = dice.choice(data)
            without("bursts of 3", [n for n in data if begin <= n][:3])
            without("5 % of the server's", [n for n in data if sizes[n][1] != client and dice.random() < 0.05])
        for n in range(1, len(packets)):
            write(copy, link, nano, packets[n:], (0, text))
            judge("joined at every packet", sent, copy, places, set(range(n, len(packets))))
            write(copy, link, nano, packets, (n, text))
            judge("keys at every packet", sent, copy, places, everything)

print("| what is missing | copies | payload sent | captured | of that shown | messages sent | untouched | shown complete | wrong | tshark shows |")
print("|---|---|---|---|---|---|---|---|---|---|")
for row, (copies, bytes_, captured, known, count, untouched, complete, wrong, tshark) in rows.items():
    shown = f"{captured:,} | {known:,} ({known / captured:.2%})" if captured else "– | –"
    print(f"| {row} | {copies} | {bytes_:,} | {shown} | {count:,} | {untouched:,} | {complete:,} ({complete / untouched:.2%}) | {wrong} | {tshark:,} ({tshark / count:.2%}) |")
