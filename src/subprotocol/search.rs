//! The search for packets at any offset in the messages of a conversation joined mid-stream.

use super::decoder::{Decoder, Out};
use super::input::Input;
use super::pairs::Pairs;
use super::protocol::{Opening, Protocol};
use super::registry::PROTOCOLS;
use super::unit::{Meaning, Units};

/// The number of consecutive packets required by a search; one of them must have a name.
const FOUND: usize = 3;

/// A decoder that searches the messages of a conversation whose beginning was not captured for its packets.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) protocol: &'static Protocol,
    pub(super) decoder: Box<dyn Decoder>,
    /// The number of packets found, and whether one of them has a name.
    found: usize,
    named: bool,
}

impl Search {
    pub(super) fn begin(opening: &Opening) -> Option<Search> {
        let protocol = PROTOCOLS.iter().find(|protocol| protocol.searched)?;
        let decoder = (protocol.make)(opening);
        opening.target.is_none().then_some(Search { protocol, decoder, found: 0, named: false })
    }

    /// Returns whether the packets found so far are sufficient evidence.
    pub(super) fn message(&mut self, input: &Input<'_>) -> bool {
        let (mut units, mut pairs) = (Units::default(), Pairs::default());
        let Input { from, first, at, .. } = *input;
        let mut out = Out {
            units: &mut units,
            pairs: &mut pairs,
            payload: input.bytes,
            from,
            first,
            at,
            inside: None,
            depth: 0,
            contradictions: 0,
            close: None,
        };
        self.decoder.message(input, &mut out);
        let contradicted = out.contradictions > 0;
        for unit in Meaning::new(&units, input.bytes).units() {
            self.found = self.found.saturating_add(1);
            self.named |= unit.name().is_some();
        }
        if contradicted {
            (self.found, self.named) = (0, false);
        }
        self.found >= FOUND && self.named
    }
}
