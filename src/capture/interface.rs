use super::order::Order;
use crate::model::{Anomaly, LinkType};

const END_OF_OPTIONS: u16 = 0;
const NAME: u16 = 2;
const TIME_RESOLUTION: u16 = 9;
const TIME_OFFSET: u16 = 14;

/// The maximum length of an interface's name, in bytes.
const LONGEST_NAME: usize = 64;

/// Calls `take` with the code and the value of each option; returns `false` if one is incomplete.
pub(super) fn each_option(order: Order, mut options: &[u8], mut take: impl FnMut(u16, &[u8])) -> bool {
    while let Some(([c0, c1, n0, n1], rest)) = options.split_first_chunk::<4>() {
        let (code, length) = (order.u16([*c0, *c1]), usize::from(order.u16([*n0, *n1])));
        if code == END_OF_OPTIONS {
            break;
        }
        let Some(value) = rest.get(..length) else { return false };
        take(code, value);
        options = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    true
}

/// The part of an interface description that is needed.
#[derive(Clone, Debug)]
pub(super) struct Interface {
    pub(super) link: LinkType,
    /// 0 if there is no limit.
    pub(super) snap_length: u32,
    unit: Unit,
    /// Nanoseconds to add to every timestamp.
    offset: i64,
    name: Option<Box<str>>,
    /// How many packets the system and the interface dropped, according to its statistics.
    dropped: (u64, u64),
}

impl Interface {
    /// Parses the body of an interface description as far as possible; also returns what was wrong.
    pub(super) fn read(order: Order, body: &[u8]) -> (Interface, Option<&'static str>) {
        let mut interface = Interface::default();
        let Some(([l0, l1, _, _, s0, s1, s2, s3], options)) = body.split_first_chunk::<8>() else {
            return (interface, Some("an interface description is too short"));
        };
        interface.link = LinkType(u32::from(order.u16([*l0, *l1])));
        interface.snap_length = order.u32([*s0, *s1, *s2, *s3]);
        let whole = each_option(order, options, |code, value| match (code, value) {
            (TIME_RESOLUTION, &[resolution]) => interface.unit = Unit::new(resolution),
            (TIME_OFFSET, value) => {
                if let Some(seconds) = value.first_chunk() {
                    interface.offset = order.u64(*seconds).cast_signed().saturating_mul(1_000_000_000);
                }
            }
            (NAME, value) => {
                let value = value.get(..LONGEST_NAME).unwrap_or(value);
                interface.name = Some(String::from_utf8_lossy(value).into());
            }
            _ => {}
        });
        (interface, (!whole).then_some("an interface's options run past its description"))
    }

    /// Updates the drop counts of the system and of the interface itself; returns what is to be reported. `number`
    /// identifies an interface that has no name.
    pub(super) fn dropped(&mut self, number: u32, system: u64, device: u64) -> Option<Anomaly> {
        let (dropped, device_dropped) =
            (system.saturating_sub(self.dropped.0), device.saturating_sub(self.dropped.1));
        if dropped == 0 && device_dropped == 0 {
            return None;
        }
        self.dropped = (system.max(self.dropped.0), device.max(self.dropped.1));
        let interface = self.name.clone().unwrap_or_else(|| number.to_string().into());
        let total = self.dropped.0.saturating_add(self.dropped.1);
        Some(Anomaly::CaptureDropped { interface, dropped, device_dropped, total })
    }

    /// Converts a timestamp to nanoseconds since 1970; `None` if it is out of range.
    pub(super) fn nanos(&self, units: u64) -> Option<i64> {
        self.unit.nanos(units)?.checked_add(self.offset)
    }
}

impl Default for Interface {
    fn default() -> Self {
        Interface {
            link: LinkType(u32::from(u16::MAX)),
            snap_length: 0,
            unit: Unit::Times(1000),
            offset: 0,
            name: None,
            dropped: (0, 0),
        }
    }
}

/// The unit of an interface's timestamps, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Times(u64),
    Per(u64),
    /// 2⁻ⁿ seconds.
    Binary(u8),
}

