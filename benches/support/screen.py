#!/usr/bin/env python3
"""screen.py WIREFIN CAPTURE [FLAG...]: opens the screen in a pseudo-terminal of 200x60 and measures what a person would notice.

Wall time to the first message and to the whole capture, memory, the time from a key to its picture at the end of the list
and with a filter typed, and the CPU that the screen takes while nothing happens. Linux; nothing but Python is needed.
"""
import fcntl, os, pty, select, signal, struct, sys, termios, time

TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def peak(pid):
    return next(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith("VmHWM")) / 1024


class Screen:
    def __init__(self, argv):
        self.begun = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 200, 0, 0))
            os.environ.update(TERM="xterm-256color", XDG_CONFIG_HOME="/nonexistent")
            os.execvp(argv[0], argv)

    def read(self, wait):
        """Returns what comes within `wait` seconds, at once when something does."""
        if not select.select([self.fd], [], [], wait)[0]:
            return b""
        return os.read(self.fd, 1 << 20)

    def since(self):
        return time.monotonic() - self.begun

    def first(self):
        """Waits for the first arrow of a message."""
        seen = b""
        while not ("→".encode() in seen or "←".encode() in seen):
            seen += self.read(1)
        return self.since()

    def quiet(self, still=0.4):
        """Waits until the program has not computed for a while; tells when it stopped."""
        last, used = self.since(), cpu(self.pid)
        while self.since() - last < still:
            self.read(0.02)
            now = cpu(self.pid)
            if now > used:
                last, used = self.since(), now
        return last

    def key(self, key):
        """Returns the time from a key to the end of the picture that it makes."""
        while self.read(0):
            pass
        begun = time.monotonic()
        os.write(self.fd, key.encode())
        last = None
        while (piece := self.read(1 if last is None else 0.03)) or last is None:
            last = time.monotonic() - begun if piece or last is None else last
        return last * 1000

    def idle(self, seconds):
        before = cpu(self.pid)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.5)
        return (cpu(self.pid) - before) / seconds * 100


def median(values):
    return sorted(values)[len(values) // 2]


program, capture, *flags = sys.argv[1:]
screen = Screen([program, "view", *flags, capture])
print(f"first message   {screen.first() * 1000:8.0f} ms")
print(f"whole capture   {screen.quiet():8.2f} s   CPU {cpu(screen.pid):.2f} s")
print(f"peak memory     {peak(screen.pid):8.0f} MB")
screen.key("G")
print(f"key at the end  {median([screen.key(key) for key in 'kj' * 10]):8.1f} ms")
*typed, last = "flen > 100 and from == server"
for letter in typed:
    screen.key(letter)
screen.quiet()
begun = screen.since()
screen.key(last)
print(f"filter, all rows{screen.quiet() - begun:8.2f} s")
screen.key("\r")
screen.key("G")
print(f"key, filtered   {median([screen.key(key) for key in 'kj' * 10]):8.1f} ms")
screen.quiet(1)
print(f"idle            {screen.idle(5):8.1f} % of one CPU")
print(f"peak memory     {peak(screen.pid):8.0f} MB with all of it looked at")
os.kill(screen.pid, signal.SIGTERM)
begun = time.monotonic()
while os.waitpid(screen.pid, os.WNOHANG) == (0, 0) and time.monotonic() - begun < 10:
    try:
        screen.read(0.01)
    except OSError:
        pass
print(f"SIGTERM to end  {(time.monotonic() - begun) * 1000:8.0f} ms")
