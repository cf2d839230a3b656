use crate::event::{Event, Kind};
use crate::model::Timestamp;
use crate::text::{Rfc3339, Zone, eight_digits};

/// The format of times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// Seconds since the first packet.
    #[default]
    Relative,
    /// Seconds since the previous message of the conversation; nothing for other events.
    Delta,
    /// The time of day in a time zone; the caller shows the dates.
    OfDay(Zone),
    /// Seconds since the Unix epoch.
    Epoch,
}

/// The format of times and the origin of relative ones.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// The format.
    pub clock: Clock,
    /// The origin of [`Clock::Relative`].
    pub began: Timestamp,
}

/// The maximum length of a formatted time: a sign, 20 digits, a dot and 6 digits.
const MOST: usize = 32;

/// A formatted time.
#[derive(Clone, Copy, Debug)]
pub struct TimeText {
    text: [u8; MOST],
    length: usize,
}

impl TimeText {
    const fn new() -> Self {
        TimeText { text: [b' '; MOST], length: 0 }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        str::from_utf8(self.text.get(..self.length).unwrap_or_default()).unwrap_or_default()
    }

    fn push(&mut self, bytes: &[u8]) {
        let end = self.length.saturating_add(bytes.len());
        if let Some(room) = self.text.get_mut(self.length..end) {
            room.copy_from_slice(bytes);
            self.length = end;
        }
    }

    fn seconds(&mut self, seconds: u64, micros: u32) {
        self.push(itoa::Buffer::new().format(seconds).as_bytes());
        self.push(b".");
        self.push(eight_digits(micros).get(2..).unwrap_or_default());
    }
}

impl Origin {
    /// Formats the time of an event.
    pub fn shown(self, event: &Event<'_>) -> TimeText {
        let mut text = TimeText::new();
        let time = event.at.time;
        let span = match (self.clock, &event.kind) {
            (Clock::Relative, _) => time.since(self.began),
            (Clock::Delta, Kind::Message(message)) => message.delta,
            (Clock::Delta, _) => return text,
            (Clock::OfDay(zone), _) => {
                let mut out = Vec::with_capacity(30);
                Rfc3339::default().write(zone.shifted(time), &mut out);
                // Microseconds, like the other formats.
                text.push(out.get(11..26).unwrap_or_default());
                return text;
            }
            (Clock::Epoch, _) => {
                let micros = time.as_nanos().div_euclid(1000);
                if micros < 0 {
                    text.push(b"-");
                }
                let micros = micros.unsigned_abs();
                text.seconds(micros / 1_000_000, u32::try_from(micros % 1_000_000).unwrap_or(0));
                return text;
            }
        };
        text.seconds(span.as_secs(), span.subsec_micros());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Side;
    use crate::view::samples;
    use crate::websocket::Opcode;

    #[test]
    fn a_time_is_shown_in_five_ways() {
        let message = samples::message(Side::Client, Opcode::TEXT, b"");
        let event = samples::event(12, 1_500_000, Kind::Message(message));
        let east = Zone::new(&[(0, 3600)]);
        let clocks =
            [Clock::Relative, Clock::Delta, Clock::OfDay(Zone::UTC), Clock::OfDay(east), Clock::Epoch];
        let shown =
            clocks.map(|clock| Origin { clock, began: samples::NOON }.shown(&event).as_str().to_owned());
        assert_eq!(
            shown,
            ["1.500000", "0.000400", "12:00:01.500000", "13:00:01.500000", "1709208001.500000"]
        );
    }

    #[test]
    fn times_before_1970_and_after_everything_are_shown() {
        let shown = |nanos: i64| {
            let message = samples::message(Side::Client, Opcode::TEXT, b"");
            let mut event = samples::event(1, 0, Kind::Message(message));
            event.at.time = Timestamp::from_nanos(nanos);
            Origin { clock: Clock::Epoch, began: samples::NOON }.shown(&event).as_str().to_owned()
        };
        assert_eq!(
            [-1_500_000_000, 999, i64::MAX].map(shown),
            ["-1.500000", "0.000000", "9223372036.854775"]
        );
    }
}
