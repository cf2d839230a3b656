#!/usr/bin/env python3
"""tls_loss.py WIREFIN [CAPTURE...]: what is left of TLS when packets are lost, the capture begins late, or keys come late.

Each CAPTURE is a pcap of whole connections, with its key log beside it (`.keylog`). What `WIREFIN export` shows of the whole capture
says what was sent; the copies are judged against that. Without captures, those of captures/tls/ are taken that have a key log.
Prints the table of docs/loss.md; tshark's column is the messages whose last frame it shows, where it is installed."""
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


def block(kind, body):
    body += b"\0" * (-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def write(path, link, nano, packets, keys):
    """A pcapng file whose secrets stand before the packet with a number."""
    at, text = keys
    with open(path, "wb") as file:
        file.write(block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)))
        file.write(block(1, struct.pack("<HHI", link, 0, 0) + struct.pack("<HHB3x", 9, 1, 9) + b"\0" * 4))
        for number, (seconds, part, original, data) in enumerate(packets):
            if number == at:
                file.write(block(10, struct.pack("<II", 0x544c534b, len(text)) + text))
            time = seconds * 10**9 + part * (1 if nano else 1000)
            file.write(block(6, struct.pack("<5I", 0, time >> 32, time & 0xffffffff, len(data), original) + data))


def messages(path):
    run = subprocess.run([wirefin, "export", "--format", "ndjson", path], capture_output=True)
    assert run.returncode == 0, run.stderr
    found = []
    for line in map(json.loads, run.stdout.splitlines()):
        if line["type"] == "message":
            body = line["text"].encode() if "text" in line else base64.b64decode(line.get("base64", ""))
            found.append((line["from"], line["opcode"], body, line.get("complete", True)))
    return found


def by_tshark(path):
    """How many messages tshark shows the last frame of."""
    if not shutil.which("tshark"):
        return 0
    fields = ["-T", "fields", "-E", "occurrence=a", "-e", "websocket.fin"]
    run = subprocess.run(["tshark", "-r", path, "-d", "tcp.port==9443,tls", "-Y", "websocket", *fields], capture_output=True, text=True)
    return sum(fin in ("1", "True") for line in run.stdout.splitlines() for fin in line.split(","))


rows = collections.OrderedDict()


def judge(row, sent, path):
    shown = messages(path)
    left = collections.Counter((side, opcode, body) for side, opcode, body, _ in sent)
    complete = wrong = known = 0
    for side, opcode, body, whole in shown:
        known += len(body)
        if whole:
            if left[side, opcode, body] > 0:
                left[side, opcode, body] -= 1
                complete += 1
            else:
                wrong += 1
    sum_ = rows.setdefault(row, [0] * 7)
    for n, value in enumerate((1, sum(len(body) for _, _, body, _ in sent), known, len(sent), complete, wrong, by_tshark(path))):
        sum_[n] += value


with tempfile.TemporaryDirectory() as folder:
    copy = os.path.join(folder, "copy.pcapng")
    for capture in captures:
        link, nano, packets = read(capture)
        text = open(capture.removesuffix(".pcap") + ".keylog", "rb").read()
        write(copy, link, nano, packets, (0, text))
        sent = messages(copy)
        sizes = [payload(link, packet[3]) for packet in packets]
        # The hellos are left: what is lost is application data.
        data = [n for n, (size, _) in enumerate(sizes) if size > 0][6:]
        client = sizes[0][1]

        def without(row, gone):
            gone = set(gone)
            if gone:
                write(copy, link, nano, [packet for n, packet in enumerate(packets) if n not in gone], (0, text))
                judge(row, sent, copy)

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
            judge("joined at every packet", sent, copy)
            write(copy, link, nano, packets, (n, text))
            judge("keys at every packet", sent, copy)

print("| what is missing | copies | payload sent | payload shown | messages sent | shown complete | wrong | tshark shows |")
print("|---|---|---|---|---|---|---|---|")
for row, (copies, bytes_, known, count, complete, wrong, tshark) in rows.items():
    print(f"| {row} | {copies} | {bytes_:,} | {known:,} ({known / bytes_:.2%}) | {count:,} | {complete:,} ({complete / count:.2%}) | {wrong} "
          f"| {tshark:,} ({tshark / count:.2%}) |")
