use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::Duration;

use pcap::{Active, Capture, Device, Linktype, Precision};

use super::super::file::BLOCK;
use super::super::libpcap::{check_filter, is_about_rights, message};
use super::super::{Count, Description, Error, Item, PacketBatch, Record};
use super::clock::{before, now};
use super::link::{Interface, Link};
use super::settings::Settings;
use crate::model::{Anomaly, At, LinkType, Timestamp};

/// How long the kernel may collect packets before delivering them: the delay on screen never exceeds this plus the
/// pause between two reads, and half a second of ring is not wasted on half-filled pages.
const GATHER: Duration = Duration::from_millis(20);

/// How many packets libpcap delivers at once.
const AT_ONCE: usize = 32;

/// The state of a captured interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Up,
    Down,
    /// It no longer exists, or can no longer be read.
    Gone,
}

/// One open interface.
pub(super) struct InterfaceCapture {
    capture: Capture<Active>,
    pub(super) description: Description,
    /// The handle to query the system about the interface, if possible.
    interface: Option<Interface>,
    pub(super) state: State,
    /// When it was noticed that the interface had disappeared.
    gone: Option<Timestamp>,
    pub(super) count: Count,
    /// Everything that arrived before this time has been read.
    pub(super) upto: Timestamp,
    /// libpcap's previous counts.
    seen: (u32, u32),
    /// The drop counts last reported.
    said: (u64, u64),
    /// Nanoseconds per unit of the timestamps' fraction.
    unit: u32,
}

impl InterfaceCapture {
    pub(super) fn open(name: &str, settings: &Settings) -> Result<InterfaceCapture, Error> {
        let capture = activate(name, settings).map_err(|error| refused(name, &error))?;
        let failed =
            |error: &pcap::Error| Error::Interface { interface: name.to_owned(), problem: message(error) };
        let mut capture = capture.setnonblock().map_err(|error| failed(&error))?;
        if name == ANY {
            // SLL2 names the interface of each packet, if this libpcap supports it; otherwise the older form stays.
            let _ = capture.set_datalink(Linktype::LINUX_SLL2);
        }
        if let Some(filter) = &settings.filter {
            check_filter(&capture, filter)?;
            capture.filter(filter, true).map_err(|error| failed(&error))?;
        }
        let link = link_type(capture.get_datalink().0);
        let description = Description {
            name: name.to_owned(),
            filter: settings.filter.clone(),
            link,
            snap_length: settings.snap_length,
        };
        let count = Count { interface: name.to_owned(), ..Count::default() };
        let unit = if PRECISION == Precision::Nano { 1 } else { 1000 };
        let interface = Interface::named(name, capture.as_fd());
        let upto = Timestamp::from_nanos(i64::MIN);
        Ok(InterfaceCapture {
            capture,
            description,
            interface,
            state: State::Up,
            gone: None,
            count,
            upto,
            seen: (0, 0),
            said: (0, 0),
            unit,
        })
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.capture.as_fd()
    }

    /// Appends packets from the ring, up to the size of one batch.
    pub(super) fn read(&mut self, n: usize, batch: &mut PacketBatch, diagnostics: &mut Vec<Anomaly>) {
        if self.is_drained() {
            return;
        }
        let (link, unit) = (self.description.link, self.unit);
        let interface = u16::try_from(n).unwrap_or(u16::MAX);
        while batch.bytes.len() < BLOCK {
            let had = batch.items.len();
            let result = self.capture.dispatch(Some(AT_ONCE), |packet| {
                let time = Timestamp::new(
                    packet.header.ts.tv_sec,
                    u32::try_from(packet.header.ts.tv_usec).unwrap_or(0).saturating_mul(unit),
                );
                batch.items.push(Item::Packet(Record {
                    at: At { packet: 0, time },
                    link,
                    original_length: packet.header.len,
                    offset: u32::try_from(batch.bytes.len()).unwrap_or(u32::MAX),
                    length: packet.header.caplen,
                    interface,
                }));
                batch.bytes.extend_from_slice(packet.data);
                self.upto = time;
            });
            let read = batch.items.len().saturating_sub(had);
            self.count.packets = self.count.packets.saturating_add(read as u64);
            if result.is_err() || read == 0 {
                // Newer packets may be in a page that the kernel has not delivered yet.
                self.upto = self.upto.max(before(now(), GATHER.saturating_mul(2)));
            }
            if let Err(error) = result {
                self.fail(&message(&error), diagnostics);
                return;
            }
            if read == 0 {
                return;
            }
        }
    }

    /// Handles a read error of libpcap.
    fn fail(&mut self, problem: &str, diagnostics: &mut Vec<Anomaly>) {
        self.look(diagnostics);
        let is_down = problem.contains("went down") || problem.contains("is down");
        match self.state {
            State::Down | State::Gone => {}
            State::Up if is_down => self.turn(State::Down, problem, diagnostics),
            State::Up => {
                let vanished = problem.contains("disappeared");
                self.turn(State::Gone, if vanished { "" } else { problem }, diagnostics);
            }
        }
    }

