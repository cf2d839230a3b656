//! Distinguishes the two file formats.

use super::found::{Fault, Found, Read, StopReason};
use super::pcap::Pcap;
use super::pcapng::Pcapng;

/// The format of a file, with the state needed to continue reading.
#[derive(Debug)]
pub(super) enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

impl Format {
    /// Parses the file header at the start of `bytes`; returns the format and the header's length.
    pub(super) fn recognise(bytes: &[u8]) -> Result<(Format, usize), Fault> {
        match Pcapng::open(bytes) {
            Ok(pcapng) => Ok((Format::Pcapng(pcapng), 0)),
            Err(Fault::Unknown) => Pcap::open(bytes).map(|(pcap, length)| (Format::Pcap(pcap), length)),
            Err(fault) => Err(fault),
        }
    }

    /// Parses every complete record of `bytes` from `start` on; `last` means that nothing will follow.
    pub(super) fn records(&mut self, bytes: &[u8], start: usize, last: bool, found: &mut Found<'_>) -> Read {
        let mut start = start;
        loop {
            let read = match self {
                Format::Pcap(pcap) => pcap.records(bytes, start, found),
                Format::Pcapng(pcapng) => pcapng.records(bytes, start, last, found),
            };
            if read.stop != StopReason::Joined {
                return read;
            }
            match Format::recognise(bytes.get(read.consumed..).unwrap_or_default()) {
                Ok((format, length)) => {
                    *self = format;
                    start = read.consumed.saturating_add(length);
                }
                Err(Fault::More { needed, .. }) => {
                    return Read { stop: StopReason::More(needed), ..read };
                }
                Err(Fault::Damaged { layer, problem, .. }) => {
                    found.problems.lost(read.consumed, format_args!("the {layer} has {problem}"));
                    return Read { stop: StopReason::Lost, ..read };
                }
                Err(Fault::Unknown) => {
                    found
                        .problems
                        .lost(read.consumed, format_args!("what follows is no header of a capture file"));
                    return Read { stop: StopReason::Lost, ..read };
                }
            }
        }
    }

    /// Returns the format's name for a unit of the file.
    pub(super) const fn unit(&self) -> &'static str {
        match self {
            Format::Pcap(_) => "packet record",
            Format::Pcapng(_) => "block",
        }
    }
}
