//! RFB, the protocol of VNC (RFC 6143), through a WebSocket proxy. The bytes of each side form a stream, because the
//! proxy splits them into messages anywhere. The server's messages are decoded as long as its rectangles have encodings
//! with known lengths (raw, `CopyRect`, Zlib, ZRLE, cursors); pixels are skipped.

use crate::model::{At, Pair, Side};

use super::decoder::{Decoder, Out, UnitBuilder};
use super::input::Input;
use super::protocol::{Evidence, Protocol};

pub(super) static RFB: Protocol = Protocol {
    sign: |input, _| {
        let head = input.head();
        let begins = b"RFB 003.".starts_with(head.get(..8).unwrap_or(head));
        match head.len() {
            5..=12 if begins => Evidence::Sure,
            _ if !input.is_text() && input.is_whole() && input.from == Side::Client => judge_user_input(head),
            // Pixels from the server are no evidence.
            _ if input.is_text() => Evidence::Against,
            _ => Evidence::Neutral,
        }
    },
    ..Protocol::new("rfb", |opening| {
        let beginning = if opening.target.is_some() { Beginning::Captured } else { Beginning::Open };
        Box::new(Rfb { beginning, ..Rfb::default() })
    })
};

/// Judges a message of a client whose beginning was not captured: a sequence of update requests, key events and pointer
/// events (RFC 6143 §7.5.3–7.5.5). A pointer event alone is no evidence.
fn judge_user_input(mut bytes: &[u8]) -> Evidence {
    const LARGEST: u32 = 1 << 15;
    let mut evidence = Evidence::Against;
    while let [kind, flag, ..] = bytes {
        let word = |at| u32::from(short(bytes, at));
        let lies_within = |at: usize| {
            let size = word(at.saturating_add(4));
            size > 0 && word(at).saturating_add(size) <= LARGEST
        };
        let length = match kind {
            3 if *flag <= 1 && lies_within(2) && lies_within(4) => 10,
            4 if *flag <= 1 && word(2) == 0 && is_key(long(bytes, 4)) => 8,
            5 if word(2) <= LARGEST && word(4) <= LARGEST => 6,
            _ => return Evidence::Against,
        };
        let Some(rest) = bytes.get(length..) else { return Evidence::Against };
        evidence = match (length, evidence) {
            (6, Evidence::Against) => Evidence::Neutral,
            (6, before) => before,
            _ => Evidence::Weak,
        };
        bytes = rest;
    }
    if bytes.is_empty() { evidence } else { Evidence::Against }
}

/// Returns whether a number is a keysym of the X Window System: Latin 1 and the rest of the first plane, or Unicode.
fn is_key(number: u32) -> bool {
    matches!(number, 0x20..=0xffff | 0x0100_0100..=0x0110_ffff)
}

const NAME: &str = "rfb";

/// Bounds the stored text of a name or a reason, in bytes; the rest is skipped.
const MAX_TEXT: usize = 512;

/// The protocol phase of a side (RFC 6143 §7.1–7.3).
///
/// ```text
///   server: Version ─► Security ─► Challenge ─► Result ─► Init ─► Session ⇄ Rectangle
///   client: Version ─► Security ─► Challenge ───────────► Init ─► Session
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Version,
    Security,
    Challenge,
    Result,
    Init,
    Session,
    /// The number of rectangles of an update still to come.
    Rectangle(u16),
    /// Its bytes are desynchronised or of unknown meaning: they are no longer decoded.
    Lost,
}

/// The unread bytes of a side.
#[derive(Debug, Default)]
struct Bytes {
    step: Step,
    held: Vec<u8>,
    /// How many bytes to skip before the next message begins.
    skip: u64,
    first: At,
    messages: u32,
}

/// A decoder for RFB.
#[derive(Debug, Default)]
struct Rfb {
    sides: Pair<Bytes>,
    /// The version chosen by the client, as 3, 7 or 8.
    version: Option<u8>,
    security: Option<u8>,
    bytes_per_pixel: u64,
    /// Whether the client requested pixels, after which their format must not change any more.
    asked: bool,
    beginning: Beginning,
}

/// The capture of a session's beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Beginning {
    #[default]
    Captured,
    /// The first message decides.
    Open,
    /// It was not captured: messages that consist entirely of user input are decoded.
    MidStream,
}

/// The result of reading the buffered bytes.
enum Read {
    /// More bytes are needed.
    More,
    /// The length of a message, the number of bytes to skip after it, and the following phase.
    Message(usize, u64, Step),
    Unknown,
}

