//! Packets of interfaces, as they arrive, through libpcap.

mod clock;
mod held;
mod interface_capture;
mod link;
mod settings;

use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::stop_condition::Watch;
use super::{Counts, Description, Error, Next, PacketBatch, Source, StopCondition, device, libpcap};
use crate::model::{Anomaly, At, Timestamp};
use clock::{before, now};
use held::OrderBuffer;
use interface_capture::{InterfaceCapture, State};
pub use settings::Settings;

/// How long we wait for packets before we report that time has passed.
const PAUSE: Duration = Duration::from_millis(20);
/// How far capture time stays behind the clock while nothing arrives: no packet shows up later than this.
const SLACK: Duration = Duration::from_millis(250);
/// How long packets of several interfaces are held so that they can be sorted.
const ORDER: Duration = Duration::from_millis(45);
/// How often drops and the states of the interfaces are queried.
const LOOK: Duration = Duration::from_millis(250);

/// A source that captures on one or several interfaces.
///
/// One thread reads all of them, without ever blocking in libpcap: pending packets stay in the rings. Packets are
/// copied once, from the ring into the batch (twice if several interfaces are merged).
pub struct Live {
    interfaces: Vec<InterfaceCapture>,
    /// Packets of several interfaces, held to be sorted.
    held: OrderBuffer,
    watch: Watch,
    /// When the end was first noticed: earlier packets are still read.
    over: Option<Timestamp>,
    looked: Instant,
    packets: u64,
    latest: Timestamp,
    counts: Counts,
    diagnostics: Vec<Anomaly>,
}

impl Live {
    /// Opens the interfaces; from then on, packets are collected in the rings.
    pub fn open(settings: &Settings, until: StopCondition) -> Result<Live, Error> {
        libpcap::load()?;
        let mut interfaces = Vec::with_capacity(settings.interfaces.len());
        for name in &settings.interfaces {
            interfaces.push(InterfaceCapture::open(name, settings)?);
        }
        let counts = Counts::of(interfaces.iter().map(|interface| interface.description.name.as_str()));
        Ok(Live {
            interfaces,
            held: OrderBuffer::default(),
            watch: Watch::new(until),
            over: None,
            looked: Instant::now(),
            packets: 0,
            latest: Timestamp::from_nanos(i64::MIN),
            counts,
            diagnostics: Vec::new(),
        })
    }

    /// Returns a handle to the counts that remains usable while the source is owned elsewhere.
    pub fn counts(&self) -> Counts {
        self.counts.clone()
    }

    /// Describes the interfaces, in the order in which packets number them.
    pub fn descriptions(&self) -> Vec<Description> {
        self.interfaces.iter().map(|interface| interface.description.clone()).collect()
    }

    /// Returns the folders in which the system describes the captured interfaces.
    pub fn system_folders(&self) -> Vec<PathBuf> {
        self.interfaces
            .iter()
            .filter_map(|interface| device::system_folder(&interface.description.name))
            .collect()
    }

    /// Reads packets from the rings into the batch, up to the size of one batch.
    fn read(&mut self, batch: &mut PacketBatch) {
        if let [interface] = self.interfaces.as_mut_slice() {
            interface.read(0, batch, &mut self.diagnostics);
            return;
        }
        for (n, interface) in self.interfaces.iter_mut().enumerate() {
            self.held.read(n, interface, &mut self.diagnostics);
        }
        let horizon = match self.over {
            Some(_) => Timestamp::MAX,
            None => before(now(), ORDER),
        };
        self.held.release(horizon, batch);
    }

    /// Numbers the batch's packets, and keeps time from running backwards.
    fn number(&mut self, batch: &mut PacketBatch) {
        for record in batch.records_mut() {
            self.packets = self.packets.saturating_add(1);
            self.latest = self.latest.max(record.at.time);
            record.at = At { packet: self.packets, time: self.latest };
        }
    }

    /// Queries the interfaces at intervals.
    fn look(&mut self, last: bool) {
        if !last && self.looked.elapsed() < LOOK {
            return;
        }
        self.looked = Instant::now();
        for interface in &mut self.interfaces {
            interface.count_drops(last, &mut self.diagnostics);
            interface.look(&mut self.diagnostics);
        }
    }

    /// Waits a moment for packets.
    fn wait(&self) {
        let up = self.interfaces.iter().filter(|interface| interface.state == State::Up);
        let readable: Vec<BorrowedFd<'_>> = up.map(InterfaceCapture::descriptor).collect();
        if readable.is_empty() {
            std::thread::sleep(PAUSE);
        } else {
            let mut list: Vec<_> = readable.iter().map(|it| PollFd::new(it, PollFlags::IN)).collect();
            let wait = Timespec { tv_sec: 0, tv_nsec: PAUSE.subsec_nanos().into() };
            let _ = poll(&mut list, Some(&wait));
        }
    }

    /// Returns whether there is nothing more to read: a stop was requested and all earlier packets were read, or no
    /// interface is left.
    fn is_drained(&self) -> bool {
        let is_done = |interface: &InterfaceCapture| {
            interface.is_drained() || self.over.is_some_and(|over| interface.upto >= over)
        };
        self.interfaces.iter().all(is_done) && self.held.is_empty()
    }
}

impl Source for Live {
    fn next(&mut self, batch: &mut PacketBatch) -> Result<Next, Error> {
        batch.clear();
        if self.over.is_none() && self.watch.is_over() {
            self.over = Some(now());
        }
        let mut clock = now();
        self.read(batch);
        if batch.is_empty() && !self.is_drained() {
            self.wait();
            clock = now();
            self.read(batch);
        }
        let ends = self.is_drained();
        self.look(ends);
        self.counts.publish(self.interfaces.iter().map(|interface| &interface.count));
        self.number(batch);
        if !batch.is_empty() {
            self.watch.packet();
        }
        self.diagnostics.drain(..).for_each(|diagnostic| batch.push_diagnostic(diagnostic));
        if ends {
            return Ok(Next::End);
        }
        if batch.is_empty() {
            self.latest = self.latest.max(before(clock, SLACK));
            return Ok(Next::Idle(self.latest));
        }
        Ok(Next::Filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_interface_names_the_others() {
        let settings = Settings { interfaces: vec!["nosuch0".into()], ..Settings::default() };
        match Live::open(&settings, StopCondition::default()) {
            Err(Error::NoInterface { others, .. }) => assert!(others.contains("lo"), "{others}"),
            Err(Error::NoRight { .. } | Error::NoLibrary { .. }) => {
                eprintln!("skipped: no right or no libpcap");
            }
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("opened"),
        }
    }
}
