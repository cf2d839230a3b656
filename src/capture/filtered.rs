//! Capture filters for packets read from files, compiled by libpcap.

use pcap::{BpfProgram, Capture, Linktype};

use super::libpcap::{self, message};
use super::{Error, Item, Next, PacketBatch, Source};
use crate::model::LinkType;

/// A source that passes only the packets that match a capture filter; they keep their numbers.
pub struct CaptureFilter {
    source: Box<dyn Source + Send>,
    programs: Programs,
}

impl CaptureFilter {
    /// Filters `source`.
    ///
    /// # Errors
    ///
    /// Fails if there is no libpcap, or if `filter` is not valid for Ethernet.
    pub fn new(source: Box<dyn Source + Send>, filter: &str) -> Result<Self, Error> {
        libpcap::load()?;
        let mut programs = Programs { filter: filter.to_owned(), compiled: Vec::new() };
        // An invalid filter is reported before anything is read.
        programs.find(LinkType::ETHERNET)?;
        Ok(CaptureFilter { source, programs })
    }
}

impl Source for CaptureFilter {
    fn next(&mut self, batch: &mut PacketBatch) -> Result<Next, Error> {
        loop {
            let next = self.source.next(batch)?;
            let had = batch.items.len();
            self.programs.retain(batch)?;
            // A batch from which everything was removed is not returned.
            if next != Next::Filled || had == 0 || !batch.is_empty() {
                return Ok(next);
            }
        }
    }
}

/// A filter, compiled for each link type encountered.
struct Programs {
    filter: String,
    compiled: Vec<(LinkType, BpfProgram)>,
}

impl Programs {
    fn retain(&mut self, batch: &mut PacketBatch) -> Result<(), Error> {
        let PacketBatch { bytes, items } = batch;
        let mut fault = None;
        items.retain(|item| match item {
            Item::Packet(record) => match self.find(record.link) {
                Ok(program) => program.filter(record.of(bytes)),
                Err(error) => {
                    fault.get_or_insert(error);
                    false
                }
            },
            Item::Secrets(..) | Item::Diagnostic(_) => true,
        });
        fault.map_or(Ok(()), Err)
    }

    fn find(&mut self, link: LinkType) -> Result<&BpfProgram, Error> {
        let known = self.compiled.iter().position(|(known, _)| *known == link);
        let n = match known {
            Some(n) => n,
            None => {
                self.compiled.push((link, compile(link, &self.filter)?));
                self.compiled.len().saturating_sub(1)
            }
        };
        match self.compiled.get(n) {
            Some((_, program)) => Ok(program),
            None => Err(Error::Filter { filter: self.filter.clone(), problem: "not compiled".to_owned() }),
        }
    }
}

fn compile(link: LinkType, filter: &str) -> Result<BpfProgram, Error> {
    let wrong = |error: pcap::Error| Error::Filter {
        filter: filter.replace(char::is_control, " "),
        problem: message(&error),
    };
    let capture = Capture::dead(data_link(link)).map_err(wrong)?;
    capture.compile(filter, true).map_err(wrong)
}

/// Returns libpcap's number for a link type; files have other numbers for raw IP and OpenBSD's loopback.
fn data_link(link: LinkType) -> Linktype {
    let number = match link {
        LinkType::RAW if cfg!(target_os = "openbsd") => 14,
        LinkType::RAW => 12,
        LinkType::LOOP if cfg!(target_os = "openbsd") => 12,
        other => other.0.cast_signed(),
    };
    Linktype(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Files;

    fn numbers(filter: &str) -> Option<Result<Vec<u64>, Error>> {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/captures/messages/fragments-with-pings-between.pcap");
        let source = Box::new(Files::open(&[path.into()]).unwrap());
        let mut filtered = match CaptureFilter::new(source, filter) {
            Err(Error::NoLibrary { .. }) => {
                eprintln!("skipped: no libpcap");
                return None;
            }
            Err(error) => return Some(Err(error)),
            Ok(filtered) => filtered,
        };
        let (mut batch, mut numbers) = (PacketBatch::default(), Vec::new());
        while filtered.next(&mut batch).unwrap() != Next::End {
            numbers.extend(batch.records().map(|record| record.at.packet));
        }
        Some(Ok(numbers))
    }

    #[test]
    fn packets_that_pass_keep_their_numbers() {
        let Some(all) = numbers("tcp") else { return };
        let (all, from_server) = (all.unwrap(), numbers("tcp src port 9001").unwrap().unwrap());
        assert_eq!(all, (1..=all.len() as u64).collect::<Vec<_>>());
        assert!(!from_server.is_empty() && from_server.len() < all.len());
        assert_ne!(from_server[0], 1, "the client sends the first packet");
        assert!(numbers("udp").unwrap().unwrap().is_empty());
    }

    #[test]
    fn a_wrong_filter_is_said_before_anything_is_read() {
        let Some(outcome) = numbers("tcp prot 80") else { return };
        assert!(outcome.unwrap_err().to_string().contains("syntax error"));
    }
}
