use super::handshake::{PREFIX, message};
use crate::model::{Pair, Side};

/// The maximum number of bytes of handshake messages that are kept.
const MOST: usize = 65_536;

/// The handshake messages up to `ClientKeyExchange`, whose hash enters the extended master secret (RFC 7627 §3).
///
/// Those of each side are kept separately: packets of the two sides may be swapped, yet the order of the messages is
/// known.
#[derive(Default)]
pub(super) struct Transcript {
    sides: Pair<Vec<u8>>,
    /// Whether part of it was lost, or it is not needed.
    is_lost: bool,
}

impl Transcript {
    /// Adds messages of a side, or parts of them.
    pub(super) fn push(&mut self, side: Side, messages: &[u8]) {
        let length = self.sides.client.len().saturating_add(self.sides.server.len());
        if self.is_lost || length.saturating_add(messages.len()) > MOST {
            return self.lose();
        }
        self.sides[side].extend_from_slice(messages);
    }

    /// Drops the transcript.
    pub(super) fn lose(&mut self) {
        *self = Transcript { is_lost: true, ..Transcript::default() };
    }

    /// Returns the messages in order, if all are present.
    pub(super) fn messages(&self) -> Option<Vec<u8>> {
        let Pair { client, server } = &self.sides;
        let (_, hello) = next(client)?;
        let asked = client.get(..up_to(message::CLIENT_KEY_EXCHANGE, client)?)?;
        let answered = server.get(..up_to(message::SERVER_HELLO_DONE, server)?)?;
        let (hello, rest) = asked.split_at_checked(hello)?;
        Some([hello, answered, rest].concat())
    }
}

/// Returns where the first message of a type ends, if it is complete.
fn up_to(wanted: u8, messages: &[u8]) -> Option<usize> {
    let mut end = 0_usize;
    loop {
        let (kind, length) = next(messages.get(end..)?)?;
        end = end.saturating_add(length);
        if kind == wanted {
            return Some(end);
        }
    }
}

/// Returns the type and the length of the message that begins here, if it is complete.
fn next(messages: &[u8]) -> Option<(u8, usize)> {
    let [kind, length @ ..] = *messages.first_chunk::<PREFIX>()?;
    let [high, middle, low] = length.map(usize::from);
    let length = PREFIX.saturating_add(high << 16 | middle << 8 | low);
    (messages.len() >= length).then_some((kind, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_the_handshake_whatever_was_captured_first() {
        let client = [1, 0, 0, 1, 7, 11, 0, 0, 0, 16, 0, 0, 2, 8, 9, 15, 0, 0, 0];
        // A ticket follows and is not part of it.
        let server = [2, 0, 0, 1, 5, 14, 0, 0, 0, 4, 0, 0, 0];
        let expected = [&client[..5], &server[..9], &client[5..15]].concat();
        for cut in 0..client.len() {
            let mut transcript = Transcript::default();
            transcript.push(Side::Client, &client[..cut]);
            transcript.push(Side::Server, &server);
            assert_eq!(transcript.messages(), (cut >= 15).then(|| expected.clone()), "{cut}");
            transcript.push(Side::Client, &client[cut..]);
            assert_eq!(transcript.messages().as_ref(), Some(&expected), "{cut}");
        }
    }

    #[test]
    fn what_was_lost_is_not_made_up() {
        let mut transcript = Transcript::default();
        transcript.push(Side::Client, &[1, 0, 0, 0, 16, 0, 0, 0]);
        assert!(transcript.messages().is_none());
        transcript.push(Side::Server, &[2, 0, 0, 0, 14, 0, 0, 0]);
        assert!(transcript.messages().is_some());
        transcript.push(Side::Server, &[0; MOST]);
        assert!(transcript.messages().is_none());
        transcript.push(Side::Client, &[1, 0, 0, 0, 16, 0, 0, 0]);
        assert!(transcript.messages().is_none());
    }
}
