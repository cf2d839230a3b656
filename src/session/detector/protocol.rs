//! Recognition of other protocols by their first bytes.

/// The HTTP/2 connection preface (RFC 9113 §3.4).
pub(super) const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Returns the name of the protocol that `client` and `server` begin with; the `port` decides if the bytes are
/// inconclusive.
pub(super) fn name(client: &[u8], server: &[u8], port: u16) -> Option<&'static str> {
    let first = |list: &[(&'static str, &[u8])], bytes: &[u8]| {
        list.iter().find(|(_, start)| bytes.starts_with(start)).map(|(name, _)| *name)
    };
    first(BOTH, client)
        .or_else(|| first(BOTH, server))
        .or_else(|| {
            if is_redis(client) {
                return Some("Redis");
            }
            first(SERVERS, server)
        })
        .or_else(|| match client {
            [0x10, ..] if is_mqtt(client) => Some("MQTT"),
            [0, 0, 0, _, 0, 3, 0, 0, ..] => Some("PostgreSQL"),
            [0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f, ..] => Some("PostgreSQL"),
            [5, methods, rest @ ..] if rest.len() == usize::from(*methods) && *methods > 0 => Some("SOCKS 5"),
            [3, 0, 0, _, _, 0xe0, ..] => Some("RDP"),
            [_, _, _, 0xfe, b'S', b'M', b'B', ..] | [0, _, _, _, 0xfe | 0xff, b'S', b'M', b'B', ..] => {
                Some("SMB")
            }
            _ => match (server, port) {
                ([_, _, 0, 0, 10, ..], 3306) => Some("MySQL"),
                ([b'2', b'2', b'0', b' ' | b'-', ..], 21) => Some("FTP"),
                ([b'2', b'2', b'0', b' ' | b'-', ..], _) => Some("SMTP"),
                (_, 27017) => Some("MongoDB"),
                _ => None,
            },
        })
}

/// Returns whether the bytes begin with a Redis command: an array of strings, each preceded by its length.
fn is_redis(client: &[u8]) -> bool {
    matches!(client, [b'*', b'1'..=b'9', ..]) && client.windows(3).take(8).any(|it| it == b"\r\n$")
}

/// First bytes that either side may send.
const BOTH: &[(&str, &[u8])] = &[
    ("SSH", b"SSH-"),
    ("AMQP", b"AMQP"),
    ("BitTorrent", b"\x13BitTorrent protocol"),
    ("STOMP", b"CONNECT\naccept-version"),
    ("STOMP", b"STOMP\n"),
    ("NATS", b"INFO {"),
    ("RFB (VNC)", b"RFB 00"),
    ("PROXY protocol", b"PROXY TCP"),
    ("PROXY protocol", b"\r\n\r\n\0\r\nQUIT\n"),
    ("XMPP", b"<?xml version='1.0'?><stream"),
    ("XMPP", b"<stream:stream"),
    ("SIP", b"SIP/2.0"),
    ("RTSP", b"RTSP/1.0"),
    ("IRC", b"NICK "),
    ("Git", b"0000git-"),
];

/// First bytes that only a server sends.
const SERVERS: &[(&str, &[u8])] =
    &[("IMAP", b"* OK"), ("POP3", b"+OK"), ("Redis", b"-NOAUTH"), ("Redis", b"+PONG")];

/// Returns whether bytes begin with an MQTT CONNECT packet (MQTT 3.1.1 §3.1).
fn is_mqtt(bytes: &[u8]) -> bool {
    // The remaining length takes one to four bytes; the protocol's name follows.
    (2..=5).any(|at| {
        bytes
            .get(at..)
            .is_some_and(|rest| rest.starts_with(b"\0\x04MQTT") || rest.starts_with(b"\0\x06MQIsdp"))
    })
}

#[cfg(test)]
mod tests {
    use super::name;
    use proptest::prelude::*;

    #[test]
    fn protocols_are_known_by_their_first_bytes() {
        for (client, server, port, want) in [
            (&b"SSH-2.0-x\r\n"[..], &b""[..], 22, Some("SSH")),
            (b"", b"SSH-2.0-OpenSSH\r\n", 2222, Some("SSH")),
            (b"\x10\x10\0\x04MQTT\x04\x02\0\x3c", b"", 1883, Some("MQTT")),
            (b"\x10\x90\x01\0\x04MQTT\x05", b"", 1, Some("MQTT")),
            (b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n", 6379, Some("Redis")),
            (b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n", b"+OK\r\n", 6379, Some("Redis")),
            (b"", b"220 mail ESMTP\r\n", 25, Some("SMTP")),
            (b"\0\0\0\x08\x04\xd2\x16\x2f", b"N", 5432, Some("PostgreSQL")),
            (b"\x05\x01\0", b"\x05\0", 1080, Some("SOCKS 5")),
            (b"hello", b"world", 9, None),
            (b"", b"", 80, None),
        ] {
            assert_eq!(name(client, server, port), want, "{client:?} {server:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(client: Vec<u8>, server: Vec<u8>, port: u16) {
            name(&client, &server, port);
        }
    }
}
