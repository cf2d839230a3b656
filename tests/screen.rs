//! The screen in a real pseudo-terminal, created by `script`, which both Debian and macOS have: what a user would do,
//! and every byte that reaches the terminal.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use unicode_width::UnicodeWidthChar as _;
use wirefin::capture::Files;
use wirefin::event::{Event, Sink};
use wirefin::export::{AnyFormat, Format as _, Settings};
use wirefin::http::Wanted;
use wirefin::model::Side;
use wirefin::pipeline::run;
use wirefin::store::{Bounds, Recorder, Shared};

use super::support::dialogue::{BINARY, FIN, PING, PONG, TEXT, frame, goodbye, upgraded};
use super::support::packets::{Packet, Talk, pcap};
use super::support::run::{export_from, solo};

/// A terminal that understands what the screen may send, and nothing else: any other byte is a fault.
struct Terminal {
    rows: Vec<Vec<char>>,
    at: (usize, usize),
    faults: Vec<String>,
    /// What was copied to the clipboard.
    copied: Vec<String>,
    rest: Vec<u8>,
    seen: Vec<u8>,
}

const WIDTH: usize = 80;
const HEIGHT: usize = 24;

impl Terminal {
    fn new() -> Terminal {
        Terminal {
            rows: vec![vec![' '; WIDTH]; HEIGHT],
            at: (0, 0),
            faults: Vec::new(),
            copied: Vec::new(),
            rest: Vec::new(),
            seen: Vec::new(),
        }
    }

    fn text(&self) -> String {
        self.rows.iter().map(|row| row.iter().collect::<String>().trim_end().to_owned() + "\n").collect()
    }

    fn take(&mut self, bytes: &[u8]) {
        self.seen.extend_from_slice(bytes);
        self.rest.extend_from_slice(bytes);
        let all = std::mem::take(&mut self.rest);
        let mut at = 0;
        while at < all.len() {
            match self.one(&all[at..]) {
                Some(length) => at += length,
                None => break,
            }
        }
        self.rest = all[at..].to_vec();
    }

    /// Processes one character or sequence; returns `None` while it is incomplete.
    fn one(&mut self, bytes: &[u8]) -> Option<usize> {
        match bytes {
            [] | [0x1b] => None,
            [0x1b, b'[', rest @ ..] => {
                let end = rest.iter().position(|byte| (0x40..0x7f).contains(byte))?;
                let words = std::str::from_utf8(&rest[..end]).unwrap_or("?").to_owned();
                self.sequence(&words, rest[end]);
                Some(end + 3)
            }
            [0x1b, b']', rest @ ..] => {
                let end = rest.iter().position(|byte| *byte == 7)?;
                let words = String::from_utf8_lossy(&rest[..end]).into_owned();
                match words.strip_prefix("52;c;") {
                    Some(base64) => self.copied.push(base64.to_owned()),
                    // The query for the background colour: this terminal does not respond.
                    None if words == "11;?" => {}
                    None => self.faults.push(format!("OSC {words:?}")),
                }
                Some(end + 3)
            }
            [0x1b, other, ..] => {
                self.faults.push(format!("ESC {:?}", char::from(*other)));
                Some(2)
            }
            // `script` and the shell end lines; the screen does not.
            [b'\r' | b'\n', ..] => Some(1),
            [control @ (0..0x20 | 0x7f), ..] => {
                self.faults.push(format!("control {control:#04x}"));
                Some(1)
            }
            [first, ..] => {
                let length = match first {
                    0..0x80 => 1,
                    0xc0..0xe0 => 2,
                    0xe0..0xf0 => 3,
                    _ => 4,
                };
                let whole = bytes.get(..length)?;
                match std::str::from_utf8(whole).ok().and_then(|text| text.chars().next()) {
                    Some(c) => self.put(c),
                    None => self.faults.push(format!("not UTF-8: {whole:x?}")),
                }
                Some(length)
            }
        }
    }