    fn turn(&mut self, state: State, problem: &str, diagnostics: &mut Vec<Anomaly>) {
        if std::mem::replace(&mut self.state, state) == state {
            return;
        }
        if state == State::Gone {
            self.gone = Some(now());
        }
        let word = match state {
            State::Up => "up",
            State::Down => "down",
            State::Gone if problem.is_empty() => "vanished",
            State::Gone => "failed",
        };
        let interface = self.description.name.as_str().into();
        let problem = Some(problem.into()).filter(|_| !problem.is_empty());
        diagnostics.push(Anomaly::InterfaceChanged { interface, state: word, problem });
    }

    /// Queries the system whether the interface still exists and is up.
    pub(super) fn look(&mut self, diagnostics: &mut Vec<Anomaly>) {
        if self.state == State::Gone {
            return;
        }
        match self.interface.and_then(|interface| interface.link(self.descriptor())) {
            Some(Link::Up) => self.turn(State::Up, "", diagnostics),
            Some(Link::Down) => self.turn(State::Down, "", diagnostics),
            Some(Link::Gone) => self.turn(State::Gone, "", diagnostics),
            None => {}
        }
    }

    /// Returns whether the interface is gone and all earlier packets have been read: the ring outlives it, and the
    /// kernel may not have delivered its last page yet.
    pub(super) fn is_drained(&self) -> bool {
        self.gone.is_some_and(|gone| self.upto >= gone)
    }

    /// Queries libpcap for dropped packets, and reports an increase; if this is the `last` query, also the total.
    pub(super) fn count_drops(&mut self, last: bool, diagnostics: &mut Vec<Anomaly>) {
        if let Ok(stat) = self.capture.stats() {
            // Both wrap around at 2^32; a step back is not an increase of four billion.
            let rise = |now: u32, then: u32| u64::from(now.wrapping_sub(then)).min(u64::from(u32::MAX >> 1));
            let (dropped, device) = self.seen;
            self.count.dropped = self.count.dropped.saturating_add(rise(stat.dropped, dropped));
            if stat.if_dropped >= device {
                let rise = rise(stat.if_dropped, device);
                self.count.device_dropped = self.count.device_dropped.saturating_add(rise);
            }
            self.seen = (stat.dropped, stat.if_dropped);
        }
        let now = (self.count.dropped, self.count.device_dropped);
        let total = now.0.saturating_add(now.1);
        if now != self.said || last && total > 0 {
            let (dropped, device) = std::mem::replace(&mut self.said, now);
            diagnostics.push(Anomaly::CaptureDropped {
                interface: self.description.name.as_str().into(),
                dropped: now.0.saturating_sub(dropped),
                device_dropped: now.1.saturating_sub(device),
                total,
            });
        }
    }
}

/// Linux's name for all interfaces together.
const ANY: &str = "any";

/// Only Linux's packet sockets provide nanosecond timestamps.
const PRECISION: Precision = if cfg!(target_os = "linux") { Precision::Nano } else { Precision::Micro };

fn activate(name: &str, settings: &Settings) -> Result<Capture<Active>, pcap::Error> {
    let open = |promiscuous| {
        Capture::from_device(name)?
            .promisc(promiscuous)
            .snaplen(i32::try_from(settings.snap_length).unwrap_or(i32::MAX))
            .buffer_size(i32::try_from(settings.ring).unwrap_or(i32::MAX))
            .timeout(i32::try_from(GATHER.as_millis()).unwrap_or(i32::MAX))
            .precision(PRECISION)
            .open()
    };
    match open(settings.promiscuous && name != ANY) {
        // An interface that does not support promiscuous mode can still be read.
        Err(error) if settings.promiscuous && message(&error).to_lowercase().contains("promisc") => {
            open(false)
        }
        other => other,
    }
}

/// Converts libpcap's refusal to our error.
fn refused(name: &str, error: &pcap::Error) -> Error {
    let problem = message(error);
    let interface = name.to_owned();
    if is_about_rights(&problem) {
        let program =
            std::env::current_exe().map_or_else(|_| "wirefin".to_owned(), |path| path.display().to_string());
        return Error::NoRight { interface, program };
    }
    if problem.contains("No such device") {
        let names = Device::list().map(|list| list.into_iter().map(|device| device.name).collect::<Vec<_>>());
        return Error::NoInterface { interface, others: names.unwrap_or_default().join(", ") };
    }
    Error::Interface { interface, problem }
}

/// Returns the number that files use for a data link type of libpcap on this system; only that of raw IP differs.
const fn link_type(data_link: i32) -> LinkType {
    match data_link {
        12 if !cfg!(target_os = "openbsd") => LinkType::RAW,
        12 => LinkType::LOOP,
        14 if cfg!(target_os = "openbsd") => LinkType::RAW,
        other => LinkType(other.cast_unsigned()),
    }
}
