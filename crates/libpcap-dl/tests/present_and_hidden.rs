//! Calls the `pcap` crate through this one, with the library present and with it hidden.

use std::process::Command;

use libpcap_dl as _;

/// Set in the child process in which the library is hidden.
const HIDDEN: &str = "LIBPCAP_DL_TEST_HIDDEN";

#[test]
fn library_is_used_where_it_is_there() {
    if let Err(missing) = libpcap_dl::load() {
        eprintln!("skipped: {missing}");
        return;
    }
    let capture = pcap::Capture::dead(pcap::Linktype::ETHERNET).unwrap();
    assert!(capture.compile("tcp port 80", true).is_ok());
    let error = capture.compile("tcp prot 80", true).map(drop).unwrap_err();
    assert!(error.to_string().contains("syntax error"), "{error}");
    assert!(pcap::Device::list().is_ok());
}

/// Runs in the child process started below.
#[test]
fn child_without_the_library() {
    if std::env::var_os(HIDDEN).is_none() {
        return;
    }
    assert_eq!(libpcap_dl::load(), Err(&libpcap_dl::Missing::NotFound));
    for error in [
        pcap::Capture::from_device("lo").map(drop).unwrap_err(),
        pcap::Capture::from_file("any.pcap").map(drop).unwrap_err(),
        pcap::Device::list().map(drop).unwrap_err(),
    ] {
        assert!(error.to_string().contains("libpcap is not installed"), "{error}");
    }
    assert!(matches!(pcap::Capture::dead(pcap::Linktype::ETHERNET), Err(pcap::Error::InsufficientMemory)));
}

/// Mounts an overlay over every folder with the library, and deletes it there; the folder itself remains unchanged.
#[cfg(target_os = "linux")]
#[test]
fn error_buffers_are_filled_where_it_is_hidden() {
    let hide = r#"
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
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", hide, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "child_without_the_library"])
        .env(HIDDEN, "1")
        .output();
    match output {
        Ok(output) if String::from_utf8_lossy(&output.stdout).starts_with("hidden") => {
            assert!(output.status.success(), "{output:?}");
        }
        other => eprintln!("skipped: the library cannot be hidden without the right to mount: {other:?}"),
    }
}
