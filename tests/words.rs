//! The program's messages, and the selection of parts of a capture.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::cli::{folder, run};
use crate::tiny;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Runs a line; returns its exit code, its output and its messages.
pub fn said(folder: &Path, line: &str) -> (i32, String, String) {
    let output = run(folder, line);
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.code().unwrap(), out, err)
}

pub fn capture(name: &str) -> String {
    format!("{ROOT}/captures/{name}")
}

#[test]
fn a_filter_that_matches_nothing_is_said_and_fails_only_where_that_is_asked_for() {
    let folder = folder();
    for command in ["print", "export", "stats", "explain"] {
        let (code, _, err) = said(folder.path(), &format!("{command} tiny.pcap --conn 99"));
        let words = "wirefin: nothing matches conn == 99 (of 1 conversation, 9 messages)\n";
        assert_eq!((code, err.contains(words)), (0, true), "{command}: {err}");
        let (code, ..) = said(folder.path(), &format!("{command} tiny.pcap --conn 99 --exit-code"));
        assert_eq!(code, 1, "{command}");
        let (code, _, err) = said(folder.path(), &format!("{command} tiny.pcap --conn 1 --exit-code"));
        assert_eq!((code, err.contains("nothing matches")), (0, false), "{command}: {err}");
    }
}

#[test]
fn conversations_and_times_are_chosen() {
    let folder = folder();
    let messages = |line: &str| {
        let (code, out, err) = said(folder.path(), line);
        assert_eq!(code, 0, "{line}: {err}");
        out.lines().filter(|line| line.contains("\"type\":\"message\"")).count()
    };
    let all = messages("export tiny.pcap");
    assert_eq!(all, 9);
    assert_eq!(messages("export tiny.pcap --conn 1"), all);
    assert_eq!(messages("export tiny.pcap --conn 2 --conn #1"), all);
    let late = messages("export tiny.pcap --since 8ms");
    let early = messages("export tiny.pcap --until 8ms");
    assert!(late > 0 && early > 0 && late + early == all, "{early} + {late}");
    assert_eq!(messages("export tiny.pcap --limit 2"), 2);
    assert_eq!(messages("export tiny.pcap --conn 1 --since 8ms -Y opcode==close"), 2);
    let (code, _, err) = said(folder.path(), "print tiny.pcap --conn one");
    assert_eq!((code, err.contains("as in 4 or 4.3")), (2, true), "{err}");
    let (code, _, err) = said(folder.path(), "print tiny.pcap --since soon");
    assert_eq!((code, err.contains("1.5s (since the capture began)")), (2, true), "{err}");
}

#[test]
fn the_language_of_filters_is_reported() {
    let folder = folder();
    let (code, out, _) = said(folder.path(), "help filter");
    assert_eq!(code, 0);
    assert!(out.starts_with("A filter is made of"), "{out}");
    assert!(
        out.contains("gap_before") && out.contains("websocket.opcode") && out.contains("json.PATH"),
        "{out}"
    );
    for (filter, words) in [
        ("tcp.stream==3", "conn, the number of the connection's first packet"),
        ("ip.src==1.2.3.4", "client.ip or server.ip"),
        ("websocket.unknown", "websocket.payload_length"),
        ("gibberish", "or a text in quotes: \"gibberish\""),
    ] {
        let (code, _, err) = said(folder.path(), &format!("print tiny.pcap -Y {filter}"));
        assert_eq!((code, err.contains(words)), (2, true), "{filter}: {err}");
    }
}

