//! Recognises other kinds of files by their first bytes, and suggests what to do.

/// A kind of file: the offset of its magic bytes, the bytes, and the message.
type Kind = (usize, &'static [u8], &'static str);

const COMPRESSED: &[Kind] = &[
    (0, b"\xfd7zXZ\0", "it is compressed with xz: decompress it first, with `xz -dk`"),
    (0, b"\x5d\0\0", "it is compressed with lzma: decompress it first, with `xz -dk`"),
    (0, b"BZh", "it is compressed with bzip2: decompress it first, with `bzip2 -dk`"),
    (0, b"LZIP", "it is compressed with lzip: decompress it first, with `lzip -dk`"),
    (0, b"\x1f\x9d", "it is compressed with compress: decompress it first, with `uncompress`"),
    (0, b"PK\x03\x04", "it is a zip archive: unpack it first, with `unzip`"),
    (0, b"7z\xbc\xaf\x27\x1c", "it is a 7z archive: unpack it first, with `7z x`"),
    (0, b"Rar!\x1a\x07", "it is a rar archive: unpack it first"),
    (257, b"ustar", "it is a tar archive: unpack it first, with `tar -xf`"),
];

/// Captures of other programs, all of which Wireshark's editcap converts.
const CAPTURES: &[(usize, &[u8], &str)] = &[
    (0, b"snoop\0\0\0", "snoop"),
    (0, b"GMBU", "Network Monitor 2"),
    (0, b"RTSS", "Network Monitor 1"),
    (0, b"TRSNIFF data    \x1a", "Sniffer (DOS)"),
    (0, b"XCP\0", "Sniffer (Windows) or NetXRay"),
    (0, b"ObserverPktBuffer", "Observer"),
    (0, b"\xab\x01\x00\x1c", "Ixia IxOS"),
    (0, b"\x1c\x00\x01\xab", "Ixia IxOS"),
    (0, b"\xac\x01\x00\x1c", "Ixia IxOS"),
    (0, b"\x1c\x00\x01\xac", "Ixia IxOS"),
    (0, b"\xaa\xaa\xaa\xaa", "5Views"),
    (0, b"\x7fver", "OmniPeek"),
    (0, b"\x01\x10\x4c\0\x01\x05", "LANalyzer"),
    (0, b"\x05VNF", "Visual Networks"),
    (0, b"TR\0d", "HP-UX nettl"),
    (0, b"iptrace 1.0", "iptrace"),
    (0, b"iptrace 2.0", "iptrace"),
    (0, b"btsnoop\0", "btsnoop"),
];

const TEXTS: &[(&[u8], &str)] = &[
    (
        b"version https://git-lfs",
        "it is a Git LFS pointer: fetch the file it stands for, with `git lfs pull`",
    ),
    (b"<!doctype html", "it is an HTML page, perhaps of a download that failed"),
    (b"<html", "it is an HTML page, perhaps of a download that failed"),
    (b"<?xml", "it is XML; what is wanted is the capture it was made from"),
    (b"client_random ", "it is a TLS key log, which goes with a capture"),
    (b"client_handshake_traffic_secret ", "it is a TLS key log, which goes with a capture"),
];

/// Describes what the first bytes of a file suggest.
pub(super) fn looks_like(start: &[u8]) -> String {
    let has = |at: usize, bytes: &[u8]| start.get(at..).is_some_and(|rest| rest.starts_with(bytes));
    if let Some((.., words)) = COMPRESSED.iter().find(|(at, bytes, _)| has(*at, bytes)) {
        return (*words).to_owned();
    }
    if let Some((.., name)) = CAPTURES.iter().find(|(at, bytes, _)| has(*at, bytes)) {
        return format!("it is a capture of {name}: convert it with `editcap -F pcap`");
    }
    if let Some(words) = text(start) {
        return words.to_owned();
    }
    let bytes: Vec<String> = start.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("it begins with {}, and neither pcap nor pcapng does", bytes.join(" "))
}

/// How many bytes must be text for a file to be considered text.
const LOOK: usize = 512;

/// Describes what kind of text a file is; `None` if it is not text.
fn text(start: &[u8]) -> Option<&'static str> {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let start = start.get(..LOOK).unwrap_or(start);
    let is_text = |byte: &u8| *byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r');
    if start.is_empty() || !start.iter().all(is_text) {
        return None;
    }
    let begins = |words: &[u8]| start.get(..words.len()).is_some_and(|it| it.eq_ignore_ascii_case(words));
    if let Some((_, words)) = TEXTS.iter().find(|(words, _)| begins(words)) {
        return Some(words);
    }
    // UTF-8 may be truncated within a character.
    let valid = std::str::from_utf8(start).map_or_else(|error| error.valid_up_to(), str::len);
    if start.len().saturating_sub(valid) > 3 {
        return None;
    }
    let is_har = || memchr::memmem::find(start, b"\"log\"").is_some();
    Some(match start {
        [b'{', ..] if is_har() => {
            "it is a HAR file, which browsers save; wirefin reads packets, as tcpdump and Wireshark save them"
        }
        [b'{' | b'[', ..] => "it is JSON; what is wanted is the capture it was made from",
        _ => "it is text; wirefin reads packets, as `tcpdump -w` and Wireshark save them",
    })
}

#[cfg(test)]
mod tests {
    use super::looks_like;

    #[test]
    fn kinds_of_files_are_named_with_the_way_out() {
        let mut tar = vec![0; 512];
        tar[..4].copy_from_slice(b"name");
        tar[257..262].copy_from_slice(b"ustar");
        for (start, words) in [
            (&b"\xfd7zXZ\0\0\x04"[..], "xz -dk"),
            (b"BZh91AY&SY", "bzip2 -dk"),
            (b"\x5d\0\0\x80\0\xff\xff\xff", "lzma: decompress it first, with `xz -dk`"),
            (b"\x01\x10\x4c\0\x01\x05Trace", "LANalyzer"),
            (b"PK\x03\x04\x14", "unzip"),
            (&tar, "tar -xf"),
            (b"snoop\0\0\0\0\0\0\x02", "snoop: convert it with `editcap -F pcap`"),
            (b"GMBU\0\x02", "Network Monitor 2: convert it with `editcap -F pcap`"),
            (b"RTSS\x01\x01", "Network Monitor 1"),
            (b"TRSNIFF data    \x1a", "Sniffer"),
            (b"XCP\x00002.002", "NetXRay"),
            (b"ObserverPktBufferVersion=15.00", "Observer"),
            (b"\xab\x01\x00\x1c", "Ixia"),
            (b"\xaa\xaa\xaa\xaa\0\0", "5Views"),
            (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
            (b"\xef\xbb\xbf<!DOCTYPE html>", "HTML"),
            (b"  <HTML><head>", "HTML"),
            (b"{\n  \"log\": {\"version\": \"1.2\"", "HAR"),
            (b"[{\"_index\": \"packets\"", "JSON"),
            (b"CLIENT_RANDOM 5a5a", "key log"),
            (b"00:00:01.5 IP 10.0.0.1\n", "text"),
            ("één".as_bytes(), "text"),
            (b"\x01\x02\x03\x04\x05\x06\x07\x08\x09", "begins with 01 02 03 04 05 06 07 08, and"),
            (b"abcd\xff\xff\xff\xff\xff", "begins with 61 62 63 64 ff"),
        ] {
            let said = looks_like(start);
            assert!(said.contains(words), "{said}");
        }
    }
}