impl Decoder for Rfb {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        if self.beginning == Beginning::Open && input.length > 0 {
            let is_captured = input.head().starts_with(b"RFB ");
            self.beginning = if is_captured { Beginning::Captured } else { Beginning::MidStream };
        }
        if self.beginning == Beginning::MidStream {
            let is_named = input.from == Side::Client
                && input.is_whole()
                && matches!(judge_user_input(input.bytes), Evidence::Weak | Evidence::Neutral);
            let step = if is_named { Step::Session } else { Step::Lost };
            self.sides[input.from] = Bytes { step, ..Bytes::default() };
        }
        let side = &mut self.sides[input.from];
        if side.step == Step::Lost || input.length == 0 {
            return;
        }
        if side.held.is_empty() && side.skip == 0 {
            (side.first, side.messages) = (input.first, 0);
        }
        side.messages = side.messages.saturating_add(1);
        let mut rest = input.head();
        while !rest.is_empty() && self.sides[input.from].step != Step::Lost {
            let side = &mut self.sides[input.from];
            let skipped = usize::try_from(side.skip).unwrap_or(usize::MAX).min(rest.len());
            side.skip = side.skip.saturating_sub(skipped as u64);
            rest = rest.get(skipped..).unwrap_or_default();
            // Heads are short: the buffer has room for the longest of them.
            let room = (64_usize << 10).saturating_sub(side.held.len()).min(rest.len());
            side.held.extend_from_slice(rest.get(..room).unwrap_or_default());
            rest = rest.get(room..).unwrap_or_default();
            self.drain(input, out);
            if room == 0 && !rest.is_empty() {
                self.lose(input.from);
            }
        }
        let side = &self.sides[input.from];
        if !input.is_whole() {
            self.lose(input.from);
        } else if side.skip > 0 || !side.held.is_empty() || matches!(side.step, Step::Rectangle(_)) {
            out.part();
        }
    }

    fn lost(&mut self, from: Side) {
        self.lose(from);
    }

    fn allocated(&self) -> usize {
        self.sides.client.held.capacity().saturating_add(self.sides.server.held.capacity())
    }
}

impl Rfb {
    /// Stops decoding a side, and also the other as long as its bytes depend on the first.
    fn lose(&mut self, from: Side) {
        let in_session = |it: &Bytes| matches!(it.step, Step::Session | Step::Rectangle(_) | Step::Lost);
        let both = !Side::BOTH.iter().all(|side| in_session(&self.sides[*side]));
        for side in Side::BOTH.into_iter().filter(|side| both || *side == from) {
            self.sides[side] = Bytes { step: Step::Lost, ..Bytes::default() };
        }
    }

    /// Emits the complete messages.
    fn drain(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        let from = input.from;
        let mut held = std::mem::take(&mut self.sides[from].held);
        let mut rest = held.as_slice();
        while !rest.is_empty() {
            let side = &self.sides[from];
            let (step, took) = (side.step, (side.first, side.messages));
            let read = match from {
                Side::Client => self.client(step, rest, took, out),
                Side::Server => self.server(step, rest, took, out),
            };
            let side = &mut self.sides[from];
            match read {
                Read::More => break,
                Read::Message(length, skip, step) => {
                    rest = rest.get(length..).unwrap_or_default();
                    let skipped = usize::try_from(skip).unwrap_or(usize::MAX).min(rest.len());
                    rest = rest.get(skipped..).unwrap_or_default();
                    side.skip = skip.saturating_sub(skipped as u64);
                    side.step = step;
                    (side.first, side.messages) = (input.first, 1);
                    if step == Step::Lost {
                        return;
                    }
                }
                Read::Unknown => {
                    if matches!(step, Step::Version | Step::Security) {
                        out.contradiction();
                    }
                    return self.lose(from);
                }
            }
        }
        let named = held.len().saturating_sub(rest.len());
        held.drain(..named);
        self.sides[from].held = held;
    }

    fn version(&mut self, from: Side, held: &[u8], took: (At, u32), out: &mut Out<'_>) -> Read {
        let Some(line) = held.get(..12) else { return Read::More };
        let Some(version) = line.strip_prefix(b"RFB ").and_then(|it| it.strip_suffix(b"\n")) else {
            return Read::Unknown;
        };
        unit("ProtocolVersion", took, out).text("version", &String::from_utf8_lossy(version));
        if from == Side::Client {
            self.version = Some(match version {
                b"003.007" => 7,
                b"003.008" => 8,
                _ => 3,
            });
        }
        Read::Message(12, 0, Step::Security)
    }