#[test]
fn packets_are_saved_by_the_filter_and_conversation_by_conversation() {
    let folder = folder();
    let whole = capture("handshake/refused-then-granted.pcap");
    let conns = |file: &str| {
        let (_, out, _) = said(folder.path(), &format!("export {file}"));
        out.lines().filter(|line| line.contains("\"type\":\"open\"")).count()
    };
    let several =
        ["messages/fragments-with-pings-between.pcap", "handshake/rfc6455-sample.pcap"].map(capture);
    let both = several.join(" ");
    assert_eq!(conns(&both), 2, "two conversations");
    // A condition on messages takes two passes; a condition on the handshake takes one.
    for filter in ["text==\"one_two_three\"", "opcode==ping", "url~\"chat\""] {
        let filter = filter.replace('_', " ");
        let output = crate::cli::wirefin(folder.path(), &["print", "-w", "saved.pcapng", "-Y", &filter])
            .args(&several)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let (_, out, err) = said(folder.path(), "export saved.pcapng");
        assert!(out.contains("one two three"), "{filter}: {out}{err}");
        assert_eq!(conns("saved.pcapng"), if filter.starts_with("url") { 2 } else { 1 }, "{filter}");
    }
    let (code, _, err) = said(folder.path(), &format!("print {both} -w none.pcapng --conn 99999"));
    assert_eq!((code, err.contains("nothing matches")), (0, true), "{err}");
    assert_eq!(conns("none.pcapng"), 0);
    // Input that can be read only once can be selected by handshake, and by nothing else.
    let piped = |filter: &str| {
        let mut command =
            crate::cli::wirefin(folder.path(), &["print", "-", "-w", "piped.pcapng", "-Y", filter]);
        command.write_stdin(fs::read(&several[0]).unwrap()).output().unwrap()
    };
    let output = piped("opcode == ping");
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), err.contains("when a conversation begins")), (Some(2), true), "{err}");
    assert_eq!(piped("port == 9001").status.code(), Some(0));
    assert_eq!(conns("piped.pcapng"), 1);
    // A refused upgrade is a failed conversation and can be selected, too.
    let (code, ..) = said(folder.path(), &format!("print {whole} -w refused.pcapng --conn 1"));
    assert_eq!(code, 0);
}

#[test]
fn capture_filters_are_for_files_too() {
    let folder = folder();
    let (code, out, err) = said(folder.path(), "export -f tcp tiny.pcap");
    if err.contains("libpcap") && code == 2 {
        eprintln!("skipped: no libpcap");
        return;
    }
    assert_eq!((code, out), (0, said(folder.path(), "export tiny.pcap").1));
    let (code, out, err) = said(folder.path(), "print -f udp tiny.pcap");
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert!(err.contains("-f 'udp' lets no packet through"), "{err}");
    let (code, _, err) = said(folder.path(), "print -f prot tiny.pcap");
    assert_eq!((code, err.contains("syntax error")), (2, true), "{err}");
}

#[test]
fn words_among_the_files_are_answered_with_the_flag_that_takes_them() {
    let folder = folder();
    for (line, advice) in [
        (
            "print tiny.pcap tcp port 80",
            "there is no file tcp; give capture filters with -f: -f 'tcp port 80'",
        ),
        ("print hello tiny.pcap", "there is no file hello; to search for texts, use -Y '\"hello\"'"),
        ("print missing.pcap tiny.pcap", "missing.pcap: No such file"),
        ("print --template %time tiny.pcap", "it has no field: write fields in braces"),
    ] {
        let (code, out, err) = said(folder.path(), line);
        assert_eq!((code, out.as_str(), err.contains(advice)), (2, "", true), "{line}: {err}");
    }
}

#[test]
fn columns_and_templates_are_printed() {
    let folder = folder();
    let (code, out, err) =
        said(folder.path(), "print tiny.pcap --fields time,from,opcode,len,text -Y len==5");
    assert_eq!(code, 0, "{err}");
    let want = "0.004000\tclient\ttext\t5\thello\n0.005000\tserver\ttext\t5\tHello\n\
                0.010000\tclient\tclose\t5\t\n0.011000\tserver\tclose\t5\t\n";
    assert_eq!(out, want);
    let (_, out, _) = said(folder.path(), "print tiny.pcap --fields anomaly,packet -Y severity==error");
    assert_eq!(out, "unmasked-client-frame\t10\n");
    let mut command = crate::cli::wirefin(
        folder.path(),
        &["print", "tiny.pcap", "--template", "[{conn}] {from}: {payload}", "-c", "2"],
    );
    let out = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert_eq!(out, "[1] client: hello\n[1] server: tick\n");
    for line in ["--fields from,nonsense", "--template {from", "--fields from --hex"] {
        assert_eq!(said(folder.path(), &format!("print tiny.pcap {line}")).0, 2, "{line}");
    }
}

