use crate::capture::{Belongs, Sorter};
use crate::model::{Flags, Packet};
use crate::wire::{Decoded, Decoder, Limits};

/// Determines the connections that packets belong to, for saving packets.
#[derive(Debug)]
pub struct Flows(Decoder);

impl Flows {
    /// Creates one in its initial state.
    pub fn new(limits: Limits) -> Self {
        Flows(Decoder::new(limits))
    }
}

impl Sorter for Flows {
    fn belongs(&mut self, packet: &Packet<'_>) -> Belongs {
        let belongs = match self.0.decode(packet) {
            Decoded::Tcp(segment) => {
                let begins = segment.flags.has(Flags::SYN) && !segment.flags.has(Flags::ACK);
                Belongs::To { key: segment.flow.key(), begins }
            }
            Decoded::Fragment => Belongs::Fragment,
            Decoded::Other(_) | Decoded::Unreadable(_) => Belongs::Nothing,
        };
        // Anomalies are reported by the analysis.
        while self.0.next_anomaly().is_some() {}
        belongs
    }
}
