//! Live capture on loopback of real endpoints: the output, the saved packets, the process's privileges, and its exit.
//! If the privilege to capture or libpcap is missing, that is reported and the test is skipped.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

#[allow(dead_code, unreachable_pub, reason = "the load of the measurements does more")]
#[path = "../examples/load/endpoints.rs"]
mod endpoints;

use endpoints::{Plan, payload};

const PROGRAM: &str = env!("CARGO_BIN_EXE_wirefin");

/// Starts a capture on loopback of one port; returns `None` if this machine does not permit it.
fn capture(command: &str, port: u16, more: &[&str]) -> Option<Child> {
    let mut child = Command::new(PROGRAM)
        .args([command, "-i", "lo", "-f", &format!("tcp port {port}")])
        .args(more)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It captures once it has a packet socket; if its descriptors cannot be inspected, wait a moment.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        if child.try_wait().unwrap().is_some() {
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            let missing = ["the right to capture is missing", "libpcap", "there is no such interface"];
            assert!(missing.iter().any(|words| said.contains(words)), "{said}");
            skip(&said);
            return None;
        }
        // Privileges are dropped after everything is open.
        if field(child.id(), "NoNewPrivs").as_deref() == Some("1") {
            thread::sleep(Duration::from_millis(100));
            return Some(child);
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("the capture does not begin");
}

/// Reports why a test is skipped, bypassing the test harness, which would suppress it.
fn skip(why: &str) {
    #[expect(clippy::explicit_write, reason = "what `eprintln` says is hidden while a test passes")]
    writeln!(io::stderr(), "skipped: {}", why.trim_end()).unwrap();
}

/// Reads a field of /proc/PID/status.
fn field(id: u32, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    status.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim().to_owned()))
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Runs a conversation; returns how many messages the server and the client sent.
fn converse(listener: &TcpListener, address: SocketAddr, plan: Plan) -> (u64, u64) {
    thread::scope(|scope| {
        let server = scope.spawn(|| endpoints::serve(listener.accept().unwrap().0, &plan).unwrap());
        let client = scope.spawn(|| endpoints::receive(TcpStream::connect(address).unwrap()).unwrap());
        (server.join().unwrap(), client.join().unwrap())
    })
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap().success());
}

/// Waits for the end; returns the exit code, the output, and the messages.
fn end(child: Child) -> (Option<i32>, String, String) {
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Creates a folder to which the user whom root becomes can write.
fn open_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let all = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(folder.path(), all).unwrap();
    folder
}

fn export(file: &Path) -> String {
    let output = Command::new(PROGRAM).arg("export").arg(file).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

const PLAN: Plan = Plan { size: 200, rate: 2000, count: 1000 };

#[test]
fn every_message_is_shown_and_the_saved_packets_give_the_same_bytes_again() {
    let (listener, address) = listener();
    let folder = open_folder();
    let saved = folder.path().join("saved.pcapng");
    let Some(child) = capture("export", address.port(), &["-w", saved.to_str().unwrap()]) else { return };
    let reader = thread::spawn(move || end(child));
    let (server, client) = converse(&listener, address, PLAN);
    thread::sleep(Duration::from_millis(200));
    let id = fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).into_owned();
        line.contains(saved.to_str()?).then(|| entry.file_name().to_string_lossy().into_owned())
    });
    assert!(Command::new("kill").args(["-s", "INT", &id.unwrap()]).status().unwrap().success());
    let (code, live, said) = reader.join().unwrap();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(" 0 dropped by the kernel") && said.contains("1 conversation"), "{said}");
    let mut expected = Vec::new();
    for (sent, side, size) in [(server, "server", PLAN.size), (client, "client", 40)] {
        let from = format!(r#""from":"{side}""#);
        let lines: Vec<_> =
            live.lines().filter(|line| line.contains(&from) && line.contains(r#""opcode":"text""#)).collect();
        assert_eq!(lines.len() as u64, sent);
        for (number, line) in (0..).zip(lines) {
            payload(number, size, &mut expected);
            assert!(line.contains(std::str::from_utf8(&expected).unwrap()), "message {number}");
        }
    }
    assert_eq!(export(&saved), live);
}

#[test]
fn rights_are_gone_before_the_first_packet() {
    let (_listener, address) = listener();
    let Some(child) = capture("print", address.port(), &[]) else { return };
    let zero = Some("0000000000000000");
    for name in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
        assert_eq!(field(child.id(), name).as_deref(), zero, "{name}");
    }
    let ids = field(child.id(), "Uid").unwrap();
    assert!(ids.split_whitespace().all(|id| id != "0"), "{ids}");
    let ids = field(child.id(), "Gid").unwrap();
    assert!(ids.split_whitespace().all(|id| id != "0"), "{ids}");
    signal(&child, "TERM");
    let (code, _, said) = end(child);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("no WebSocket found"), "{said}");
}