impl Unit {
    /// Parses an `if_tsresol`: a negative power of ten, or of two if the top bit is set.
    fn new(resolution: u8) -> Unit {
        let exponent = resolution & 0x7f;
        if resolution & 0x80 != 0 {
            return Unit::Binary(exponent);
        }
        match exponent.checked_sub(9) {
            None | Some(0) => Unit::Times(10_u64.saturating_pow(u32::from(9_u8.saturating_sub(exponent)))),
            // With finer units, no number of them amounts to a nanosecond.
            Some(finer) => 10_u64.checked_pow(u32::from(finer)).map_or(Unit::Times(0), Unit::Per),
        }
    }

    fn nanos(self, units: u64) -> Option<i64> {
        let nanos = match self {
            Unit::Times(factor) => units.checked_mul(factor)?,
            Unit::Per(divisor) => units.checked_div(divisor)?,
            Unit::Binary(shift) => {
                u64::try_from(u128::from(units).checked_mul(1_000_000_000)?.checked_shr(u32::from(shift))?)
                    .ok()?
            }
        };
        i64::try_from(nanos).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Bytes, Everything};
    use super::*;

    const INTERFACE: u32 = 1;

    #[test]
    fn time_resolutions() {
        for (resolution, units, nanos) in [
            (6, 1_500_000, 1_500_000_000),
            (9, 1_500_000_001, 1_500_000_001),
            (0, 3, 3_000_000_000),
            (3, 1_500, 1_500_000_000),
            (12, 1_500_000_000_999, 1_500_000_000),
            (127, u64::MAX, 0),
            (0x80, 3, 3_000_000_000),
            (0x81, 3, 1_500_000_000),
            (0x80 | 0x1e, 3 << 29, 1_500_000_000),
            (0xff, u64::MAX, 0),
        ] {
            for order in [Order::Little, Order::Big] {
                let file = Bytes::new(order).section().interface(1, 0, &[(TIME_RESOLUTION, &[resolution])]);
                let all = Everything::of_bytes(&file.enhanced(0, units, b"x").bytes).unwrap();
                assert_eq!((all.packets[0].nanos, &all.problems[..]), (nanos, &[][..]), "{resolution:#x}");
            }
        }
    }

    #[test]
    fn time_offset_in_seconds() {
        let offset = 1_600_000_000_i64;
        for (order, value) in [(Order::Little, offset.to_le_bytes()), (Order::Big, offset.to_be_bytes())] {
            let file =
                Bytes::new(order).section().interface(1, 0, &[(2, b"eth0"), (TIME_OFFSET, &value), (0, b"")]);
            let all = Everything::of_bytes(&file.enhanced(0, 1_000_000, b"x").bytes).unwrap();
            assert_eq!(all.seconds(), [1_600_000_001]);
        }
    }

    #[test]
    fn each_interface_has_its_own_resolution_and_length_of_check_sequence_changes_nothing() {
        let file = Bytes::new(Order::Little).section();
        let file = file.interface(1, 0, &[(TIME_RESOLUTION, &[9])]).interface(1, 0, &[(13, &[4])]);
        let file = file.enhanced(0, 1_000_000_000, b"nano").enhanced(1, 1_000_001, b"micro");
        let all = Everything::of_bytes(&file.bytes).unwrap();
        assert_eq!(
            all.packets.iter().map(|packet| packet.nanos).collect::<Vec<_>>(),
            [1_000_000_000, 1_000_001_000]
        );
        assert_eq!(all.data(), [&b"nano"[..], b"micro"]);
    }

    #[test]
    fn options_that_run_past_their_block_spoil_nothing_else() {
        let file = Bytes::new(Order::Little).section();
        let file = file.block(INTERFACE, |body| body.u16(1).u16(0).u32(0).u16(2).u16(200).raw(b"eth0"));
        let all = Everything::of_bytes(&file.enhanced(0, 1_000_000, b"x").bytes).unwrap();
        assert_eq!((all.data(), all.seconds()), (vec![&b"x"[..]], vec![1]));
        assert!(all.only_problem().1.contains("options"));
    }

    #[test]
    fn interface_too_short_keeps_its_number() {
        let file =
            Bytes::new(Order::Little).section().block(INTERFACE, |body| body.u32(1)).interface(113, 0, &[]);
        let all = Everything::of_bytes(&file.enhanced(1, 1, b"x").bytes).unwrap();
        assert_eq!(all.packets[0].link, 113);
        assert_eq!(all.only_problem().0, 28);
    }
}
