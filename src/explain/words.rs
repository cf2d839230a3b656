//! Descriptions of connections and of what would help.

use crate::event::{Anomaly, Http, Reason, Tls, Transport};
use crate::http::Response;
use crate::model::Side;
use crate::text::count;

/// Returns the words for a reason's name, as in the heading of a group.
pub(super) fn reason(name: &str) -> &str {
    match name {
        "shown" => "WebSocket",
        "not-all-shown" => "WebSocket shown in part",
        "rejected" => "upgrade refused",
        "tls" => "TLS",
        "tls-decrypted" => "TLS without a WebSocket",
        "http" => "HTTP without upgrade",
        "other-upgrade" => "HTTP, upgraded to something else",
        "sse" => "server-sent events",
        "polling" => "long polling",
        "http2" => "HTTP/2",
        "one-direction" => "one direction only",
        "no-data" => "no data",
        "mid-stream" => "joined mid-stream",
        "other-protocol" => "another protocol",
        _ => "unknown",
    }
}

/// Returns the stable name of the reason why a connection shows nothing, as it is reported and counted.
pub(super) fn name(reason: &Reason) -> &'static str {
    match reason {
        Reason::Http(http) if http.upgrade.is_some() => "other-upgrade",
        Reason::Http(http) => match http.transport {
            Some(Transport::Sse) => "sse",
            Some(Transport::Polling) => "polling",
            _ => reason.name(),
        },
        _ => reason.name(),
    }
}

/// Returns a note on the use of an upgrade protocol, to be appended; empty if there is none.
fn who(upgrade: &str) -> &'static str {
    let is = |name: &str| upgrade.eq_ignore_ascii_case(name);
    if is("tcp") {
        " (Docker's attach and exec do so)"
    } else if is("SPDY/3.1") {
        " (Kubernetes' exec, attach and port-forward do so)"
    } else if is("h2c") {
        " (HTTP/2 without encryption)"
    } else {
        ""
    }
}

/// Describes a connection that shows nothing; `why` is the reason why TLS was not decrypted despite keys.
pub(super) fn what(reason: &Reason, why: Option<&Anomaly>) -> String {
    match reason {
        Reason::Tls(tls) => format!("{}, {}", agreed(tls), not_decrypted(why)),
        Reason::Decrypted(tls) => format!("{}, decrypted, in which no WebSocket was found", agreed(tls)),
        Reason::Http(http) => exchange(http),
        Reason::Http2 { read: true } => "HTTP/2 without encryption, without a WebSocket request".to_owned(),
        Reason::Http2 { read: false } => {
            "HTTP/2 without encryption, captured in part, in which no WebSocket was found".to_owned()
        }
        Reason::Protocol(name) => format!("{name}, not HTTP"),
        Reason::OneSide(side) => format!("only what the {} sent was captured", side.name()),
        Reason::Silent => "a connection without data".to_owned(),
        Reason::MidStream => {
            "its beginning was not captured, and no WebSocket frames were found in the rest".to_owned()
        }
        Reason::Unknown => "neither HTTP nor a known protocol".to_owned(),
    }
}

fn agreed(tls: &Tls) -> String {
    let mut text = "TLS".to_owned();
    if let Some(version) = &tls.version {
        text = format!("{text} {version}");
    }
    if let Some(sni) = &tls.sni {
        text = format!("{text} to {sni}");
    }
    if let Some(alpn) = &tls.alpn {
        text = format!("{text} ({alpn})");
    } else if let Some(offered) = &tls.offered {
        text = format!("{text} (offered {offered})");
    }
    text
}

/// Describes why TLS was not decrypted.
fn not_decrypted(why: Option<&Anomaly>) -> String {
    match why {
        Some(Anomaly::TlsNoKeys { client_random, known, .. }) => {
            let begins = client_random
                .as_deref()
                .map_or_else(String::new, |random| format!(": its client random begins with {random}"));
            format!("and of the {} known none is for it{begins}", count(*known, "secret"))
        }
        Some(Anomaly::TlsKeysWrong { tried }) => {
            format!("and none of the {} known for it opens its records", count(*tried, "secret"))
        }
        Some(Anomaly::TlsHandshakeMissing { .. }) => {
            "of which the handshake was not captured, and no known secret opens the rest".to_owned()
        }
        Some(Anomaly::TlsSuiteUnsupported { suite }) => {
            format!("and its cipher suite {suite} is not supported")
        }
        _ => "and there are no keys for it".to_owned(),
    }
}