    fn sequence(&mut self, words: &str, last: u8) {
        let numbers =
            |text: &str| -> Vec<usize> { text.split(';').map(|n| n.parse().unwrap_or(usize::MAX)).collect() };
        match (words, last) {
            (_, b'H') => match numbers(words)[..] {
                [y, x] if (1..=HEIGHT).contains(&y) && (1..=WIDTH).contains(&x) => self.at = (y - 1, x - 1),
                _ => self.faults.push(format!("the cursor leaves the screen: {words}")),
            },
            ("", b'c') => {}
            ("2", b'J') => self.rows = vec![vec![' '; WIDTH]; HEIGHT],
            (_, b'm') if words.bytes().all(|byte| byte.is_ascii_digit() || byte == b';') => {}
            ("?1049" | "?2004" | "?25" | "?1000" | "?1002" | "?1003" | "?1015" | "?1006", b'h' | b'l') => {}
            _ => self.faults.push(format!("CSI {words:?} {:?}", char::from(last))),
        }
    }

    fn put(&mut self, c: char) {
        let width = c.width().unwrap_or(0);
        if ('\u{80}'..'\u{a0}').contains(&c)
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        {
            self.faults.push(format!("{c:?} reaches the terminal"));
        }
        let (y, x) = self.at;
        if width > 0 {
            if x + width > WIDTH {
                self.faults.push(format!("{c:?} is written beyond the last column"));
            } else {
                self.rows[y][x] = c;
            }
        }
        self.at = (y, x + width);
    }
}

/// The program in its pseudo-terminal.
struct Session {
    child: Child,
    pid: String,
    keys: ChildStdin,
    terminal: Arc<Mutex<Terminal>>,
}

impl Session {
    fn open(capture: &Path, more: &str) -> Session {
        Session::run(capture, &format!("view {more}"))
    }

    /// Runs the program on `capture`, preceded by `arguments`; nothing is kept between runs.
    fn run(capture: &Path, arguments: &str) -> Session {
        Session::run_with_state(capture, arguments, Path::new("/dev/null"))
    }

    /// Runs the program with its persistent state in `state`.
    fn run_with_state(capture: &Path, arguments: &str, state: &Path) -> Session {
        let program = env!("CARGO_BIN_EXE_wirefin");
        // The program replaces the shell in its process, so that signals can be sent to its process ID.
        let line = format!(
            "stty cols {WIDTH} rows {HEIGHT}; echo $$ > '{0}.pid'; exec '{program}' {arguments} '{0}'",
            capture.display()
        );
        let mut command = Command::new("script");
        if cfg!(target_os = "macos") {
            command.args(["-q", "/dev/null", "sh", "-c", &line]);
        } else {
            command.args(["-qefc", &line, "/dev/null"]);
        }
        command
            .env("TERM", "xterm-256color")
            .env("XDG_CONFIG_HOME", "/nonexistent")
            .env("XDG_STATE_HOME", state)
            .env_remove("NO_COLOR")
            .env("SHELL", "/bin/sh");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script makes a pseudo-terminal");
        let (keys, mut out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let terminal = Arc::new(Mutex::new(Terminal::new()));
        let shown = Arc::clone(&terminal);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = out.read(&mut buffer) {
                shown.lock().unwrap().take(&buffer[..count]);
            }
        });
        Session { child, pid: format!("{}.pid", capture.display()), keys, terminal }
    }

    fn type_keys(&mut self, keys: &str) -> &mut Self {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
        self
    }

    /// Waits until the screen shows `words`.
    fn until(&mut self, words: &str) -> &mut Self {
        let begun = Instant::now();
        while !self.terminal.lock().unwrap().text().contains(words) {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "{words:?} is not on the screen:\n{}",
                self.terminal.lock().unwrap().text()
            );
            thread::sleep(Duration::from_millis(5));
        }
        self
    }

    /// Quits; returns what was written.
    fn quit(self) -> (Vec<u8>, Vec<String>) {
        self.quit_with(0)
    }

    /// Quits with an exit code; returns what was written.
    fn quit_with(mut self, code: i32) -> (Vec<u8>, Vec<String>) {
        self.type_keys("q");
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "it does not quit");
            thread::sleep(Duration::from_millis(5));
        };
        assert_eq!(status.code(), Some(code), "{status}");
        let _ = std::fs::remove_file(&self.pid);
        thread::sleep(Duration::from_millis(50));
        let terminal = self.terminal.lock().unwrap();
        assert!(terminal.faults.is_empty(), "{:?}", terminal.faults);
        let end = String::from_utf8_lossy(&terminal.seen);
        for (on, off) in
            [("\x1b[?1049h", "\x1b[?1049l"), ("\x1b[?2004h", "\x1b[?2004l"), ("\x1b[?25l", "\x1b[?25h")]
        {
            assert!(end.rfind(off) > end.rfind(on), "{off:?} restores the terminal");
        }
        (terminal.seen.clone(), terminal.copied.clone())
    }
}

