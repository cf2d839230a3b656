use super::Rfc3339;
use crate::event::{Event, Kind};
use crate::model::Timestamp;

/// How times are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// Seconds since the first packet.
    #[default]
    Relative,
    /// Of a message, seconds since the message before it in its conversation.
    Delta,
    /// RFC 3339, in UTC.
    Absolute,
    /// Seconds since 1970.
    Epoch,
}

/// How times are shown, and since when they are counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) clock: Clock,
    pub(super) began: Timestamp,
}

impl Origin {
    /// Returns the words for the time of an event.
    pub(super) fn shown(self, event: &Event<'_>) -> String {
        let time = event.at.time;
        match (self.clock, &event.kind) {
            (Clock::Relative, _) => seconds(time.since(self.began)),
            (Clock::Delta, Kind::Message(message)) => seconds(message.delta),
            (Clock::Delta, _) => String::new(),
            (Clock::Absolute, _) => {
                let mut out = Vec::new();
                Rfc3339::default().write(time, &mut out);
                // To a microsecond, as the others.
                out.truncate(26);
                format!("{}Z", String::from_utf8_lossy(&out))
            }
            (Clock::Epoch, _) => {
                let micros = time.as_nanos().div_euclid(1000);
                let sign = if micros < 0 { "-" } else { "" };
                let micros = micros.unsigned_abs();
                format!("{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
            }
        }
    }
}

fn seconds(span: std::time::Duration) -> String {
    format!("{}.{:06}", span.as_secs(), span.subsec_micros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Side;
    use crate::view::samples;
    use crate::websocket::Opcode;

    #[test]
    fn a_time_is_shown_in_four_ways() {
        let message = samples::message(Side::Client, Opcode::TEXT, b"");
        let event = samples::event(12, 1_500_000, Kind::Message(message));
        let shown = [Clock::Relative, Clock::Delta, Clock::Absolute, Clock::Epoch]
            .map(|clock| Origin { clock, began: samples::NOON }.shown(&event));
        assert_eq!(shown, ["1.500000", "0.000400", "2024-02-29T12:00:01.500000Z", "1709208001.500000"]);
    }
}
