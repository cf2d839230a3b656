use crate::model::Side;

/// A setting that one side sends to the other (RFC 9113 §6.5.2, RFC 8441 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    /// The maximum size of the header table of the other side's encoder.
    HeaderTableSize(u32),
    /// The initial size of the windows of the other side's streams.
    InitialWindowSize(u32),
    /// The greatest payload that the other side may send.
    MaxFrameSize(u32),
    /// Whether the server allows extended CONNECT.
    ConnectProtocol(bool),
    /// The value is not allowed.
    Illegal { name: &'static str, value: u32 },
    /// A setting that is not used.
    Other,
}

impl Setting {
    /// Interprets a setting sent by `side`; `connect_enabled` is whether the server has allowed extended CONNECT
    /// before.
    pub(super) fn read(side: Side, (id, value): (u16, u32), connect_enabled: bool) -> Setting {
        let legal_or =
            |name, legal: bool, setting| if legal { setting } else { Setting::Illegal { name, value } };
        match id {
            1 => Setting::HeaderTableSize(value),
            2 => legal_or("ENABLE_PUSH", value <= 1, Setting::Other),
            4 => {
                let legal = value <= 0x7fff_ffff;
                legal_or("INITIAL_WINDOW_SIZE", legal, Setting::InitialWindowSize(value))
            }
            5 => {
                let legal = (16_384..1 << 24).contains(&value);
                legal_or("MAX_FRAME_SIZE", legal, Setting::MaxFrameSize(value))
            }
            8 => {
                // A server must not revoke it once allowed; the client's value has no meaning.
                let from_server = side == Side::Server;
                let legal = value <= 1 && !(from_server && value == 0 && connect_enabled);
                let setting = if from_server { Setting::ConnectProtocol(value == 1) } else { Setting::Other };
                legal_or("ENABLE_CONNECT_PROTOCOL", legal, setting)
            }
            _ => Setting::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_are_not_allowed_are_told_by_name() {
        let illegal = |name, value| Setting::Illegal { name, value };
        for (side, setting, before, expected) in [
            (Side::Client, (1, 9), false, Setting::HeaderTableSize(9)),
            (Side::Client, (2, 2), false, illegal("ENABLE_PUSH", 2)),
            (Side::Client, (4, 1 << 31), false, illegal("INITIAL_WINDOW_SIZE", 1 << 31)),
            (Side::Client, (5, 16_384), false, Setting::MaxFrameSize(16_384)),
            (Side::Client, (5, 1 << 24), false, illegal("MAX_FRAME_SIZE", 1 << 24)),
            (Side::Server, (8, 1), false, Setting::ConnectProtocol(true)),
            (Side::Server, (8, 0), false, Setting::ConnectProtocol(false)),
            (Side::Server, (8, 0), true, illegal("ENABLE_CONNECT_PROTOCOL", 0)),
            (Side::Client, (8, 0), true, Setting::Other),
            (Side::Client, (8, 2), true, illegal("ENABLE_CONNECT_PROTOCOL", 2)),
            (Side::Server, (77, 2), true, Setting::Other),
        ] {
            assert_eq!(Setting::read(side, setting, before), expected, "{side:?} {setting:?}");
        }
    }
}