    fn client(&mut self, step: Step, held: &[u8], took: (At, u32), out: &mut Out<'_>) -> Read {
        match step {
            Step::Version => self.version(Side::Client, held, took, out),
            // In version 3.3, the server chooses.
            Step::Security if self.version == Some(3) => match self.security {
                Some(2) => Read::Message(0, 0, Step::Challenge),
                Some(_) => Read::Message(0, 0, Step::Init),
                None => Read::Unknown,
            },
            Step::Security => {
                let Some(chosen) = held.first() else { return Read::More };
                unit("SecurityType", took, out).number("security-type", *chosen);
                self.security = Some(*chosen);
                match chosen {
                    1 => Read::Message(1, 0, Step::Init),
                    2 => Read::Message(1, 0, Step::Challenge),
                    _ => Read::Message(1, 0, Step::Lost),
                }
            }
            Step::Challenge => {
                let Some(response) = held.get(..16) else { return Read::More };
                unit("Response", took, out).bytes("response", response).secret(response);
                Read::Message(16, 0, Step::Init)
            }
            Step::Init => {
                unit("ClientInit", took, out).flag("shared-flag", held.first() != Some(&0));
                Read::Message(1, 0, Step::Session)
            }
            _ => self.input(held, took, out),
        }
    }

    /// Reads a message of the client during a session (RFC 6143 §7.5).
    fn input(&mut self, held: &[u8], took: (At, u32), out: &mut Out<'_>) -> Read {
        let (name, head) = match held.first() {
            Some(0) => ("SetPixelFormat", 20),
            Some(2) => ("SetEncodings", 4),
            Some(3) => ("FramebufferUpdateRequest", 10),
            Some(4) => ("KeyEvent", 8),
            Some(5) => ("PointerEvent", 6),
            Some(6) => ("ClientCutText", 8),
            _ => return Read::Unknown,
        };
        if held.len() < head {
            return Read::More;
        }
        let word = |at| short(held, at);
        let mut unit = unit(name, took, out);
        let mut skip = 0;
        match head {
            20 => {
                let bytes_per_pixel = u64::from(held.get(4).copied().unwrap_or(0) / 8);
                if self.asked && bytes_per_pixel != self.bytes_per_pixel {
                    // Which pixels were sent before the change and which after it is unknown.
                    self.lose(Side::Server);
                }
                self.bytes_per_pixel = bytes_per_pixel;
            }
            4 => {
                unit.number("number-of-encodings", word(2));
                skip = u64::from(word(2)).saturating_mul(4);
            }
            10 => {
                self.asked = true;
                unit.flag("incremental", held.get(1) == Some(&1))
                    .number("width", word(6))
                    .number("height", word(8));
            }
            8 if name == "KeyEvent" => {
                unit.flag("down-flag", held.get(1) == Some(&1)).number("key", long(held, 4));
            }
            6 => {
                unit.number("x-position", word(2)).number("y-position", word(4));
            }
            _ => skip = long(held, 4).cast_signed().unsigned_abs().into(),
        }
        Read::Message(head, skip, Step::Session)
    }

    fn server(&mut self, step: Step, held: &[u8], took: (At, u32), out: &mut Out<'_>) -> Read {
        match step {
            Step::Version => self.version(Side::Server, held, took, out),
            Step::Security => self.security(held, took, out),
            // The choice is known if everything before it was delivered in order.
            Step::Challenge if self.security == Some(2) => {
                if held.len() < 16 {
                    return Read::More;
                }
                unit("Challenge", took, out);
                Read::Message(16, 0, Step::Result)
            }
            Step::Challenge if self.security == Some(1) => {
                let next = if self.version == Some(8) { Step::Result } else { Step::Init };
                Read::Message(0, 0, next)
            }
            Step::Result => self.result(held, took, out),
            Step::Init => {
                if held.len() < 24 || held.len() < (long(held, 20) as usize).min(MAX_TEXT).saturating_add(24)
                {
                    return Read::More;
                }
                self.bytes_per_pixel = u64::from(held.get(4).copied().unwrap_or(0) / 8);
                let (length, name) = text(held, 20);
                let mut unit = unit("ServerInit", took, out);
                unit.number("framebuffer-width", short(held, 0)).number("framebuffer-height", short(held, 2));
                if !name.is_empty() {
                    unit.name(&name);
                }
                Read::Message(24, length, Step::Session)
            }
            Step::Session => output(held, took, out),
            Step::Rectangle(left) => self.rectangle(left, held),
            _ => Read::Unknown,
        }
    }

