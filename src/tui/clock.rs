use std::sync::OnceLock;

use jiff::tz::TimeZone;

use super::keys::next_of;
use crate::model::Timestamp;
use crate::text;
use crate::text::Rfc3339;
pub(super) use crate::text::grouped;

/// The format of times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum TimeForm {
    /// The time of day in UTC.
    #[default]
    Absolute,
    /// The local time of day.
    Local,
    /// Seconds since the start of the capture.
    Relative,
    /// The time since the previous row.
    Delta,
}

impl TimeForm {
    /// All formats, each with its name in the configuration and its description.
    const ALL: [(TimeForm, &'static str, &'static str); 4] = [
        (TimeForm::Absolute, "absolute", "UTC"),
        (TimeForm::Local, "local", "local time"),
        (TimeForm::Relative, "relative", "since the beginning"),
        (TimeForm::Delta, "delta", "since the row before"),
    ];

    pub(super) fn next(self) -> TimeForm {
        next_of(&TimeForm::ALL.map(|(form, ..)| form), self)
    }

    pub(super) fn named(name: &str) -> Option<TimeForm> {
        TimeForm::ALL.into_iter().find(|(_, word, _)| *word == name).map(|(form, ..)| form)
    }

    /// Returns the name in the configuration and the description.
    pub(super) fn words(self) -> (&'static str, &'static str) {
        let mut all = TimeForm::ALL.into_iter();
        all.find(|(form, ..)| *form == self).map_or_else(Default::default, |(_, word, told)| (word, told))
    }

    /// Returns the offset from UTC of clocks of this format, in seconds.
    fn ahead(self, time: Timestamp) -> i64 {
        static ZONE: OnceLock<TimeZone> = OnceLock::new();
        if self != TimeForm::Local {
            return 0;
        }
        let moment = jiff::Timestamp::from_second(time.as_nanos().div_euclid(1_000_000_000));
        moment.map_or(0, |moment| ZONE.get_or_init(TimeZone::system).to_offset(moment).seconds().into())
    }

    /// Returns `time` shifted by the offset from UTC, so that formatting it as UTC shows it in this format.
    pub(super) fn shifted(self, time: Timestamp) -> Timestamp {
        Timestamp::from_nanos(time.as_nanos().saturating_add(self.ahead(time).saturating_mul(1_000_000_000)))
    }

    /// Reverses [`TimeForm::shifted`], except in the hour of a clock change.
    pub(super) fn unshifted(self, time: Timestamp) -> Timestamp {
        Timestamp::from_nanos(time.as_nanos().saturating_sub(self.ahead(time).saturating_mul(1_000_000_000)))
    }

    /// Returns the time of day without decimals; in UTC for relative formats.
    pub(super) fn clock(self, time: Timestamp) -> String {
        of_day(self.shifted(time), 0)
    }

    /// Returns the date, such as `2024-02-29`.
    pub(super) fn date(self, time: Timestamp) -> String {
        rfc3339(self.shifted(time)).chars().take(10).collect()
    }
}

/// Returns the time of day with `decimals`, such as `12:00:00.000412`.
pub(super) fn of_day(time: Timestamp, decimals: usize) -> String {
    let all = rfc3339(time);
    all.get(11..20_usize.saturating_add(decimals)).unwrap_or_default().trim_end_matches('.').to_owned()
}

/// Returns the date and time in UTC.
pub(super) fn rfc3339(time: Timestamp) -> String {
    let mut out = Vec::new();
    Rfc3339::default().write(time, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Formats a row's time in at most 15 columns.
pub(super) fn format_time(
    form: TimeForm,
    time: Timestamp,
    start: Timestamp,
    before: Option<Timestamp>,
    wide: bool,
) -> String {
    match form {
        TimeForm::Absolute | TimeForm::Local => of_day(form.shifted(time), if wide { 6 } else { 3 }),
        TimeForm::Relative => {
            let since = time.since(start);
            if wide { format!("{:.6}", since.as_secs_f64()) } else { format!("{:.3}", since.as_secs_f64()) }
        }
        TimeForm::Delta => {
            // An event reported late may be earlier than the row above it.
            before.map_or(String::new(), |before| {
                if before > time {
                    format!("−{}", text::span(before.since(time)))
                } else {
                    format!("+{}", text::span(time.since(before)))
                }
            })
        }
    }
}

/// Formats a count in at most five columns: `999`, `12.3k`, `4.5M`.
pub(super) fn short(count: u64) -> String {
    let number = count as f64;
    match count {
        0..1_000 => count.to_string(),
        1_000..100_000 => format!("{:.1}k", number / 1e3),
        100_000..1_000_000 => format!("{:.0}k", number / 1e3),
        1_000_000..100_000_000 => format!("{:.1}M", number / 1e6),
        _ => format!("{:.0}M", number / 1e6),
    }
}

/// Formats a size in at most seven columns.
pub(super) fn size(bytes: u64) -> String {
    text::bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_short_and_readable() {
        assert_eq!(
            [0, 999, 1_234, 123_456, 1_234_567, 123_456_789].map(short),
            ["0", "999", "1.2k", "123k", "1.2M", "123M"]
        );
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn times_in_three_forms() {
        let start = Timestamp::new(1_709_208_000, 0);
        let time = Timestamp::new(1_709_208_001, 2_345_678);
        assert_eq!(format_time(TimeForm::Absolute, time, start, None, false), "12:00:01.002");
        assert_eq!(format_time(TimeForm::Relative, time, start, None, true), "1.002346");
        assert_eq!(format_time(TimeForm::Delta, time, start, Some(start), true), "+1.002 s");
        assert_eq!(format_time(TimeForm::Delta, start, start, Some(time), true), "−1.002 s");
        assert_eq!(of_day(time, 0), "12:00:01");
        for form in [TimeForm::Absolute, TimeForm::Local] {
            assert_eq!(form.unshifted(form.shifted(time)), time);
        }
        assert_eq!(TimeForm::Absolute.date(time), "2024-02-29");
    }
}
