use super::{Header, Opcode};
use crate::model::{Anomaly, Side};

/// A checker of one side's frame headers against RFC 6455 §5 and RFC 7692 §6.
///
/// A violation repeated in every frame (never masking, for example) is reported once; those of individual frames are
/// reported each time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    last_mask: Option<[u8; 4]>,
    closed: bool,
    said: u8,
}

/// The facts needed to check a header, besides the header itself.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The sender.
    pub from: Side,
    /// The frame's offset in the side's WebSocket bytes.
    pub offset: u64,
    /// Whether a data message of this side has begun and is not finished.
    pub message_open: bool,
    /// The meaning of RSV1.
    pub rsv1: Rsv1,
}

/// The meaning of the RSV1 bit according to the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rsv1 {
    /// No extension defines it.
    Meaningless,
    /// It marks the first frame of a compressed message (RFC 7692 §6).
    Message,
    /// It marks each compressed frame: `x-webkit-deflate-frame`, the predecessor of RFC 7692.
    Frame,
}

const UNMASKED: u8 = 1;
const MASKED: u8 = 2;
const ZERO_MASK: u8 = 4;
const REPEATED_MASK: u8 = 8;
/// The first of three flags, one per bit.
const RSV: u8 = 16;

impl Rules {
    /// Returns whether this side has sent a close frame.
    pub const fn closed(&self) -> bool {
        self.closed
    }

    /// Returns what is wrong with the next header; nearly always an empty list, which allocates nothing.
    pub fn check(&mut self, header: &Header, context: Context) -> Vec<Anomaly> {
        let mut found = Vec::new();
        self.check_mask(header, context, &mut found);
        if header.rsv != 0 {
            self.check_rsv(header, context, &mut found);
        }
        let Context { offset, .. } = context;
        if header.length >> 63 != 0 {
            found.push(Anomaly::LengthTopBit { length: header.length, offset });
        }
        if !header.is_minimal() {
            found.push(Anomaly::LengthNotMinimal { length: header.length, offset });
        }
        if self.closed {
            found.push(Anomaly::FrameAfterClose { opcode: header.opcode.name(), offset });
        }
        let opcode = header.opcode.name();
        if header.opcode.is_reserved() {
            found.push(Anomaly::ReservedOpcode { opcode: header.opcode.0, offset });
        }
        if header.opcode.is_control() {
            if !header.fin {
                found.push(Anomaly::FragmentedControl { opcode, offset });
            }
            if header.length > 125 {
                found.push(Anomaly::ControlTooLong { opcode, length: header.length, offset });
            }
            self.closed |= header.opcode == Opcode::CLOSE;
        } else if header.opcode == Opcode::CONTINUATION {
            if !context.message_open {
                found.push(Anomaly::OrphanContinuation { offset });
            }
        } else if context.message_open {
            found.push(Anomaly::MessageInsideMessage { offset });
        }
        found
    }

    fn check_mask(
        &mut self,
        header: &Header,
        Context { from, offset, .. }: Context,
        found: &mut Vec<Anomaly>,
    ) {
        match (from, header.mask) {
            (Side::Client, None) if self.first(UNMASKED) => {
                found.push(Anomaly::UnmaskedClientFrame { offset });
            }
            (Side::Server, Some(_)) if self.first(MASKED) => {
                found.push(Anomaly::MaskedServerFrame { offset });
            }
            _ => {}
        }
        if let Some(mask) = header.mask {
            if mask == [0; 4] {
                if self.first(ZERO_MASK) {
                    found.push(Anomaly::ZeroMaskKey { offset });
                }
            } else if self.last_mask == Some(mask) && self.first(REPEATED_MASK) {
                let mask = format!("{:08x}", u32::from_be_bytes(mask)).into();
                found.push(Anomaly::RepeatedMaskKey { offset, mask });
            }
            self.last_mask = Some(mask);
        }
    }

    fn check_rsv(&mut self, header: &Header, context: Context, found: &mut Vec<Anomaly>) {
        let Context { offset, rsv1, .. } = context;
        let unknown = if rsv1 == Rsv1::Meaningless { header.rsv } else { header.rsv & 3 };
        if self.first(unknown.saturating_mul(RSV)) {
            found.push(Anomaly::RsvWithoutExtension { rsv: unknown, offset });
        }
        if header.rsv1() && rsv1 != Rsv1::Meaningless {
            if header.opcode.is_control() {
                found.push(Anomaly::Rsv1OnControl { opcode: header.opcode.name(), offset });
            } else if header.opcode == Opcode::CONTINUATION && rsv1 == Rsv1::Message {
                found.push(Anomaly::Rsv1OnContinuation { offset });
            }
        }
    }