/// Root in a root shell, as in a container, writes into its own folder and owns the files it creates.
#[test]
fn outputs_of_a_root_shell_are_roots_and_those_of_sudo_the_callers() {
    use std::os::unix::fs::MetadataExt as _;
    if !rustix::process::geteuid().is_root() {
        return skip("this is not root");
    }
    // A folder to which only its owner can write.
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (listener, address) = listener();
    let (saved, shown) = (path("saved.pcapng"), path("shown.ndjson"));
    let Some(child) = capture("export", address.port(), &["-w", &saved, "-o", &shown]) else { return };
    let ids = field(child.id(), "Uid").unwrap();
    converse(&listener, address, PLAN);
    thread::sleep(Duration::from_millis(200));
    signal(&child, "INT");
    let (code, _, said) = end(child);
    assert_eq!(code, Some(0), "{said}");
    assert!(ids.split_whitespace().all(|id| id != "0"), "the process became nobody: {ids}");
    for file in [&saved, &shown] {
        let metadata = fs::metadata(file).unwrap();
        assert_eq!((metadata.uid(), metadata.mode() & 0o777), (0, 0o600), "{file}");
    }
    assert_eq!(export(Path::new(&saved)), fs::read_to_string(&shown).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
    // Rotation creates more files: the process remains root, without capabilities, if Landlock is effective.
    let ring = path("ring.pcapng");
    if let Some(child) = capture("export", address.port(), &["-w", &ring, "-G", "3600"]) {
        assert_eq!(field(child.id(), "CapEff").as_deref(), Some("0000000000000000"));
        assert_eq!(field(child.id(), "Uid").unwrap().split_whitespace().next(), Some("0"));
        signal(&child, "INT");
        let (code, _, said) = end(child);
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(fs::metadata(path("ring_00001.pcapng")).unwrap().uid(), 0);
    }
    let output = Command::new(PROGRAM)
        .args(["export", "-i", "lo", "-w", &path("no.pcapng"), "-G", "3600", "--no-sandbox"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && said.contains("--user root"), "{said}");
    // Under sudo, files belong to the caller.
    let theirs = open_folder();
    let saved = theirs.path().join("saved.pcapng");
    let mut child = Command::new(PROGRAM)
        .args(["export", "-i", "lo", "-a", "duration:1", "-w", saved.to_str().unwrap()])
        .envs([("SUDO_UID", "1234"), ("SUDO_GID", "1234")])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(fs::metadata(&saved).unwrap().uid(), 1234);
}

/// Runs wirefin with a kernel that seems to be older than Landlock: its system calls do not exist there.
#[cfg(target_os = "linux")]
fn without_landlock(arguments: &[&str]) -> (Option<i32>, String) {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

    const ENOSYS: u32 = 38;
    // landlock_create_ruleset, landlock_add_rule, landlock_restrict_self
    let calls = [444, 445, 446].map(|call| (call, Vec::new())).into();
    let architecture = std::env::consts::ARCH.try_into().unwrap();
    let filter =
        SeccompFilter::new(calls, SeccompAction::Allow, SeccompAction::Errno(ENOSYS), architecture).unwrap();
    let program = BpfProgram::try_from(filter).unwrap();
    // A filter holds for a thread and for what that starts.
    let run = || {
        seccompiler::apply_filter(&program).unwrap();
        Command::new(PROGRAM).args(arguments).output().unwrap()
    };
    let output = thread::scope(|scope| scope.spawn(run).join().unwrap());
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
#[cfg(target_os = "linux")]
fn kernel_without_landlock_is_reported_and_root_does_not_rotate_files_there() {
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/control/ws-close-empty.pcap");
    let (code, said) = without_landlock(&["print", capture]);
    assert!(code == Some(0) && said.contains("this kernel has no Landlock"), "{said}");
    let (code, said) = without_landlock(&["print", "--require-sandbox", capture]);
    assert!(code == Some(2) && said.contains("--require-sandbox"), "{said}");
    if !rustix::process::geteuid().is_root() {
        return skip("this is not root");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (saved, ring) = (path("saved.pcapng"), path("ring.pcapng"));
    let live = ["print", "-i", "lo", "-a", "duration:1", "-w"];
    let (code, said) = without_landlock(&[&live[..], &[&saved]].concat());
    if code != Some(0) {
        return skip(&said);
    }
    assert!(Path::new(&saved).exists() && said.contains("this kernel has no Landlock"), "{said}");
    let (code, said) = without_landlock(&[&live[..], &[&ring, "-C", "1"]].concat());
    assert!(code == Some(2) && said.contains("--user root"), "{said}");
}

#[test]
fn message_is_on_the_screen_within_a_tenth_of_a_second() {
    let (listener, address) = listener();
    let Some(mut child) = capture("print", address.port(), &[]) else { return };
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let plan = Plan { size: 60, rate: 4, count: 6 };
    let conversation = thread::spawn(move || converse(&listener, address, plan));
    let mut late = Vec::new();
    let mut first: Option<(Instant, f64)> = None;
    let rows = lines.by_ref().map_while(Result::ok).skip_while(|line| line.starts_with("capture begins"));
    for line in rows.take_while(|line| !line.contains("closed")) {
        let stamp: f64 = line.split_whitespace().next().unwrap().parse().unwrap();
        // The best value so far estimates the offset between the two clocks.
        let (begun, at) = *first.get_or_insert((Instant::now(), stamp));
        late.push(begun.elapsed().as_secs_f64() - (stamp - at));
    }
    conversation.join().unwrap();
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(late.len() >= 7, "{late:?}");
    let best = late.iter().copied().fold(f64::MAX, f64::min);
    late.sort_by(f64::total_cmp);
    // The median, because this machine may be busy.
    let median = late[late.len() / 2] - best;
    assert!(median < 0.1, "{late:?}");
}

#[test]
fn only_websockets_are_saved_with_their_handshakes() {
    let (listener, address) = listener();
    let folder = open_folder();
    let saved = folder.path().join("chosen.pcapng");
    let more = ["-w", saved.to_str().unwrap(), "--only-websocket", "-a", "idle:2"];
    let Some(child) = capture("export", address.port(), &more) else { return };
    // A connection without a WebSocket.
    thread::scope(|scope| {
        scope.spawn(|| drop(listener.accept().unwrap()));
        TcpStream::connect(address).unwrap().write_all(b"GET / HTTP/1.1\r\nHost: secret\r\n\r\n").unwrap();
    });
    converse(&listener, address, Plan { size: 200, rate: 1000, count: 50 });
    let (code, live, said) = end(child);
    assert_eq!(code, Some(0), "{said}");
    let kept = fs::read(&saved).unwrap();
    let holds = |text: &[u8]| kept.windows(text.len()).any(|at| at == text);
    assert!(holds(b"GET /load") && holds(b"0000000049") && !holds(b"secret"));
    let again = export(&saved);
    assert_eq!(again.lines().count(), live.lines().count());
    assert!(again.contains(r#""request""#));
}

#[test]
fn capture_ends_after_a_while_or_when_nobody_reads() {
    let (_listener, address) = listener();
    let begun = Instant::now();
    let Some(child) = capture("print", address.port(), &["-a", "duration:1"]) else { return };
    assert_eq!(end(child).0, Some(0));
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let Some(mut child) = capture("print", address.port(), &[]) else { return };
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn without_the_sandbox_it_runs_all_the_same() {
    let (_listener, address) = listener();
    let Some(child) = capture("print", address.port(), &["--no-sandbox"]) else { return };
    signal(&child, "INT");
    assert_eq!(end(child).0, Some(0));
}

/// The next file of a ring is a link to a file elsewhere, which a sandboxed process cannot read.
#[test]
#[cfg(target_os = "linux")]
fn sandbox_keeps_other_files_away() {
    use landlock::{Access as _, AccessFs, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _};

    let wanted = AccessFs::from_all(landlock::ABI::V1);
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(wanted);
    if ruleset.and_then(Ruleset::create).is_err() {
        return skip("this kernel has no Landlock");
    }
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let [first, second] =
        ["control/ws-close-empty.pcap", "messages/ws-echo.pcap"].map(|name| corpus.join(name));
    let (folder, elsewhere) = (open_folder(), open_folder());
    let [ring, away] = [folder.path().join("ring0.pcap"), elsewhere.path().join("away.pcap")];
    // The newer one must be the second.
    let stamp = |path: &Path| fs::read(path).unwrap()[24..28].to_vec();
    let later = |a: &Path, b: &Path| {
        u32::from_le_bytes(stamp(a).try_into().unwrap()) > u32::from_le_bytes(stamp(b).try_into().unwrap())
    };
    let (first, second) = if later(&first, &second) { (second, first) } else { (first, second) };
    fs::copy(first, &ring).unwrap();
    fs::copy(second, &away).unwrap();
    std::os::unix::fs::symlink(&away, folder.path().join("ring1.pcap")).unwrap();
    let conversations = |more: &[&str]| {
        let output = Command::new(PROGRAM)
            .args(["export", "--follow"])
            .arg(&ring)
            .args(["-a", "idle:1"])
            .args(more)
            .output();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(
            String::from_utf8(output.stderr).unwrap().contains(" conversation"),
            "the summary is printed"
        );
        let text = String::from_utf8(output.stdout).unwrap();
        (text.matches(r#""type":"open""#).count(), text.matches("not-followed").count())
    };
    // That it cannot be read is reported once.
    assert_eq!((conversations(&[]), conversations(&["--no-sandbox"])), ((1, 1), (2, 0)));
}

#[test]
fn wrong_filter_is_shown_with_what_libpcap_says() {
    let output = Command::new(PROGRAM).args(["print", "-i", "lo", "-f", "tcp prot 80"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    if said.contains("the right to capture") || said.contains("libpcap is not") {
        return skip(&said);
    }
    assert!(said.contains("syntax error") && said.ends_with("\n  tcp prot 80\n"), "{said}");
}

/// Mounts an overlay over every folder that contains libpcap, and deletes it there.
const HIDE: &str = r#"
    set -e
    work=$(mktemp -d); mount -t tmpfs none "$work"
    for folder in $(ldconfig -p | sed -n 's|.*=> \(.*\)/libpcap\.so[^/]*$|\1|p' | sort -u); do
        folder=$(readlink -f "$folder"); n=$((n + 1))
        mkdir -p "$work/$n/up" "$work/$n/work"
        mount -t overlay none -o "lowerdir=$folder,upperdir=$work/$n/up,workdir=$work/$n/work" "$folder"
        rm -f "$folder"/libpcap.so*
    done
    echo hidden
    exec "$@"
"#;

#[test]
fn without_libpcap_files_are_read_and_live_capture_says_what_to_install() {
    let hidden = |args: &[&str]| {
        // As root, or as root in a new user namespace.
        let worlds: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
        worlds.into_iter().find_map(|world| {
            let command = ["sh", "-c", HIDE, "sh", PROGRAM];
            let output = Command::new("unshare").args(world).args(command).args(args).output();
            output.ok().filter(|output| output.stdout.starts_with(b"hidden\n"))
        })
    };
    let Some(live) = hidden(&["print", "-i", "lo"]) else {
        return skip("libpcap cannot be hidden without the right to mount");
    };
    let said = String::from_utf8(live.stderr).unwrap();
    assert_eq!(live.status.code(), Some(2));
    for words in ["apt install libpcap0.8", "dnf install libpcap", "apk add libpcap", "macOS"] {
        assert!(said.contains(words), "{said}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("empty.pcap");
    fs::write(&file, b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0").unwrap();
    let offline = hidden(&["print", file.to_str().unwrap()]).unwrap();
    assert_eq!(offline.status.code(), Some(0), "{offline:?}");
}

/// In a separate network namespace: captures an interface that is renamed and then deleted, with a datagram before
/// each.
const RENAMED: &str = r#"
    ip link add first type veth peer name other && ip addr add 10.9.9.1/24 dev first || exit 77
    ip link set other up && ip link set first up
    ip neigh add 10.9.9.2 lladdr 02:00:00:00:00:09 dev first nud permanent || exit 77
    said=$(mktemp)
    "$@" -i first -f 'udp port 9' 2> "$said" &
    until grep -q listening "$said"; do kill -0 $! || break; sleep 0.05; done
    say() { echo x > /dev/udp/10.9.9.2/9; }
    say; ip link set first name second || exit 77
    sleep 0.8
    say; ip link del second
    wait $!; code=$?; cat "$said" >&2; rm "$said"; exit $code
"#;

#[test]
fn an_interface_is_followed_whatever_its_name_and_read_to_its_last_packet() {
    // /sys describes another network namespace.
    let output = Command::new("unshare")
        .args(["--net", "bash", "-c", RENAMED, "bash", PROGRAM, "export"])
        .stdin(Stdio::null())
        .output();
    let Ok(output) = output else { return skip("no unshare here") };
    let said = String::from_utf8(output.stderr).unwrap();
    if output.status.code() == Some(77) || said.contains("the right to capture") || said.contains("unshare") {
        return skip(&format!("no interface can be made, or renamed while it is up: {said}"));
    }
    assert!(output.status.success(), "{said}");
    let lines = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("first: 2 packets captured"), "{said}{lines}");
    assert_eq!(lines.matches("interface-changed").count(), 1, "{lines}");
    assert!(lines.contains(r#""state":"vanished""#), "{lines}");
}
