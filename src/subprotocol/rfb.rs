//! RFB, the protocol of VNC (RFC 6143), through a WebSocket proxy. Messages are named as far as their lengths are known
//! without the pixels: the first messages of a session, then what the client sends, and the kinds of what the server
//! sends at the beginning of a WebSocket message.

use crate::model::{Pair, Side};

use super::choice::{Evidence, Protocol, no_url};
use super::decoder::{Decoder, Out};
use super::input::Input;

pub(super) static RFB: Protocol = Protocol {
    name: "rfb",
    headers: &[],
    url: no_url,
    sign: |input, _| match input.head() {
        [b'R', b'F', b'B', b' ', rest @ ..] if rest.len() == 8 && rest.ends_with(b"\n") => Evidence::Sure,
        _ => Evidence::Against,
    },
    make: |_| Box::new(Rfb { phase: Phase::Versions, lost: Pair::default() }),
    inner: false,
};

const NAME: &str = "rfb";

/// What comes next (RFC 6143 §7.1–7.3).
///
/// ```text
///   Versions ─► Security ─► Authentication ─► Result ─► ClientInit ─► ServerInit ─► Session
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Versions,
    Security,
    Authentication,
    Result,
    ClientInit,
    ServerInit,
    Session,
}

/// A decoder of RFB.
#[derive(Debug)]
struct Rfb {
    phase: Phase,
    /// Whose bytes have lost their place: a message of theirs is named no more.
    lost: Pair<bool>,
}

impl Decoder for Rfb {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        let head = input.head();
        if head.is_empty() || self.lost[input.from] {
            return;
        }
        if !input.is_whole() {
            self.lost[input.from] = true;
        }
        match (self.phase, input.from) {
            (Phase::Versions, _) => self.version(head, input.from, out),
            (Phase::Security, Side::Server) => {
                let mut unit = out.unit(NAME, "Security");
                unit.number("number-of-security-types", head.first().copied().unwrap_or(0));
                unit.bytes("security-types", head.get(1..).unwrap_or_default());
            }
            (Phase::Security, Side::Client) => {
                let chosen = head.first().copied().unwrap_or(0);
                out.unit(NAME, "SecurityType").number("security-type", chosen);
                self.phase = if chosen == 1 { Phase::Result } else { Phase::Authentication };
            }
            (Phase::Authentication, Side::Server) if head.len() == 16 => {
                out.unit(NAME, "Challenge");
            }
            (Phase::Authentication, Side::Client) => {
                out.unit(NAME, "Response").bytes("response", head).secret(head);
                self.phase = Phase::Result;
            }
            (Phase::Authentication | Phase::Result, Side::Server) => {
                let result = head.iter().take(4).fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
                let mut unit = out.unit(NAME, "SecurityResult");
                unit.number("status", result);
                if result != 0 {
                    unit.error(&String::from_utf8_lossy(head.get(8..).unwrap_or(b"failed")));
                }
                self.phase = Phase::ClientInit;
            }
            (Phase::Result | Phase::ClientInit, Side::Client) => {
                out.unit(NAME, "ClientInit").flag("shared-flag", head.first() != Some(&0));
                self.phase = Phase::ServerInit;
            }
            (Phase::ClientInit | Phase::ServerInit, Side::Server) => {
                server_init(head, out);
                self.phase = Phase::Session;
            }
            (Phase::ServerInit | Phase::Session, Side::Client) => self.client(head, out),
            (Phase::Session, Side::Server) => server(head, out),
        }
    }

    fn lost(&mut self, from: Side) {
        self.lost[from] = true;
    }
}

impl Rfb {
    fn version(&mut self, head: &[u8], from: Side, out: &mut Out<'_>) {
        if !head.starts_with(b"RFB ") {
            return out.contradiction();
        }
        let version = String::from_utf8_lossy(head.get(4..11).unwrap_or_default()).into_owned();
        out.unit(NAME, "ProtocolVersion").text("version", &version);
        if from == Side::Client {
            self.phase = Phase::Security;
        }
    }

