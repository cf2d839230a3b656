//! The body of a close frame (RFC 6455 §5.5.1, §7.4).

use crate::model::Anomaly;

/// The code that represents a close frame without a code (RFC 6455 §7.1.5).
pub const NO_STATUS: u16 = 1005;
/// The code that represents an end without a close frame (RFC 6455 §7.1.5).
pub const ABNORMAL: u16 = 1006;

/// The body of a close frame (RFC 6455 §5.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseBody<'a> {
    /// The code; 1005 if there is none.
    pub code: u16,
    /// The reason, as far as it is UTF-8.
    pub reason: &'a str,
}

impl<'a> CloseBody<'a> {
    /// Parses a close frame's payload and returns what is wrong with it.
    pub fn parse(payload: &'a [u8]) -> (CloseBody<'a>, Option<Anomaly>) {
        let Some((code, reason)) = payload.split_first_chunk::<2>() else {
            let fault = (!payload.is_empty()).then_some(Anomaly::CloseBodyOneByte {});
            return (CloseBody { code: NO_STATUS, reason: "" }, fault);
        };
        let code = u16::from_be_bytes(*code);
        let (reason, bad) = match std::str::from_utf8(reason) {
            Ok(reason) => (reason, None),
            Err(e) => {
                let good = reason.get(..e.valid_up_to()).unwrap_or_default();
                (std::str::from_utf8(good).unwrap_or_default(), Some(e.valid_up_to() as u64))
            }
        };
        let fault = if may_be_sent(code) {
            bad.map(|offset| Anomaly::BadCloseReason { offset })
        } else {
            Some(Anomaly::BadCloseCode { code })
        };
        (CloseBody { code, reason }, fault)
    }
}

/// Returns whether a close frame may contain this code (RFC 6455 §7.4.2 and the IANA registry).
pub const fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(payload: &[u8]) -> (u16, &str, Option<&'static str>) {
        let (body, fault) = CloseBody::parse(payload);
        (body.code, body.reason, fault.as_ref().map(Anomaly::code))
    }

    #[test]
    fn bodies_good_and_bad() {
        assert_eq!(parse(b""), (1005, "", None));
        assert_eq!(parse(b"\x03\xe8"), (1000, "", None));
        assert_eq!(parse(b"\x03\xe8bye"), (1000, "bye", None));
        assert_eq!(parse(b"\x03"), (1005, "", Some("close-body-one-byte")));
        assert_eq!(parse(b"\x03\xedx"), (1005, "x", Some("bad-close-code")));
        assert_eq!(parse(b"\x03\xe8ok\xff"), (1000, "ok", Some("bad-close-reason")));
    }

    #[test]
    fn the_codes_that_may_not_be_sent() {
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
            assert!(!may_be_sent(code), "{code}");
        }
        for code in [1000, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999] {
            assert!(may_be_sent(code), "{code}");
        }
    }
}
