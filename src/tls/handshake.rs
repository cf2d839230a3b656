/// The types of handshake messages (RFC 8446 §B.3, RFC 5246 §A.4) that are interpreted.
pub(super) mod message {
    pub(in super::super) const CLIENT_HELLO: u8 = 1;
    pub(in super::super) const SERVER_HELLO: u8 = 2;
    pub(in super::super) const NEW_SESSION_TICKET: u8 = 4;
    pub(in super::super) const END_OF_EARLY_DATA: u8 = 5;
    pub(in super::super) const ENCRYPTED_EXTENSIONS: u8 = 8;
    pub(in super::super) const CERTIFICATE_REQUEST: u8 = 13;
    pub(in super::super) const SERVER_HELLO_DONE: u8 = 14;
    pub(in super::super) const CLIENT_KEY_EXCHANGE: u8 = 16;
    pub(in super::super) const FINISHED: u8 = 20;
    pub(in super::super) const KEY_UPDATE: u8 = 24;
    /// All types in use.
    pub(in super::super) const KNOWN: &[u8] =
        &[0, 1, 2, 3, 4, 5, 8, 11, 12, 13, 14, 15, 16, 20, 21, 22, 24, 25, 67];
}

/// The length of a message's type and length fields.
pub(super) const PREFIX: usize = 4;

/// A handshake message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) kind: u8,
    /// The message from its type on; empty if only the type is needed.
    pub(super) bytes: Vec<u8>,
}

impl Message {
    /// Returns what follows the type and the length.
    pub(super) fn body(&self) -> &[u8] {
        self.bytes.get(PREFIX..).unwrap_or_default()
    }
}

/// A reassembler for the handshake messages of one side, which may span several records (RFC 8446 §5.1).
///
/// Messages that are not needed here, above all certificates, are not kept.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// The start of a message, or messages not yet drained.
    buffer: Vec<u8>,
    /// The remaining bytes of the current message that are to be skipped.
    skip: usize,
    /// Whether part of the stream was lost: the next message begins with a record.
    lost: bool,
}

impl Messages {
    /// The longest message that is kept.
    const LONGEST: usize = 65_536;

    /// Adds the content of a record.
    pub(super) fn push(&mut self, content: &[u8]) {
        if std::mem::take(&mut self.lost) {
            self.buffer.clear();
            self.skip = 0;
            if !begins_message(content) {
                self.lost = true;
                return;
            }
        }
        let skipped = self.skip.min(content.len());
        self.skip = self.skip.saturating_sub(skipped);
        self.buffer.extend_from_slice(content.get(skipped..).unwrap_or_default());
    }

    /// Notes that the contents of records were lost.
    pub(super) fn gap(&mut self) {
        self.lost = true;
    }

    /// Returns the next message; drain until `None` before pushing again.
    pub(super) fn next(&mut self) -> Option<Message> {
        let [kind, length @ ..] = *self.buffer.first_chunk::<PREFIX>()?;
        let [high, middle, low] = length.map(usize::from);
        let whole = PREFIX.saturating_add(high << 16 | middle << 8 | low);
        let kept = matches!(
            kind,
            message::CLIENT_HELLO
                | message::SERVER_HELLO
                | message::NEW_SESSION_TICKET
                | message::ENCRYPTED_EXTENSIONS
                | message::CLIENT_KEY_EXCHANGE
                | message::KEY_UPDATE
        );
        if kept && whole <= Self::LONGEST {
            if self.buffer.len() < whole {
                return None;
            }
            let rest = self.buffer.split_off(whole);
            return Some(Message { kind, bytes: std::mem::replace(&mut self.buffer, rest) });
        }
        let here = whole.min(self.buffer.len());
        self.buffer.drain(..here);
        self.skip = whole.saturating_sub(here);
        Some(Message { kind, bytes: Vec::new() })
    }

    /// Returns the allocated memory, in bytes.
    pub(super) fn held(&self) -> usize {
        self.buffer.capacity()
    }
}

/// Returns whether the content of a handshake record looks like the beginning of a message.
pub(super) fn begins_message(content: &[u8]) -> bool {
    content.first_chunk::<2>().is_some_and(|[kind, high]| message::KNOWN.contains(kind) && *high <= 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(messages: &mut Messages) -> Vec<(u8, usize)> {
        std::iter::from_fn(|| messages.next()).map(|it| (it.kind, it.body().len())).collect()
    }

    #[test]
    fn any_cutting_gives_the_same_messages() {
        let mut bytes = b"\x01\0\0\x03abc\x0b\0\x01\0".to_vec();
        bytes.extend([7; 256]);
        bytes.extend(b"\x14\0\0\x02xx\x18\0\0\x01\0");
        for size in [1, 2, 3, 5, 100, bytes.len()] {
            let (mut messages, mut found) = (Messages::default(), Vec::new());
            for part in bytes.chunks(size) {
                messages.push(part);
                found.extend(all(&mut messages));
            }
            assert_eq!(found, [(1, 3), (11, 0), (20, 0), (24, 1)], "{size}");
            assert!(messages.held() < 600, "a certificate is not kept");
        }
    }

    #[test]
    fn behind_a_gap_a_message_begins_with_a_record() {
        let mut messages = Messages::default();
        messages.push(b"\x01\0\x01\0begins");
        assert_eq!(all(&mut messages), []);
        messages.gap();
        messages.push(b"no beginning");
        messages.push(b"\x14\0\0\x01x");
        assert_eq!(all(&mut messages), [(20, 0)]);
    }
}