    /// Names the messages of the client that stand in a row.
    fn client(&mut self, mut bytes: &[u8], out: &mut Out<'_>) {
        while let Some(kind) = bytes.first() {
            let word = |at: usize| {
                let pair = bytes.get(at..at.saturating_add(2)).unwrap_or_default();
                pair.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte))
            };
            let (name, length) = match kind {
                0 => ("SetPixelFormat", 20),
                2 => ("SetEncodings", word(2).saturating_mul(4).saturating_add(4)),
                3 => ("FramebufferUpdateRequest", 10),
                4 => ("KeyEvent", 8),
                5 => ("PointerEvent", 6),
                6 => ("ClientCutText", word(6).saturating_add(8)),
                _ => {
                    self.lost.client = true;
                    return out.contradiction();
                }
            };
            let mut unit = out.unit(NAME, name);
            match kind {
                2 => {
                    unit.number("number-of-encodings", word(2) as u64);
                }
                3 => {
                    unit.flag("incremental", bytes.get(1) == Some(&1))
                        .number("width", word(6) as u64)
                        .number("height", word(8) as u64);
                }
                4 => {
                    unit.flag("down-flag", bytes.get(1) == Some(&1)).number("key", word(6) as u64);
                }
                5 => {
                    unit.number("x-position", word(2) as u64).number("y-position", word(4) as u64);
                }
                _ => {}
            }
            match bytes.get(length..) {
                Some(rest) => bytes = rest,
                None => {
                    unit.incomplete();
                    self.lost.client = true;
                    return;
                }
            }
        }
    }
}

fn server_init(head: &[u8], out: &mut Out<'_>) {
    let word = |at: usize| {
        let pair = head.get(at..at.saturating_add(2)).unwrap_or_default();
        pair.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let mut unit = out.unit(NAME, "ServerInit");
    unit.number("framebuffer-width", word(0)).number("framebuffer-height", word(2));
    if let Some(name) = head.get(24..).filter(|name| !name.is_empty()) {
        unit.name(&String::from_utf8_lossy(name));
    }
}

/// Names what a message of the server's begins with; pixels that go on in the next begin none.
fn server(head: &[u8], out: &mut Out<'_>) {
    match head {
        [0, 0, high, low, ..] => {
            out.unit(NAME, "FramebufferUpdate")
                .number("number-of-rectangles", u16::from_be_bytes([*high, *low]));
        }
        [1, 0, ..] => {
            out.unit(NAME, "SetColorMapEntries");
        }
        [2] => {
            out.unit(NAME, "Bell");
        }
        [3, 0, 0, 0, ..] => {
            out.unit(NAME, "ServerCutText");
        }
        _ => out.part(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::super::{Opening, Reader};
    use super::*;

    #[test]
    fn a_session_begins() {
        let mut init = vec![0, 16, 0, 8];
        init.extend([0; 20]);
        init.extend(b"lab");
        let messages: &[(Side, &[u8])] = &[
            (Side::Server, b"RFB 003.008\n"),
            (Side::Client, b"RFB 003.008\n"),
            (Side::Server, &[1, 1]),
            (Side::Client, &[1]),
            (Side::Server, &[0; 4]),
            (Side::Client, &[1]),
            (Side::Server, &init),
            (Side::Client, &[2, 0, 0, 1, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 97]),
            (Side::Server, &[0, 0, 0, 1, 0, 0]),
        ];
        assert_eq!(
            said(&mut Reader::new(Opening::default()), messages),
            [
                "rfb ProtocolVersion version=003.008",
                "rfb ProtocolVersion version=003.008",
                "rfb Security number-of-security-types=1 security-types=[01]",
                "rfb SecurityType security-type=1",
                "rfb SecurityResult status=0",
                "rfb ClientInit shared-flag=true",
                "rfb ServerInit name=lab framebuffer-width=16 framebuffer-height=8",
                "rfb SetEncodings number-of-encodings=1",
                "rfb KeyEvent down-flag=true key=97",
                "rfb FramebufferUpdate number-of-rectangles=1",
            ]
        );
    }
}