#[test]
fn times_are_those_of_a_day_where_that_is_asked_for() {
    let folder = folder();
    let first = |time: &str, zone: &str| {
        let mut command =
            crate::cli::wirefin(folder.path(), &["print", "tiny.pcap", "-c", "1", "--time", time]);
        let out = command.env("TZ", zone).output().unwrap().stdout;
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    for time in ["relative", "delta", "utc", "absolute", "epoch"] {
        assert!(
            first(time, "")[0].starts_with("capture begins 20") && first(time, "")[0].ends_with(" UTC"),
            "{time}"
        );
    }
    let (utc, absolute) = (first("utc", ""), first("absolute", ""));
    assert_eq!(utc, absolute);
    assert_eq!(utc[1].split_whitespace().next().unwrap().len(), "12:00:01.500000".len(), "{utc:?}");
    if Path::new("/usr/share/zoneinfo/Asia/Kolkata").exists() {
        let there = first("local", "Asia/Kolkata");
        assert!(there[0].ends_with(" +05:30"), "{there:?}");
    } else {
        eprintln!("skipped: no time zones are installed here");
    }
}

#[test]
fn a_new_day_is_named() {
    let folder = folder();
    // The seconds of the records are set so that midnight passes during the conversation.
    let mut bytes = tiny::capture();
    let (mut at, mut second) = (24, 1_774_742_393_u32);
    while at < bytes.len() {
        let length = u32::from_le_bytes(bytes[at + 8..at + 12].try_into().unwrap()) as usize;
        bytes[at..at + 4].copy_from_slice(&second.to_le_bytes());
        second += 1;
        at += 16 + length;
    }
    fs::write(folder.path().join("night.pcap"), bytes).unwrap();
    for threads in [1, 3] {
        let (_, out, _) = said(folder.path(), &format!("print night.pcap --time utc --threads {threads}"));
        let days: Vec<_> = out.lines().filter(|line| !line.contains('#')).collect();
        assert_eq!(days.len(), 2, "{out}");
        assert!(
            days[0].starts_with("capture begins 2026-03-28 23:59:53") && days[1] == "── 2026-03-29 UTC ──",
            "{out}"
        );
        assert!(out.lines().position(|line| line == days[1]).unwrap() > 2, "{out}");
    }
}

#[test]
fn json_is_laid_out_where_that_is_asked_for() {
    let folder = folder();
    let json = capture("messages/json-and-unicode.pcap");
    let (code, out, err) = said(folder.path(), &format!("print --pretty {json}"));
    assert_eq!(code, 0, "{err}");
    let (_, plain, _) = said(folder.path(), &format!("print {json}"));
    let below: Vec<_> =
        out.lines().filter(|line| line.starts_with("        ") && !line.contains('#')).collect();
    assert!(below.len() > 2, "{out}");
    // Apart from blanks, the output is the same.
    let dense = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let shown = dense(&below.concat());
    let mut rows = plain.lines().filter_map(|line| line.rsplit_once("  "));
    assert!(rows.any(|(_, text)| text.starts_with('{') && shown.contains(&dense(text))), "{out}");
    let (_, coloured, _) = said(folder.path(), &format!("print --pretty --color always {json}"));
    assert!(coloured.contains("\x1b["), "{coloured}");
}

/// Runs a line on a terminal of 100 columns; returns what the terminal showed.
fn on_a_terminal(folder: &Path, line: &str, environment: &str) -> Option<String> {
    let program = assert_cmd::cargo::cargo_bin("wirefin");
    let command = format!("stty cols 100 rows 40; {environment} {} {line}", program.display());
    let output = Command::new("script")
        .current_dir(folder)
        .args(["-qec", &command, "/dev/null"])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_terminal_gets_a_pager_and_a_dumb_one_neither_that_nor_colours() {
    let folder = folder();
    // It prints that it ran, and how.
    let fake = folder.path().join("less");
    fs::write(&fake, "#!/bin/sh\necho \"PAGER $1 $LESSSECURE\"; cat\n").unwrap();
    fs::set_permissions(&fake, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("PATH={}:$PATH NO_COLOR=", folder.path().display());
    let Some(shown) = on_a_terminal(folder.path(), "print tiny.pcap", &format!("TERM=xterm {path}")) else {
        eprintln!("skipped: there is no script(1)");
        return;
    };
    assert!(shown.contains("PAGER -FRX 1") && shown.contains("\x1b[") && shown.contains("hello"), "{shown}");
    for (line, environment) in [
        ("print --no-pager tiny.pcap", "TERM=xterm"),
        ("print tiny.pcap", "TERM=xterm PAGER=cat"),
        ("print tiny.pcap", "TERM=dumb"),
        ("tiny.pcap", "TERM=dumb"),
    ] {
        let shown = on_a_terminal(folder.path(), line, &format!("{environment} {path}")).unwrap();
        let is_dumb = environment.ends_with("dumb");
        assert!(!shown.contains("PAGER ") && shown.contains("hello"), "{line}: {shown}");
        assert_eq!(shown.contains("\x1b["), !is_dumb, "{environment} {line}: {shown}");
    }
    // Long lines are truncated to the terminal's width there, and nowhere else.
    let long = capture("messages/lengths.pcap.gz");
    let longest = |text: &str| {
        let rows = text.lines().filter(|line| line.contains("  text  "));
        rows.map(|line| line.trim_end().chars().count()).max().unwrap()
    };
    let shown = on_a_terminal(folder.path(), &format!("print --no-pager {long}"), "TERM=dumb").unwrap();
    assert!((80..=100).contains(&longest(&shown)), "{}", longest(&shown));
    assert!(longest(&said(folder.path(), &format!("print {long}")).1) > 65_536);
    assert_eq!(longest(&said(folder.path(), &format!("print --width 90 {long}")).1), 90);
}

#[test]
fn streams_that_are_shown_are_not_said_to_show_nothing() {
    let folder = folder();
    for name in ["h2/node-h2c.pcap", "h2/refused.pcap"] {
        let path = capture(name);
        let (_, out, err) = said(folder.path(), &format!("explain {path}"));
        assert!(!out.contains("no WebSocket was found"), "{name}: {out}");
        assert!(!said(folder.path(), &format!("print {path}")).2.contains("shows nothing"), "{name}: {err}");
        assert_ne!(said(folder.path(), &format!("check {path}")).0, 3, "{name}");
    }
}

#[test]
fn what_may_be_held_follows_from_the_memory() {
    let folder = folder();
    let bomb = capture("compressed/small-bomb.pcap.gz");
    for (flags, kept) in [
        ("", 7 << 20),
        ("--memory 64MiB", 7 << 17),
        ("--memory 64MiB --max-message 2MiB", 2 << 20),
        ("--memory 2GiB", 16 << 20),
    ] {
        let (exit, out, _) = said(folder.path(), &format!("export -q {flags} {bomb}"));
        assert_eq!(exit, 0, "{flags}");
        let cut = format!("\"truncated_to\":{kept},");
        assert_eq!(out.contains(&cut), kept < 16 << 20, "{flags}");
    }
}

#[test]
fn protocols_are_named_where_their_beginning_was_not_captured() {
    let folder = folder();
    for (file, name) in [
        ("amqp", "AMQP"),
        ("beanstalk", "beanstalkd"),
        ("bittorrent", "BitTorrent"),
        ("cassandra", "Cassandra"),
        ("dns", "DNS"),
        ("ftp", "FTP"),
        ("git", "Git"),
        ("http2", "HTTP/2"),
        ("kafka", "Kafka"),
        ("ldap", "LDAP"),
        ("memcached", "memcached"),
        ("mongodb", "MongoDB"),
        ("mqtt", "MQTT"),
        ("mysql", "MySQL"),
        ("nats", "NATS"),
        ("postgresql", "PostgreSQL"),
        ("redis", "Redis"),
        ("sip", "SIP"),
        ("smb2", "SMB"),
        ("smtp", "SMTP"),
        ("tls", "TLS"),
        ("xmpp", "XMPP"),
        ("noise", "its beginning was not captured"),
        ("length-prefixed", "its beginning was not captured"),
        ("text-lines", "its beginning was not captured"),
        ("zeros", "its beginning was not captured"),
    ] {
        let (code, out, err) =
            said(folder.path(), &format!("explain {}", capture(&format!("negative/{file}.pcap"))));
        assert_eq!((code, err.as_str()), (0, ""), "{file}");
        assert!(out.lines().skip(1).any(|line| line.contains(&format!("  {name}"))), "{file}: {out}");
    }
}
