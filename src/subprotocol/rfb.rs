//! RFB, the protocol of VNC (RFC 6143), through a WebSocket proxy. Messages are named as far as their lengths are known
//! without looking at pixels: the first messages of a session, then what the client sends, and what the server sends as long as
//! its rectangles have encodings whose lengths are written down (raw, CopyRect, Zlib, ZRLE, cursors).

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
    make: |_| Box::new(Rfb { phase: Phase::Versions, lost: Pair::default(), updates: Updates::default() }),
    inner: false,
    searched: false,
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
    updates: Updates,
}

/// Where in the server's messages of a session the next byte stands.
#[derive(Debug, Default)]
struct Updates {
    /// The head of a message or rectangle, as far as it has come.
    head: Vec<u8>,
    /// How many bytes come before the next head.
    skip: u64,
    /// How many rectangles of the update are to come.
    rectangles: u16,
    bytes_per_pixel: u64,
    /// The client asked for pixels: their format must not change any more.
    asked: bool,
}

/// What a head says.
enum Said {
    More,
    Skip(u64),
    Unknown,
}

impl Updates {
    /// Takes bytes and names the messages that begin in them; `false` where the place is lost.
    fn push(&mut self, mut bytes: &[u8], out: &mut Out<'_>) -> bool {
        loop {
            let now = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
            self.skip = self.skip.saturating_sub(now as u64);
            bytes = bytes.get(now..).unwrap_or_default();
            let Some((byte, rest)) = bytes.split_first() else { break };
            self.head.push(*byte);
            bytes = rest;
            let said = if self.rectangles > 0 { self.rectangle() } else { self.message(out) };
            match said {
                Said::More => {}
                Said::Skip(skip) => {
                    self.skip = skip;
                    self.head.clear();
                }
                Said::Unknown => return false,
            }
        }
        if self.skip > 0 || self.rectangles > 0 || !self.head.is_empty() {
            out.part();
        }
        true
    }

    /// Reads a message's head (RFC 6143 §7.6).
    fn message(&mut self, out: &mut Out<'_>) -> Said {
        match *self.head {
            [0, _, high, low] => {
                let number = u16::from_be_bytes([high, low]);
                out.unit(NAME, "FramebufferUpdate").number("number-of-rectangles", number);
                // So many mean that a rectangle will say which is the last one.
                self.rectangles = number;
                Said::Skip(0)
            }
            [1, _, _, _, high, low] => {
                out.unit(NAME, "SetColorMapEntries");
                Said::Skip(u64::from(u16::from_be_bytes([high, low])).saturating_mul(6))
            }
            [2] => {
                out.unit(NAME, "Bell");
                Said::Skip(0)
            }
            [3, _, _, _, a, b, c, d] => {
                out.unit(NAME, "ServerCutText");
                Said::Skip(i32::from_be_bytes([a, b, c, d]).unsigned_abs().into())
            }
            [0 | 1 | 3, ..] => Said::More,
            _ => Said::Unknown,
        }
    }

    /// Reads a rectangle's head (RFC 6143 §7.6.1, §7.7).
    fn rectangle(&mut self) -> Said {
        let Some(([_, _, _, _, w1, w2, h1, h2, e1, e2, e3, e4], rest)) = self.head.split_first_chunk() else {
            return Said::More;
        };
        let width = u64::from(u16::from_be_bytes([*w1, *w2]));
        let height = u64::from(u16::from_be_bytes([*h1, *h2]));
        let pixels = width.saturating_mul(height).saturating_mul(self.bytes_per_pixel);
        let skip = match (i32::from_be_bytes([*e1, *e2, *e3, *e4]), rest) {
            (0, _) if self.bytes_per_pixel > 0 => pixels,
            (1, _) => 4,
            // Zlib and ZRLE write their length down.
            (6 | 16, [a, b, c, d]) => u32::from_be_bytes([*a, *b, *c, *d]).into(),
            (6 | 16, _) => return Said::More,
            // The cursor and the mask over it; the desktop's size.
            (-239, _) => pixels.saturating_add(width.div_ceil(8).saturating_mul(height)),
            (-223, _) => 0,
            // The last rectangle.
            (-224, _) => {
                self.rectangles = 1;
                0
            }
            _ => return Said::Unknown,
        };
        self.rectangles = self.rectangles.saturating_sub(1);
        Said::Skip(skip)
    }
}

impl Decoder for Rfb {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        let head = input.head();
        if head.is_empty() || self.lost[input.from] {
            return;
        }
        if !input.is_whole() {
            self.lost(input.from);
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
                self.updates.bytes_per_pixel = u64::from(head.get(4).copied().unwrap_or(0) / 8);
                self.phase = Phase::Session;
            }
            (Phase::ServerInit | Phase::Session, Side::Client) => self.client(head, out),
            (Phase::Session, Side::Server) => {
                self.lost.server |= !self.updates.push(head, out);
            }
        }
    }

    fn lost(&mut self, from: Side) {
        self.lost[from] = true;
        // Until a session begins, what a message is depends on those of both.
        if self.phase != Phase::Session {
            self.lost = Pair { client: true, server: true };
        }
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
                0 => {
                    let bytes_per_pixel = u64::from(bytes.get(4).copied().unwrap_or(0) / 8);
                    // Which pixels were sent before and which after cannot be told.
                    self.lost.server |= self.updates.asked && bytes_per_pixel != self.updates.bytes_per_pixel;
                    self.updates.bytes_per_pixel = bytes_per_pixel;
                }
                2 => {
                    unit.number("number-of-encodings", word(2) as u64);
                }
                3 => {
                    self.updates.asked = true;
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
