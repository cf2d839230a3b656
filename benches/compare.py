"""Runs every program in turn on every load and prints medians as a table; called by compare.sh run."""
import os, shlex, shutil, statistics, subprocess, sys, tempfile, time
from pathlib import Path

TURNS = int(os.environ.get("TURNS", "5"))
scratch = Path(tempfile.mkdtemp())


def command(name, default=None):
    words = shlex.split(os.environ.get(name, default or name.lower()))
    return words if shutil.which(words[0]) else None


def programs(capture):
    """Yields a name, a command, what it writes to, and how its messages are counted (None: it counts none)."""
    wirefin = command("WIREFIN", "target/release/wirefin")
    lines = lambda out: sum(b'"type":"message"' in line for line in out)
    yield "wirefin, 1 thread", wirefin and [*wirefin, "export", "--threads", "1", capture], lines
    yield "wirefin, all cores", wirefin and [*wirefin, "export", capture], lines
    stats = wirefin and subprocess.run([*wirefin, "stats", "--help"], capture_output=True).returncode == 0
    yield "wirefin stats", stats and [*wirefin, "stats", capture], None
    tshark, fields = command("TSHARK"), ["opcode", "payload"]
    fields = [word for field in fields for word in ("-e", f"websocket.{field}")]
    yield "tshark", tshark and [*tshark, "-r", capture, "-Y", "websocket", "-T", "fields", *fields], (
        lambda out: sum(line.split(b"\t")[0].count(b",") + 1 for line in out))
    suricata = command("SURICATA")
    keep = ["-l", str(scratch), "--set", "outputs.1.eve-log.enabled=yes", "--set", "app-layer.protocols.websocket.enabled=yes"]
    yield "suricata", suricata and [*suricata, "-r", capture, "-k", "none", *keep], None
    tcpflow = command("TCPFLOW")
    yield "tcpflow", tcpflow and [*tcpflow, "-r", capture, "-o", str(scratch / "flows")], None
    tcpdump = command("TCPDUMP")
    yield "libpcap, copied", tcpdump and [*tcpdump, "-r", capture, "-w", "/dev/null"], None


def once(words):
    shutil.rmtree(scratch / "flows", ignore_errors=True)
    start = time.monotonic()
    with open(os.devnull, "r+b") as null:
        process = subprocess.Popen(words, stdin=null, stdout=null, stderr=null)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def count(words, counter):
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        return str(counter(process.stdout))


def main(folder, names):
    captures = [Path(folder) / f"{name}.pcap" for name in names] or sorted(Path(folder).glob("*.pcap"))
    print("| load | program | wall s | CPU s | peak MiB | GB/s | messages | wall, ratio |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for capture in captures:
        there = [(name, words, counter) for name, words, counter in programs(str(capture)) if words]
        runs = {name: [] for name, _, _ in there}
        for turn in range(TURNS + 1):
            for name, words, _ in there:
                result = once(words)
                # The first turn warms the page cache.
                if turn:
                    runs[name].append(result)
        best = None
        for name, words, counter in there:
            wall, cpu, peak = (statistics.median(run[i] for run in runs[name]) for i in range(3))
            if name == "wirefin, all cores":
                best = wall
            ratio = f"{wall / best:.1f}" if best else ""
            rate = capture.stat().st_size / wall / 1e9
            found = count(words, counter) if counter else ""
            print(f"| {capture.stem} | {name} | {wall:.3f} | {cpu:.3f} | {peak:.0f} | {rate:.2f} | {found} | {ratio} |", flush=True)


try:
    main(sys.argv[1], sys.argv[2:])
finally:
    shutil.rmtree(scratch)
