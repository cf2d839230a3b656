use crate::event::Framing;
use crate::model::Anomaly;
use crate::websocket::close::CloseBody;
use crate::websocket::{Missing, Opcode, Payload, Utf8};

/// A payload as it is reported.
pub(super) struct PayloadView<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) length: u64,
    pub(super) missing: &'a [Missing],
    pub(super) truncated_to: Option<u64>,
    pub(super) withheld: u64,
    pub(super) text: bool,
    pub(super) bad_utf8: Option<u64>,
    /// Whether nothing suggests that bytes differ from those sent.
    pub(super) verified: bool,
    pub(super) framing: Framing,
}

impl<'a> PayloadView<'a> {
    pub(super) fn of(opcode: Opcode, payload: &'a Payload) -> Self {
        let utf8 = if opcode == Opcode::TEXT { payload.utf8() } else { None };
        PayloadView {
            bytes: payload.bytes(),
            length: payload.length(),
            missing: payload.missing(),
            truncated_to: payload.truncated_to(),
            withheld: payload.withheld(),
            text: utf8.is_some_and(Utf8::is_text),
            bad_utf8: utf8.and_then(Utf8::finish),
            verified: true,
            framing: Framing::Counted,
        }
    }

    /// Parses the body of a close frame, as far as it was captured, and returns what is wrong with it; the body is
    /// `None` if its code is unknown.
    pub(super) fn close(&self) -> (Option<CloseBody<'a>>, Option<Anomaly>) {
        let Some(first) = self.missing.first() else {
            let (body, fault) = CloseBody::parse(self.bytes);
            return (Some(body), fault);
        };
        let known = usize::try_from(first.offset).ok().and_then(|known| self.bytes.get(..known));
        match known {
            Some(known @ [_, _, ..]) => {
                let (body, fault) = CloseBody::parse(known);
                // A truncated character is not a fault.
                (Some(body), fault.filter(|fault| matches!(fault, Anomaly::BadCloseCode { .. })))
            }
            _ => (None, None),
        }
    }
}
