"""Runs every program in turn on every load and prints medians as a table; called by compare.sh run."""
import os, shutil, statistics, subprocess, sys, tempfile, time
from pathlib import Path

TURNS = int(os.environ.get("TURNS", "5"))
WIREFIN = os.environ.get("WIREFIN", "target/release/wirefin")
# The root of another system, whose tshark and Suricata are taken.
ROOT = os.environ.get("ROOT", "/").rstrip("/")
SURICATA = """%YAML 1.1
---
outputs: [{eve-log: {enabled: yes, filetype: regular, filename: eve.json, types: [websocket]}}]
app-layer: {protocols: {http: {enabled: yes}, websocket: {enabled: yes}}}
"""


def programs(capture, scratch):
    """Yields a name, a command, and how many messages it found, as a function of nothing; `None` where it tells none."""
    for name, options in [("wirefin, 1 thread", ["--threads", "1"]), ("wirefin", [])]:
        words = [WIREFIN, "export", *options, capture]
        yield name, words, lambda words=words: count(words, lambda line: b'"type":"message"' in line)
    if subprocess.run([WIREFIN, "help", "stats"], capture_output=True).returncode == 0:
        yield "wirefin stats", [WIREFIN, "stats", capture], None
    inside = ["chroot", ROOT] if ROOT else []
    here = lambda path: "/" + str(Path(path).relative_to(ROOT or "/"))
    copied = shutil.copy(capture, scratch / "capture") if ROOT else capture
    if Path(f"{ROOT}/usr/bin/tshark").exists():
        words = [*inside, "tshark", "-r", here(copied), "-Y", "websocket", "-T", "fields"]
        words += ["-e", "websocket.opcode", "-e", "websocket.payload"]
        yield "tshark", words, lambda: count(words, lambda line: line.split(b"\t")[0].count(b",") + 1)
    if Path(f"{ROOT}/usr/bin/suricata").exists():
        (scratch / "suricata.yaml").write_text(SURICATA)
        log = scratch / "eve.json"
        words_s = [*inside, "suricata", "-c", here(scratch / "suricata.yaml"), "-r", here(copied), "-k", "none", "-l", here(scratch)]
        yield "suricata", words_s, lambda: sum(b"websocket" in line for line in log.open("rb"))
    if shutil.which("tcpflow"):
        yield "tcpflow", ["tcpflow", "-r", capture, "-o", str(scratch / "flows")], None
    if shutil.which("tcpdump"):
        yield "libpcap, copied", ["tcpdump", "-r", capture, "-w", "/dev/null"], None


def once(words, scratch):
    for left in ["flows", "eve.json"]:
        path = scratch / left
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    with open(os.devnull, "r+b") as null:
        start = time.monotonic()
        process = subprocess.Popen(words, stdin=null, stdout=null, stderr=null)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        print(f"{words[0]} ended with {process.returncode}", file=sys.stderr)
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def count(words, of):
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        return sum(map(of, process.stdout))


def compare(capture, scratch):
    there = list(programs(str(capture), scratch))
    runs, found = {name: [] for name, _, _ in there}, {}
    for turn in range(TURNS + 1):
        for name, words, counter in there:
            result = once(words, scratch)
            if turn:
                runs[name].append(result)
            else:
                # The first turn warms the page cache, and counts.
                found[name] = counter() if counter else ""
    medians = {name: [statistics.median(run[i] for run in runs[name]) for i in range(3)] for name in runs}
    base = medians["wirefin"]
    for name, (wall, cpu, peak) in medians.items():
        rate, ratios = capture.stat().st_size / wall / 1e9, f"{wall / base[0]:.1f} | {cpu / base[1]:.1f}"
        print(f"| {capture.stem} | {name} | {wall:.3f} | {cpu:.3f} | {peak:.0f} | {rate:.2f} | {found[name]} | {ratios} |", flush=True)


def main(folder, *names):
    captures = [Path(folder) / f"{name}.pcap" for name in names] or sorted(Path(folder).glob("*.pcap"))
    print("| load | program | wall s | CPU s | peak MiB | GB/s | messages | wall, ratio | CPU, ratio |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    for capture in captures:
        with tempfile.TemporaryDirectory(dir=f"{ROOT}/tmp") as scratch:
            os.chmod(scratch, 0o755)
            compare(capture, Path(scratch))


main(*sys.argv[1:])