    fn security(&mut self, held: &[u8], took: (At, u32), out: &mut Out<'_>) -> Read {
        match (self.version, held) {
            (None, _) => Read::Unknown,
            (Some(3), [_, _, _, chosen, ..]) => {
                unit("Security", took, out).number("security-type", *chosen);
                self.security = Some(*chosen);
                // Only VNC authentication is followed by a challenge.
                Read::Message(4, 0, if *chosen == 2 { Step::Challenge } else { Step::Init })
            }
            (Some(3), _) | (_, []) => Read::More,
            (_, [number, types @ ..]) => match types.get(..usize::from(*number)) {
                None => Read::More,
                Some(types) => {
                    let mut unit = unit("Security", took, out);
                    unit.number("number-of-security-types", *number).bytes("security-types", types);
                    let next = if *number == 0 { Step::Lost } else { Step::Challenge };
                    Read::Message(types.len().saturating_add(1), 0, next)
                }
            },
        }
    }

    fn result(&self, held: &[u8], took: (At, u32), out: &mut Out<'_>) -> Read {
        let (status, explains) = (long(held, 0), self.version == Some(8));
        if held.len() < 4 || (status != 0 && explains && held.len() < 8) {
            return Read::More;
        }
        let mut unit = unit("SecurityResult", took, out);
        unit.number("status", status);
        if status == 0 {
            return Read::Message(4, 0, Step::Init);
        }
        let (_, reason) = if explains { text(held, 4) } else { (0, String::new()) };
        unit.error(if reason.is_empty() { "failed" } else { &reason });
        Read::Message(held.len(), 0, Step::Lost)
    }

    /// Reads the head of a rectangle (RFC 6143 §7.6.1, §7.7).
    fn rectangle(&self, left: u16, held: &[u8]) -> Read {
        let Some((head, rest)) = held.split_first_chunk::<12>() else { return Read::More };
        let (width, height) = (u64::from(short(head, 4)), u64::from(short(head, 6)));
        let pixels = width.saturating_mul(height).saturating_mul(self.bytes_per_pixel);
        let next = match left.saturating_sub(1) {
            0 => Step::Session,
            left => Step::Rectangle(left),
        };
        match long(head, 8).cast_signed() {
            0 if self.bytes_per_pixel > 0 => Read::Message(12, pixels, next),
            1 => Read::Message(12, 4, next),
            // Zlib and ZRLE data begin with their length.
            6 | 16 if rest.len() < 4 => Read::More,
            6 | 16 => Read::Message(16, long(rest, 0).into(), next),
            // The cursor with its mask, the size of the desktop, and the last rectangle.
            -239 => Read::Message(12, pixels.saturating_add(width.div_ceil(8).saturating_mul(height)), next),
            -223 => Read::Message(12, 0, next),
            -224 => Read::Message(12, 0, Step::Session),
            _ => Read::Unknown,
        }
    }
}

/// Reads a message of the server during a session (RFC 6143 §7.6).
fn output(held: &[u8], took: (At, u32), out: &mut Out<'_>) -> Read {
    match held {
        [0, _, _, _, ..] => {
            let number = short(held, 2);
            unit("FramebufferUpdate", took, out).number("number-of-rectangles", number);
            let next = if number == 0 { Step::Session } else { Step::Rectangle(number) };
            Read::Message(4, 0, next)
        }
        [1, _, _, _, _, _, ..] => {
            unit("SetColorMapEntries", took, out);
            Read::Message(6, u64::from(short(held, 4)).saturating_mul(6), Step::Session)
        }
        [2, ..] => {
            unit("Bell", took, out);
            Read::Message(1, 0, Step::Session)
        }
        [3, _, _, _, _, _, _, _, ..] => {
            unit("ServerCutText", took, out);
            Read::Message(8, long(held, 4).cast_signed().unsigned_abs().into(), Step::Session)
        }
        [0 | 1 | 3, ..] => Read::More,
        _ => Read::Unknown,
    }
}

fn unit<'o>(kind: &'static str, (first, messages): (At, u32), out: &'o mut Out<'_>) -> UnitBuilder<'o> {
    let mut unit = out.unit(NAME, kind);
    unit.took(first, messages);
    unit
}

/// Returns the two bytes at an offset as a number; 0 if they are missing.
fn short(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(|it| it.first_chunk()).map_or(0, |it| u16::from_be_bytes(*it))
}

/// The four-byte counterpart of [`short`].
fn long(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|it| it.first_chunk()).map_or(0, |it| u32::from_be_bytes(*it))
}

/// Returns the length at an offset, and the text that follows it, up to the bound.
fn text(bytes: &[u8], at: usize) -> (u64, String) {
    let length = long(bytes, at);
    let text = bytes.get(at.saturating_add(4)..).unwrap_or_default();
    let shown = text.get(..text.len().min(length as usize).min(MAX_TEXT)).unwrap_or_default();
    (length.into(), String::from_utf8_lossy(shown).into_owned())
}

#[cfg(test)]
mod tests;
