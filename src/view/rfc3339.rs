use std::num::Wrapping as W;

use crate::model::Timestamp;

const NANOS: i64 = 1_000_000_000;

/// Writes moments as RFC 3339 in UTC with nine decimals: `2024-02-29T23:59:59.000000001Z`.
///
/// It remembers the text of the last second, for stamps come in order and most share theirs.
#[derive(Clone, Debug)]
pub struct Rfc3339 {
    second: i64,
    text: [u8; 20],
}

impl Default for Rfc3339 {
    fn default() -> Self {
        Rfc3339 { second: 0, text: *b"1970-01-01T00:00:00." }
    }
}

impl Rfc3339 {
    /// Appends the 30 characters of `time`.
    pub fn write(&mut self, time: Timestamp, out: &mut Vec<u8>) {
        let second = time.as_nanos().div_euclid(NANOS);
        let nanos = time.as_nanos().rem_euclid(NANOS);
        if second != self.second {
            self.second = second;
            self.text = second_text(second);
        }
        out.extend_from_slice(&self.text);
        let nanos = u32::try_from(nanos).unwrap_or(0);
        let (high, low) = (nanos / 100_000, nanos % 100_000);
        let ([a, b], [c, d], [e, f], [g, h]) =
            (pair(high / 100), pair(high % 100), pair(low / 1000), pair(low / 10 % 100));
        out.extend_from_slice(&[a, b, c, d, e, f, g, h, digit(low), b'Z']);
    }
}

/// Returns `YYYY-MM-DDTHH:MM:SS.` of a second since 1970; a [`Timestamp`] reaches from 1677 to 2262.
fn second_text(second: i64) -> [u8; 20] {
    let (year, month, day) = date(second.div_euclid(86_400));
    let of_day = u32::try_from(second.rem_euclid(86_400)).unwrap_or(0);
    let ([a, b], [c, d], [e, f], [g, h]) = (pair(year / 100), pair(year % 100), pair(month), pair(day));
    let ([i, j], [k, l], [m, n]) = (pair(of_day / 3600), pair(of_day / 60 % 60), pair(of_day % 60));
    [a, b, c, d, b'-', e, f, b'-', g, h, b'T', i, j, b':', k, l, b':', m, n, b'.']
}

/// Turns a day since 1970 into year, month and day of the Gregorian calendar.
///
/// Years are counted from March, so that the leap day is the last of its year, and in eras of 400 years, which
/// all have 146,097 days.
fn date(day: i64) -> (u32, u32, u32) {
    let day = W(u32::try_from(day.saturating_add(719_468)).unwrap_or(0)); // 0000-03-01 is day 0
    let (era, of_era) = (day / W(146_097), day % W(146_097));
    let leap_days = of_era / W(1460) - of_era / W(36_524) + of_era / W(146_096);
    let year_of_era = (of_era - leap_days) / W(365);
    let of_year = of_era - (W(365) * year_of_era + year_of_era / W(4) - year_of_era / W(100));
    let month = (W(5) * of_year + W(2)) / W(153); // 0 is March
    let day = of_year - (W(153) * month + W(2)) / W(5) + W(1);
    let (month, next) = if month < W(10) { (month + W(3), W(0)) } else { (month - W(9), W(1)) };
    ((era * W(400) + year_of_era + next).0, month.0, day.0)
}

/// Returns the two digits of a number below 100.
fn pair(number: u32) -> [u8; 2] {
    [digit(number / 10), digit(number)]
}

/// Returns the last digit of a number.
fn digit(number: u32) -> u8 {
    b'0' | u8::try_from(number % 10).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ours(clock: &mut Rfc3339, nanos: i64) -> String {
        let mut out = Vec::new();
        clock.write(Timestamp::from_nanos(nanos), &mut out);
        String::from_utf8(out).unwrap()
    }

    fn by_jiff(nanos: i64) -> String {
        format!("{:.9}", jiff::Timestamp::from_nanosecond(nanos.into()).unwrap())
    }

    #[test]
    fn days_that_calendars_get_wrong() {
        let mut clock = Rfc3339::default();
        for (seconds, want) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000000Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000000Z"),
            (-1, "1969-12-31T23:59:59.000000000Z"),
        ] {
            assert_eq!(ours(&mut clock, seconds * NANOS), want);
        }
        assert_eq!(ours(&mut clock, 1_709_251_199_000_000_001), "2024-02-29T23:59:59.000000001Z");
        assert_eq!(ours(&mut clock, i64::MAX), by_jiff(i64::MAX));
        assert_eq!(ours(&mut clock, i64::MIN), by_jiff(i64::MIN));
    }

    proptest! {
        #[test]
        fn equals_jiff(stamps: Vec<i64>, step in 0_i64..3_000_000_000) {
            let mut clock = Rfc3339::default();
            for stamp in stamps {
                for nanos in [stamp, stamp.saturating_add(step)] {
                    prop_assert_eq!(ours(&mut clock, nanos), by_jiff(nanos));
                }
            }
        }
    }
}
