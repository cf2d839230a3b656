use std::collections::{HashMap, HashSet, VecDeque};

use crate::model::Endpoint;

/// How many bytes of secrets are kept for connections that are not saved, or not yet.
const UNUSED: usize = 64 << 20;
/// How many connections are tracked whose secrets were saved, or will be if the connections are.
const CONNECTIONS: usize = 65_536;

/// The random of a `ClientHello`, by which key logs identify connections (RFC 9850 §2).
type Random = [u8; 32];

/// The secrets received, by connection: those of saved connections are to be written, the others are not.
#[derive(Default)]
pub(super) struct Secrets {
    /// Lines of connections that are not saved, and the packet that they followed.
    unused: HashMap<Random, (u64, Vec<u8>)>,
    /// Their randoms in order of arrival.
    order: VecDeque<Random>,
    bytes: usize,
    /// Connections whose secrets were written, in that order.
    used: HashSet<Random>,
    used_order: VecDeque<Random>,
    /// Connections whose secrets were found, and which may yet be saved.
    remembered: HashMap<(Endpoint, Endpoint), Vec<(Random, u64)>>,
    /// The number of the last packet.
    last: u64,
    dropped: bool,
}

/// Lines to be written.
pub(super) struct Needed {
    pub(super) text: Vec<u8>,
    /// The packet that they have to precede.
    pub(super) before: u64,
}

impl Secrets {
    /// Notes the number of the next packet.
    pub(super) fn pass(&mut self, packet: u64) {
        self.last = packet;
    }

    /// Adds key log lines, and returns those that are needed at once.
    pub(super) fn take(&mut self, text: &[u8]) -> Option<Needed> {
        let mut needed = Vec::new();
        for line in text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            match random(line) {
                Some(random) if !self.used.contains(&random) => self.store_unused(random, line),
                // Lines with premaster secrets are identified by the encrypted premaster instead.
                None if !line.starts_with(b"RSA ") => {}
                _ => push_line(&mut needed, line),
            }
        }
        let before = self.last.saturating_add(1);
        (!needed.is_empty()).then_some(Needed { text: needed, before })
    }

    /// Notes that secrets of a saved connection were found at a packet, and returns its lines that were not written
    /// yet.
    pub(super) fn need(&mut self, random: Random, packet: u64) -> Option<Needed> {
        if self.used.insert(random) {
            self.used_order.push_back(random);
            if self.used_order.len() > CONNECTIONS
                && let Some(oldest) = self.used_order.pop_front()
            {
                self.used.remove(&oldest);
            }
        }
        let (behind, text) = self.unused.remove(&random)?;
        self.bytes = self.bytes.saturating_sub(text.len());
        // Randoms whose lines were written are stale.
        if self.order.len() > self.unused.len().saturating_mul(2).saturating_add(1_024) {
            let unused = &self.unused;
            self.order.retain(|random| unused.contains_key(random));
        }
        Some(Needed { text, before: packet.max(behind.saturating_add(1)) })
    }

    /// Notes that secrets were found of a connection that may yet be saved.
    pub(super) fn remember(&mut self, random: Random, ends: (Endpoint, Endpoint), packet: u64) {
        if self.remembered.len() < CONNECTIONS || self.remembered.contains_key(&ends) {
            let of_ends = self.remembered.entry(ends).or_default();
            // Only the most recent connections between the two are remembered.
            of_ends.truncate(7);
            of_ends.insert(0, (random, packet));
        }
    }

    /// Removes and returns what was noted of the connections between these two.
    pub(super) fn remembered(&mut self, ends: (Endpoint, Endpoint)) -> Vec<(Random, u64)> {
        self.remembered.remove(&ends).unwrap_or_default()
    }

    /// Returns the bound on what is kept, once, if something was dropped because of it.
    pub(super) const fn dropped(&mut self) -> Option<usize> {
        if std::mem::replace(&mut self.dropped, false) { Some(UNUSED) } else { None }
    }

    fn store_unused(&mut self, random: Random, line: &[u8]) {
        let (behind, text) = self.unused.entry(random).or_insert_with(|| {
            self.order.push_back(random);
            (0, Vec::new())
        });
        *behind = self.last;
        let before = text.len();
        push_line(text, line);
        self.bytes = self.bytes.saturating_add(text.len().saturating_sub(before));
        while self.bytes > UNUSED
            && let Some(oldest) = self.order.pop_front()
        {
            if let Some((_, text)) = self.unused.remove(&oldest) {
                self.bytes = self.bytes.saturating_sub(text.len());
                self.dropped = true;
            }
        }
    }
}

fn push_line(text: &mut Vec<u8>, line: &[u8]) {
    text.extend_from_slice(line);
    text.push(b'\n');
}

/// Returns the client random that identifies a line, if it has one.
fn random(line: &[u8]) -> Option<Random> {
    let name = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).nth(1)?;
    let (pairs, []) = name.as_chunks::<2>() else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut random = [0; 32];
    if pairs.len() != random.len() {
        return None;
    }
    for (byte, [high, low]) in random.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(random)
}