fn exchange(http: &Http) -> String {
    let of = http.host.as_deref().map_or_else(String::new, |host| format!(" of {host}"));
    if let Some(upgrade) = &http.upgrade {
        return format!("HTTP{of}, upgraded to {upgrade}{}, which is no WebSocket", who(upgrade));
    }
    match http.transport {
        Some(Transport::Sse) => format!("server-sent events{of}, not a WebSocket"),
        Some(Transport::Polling) => format!("long polling{of}, not a WebSocket"),
        _ => {
            let status = http.status.map_or_else(String::new, |status| format!(", first answer {status}"));
            match &http.offered {
                Some(offered) => {
                    format!(
                        "HTTP{of} with an offer to upgrade to {offered}{} that was not taken{status}",
                        who(offered)
                    )
                }
                None => format!("HTTP{of} without an upgrade to WebSocket{status}"),
            }
        }
    }
}

/// The fields of a refusal that say more than its status, by status.
const SAY_MORE: [(u16, &str); 8] = [
    (301, "location"),
    (302, "location"),
    (303, "location"),
    (307, "location"),
    (308, "location"),
    (401, "www-authenticate"),
    (426, "sec-websocket-version"),
    (503, "retry-after"),
];

/// Returns what a refusal says beside its status.
pub(super) fn says_more(response: &Response) -> Option<String> {
    let named = SAY_MORE.iter().filter(|(status, _)| *status == response.status);
    let mut fields =
        named.filter_map(|(_, name)| response.headers.iter().find(|it| it.name.eq_ignore_ascii_case(name)));
    fields.next().map(|field| format!("the server: {}: {}", field.name, field.value))
}

/// Says what helps where an upgrade was refused with a status.
pub(super) const fn help_with_refusal(status: u16) -> Option<&'static str> {
    match status {
        401 | 407 => Some("the server requires credentials"),
        403 => Some("servers refuse origins and users with 403: look at Origin and cookies"),
        404 => Some("there is no WebSocket at this path"),
        426 => Some("the server requires another version: look at its Sec-WebSocket-Version"),
        502..=504 => Some("a proxy could not reach the server behind it"),
        200..=299 => Some("an intermediary does not support WebSocket, or the path serves a page"),
        300..=399 => Some("browsers do not follow redirects here: connect to where it points"),
        _ => None,
    }
}

/// Describes what helps if only data sent by `side` was captured.
pub(super) fn other_direction(side: Side) -> String {
    format!("mirror both directions of the port, or capture where the {} is seen too", (!side).name())
}

/// What helps if extended CONNECT was used although the server's settings do not allow it.
pub(super) const NOT_ENABLED: &str = "the server has to allow WebSockets over HTTP/2 (SETTINGS_ENABLE_CONNECT_PROTOCOL, \
     RFC 8441), or the client to use HTTP/1.1";

/// Describes what would help to see more.
pub(super) fn help(reason: &Reason, why: Option<&Anomaly>, lost: u64, snap: Option<u32>) -> Option<String> {
    if let Some(needed) = snap {
        return Some(too_short(needed));
    }
    match reason {
        Reason::Tls(_) => Some(help_to_decrypt(why).to_owned()),
        Reason::OneSide(side) => Some(other_direction(*side)),
        Reason::MidStream | Reason::Http2 { read: false } => {
            Some("begin to capture before the connection is opened".to_owned())
        }
        Reason::Unknown if lost > 0 => Some("a capture without loss".to_owned()),
        Reason::Unknown
        | Reason::Decrypted(_)
        | Reason::Http(_)
        | Reason::Http2 { read: true }
        | Reason::Protocol(_)
        | Reason::Silent => None,
    }
}

/// Returns the advice for packets truncated by a snap length shorter than `needed`.
pub(super) fn too_short(needed: u32) -> String {
    format!("the snap length cut packets short: capture with -s {needed} or more, or with -s 0")
}

/// Describes what would help to decrypt TLS.
const fn help_to_decrypt(why: Option<&Anomaly>) -> &'static str {
    match why {
        Some(Anomaly::TlsNoKeys { .. }) => {
            "a key log of this client, or of the server, that was written when the connection began; or a capture \
             behind the proxy that ends TLS"
        }
        Some(Anomaly::TlsKeysWrong { .. }) => {
            "the key log of the same connection: that one was damaged, or made for another capture"
        }
        Some(Anomaly::TlsHandshakeMissing { .. }) => "begin to capture before the connection is opened",
        Some(Anomaly::TlsSuiteUnsupported { .. }) => "a capture behind the proxy that ends TLS",
        _ => {
            "a key log of the client or the server (SSLKEYLOGFILE), or a capture behind the proxy that ends TLS"
        }
    }
}