    /// Returns whether any of `habits` was not reported yet, and marks them as reported.
    fn first(&mut self, habits: u8) -> bool {
        let new = habits & !self.said;
        self.said |= habits;
        new != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: Context =
        Context { from: Side::Client, offset: 7, message_open: false, rsv1: Rsv1::Meaningless };
    const SERVER: Context = Context { from: Side::Server, ..CLIENT };

    fn codes(rules: &mut Rules, bytes: &[u8], context: Context) -> Vec<&'static str> {
        rules.check(&Header::parse(bytes).unwrap(), context).iter().map(Anomaly::code).collect()
    }

    fn fresh(bytes: &[u8], context: Context) -> Vec<&'static str> {
        codes(&mut Rules::default(), bytes, context)
    }

    #[test]
    fn what_keeps_the_rules_gives_nothing() {
        assert!(fresh(&[0x81, 0x85, 1, 2, 3, 4], CLIENT).is_empty());
        assert!(fresh(&[0x82, 0x7e, 0, 200], SERVER).is_empty());
        assert!(fresh(&[0xc1, 5], Context { rsv1: Rsv1::Message, ..SERVER }).is_empty());
        assert!(fresh(&[0x80, 5], Context { message_open: true, ..SERVER }).is_empty());
        assert!(fresh(&[0x89, 125], Context { message_open: true, ..SERVER }).is_empty());
    }

    #[test]
    fn a_single_broken_rule_gives_its_name() {
        for (bytes, context, code) in [
            (&[0x81, 5][..], CLIENT, "unmasked-client-frame"),
            (&[0x81, 0x85, 1, 2, 3, 4], SERVER, "masked-server-frame"),
            (&[0x81, 0x85, 0, 0, 0, 0], CLIENT, "zero-mask-key"),
            (&[0x91, 5], SERVER, "rsv-without-extension"),
            (&[0xc1, 5], SERVER, "rsv-without-extension"),
            (&[0xc9, 5], Context { rsv1: Rsv1::Message, ..SERVER }, "rsv1-on-control"),
            (
                &[0xc0, 5],
                Context { rsv1: Rsv1::Message, message_open: true, ..SERVER },
                "rsv1-on-continuation",
            ),
            (&[0x83, 5], SERVER, "reserved-opcode"),
            (&[0x8b, 5], SERVER, "reserved-opcode"),
            (&[0x09, 5], SERVER, "fragmented-control"),
            (&[0x89, 126, 0, 126], SERVER, "control-too-long"),
            (&[0x81, 5], Context { message_open: true, ..SERVER }, "message-inside-message"),
            (&[0x80, 5], SERVER, "orphan-continuation"),
            (&[0x82, 126, 0, 5], SERVER, "length-not-minimal"),
            (&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], SERVER, "length-top-bit"),
        ] {
            assert_eq!(fresh(bytes, context), [code], "{bytes:x?}");
        }
    }

    #[test]
    fn habits_are_reported_once_and_faults_each_time() {
        let mut rules = Rules::default();
        assert_eq!(codes(&mut rules, &[0x81, 5], CLIENT).len(), 1);
        assert!(codes(&mut rules, &[0x81, 5], CLIENT).is_empty());
        let frame = [0x81, 0x85, 1, 2, 3, 4];
        assert!(codes(&mut rules, &frame, CLIENT).is_empty());
        assert_eq!(codes(&mut rules, &frame, CLIENT), ["repeated-mask-key"]);
        assert!(codes(&mut rules, &frame, CLIENT).is_empty());
        for _ in 0..2 {
            assert_eq!(codes(&mut Rules::default(), &[0x83, 5], SERVER), ["reserved-opcode"]);
        }
    }

    #[test]
    fn nothing_may_follow_a_close_frame() {
        let mut rules = Rules::default();
        assert!(codes(&mut rules, &[0x88, 2], SERVER).is_empty());
        assert_eq!(codes(&mut rules, &[0x89, 2], SERVER), ["frame-after-close"]);
    }
}