fn written(packets: &[Packet]) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".pcap").tempfile().unwrap();
    std::fs::write(file.path(), pcap(packets)).unwrap();
    file
}

/// A conversation of the kind a user would look at.
fn chat() -> Vec<Packet> {
    let mut talk = upgraded(1);
    for n in 0..30 {
        let body = format!(r#"{{"type":"say","n":{n},"words":"number {n}"}}"#);
        talk.send(Side::Client, &frame(Side::Client, FIN | TEXT, body.as_bytes()));
        talk.send(Side::Server, &frame(Side::Server, FIN | BINARY, &[0, n, 255]));
    }
    talk.send(Side::Server, &frame(Side::Server, FIN | PING, b"tick"));
    talk.send(Side::Client, &frame(Side::Client, FIN | PONG, b"tick"));
    goodbye(&mut talk);
    talk.packets
}

#[test]
fn as_a_person_would_use_it() {
    let file = written(&chat());
    let folder = tempfile::tempdir().unwrap();
    let exported = folder.path().join("out.ndjson");
    let mut session = Session::open(file.path(), "");
    session.until("64 messages").until("timeline 66").until("open server.example/chat");
    session.type_keys("jjj").until("text from client");
    session.type_keys("\r4").until("000000");
    session.type_keys("3").until("\"words\": \"number 1\"");
    session.type_keys("\x1b").until("▸ timeline");
    session.type_keys("L").until("lanes 66").type_keys("L").until("▸ timeline 66");
    session
        .type_keys("f")
        .until("filter ›")
        .type_keys("from == client and json.n > 20\r")
        .until("timeline 9");
    session.type_keys("e").until("export to ›").type_keys("\x15");
    session.type_keys(&format!("{}\r", exported.display())).until("9 records written");
    session
        .type_keys("F")
        .until("timeline 66")
        .type_keys("/")
        .until("search ›")
        .type_keys("number 25\r")
        .until("number 25");
    session.type_keys("2").until("\"number 25\"").type_keys("y").until("copied");
    session.type_keys("?").until("keys ").until("next panel").type_keys("\x1b").until("▸ timeline");
    session.type_keys("T").until("theme: light").type_keys("G").until("closed 1000");
    let (_, copied) = session.quit();
    let copied: Vec<Vec<u8>> = copied.iter().map(|it| STANDARD.decode(it).unwrap()).collect();
    assert_eq!(copied, [br#"{"type":"say","n":25,"words":"number 25"}"#]);
    let lines = std::fs::read_to_string(&exported).unwrap();
    assert_eq!(lines.lines().count(), 9);
    assert!(lines.lines().all(|line| line.contains(r#""from":"client""#)));
}

/// The tasks of docs/screen.md, with the keys given there: the capture, what is typed, and what the screen then shows.
const TASKS: &[(&str, &str, &[(&str, &str)])] = &[
    ("why a frame is wrong", "rules/masked-server-frame.pcap", &[("a", "what    a server frame is masked")]),
    ("the next of several, round the end", "rules/masked-server-frame.pcap", &[("aa", "wrapped")]),
    (
        "anomalies by rule, and the rows of one",
        "rules/masked-server-frame.pcap",
        &[("!", "MUST NOT mask"), ("\r", "▸ timeline 1 ")],
    ),
    (
        "a value of JSON",
        "tutorials/socketio-4-chat.pcap",
        &[("f", "filter ›"), ("sub.kind == \"EVENT\"\r", "timeline 6 ")],
    ),
    (
        "messages with the same value",
        "messages/json-and-unicode.pcap",
        &[("j\r3", "▸ 1 tree"), ("j*", "filter › json."), ("\r", "timeline 1 UTC")],
    ),
    (
        "whether the accept was right",
        "rules/accept-mismatch.pcap",
        &[("g", "the accept does not answer the key")],
    ),
    ("the slowest answer", "subprotocols/jsonrpc-calls.pcap", &[("ssss", "by latency, the most first")]),
    ("the slowest pong", "control/ws-pings.pcap", &[("ss", "by round trip, the most first")]),
    ("why it was closed", "control/ws-server-closes.pcap", &[("G", "by server")]),
    (
        "bytes, copied in hex",
        "messages/masked-abaoge.pcap",
        &[("j4", "000000"), ("Yx", "copied the payload in hex")],
    ),
    ("the biggest message", "messages/fragments-with-pings-between.pcap", &[("s", "rows sorted by size")]),
    (
        "one of many conversations",
        "screen/harbour.pcap.gz",
        &[("\x1b[Z", "▸ conversations"), ("/", "conversations with ›"), ("admin\r", "conversations 1 with")],
    ),
    ("what strange characters are", "messages/json-and-unicode.pcap", &[("j4", "payload")]),
    ("a moment", "control/ws-pings.pcap", &[(":", "go to ›"), ("+0\r", "the first row from there on")]),
    ("by mouse", "messages/masked-abaoge.pcap", &[("\x1b[<0;20;7M\x1b[<0;20;7m", "text from")]),
    (
        "two messages side by side",
        "messages/json-and-unicode.pcap",
        &[("jD", "marked"), ("jD", "two messages"), ("\x1b", "▸ timeline")],
    ),
];

#[test]
fn every_task_takes_five_keys() {
    for (task, capture, steps) in TASKS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(capture);
        let file = tempfile::Builder::new().suffix(&capture.replace('/', "-")).tempfile().unwrap();
        std::fs::copy(path, file.path()).unwrap();
        let mut session = Session::open(file.path(), "");
        session.until("▸ timeline").until(" · ");
        for (keys, words) in *steps {
            session.type_keys(keys).until(words);
        }
        println!("{task}");
        session.quit();
    }
}

#[test]
fn a_word_is_found_in_a_large_json() {
    let mut talk = upgraded(1);
    let rows: Vec<String> =
        (0..100_000).map(|n| format!(r#"{{"id":{n},"name":"item {n}","tags":[]}}"#)).collect();
    let body = format!("[{},{{\"needle\":true}}]", rows.join(","));
    assert!(body.len() > 4 << 20);
    talk.send(Side::Server, &frame(Side::Server, FIN | TEXT, body.as_bytes()));
    goodbye(&mut talk);
    let file = written(&talk.packets);
    let mut session = Session::open(file.path(), "");
    session.until("3 messages").until("▸ timeline");
    session.type_keys("/").until("search ›").type_keys("needle\r").until("hit 1 of 1, row 1 of 1");
    session.type_keys("3").until("\"needle\": true");
    session.quit();
}

#[test]
fn filters_bookmarks_and_theme_are_there_again() {
    let (file, state) = (written(&chat()), tempfile::tempdir().unwrap());
    let mut session = Session::run_with_state(file.path(), "view", state.path());
    session.until("▸ timeline 66").type_keys("jjb").until("★").type_keys("T").until("theme: light");
    session.type_keys("f").until("filter ›").type_keys("opcode == ping\r").until("timeline 1 ");
    session.quit();
    let mut session = Session::run_with_state(file.path(), "view", state.path());
    session.until("▸ timeline 66").until("★").type_keys("f").until("filter ›");
    session.type_keys("\x1b[A").until("filter › opcode == ping").type_keys("\r").until("timeline 1 ");
    session.type_keys("T").until("theme: colour-blind");
    session.quit();
    let mut session = Session::run_with_state(file.path(), "view --no-state", state.path());
    session.until("▸ timeline 66").type_keys("T").until("theme: light");
    session.quit();
}

#[test]
fn a_bare_file_opens_the_screen_with_its_filter() {
    let file = written(&chat());
    let mut session = Session::run(file.path(), "-Y 'opcode in {ping, pong}'");
    session.until("▸ timeline 2").until("filter").type_keys("F").until("timeline 66");
    session.quit();
}

#[test]
fn all_that_is_shown_exports_as_export_writes_it() {
    let (mut differing, mut retries) = (Vec::new(), 0);
    let mut options = solo();
    options.limits.http.wanted = Wanted { sse: true, polling: true };
    for path in crate::corpus::captures() {
        let open = || Files::open(std::slice::from_ref(&path)).ok();
        let (Some(mut one), Some(mut other)) = (open(), open()) else { continue };
        let exported = export_from(&mut one, &options, false);
        let store = Shared::new(Bounds::default());
        let recorded = run(&mut other, &options, &mut Recorder::new(store.clone()));
        assert_eq!(exported.is_ok(), recorded.is_ok(), "{}", path.display());
        let Ok(exported) = exported else { continue };
        let mut store = store.lock();
        let mut format = AnyFormat::new("ndjson", &Settings::default()).unwrap();
        format.start(store.began());
        let mut again = Lines(format, Vec::new());
        for number in 0..u32::try_from(store.len()).unwrap() {
            assert_eq!(store.replay(number, &mut again), Ok(()), "{}: entry {number}", path.display());
        }
        let (again, exported) = (String::from_utf8_lossy(&again.1), String::from_utf8_lossy(&exported));
        retries += exported.matches(r#""retry":"#).count();
        let (mut again, mut exported) = (again.lines(), exported.lines());
        for other in exported.by_ref() {
            let one = again.next();
            if one != Some(other) {
                let one = one.unwrap_or("nothing");
                differing.push(format!("{}:\n  screen {one}\n  export {other}", path.display()));
                break;
            }
        }
        assert!(exported.next().is_some() || again.next().is_none(), "{}: more than export", path.display());
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    assert!(retries > 0, "server-sent events are among them");
}

/// Collects the output of a format.
struct Lines(AnyFormat, Vec<u8>);

impl Sink for Lines {
    fn event(&mut self, event: &Event<'_>) {
        self.0.write(event, &mut self.1);
    }
}

/// Another connection comes first: times are relative to its packets, as they are in `print`.
#[test]
fn times_in_a_filter_count_from_the_first_packet() {
    const LATER: i64 = 10_000_000_000;
    let mut packets = Talk::new(2).packets;
    packets.extend(chat().into_iter().map(|packet| Packet { time: packet.time + LATER, ..packet }));
    let file = written(&packets);
    let mut session = Session::run(file.path(), "-Y 'time > 9s'");
    session.until("▸ timeline 66");
    session.quit();
}

#[test]
fn a_capture_that_is_cut_off_is_shown_and_quits_as_print_ends() {
    let file = written(&chat());
    let bytes = std::fs::read(file.path()).unwrap();
    std::fs::write(file.path(), &bytes[..bytes.len() - 7]).unwrap();
    let print = Command::new(env!("CARGO_BIN_EXE_wirefin")).arg("print").arg(file.path()).output().unwrap();
    // Messages that are printed while the screen is open belong on the shell's own lines.
    let mut session = Session::open(file.path(), "2>/dev/null");
    session.until("▸ timeline").type_keys("G").until("capture-damaged");
    let code = print.status.code().unwrap();
    assert_ne!(code, 0);
    session.quit_with(code);
}

#[test]
fn a_name_that_is_taken_is_not_written_to() {
    let (file, taken) = (written(&chat()), tempfile::tempdir().unwrap());
    let path = taken.path().join("a.ndjson");
    std::fs::write(&path, "mine").unwrap();
    let mut session = Session::open(file.path(), "");
    session.until("▸ timeline 66").type_keys("e").until("export to ›").type_keys("\x15");
    session.type_keys(&format!("{}\r", path.display())).until("is there already").until("a-2.ndjson");
    session.type_keys("\r").until("66 records written");
    session.quit();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    assert_eq!(std::fs::read_to_string(taken.path().join("a-2.ndjson")).unwrap().lines().count(), 66);
}

#[test]
fn packets_of_what_is_shown_are_saved_and_show_the_same_again() {
    let (file, folder) = (written(&chat()), tempfile::tempdir().unwrap());
    let saved = folder.path().join("saved.pcapng");
    let mut session = Session::open(file.path(), "");
    session.until("▸ timeline 66").type_keys("w").until("save packets to ›");
    session.type_keys("\x15").type_keys(&format!("{}\r", saved.display())).until("packets written");
    session.quit();
    let printed = |path: &Path| {
        let output = Command::new(env!("CARGO_BIN_EXE_wirefin")).arg("export").arg(path).output().unwrap();
        output.stdout
    };
    assert_eq!(printed(&saved), printed(file.path()));
}

#[test]
fn it_goes_away_and_comes_back_as_jobs_of_a_shell_do() {
    let file = written(&chat());
    let mut session = Session::open(file.path(), "");
    session.until("64 messages").until("▸ timeline");
    let number = std::fs::read_to_string(&session.pid).unwrap();
    session.type_keys("\x1a");
    let begun = Instant::now();
    let state = || {
        let output = Command::new("ps").args(["-o", "stat=", "-p", number.trim()]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    while !state().trim_start().starts_with('T') {
        assert!(begun.elapsed() < Duration::from_secs(30), "it does not stop: {}", state());
        thread::sleep(Duration::from_millis(20));
    }
    // `script` stops together with the program.
    let script = session.child.id().to_string();
    Command::new("kill").args(["-CONT", &script, number.trim()]).status().unwrap();
    let seen = || String::from_utf8_lossy(&session.terminal.lock().unwrap().seen).into_owned();
    // What is typed before the program has the terminal again would be echoed.
    while seen().matches("\x1b[?1049h").count() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not come back");
        thread::sleep(Duration::from_millis(20));
    }
    session.type_keys("G").until("closed 1000");
    let seen = String::from_utf8_lossy(&session.terminal.lock().unwrap().seen).into_owned();
    let taken: Vec<usize> = seen.match_indices("\x1b[?1049h").map(|(at, _)| at).collect();
    let given = seen.find("\x1b[?1049l").expect("the terminal is given back while it is away");
    assert!(taken.len() == 2 && taken[0] < given && given < taken[1], "{taken:?} {given}");
    session.quit();
}

#[test]
fn the_terminal_of_these_tests_misses_nothing() {
    for good in ["plain 我 e\u{301}", "\x1b[1;1H\x1b[38;5;81mx\x1b[0m", "\x1b[?1049h", "\x1b]52;c;YQ==\x07"]
    {
        let mut terminal = Terminal::new();
        terminal.take(good.as_bytes());
        assert!(terminal.faults.is_empty(), "{good:?}: {:?}", terminal.faults);
    }
    let words = [
        "\x1b]0;title\x07",
        "\x1b]8;;x\x07",
        "\x1b[3J",
        "\x1b[6n",
        "\x1b[?1000;1006h",
        "\x1b[25;1H",
        "\x1b[1;81H",
        "\x1bc",
        "\x1bPq",
        "\x1b_x",
        "\u{9b}2J",
        "\u{85}",
        "\u{202e}",
        "\u{2066}",
        "\u{200f}",
        "\u{feff}",
        "\u{200b}",
    ];
    let controls = (0..0x20_u8).chain([0x7f]).filter(|c| !matches!(c, b'\r' | b'\n' | 0x1b));
    let bytes =
        controls.map(|c| vec![b'a', c, b'b']).chain([b"\xff\xfe\xfd\xfc".to_vec(), b"\xc3(".to_vec()]);
    for bad in words.iter().map(|text| text.as_bytes().to_vec()).chain(bytes) {
        let mut terminal = Terminal::new();
        terminal.take(&bad);
        assert!(!terminal.faults.is_empty(), "{:?} is accepted", String::from_utf8_lossy(&bad));
    }
}

const CONVERSATIONS: u32 = 10_000;

/// Everything that a terminal might interpret, in every place from which it might come.
fn hostile() -> Vec<Packet> {
    let mut packets = Vec::new();
    let controls: Vec<u8> = (0..=255).collect();
    let bodies: [&[u8]; 7] = [
        &controls,
        b"\x1b]0;title\x07\x1b]52;c;ZXZpbA==\x07\x1b]8;;http://evil\x1b\\",
        b"\x1b[2J\x1b[1;1H\x1b[?1049l\x1b[31mred\x1bPq\x1b\\\x1bc",
        "\u{9b}2J\u{9d}0;x\u{9c}\u{202e}abc\u{2066}\u{200f}\u{feff}\u{200b}".as_bytes(),
        b"\xff\xfe\xc3\x28\xe2\x82\xf0\x9f\x98",
        "👩\u{200d}👩\u{200d}👧e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}❤\u{fe0f}ש\u{5b8}לוםمرحبا我"
            .as_bytes(),
        &vec![b'A'; 1 << 20],
    ];
    for n in 0..CONVERSATIONS {
        // One control character of each kind in every part of the handshake that is shown; the others in turn.
        let control = char::from_u32(n % 0xa0).filter(|c| c.is_control() && !matches!(c, '\r' | '\n'));
        let evil = format!("\x1b]0;t\x07\u{202e}{}", control.unwrap_or('\u{9b}'));
        let mut talk = super::support::packets::Talk::new(n);
        let head = format!(
            "GET /{n}?{evil} HTTP/1.1\r\nHost: h{evil}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-\x1b[2J: {evil}\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: a{evil}\r\n\r\n"
        );
        talk.send(Side::Client, head.as_bytes());
        talk.send(
            Side::Server,
            &super::support::dialogue::answer(&format!("Sec-WebSocket-Protocol: a{evil}\r\n")),
        );
        for (m, body) in bodies.iter().enumerate() {
            // The long line once, the others a few times; all others send one each.
            if (m < 6 && n < 40) || n == 0 || m == n as usize % 6 {
                talk.send(Side::Client, &frame(Side::Client, FIN | TEXT, body));
                talk.send(Side::Server, &frame(Side::Server, FIN | BINARY, body));
            }
        }
        talk.send(Side::Server, &super::support::dialogue::close(Side::Server, 4000, evil.as_bytes()));
        talk.end();
        packets.extend(talk.packets);
    }
    packets.sort_by_key(|packet| packet.time);
    packets
}

#[test]
fn nothing_from_the_wire_reaches_the_terminal() {
    let file = written(&hostile());
    let mut session = Session::open(file.path(), "--memory 40M");
    // What is typed before the terminal is asked for its background would be taken for the response.
    session
        .until("▸ timeline")
        .type_keys("\x1b[Z")
        .until("conversations 10,000")
        .type_keys("\t")
        .until("▸ timeline");
    for tab in ["1", "2", "3", "4"] {
        session.type_keys(tab);
        for _ in 0..12 {
            session.type_keys("jjj");
            thread::sleep(Duration::from_millis(20));
        }
        session.type_keys("\rjjjj").type_keys("ddd");
        thread::sleep(Duration::from_millis(50));
        session.type_keys("\x1b");
        thread::sleep(Duration::from_millis(100));
    }
    // The list of conversations, from its end, sorted by a value from the wire.
    session.type_keys("\x1b[Zsss\x1b[F").until("▸ conversations");
    for _ in 0..20 {
        session.type_keys("kkkkk");
        thread::sleep(Duration::from_millis(20));
    }
    session.type_keys("c\x1b");
    thread::sleep(Duration::from_millis(300));
    session.type_keys("gL").until("lanes").type_keys("Gkkkkk").type_keys("L").until("timeline");
    session.type_keys("f").until("filter ›").type_keys("host ==").type_keys("\t\t").type_keys("\x1b");
    thread::sleep(Duration::from_millis(300));
    session.type_keys("/").until("search ›").type_keys("AAAA\r");
    thread::sleep(Duration::from_millis(300));
    session.quit();
}

#[test]
fn a_signal_gives_the_terminal_back() {
    let file = written(&chat());
    let mut session = Session::open(file.path(), "");
    session.until("64 messages").until("▸ timeline");
    let number = std::fs::read_to_string(&session.pid).unwrap();
    std::fs::remove_file(&session.pid).unwrap();
    Command::new("kill").args(["-TERM", number.trim()]).status().unwrap();
    session.child.wait().unwrap();
    thread::sleep(Duration::from_millis(50));
    let terminal = session.terminal.lock().unwrap();
    let text = String::from_utf8_lossy(&terminal.seen);
    assert!(terminal.faults.is_empty(), "{:?}", terminal.faults);
    assert!(
        text.rfind("\x1b[?1049l") > text.rfind("\x1b[?1049h")
            && text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l")
    );
}
