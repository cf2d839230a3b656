//! The systems used in tutorials: the complete output of `print`, `check` and `explain` for each.

use std::path::Path;

use crate::cli::run;

#[test]
fn what_is_said_of_every_tutorial() {
    insta::with_settings!({
        snapshot_path => "snapshots/tutorials",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::glob!("../captures/tutorials", "*.{pcap,gz}", |path| {
            let (folder, name) = (path.parent().unwrap(), path.file_name().unwrap().to_str().unwrap());
            let mut text = String::new();
            for command in ["print --width 160", "check", "explain"] {
                let output = run(folder, &format!("{command} {name}"));
                let [out, err] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
                text.extend([&format!("$ wirefin {command} {name}\n"), &*out]);
                for (what, part) in [("stderr", err), ("exit", output.status.code().unwrap().to_string())] {
                    if !part.is_empty() && part != "0" {
                        text.extend(["--- ", what, "\n", &part, "\n"]);
                    }
                }
            }
            insta::assert_snapshot!("tutorial", text);
        });
    });
}

/// Correctly written programs are not reported to break any rule.
#[test]
fn the_right_ones_break_no_rule() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/captures/tutorials"));
    for name in [
        "chromium-text-blob-arraybuffer.pcap",
        "http-server-by-hand.pcap",
        "socketio-4-chat.pcap",
        "websockets-deflate.pcap",
    ] {
        let output = run(folder, &format!("check {name}"));
        assert_eq!(output.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&output.stdout));
    }
    for (name, rule, code) in [
        ("net-server-folded-101.pcap", "folded-header", 0),
        ("misspelt-header-undefined.pcap", "accept-mismatch", 1),
    ] {
        let output = run(folder, &format!("check {name}"));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.code() == Some(code) && text.contains(rule), "{name}: {text}");
    }
}
