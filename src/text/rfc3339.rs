use crate::model::Timestamp;

const NANOS: i64 = 1_000_000_000;

/// A writer of times as RFC 3339 in UTC with nine decimals: `2024-02-29T23:59:59.000000001Z`.
///
/// It caches the text of the last second, because timestamps are ordered and most share theirs.
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
        let nanos = u32::try_from(nanos).unwrap_or(0);
        out.extend_from_slice(&self.text);
        out.extend_from_slice(&eight_digits(nanos / 10));
        out.extend_from_slice(&[digit(nanos), b'Z']);
    }
}

/// Returns `YYYY-MM-DDTHH:MM:SS.` of a second since 1970; a [`Timestamp`] ranges from 1677 to 2262.
fn second_text(second: i64) -> [u8; 20] {
    let (year, month, day) = date(second.div_euclid(86_400));
    let of_day = u32::try_from(second.rem_euclid(86_400)).unwrap_or(0);
    let [[y0, y1], [y2, y3]] = [pair(year / 100), pair(year % 100)];
    let [[m0, m1], [d0, d1]] = [pair(month), pair(day)];
    let [[h0, h1], [n0, n1], [s0, s1]] = [pair(of_day / 3600), pair(of_day / 60 % 60), pair(of_day % 60)];
    [
        y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', //
        h0, h1, b':', n0, n1, b':', s0, s1, b'.',
    ]
}

/// Converts a day since 1970 to year, month and day of the Gregorian calendar.
///
/// Years are counted from March, so that the leap day is the last of its year, and in eras of 400 years, which
/// all have 146,097 days.
fn date(day: i64) -> (u32, u32, u32) {
    let day = u32::try_from(day.saturating_add(719_468)).unwrap_or(0); // 0000-03-01 is day 0
    let (era, of_era) = (day / 146_097, day % 146_097);
    let leap_days = (of_era / 1460).wrapping_sub(of_era / 36_524).wrapping_add(of_era / 146_096);
    let year_of_era = of_era.wrapping_sub(leap_days) / 365;
    let before = year_of_era.wrapping_mul(365).wrapping_add(year_of_era / 4).wrapping_sub(year_of_era / 100);
    let of_year = of_era.wrapping_sub(before);
    let month = of_year.wrapping_mul(5).wrapping_add(2) / 153; // 0 is March
    let day = of_year.wrapping_sub(month.wrapping_mul(153).wrapping_add(2) / 5).wrapping_add(1);
    let (month, next) = if month < 10 { (month.wrapping_add(3), 0) } else { (month.wrapping_sub(9), 1) };
    (era.wrapping_mul(400).wrapping_add(year_of_era).wrapping_add(next), month, day)
}

/// Returns the eight digits of a number below 10⁸, including leading zeros.
///
/// All digits are computed at once: groups of four, pairs and single digits side by side in one register.
#[inline]
pub fn eight_digits(number: u32) -> [u8; 8] {
    let fours = u64::from(number / 10_000) | u64::from(number % 10_000) << 32;
    let high = (fours.wrapping_mul(10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = high | fours.wrapping_sub(high.wrapping_mul(100)) << 16;
    let high = (pairs.wrapping_mul(103) >> 10) & 0x000f_000f_000f_000f;
    let digits = high | pairs.wrapping_sub(high.wrapping_mul(10)) << 8;
    (digits | 0x3030_3030_3030_3030).to_le_bytes()
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

    #[test]
    fn eight_digits_of_numbers_all_over_the_range() {
        for number in (0..100_000_000).step_by(997).chain(0..20_000).chain(99_980_000..100_000_000) {
            assert_eq!(eight_digits(number), format!("{number:08}").as_bytes());
        }
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
