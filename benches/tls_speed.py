#!/usr/bin/env python3
"""tls_speed.py WIREFIN MAKE_LOAD [COUNT [TURNS]]: what TLS and HTTP/2 cost beside plain HTTP/1.1, and what tshark takes with the same key log.

MAKE_LOAD is the example of that name. Each program reads each load of COUNT messages on one thread, in turn; tshark, which takes long, once.
Prints the table of docs/performance.md: CPU seconds, their median, and peak memory."""
import os, shutil, statistics, subprocess, sys, tempfile

wirefin, make_load = sys.argv[1:3]
count, turns = (int(it) for it in (sys.argv[3:] + ["200000", "5"][len(sys.argv) - 3:])[:2])


def once(words):
    """CPU seconds, and the peak in MiB."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, words
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


with tempfile.TemporaryDirectory() as folder:
    path = lambda name: os.path.join(folder, name)
    def make(load, number):
        with open(path(load), "wb") as file:
            subprocess.run([make_load, load, str(number)], stdout=file, stderr=subprocess.DEVNULL, check=True)
    make("keys", 40)
    loads = ["ticks", "h2c", "tls", "h2"]
    for load in loads:
        make(load, count)
    export = lambda load: [wirefin, "export", "-q", "--threads", "1", "--keylog", path("keys"), path(load)]
    taken = {load: [] for load in loads}
    for _ in range(turns):
        for load in loads:
            taken[load].append(once(export(load)))
    rows = {f"wirefin, {load}": taken[load] for load in loads}
    if shutil.which("tshark"):
        for load in ("ticks", "tls"):
            words = ["tshark", "-r", path(load), "-o", f"tls.keylog_file:{path('keys')}", "-Y", "websocket", "-T", "fields", "-e", "websocket.opcode", "-e", "websocket.payload"]
            rows[f"tshark, {load}"] = [once(words)]
    plain = statistics.median(cpu for cpu, _ in taken["ticks"])
    print("| program, load | CPU s | to `ticks` by wirefin | to the same load by wirefin | peak MiB |\n|---|---:|---:|---:|---:|")
    for name, runs in rows.items():
        cpu, load = statistics.median(it for it, _ in runs), name.split(", ")[1]
        same = cpu / statistics.median(it for it, _ in taken[load])
        print(f"| {name} | {cpu:.2f} | {cpu / plain:.2f} | {same:.1f} | {max(peak for _, peak in runs):.0f} |")
