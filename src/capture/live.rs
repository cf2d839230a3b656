//! Packets of interfaces, as they come, through libpcap.

use std::collections::VecDeque;
use std::os::fd::{AsRawFd as _, RawFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pcap::{Active, Capture, Device, Linktype, Precision};

use super::bpf::{self, message};
use super::file::BLOCK;
use super::until::Watch;
use super::{Error, Next, Record, Round, Source, Until};
use crate::model::{Anomaly, At, LinkType, Timestamp};

/// Says what to capture.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The interfaces, `any` being all of them.
    pub interfaces: Vec<String>,
    /// Which packets are wanted, as pcap-filter(7) says it.
    pub filter: Option<String>,
    /// The bytes of each interface's ring. Default 128 MiB: one second at 1 Gbit/s.
    pub ring: usize,
    /// How many bytes of a packet are kept. Default 262,144: all of them.
    pub snap_length: u32,
    /// Whether the interface is to take what is not addressed to it.
    pub promiscuous: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            interfaces: Vec::new(),
            filter: None,
            ring: 128 << 20,
            snap_length: 262_144,
            promiscuous: true,
        }
    }
}

/// How long the kernel may gather packets before it shows them: what is on the screen is never later than this and
/// [`PAUSE`] together, and half a second of ring is not spent on half-filled pages.
const GATHER: Duration = Duration::from_millis(20);
/// How long we wait for packets before we say that time has passed.
const PAUSE: Duration = Duration::from_millis(20);
/// How far behind the clock capture time stays where nothing comes: no packet shows up later than this.
const SLACK: Duration = Duration::from_millis(250);
/// How long packets of several interfaces are held so that they can be put in order.
const ORDER: Duration = Duration::from_millis(45);
/// How often drops and the interfaces' states are looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How many packets libpcap hands over at once.
const AT_ONCE: usize = 32;
/// How long is spent on what is left after the end was asked for.
const LAST: Duration = Duration::from_secs(2);

/// Sniffs one or several interfaces.
///
/// One thread reads all of them, without ever blocking in libpcap: what waits lies in the rings. Packets are copied
/// once, from the ring into the round (twice where several interfaces are put in order).
pub struct Live {
    taps: Vec<Tap>,
    /// What was read of several interfaces and is held to be put in order.
    held: Held,
    watch: Watch,
    /// When it was first seen that the end has come.
    over: Option<Instant>,
    looked: Instant,
    packets: u64,
    latest: Timestamp,
    counts: Counts,
    diagnostics: Vec<Anomaly>,
}

/// Tells what an interface gave so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// The interface.
    pub interface: String,
    /// Packets handed over.
    pub packets: u64,
    /// Packets for which there was no room in the ring.
    pub dropped: u64,
    /// Packets that the device or its driver dropped.
    pub device_dropped: u64,
}

/// Shows the [`Count`]s of a source that somebody else holds; clones show the same.
#[derive(Clone, Debug, Default)]
pub struct Counts(Arc<[Counter]>);

/// Is a [`Count`] while it is counted.
#[derive(Debug, Default)]
struct Counter {
    interface: String,
    packets: AtomicU64,
    dropped: AtomicU64,
    device_dropped: AtomicU64,
}

impl Counts {
    /// Returns a count for each interface.
    pub fn now(&self) -> Vec<Count> {
        let read = |counter: &Counter| Count {
            interface: counter.interface.clone(),
            packets: counter.packets.load(Ordering::Relaxed),
            dropped: counter.dropped.load(Ordering::Relaxed),
            device_dropped: counter.device_dropped.load(Ordering::Relaxed),
        };
        self.0.iter().map(read).collect()
    }

    fn publish(&self, taps: &[Tap]) {
        for (counter, tap) in self.0.iter().zip(taps) {
            counter.packets.store(tap.count.packets, Ordering::Relaxed);
            counter.dropped.store(tap.count.dropped, Ordering::Relaxed);
            counter.device_dropped.store(tap.count.device_dropped, Ordering::Relaxed);
        }
    }
}

/// Describes an open interface, for those who save its packets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// The capture filter.
    pub filter: Option<String>,
    /// What its packets' first bytes are.
    pub link: LinkType,
    /// How many bytes of a packet are kept.
    pub snap_length: u32,
}

impl Live {
    /// Opens the interfaces; from then on packets wait in the rings.
    pub fn open(settings: &Settings, until: Until) -> Result<Live, Error> {
        load()?;
        let mut taps = Vec::with_capacity(settings.interfaces.len());
        for name in &settings.interfaces {
            taps.push(Tap::open(name, settings)?);
        }
        let counter = |tap: &Tap| Counter { interface: tap.description.name.clone(), ..Counter::default() };
        let counts = Counts(taps.iter().map(counter).collect());
        Ok(Live {
            taps,
            held: Held::default(),
            watch: Watch::new(until),
            over: None,
            looked: Instant::now(),
            packets: 0,
            latest: Timestamp::from_nanos(i64::MIN),
            counts,
            diagnostics: Vec::new(),
        })
    }

    /// Returns what shows the counts while somebody else holds the source.
    pub fn counts(&self) -> Counts {
        self.counts.clone()
    }

    /// Describes the interfaces, in the order in which [`Round::interfaces`] counts them.
    pub fn descriptions(&self) -> Vec<Description> {
        self.taps.iter().map(|tap| tap.description.clone()).collect()
    }

    /// Returns where the system tells of the interfaces while they are captured.
    pub fn system_folders(&self) -> Vec<PathBuf> {
        self.taps.iter().filter_map(|tap| tap.system.clone()).collect()
    }

    /// Reads what the rings hold into the round, as much as one round is to have.
    fn read(&mut self, round: &mut Round) {
        if let [tap] = self.taps.as_mut_slice() {
            tap.read(0, round, &mut self.diagnostics);
            return;
        }
        for (n, tap) in self.taps.iter_mut().enumerate() {
            self.held.read(n, tap, &mut self.diagnostics);
        }
        let horizon = match self.over {
            Some(_) => Timestamp::MAX,
            None => before(now(), ORDER),
        };
        self.held.release(horizon, round);
    }

    /// Numbers the round's packets; time never runs backwards.
    fn number(&mut self, round: &mut Round) {
        for record in &mut round.packets {
            self.packets = self.packets.saturating_add(1);
            self.latest = self.latest.max(record.at.time);
            record.at = At { packet: self.packets, time: self.latest };
        }
    }

    /// Looks at the interfaces, now and then.
    fn look(&mut self, last: bool) {
        if !last && self.looked.elapsed() < LOOK {
            return;
        }
        self.looked = Instant::now();
        for tap in &mut self.taps {
            tap.count_drops(last, &mut self.diagnostics);
            tap.look(&mut self.diagnostics);
        }
    }

    /// Waits a moment for packets.
    fn wait(&self) {
        let readable: Vec<RawFd> = self.taps.iter().filter(|tap| tap.state == State::Up).map(Tap::descriptor).collect();
        if readable.is_empty() {
            std::thread::sleep(PAUSE);
        } else {
            let _ = libpcap_dl::wait(&readable, i32::try_from(PAUSE.as_millis()).unwrap_or(i32::MAX));
        }
    }

    /// Tells whether nothing more is to come, once the end was asked for.
    fn is_drained(&mut self, round: &Round) -> bool {
        let over = *self.over.get_or_insert_with(Instant::now);
        // What came before the end may lie in a page that the kernel has not shown yet.
        round.packets.is_empty() && over.elapsed() > GATHER.saturating_mul(2) || over.elapsed() > LAST
    }
}

impl Source for Live {
    fn next(&mut self, round: &mut Round) -> Result<Next, Error> {
        round.clear();
        let over = self.over.is_some() || self.watch.is_over();
        if over {
            self.over.get_or_insert_with(Instant::now);
        }
        let mut clock = now();
        self.read(round);
        if round.packets.is_empty() && !(over && self.is_drained(round)) {
            self.wait();
            clock = now();
            self.read(round);
        }
        let gone = self.taps.iter().all(|tap| tap.state == State::Gone);
        let ends = gone && self.held.is_empty() && round.packets.is_empty() || over && self.is_drained(round);
        self.look(ends);
        self.counts.publish(&self.taps);
        self.number(round);
        round.diagnostics.append(&mut self.diagnostics);
        if !round.packets.is_empty() {
            self.watch.packet();
        }
        if ends {
            return Ok(Next::End);
        }
        if round.packets.is_empty() && round.diagnostics.is_empty() {
            self.latest = self.latest.max(before(clock, SLACK));
            return Ok(Next::Idle(self.latest));
        }
        Ok(Next::Filled)
    }
}

/// Finds libpcap.
pub(super) fn load() -> Result<(), Error> {
    libpcap_dl::load().map_err(|missing| Error::NoLibrary { problem: missing.to_string() })
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::default().plus(since)
}

fn before(time: Timestamp, span: Duration) -> Timestamp {
    Timestamp::from_nanos(time.as_nanos().saturating_sub(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Up,
    Down,
    /// It is no more, or can no longer be read.
    Gone,
}

/// Is one open interface.
struct Tap {
    capture: Capture<Active>,
    description: Description,
    /// Where the system keeps what it knows of the interface, where it does.
    system: Option<PathBuf>,
    state: State,
    count: Count,
    /// What libpcap counted last.
    seen: (u32, u32),
    /// What was said of the drops last.
    said: (u64, u64),
    /// Nanoseconds in a unit of the stamps' fraction.
    unit: u32,
}

impl Tap {
    fn open(name: &str, settings: &Settings) -> Result<Tap, Error> {
        let capture = activate(name, settings).map_err(|error| refused(name, &error))?;
        let failed = |error: &pcap::Error| Error::Interface { interface: name.to_owned(), problem: message(error) };
        let mut capture = capture.setnonblock().map_err(|error| failed(&error))?;
        if name == ANY {
            // It names the interface of each packet, where this libpcap knows it; else the older form stays.
            let _ = capture.set_datalink(Linktype::LINUX_SLL2);
        }
        if let Some(filter) = &settings.filter {
            bpf::check(&capture, filter)?;
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
        let system = super::device::system_folder(name);
        Ok(Tap { capture, description, system, state: State::Up, count, seen: (0, 0), said: (0, 0), unit })
    }

    fn descriptor(&self) -> RawFd {
        self.capture.as_raw_fd()
    }

    /// Appends what the ring holds, as much as one round is to have.
    fn read(&mut self, n: usize, round: &mut Round, diagnostics: &mut Vec<Anomaly>) {
        if self.state == State::Gone {
            return;
        }
        let (link, unit) = (self.description.link, self.unit);
        let interface = u16::try_from(n).unwrap_or(u16::MAX);
        while round.bytes.len() < BLOCK {
            let before = round.packets.len();
            let result = self.capture.dispatch(Some(AT_ONCE), |packet| {
                let time = Timestamp::new(
                    packet.header.ts.tv_sec,
                    u32::try_from(packet.header.ts.tv_usec).unwrap_or(0).saturating_mul(unit),
                );
                round.packets.push(Record {
                    at: At { packet: 0, time },
                    link,
                    original_length: packet.header.len,
                    offset: u32::try_from(round.bytes.len()).unwrap_or(u32::MAX),
                    length: packet.header.caplen,
                });
                round.interfaces.push(interface);
                round.bytes.extend_from_slice(packet.data);
            });
            let read = round.packets.len().saturating_sub(before);
            self.count.packets = self.count.packets.saturating_add(read as u64);
            if let Err(error) = result {
                self.fail(&message(&error), diagnostics);
                return;
            }
            if read == 0 {
                return;
            }
        }
    }

    /// Hears that libpcap cannot read.
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
        let word = match state {
            State::Up => "up",
            State::Down => "down",
            State::Gone if problem.is_empty() => "vanished",
            State::Gone => "failed",
        };
        let interface = self.description.name.as_str().into();
        diagnostics.push(Anomaly::InterfaceChanged { interface, state: word, problem: problem.into() });
    }

    /// Asks the system whether the interface is still there, and up.
    fn look(&mut self, diagnostics: &mut Vec<Anomaly>) {
        let (Some(folder), false) = (&self.system, self.state == State::Gone) else { return };
        let state = match super::device::is_up(folder) {
            None => State::Gone,
            Some(true) => State::Up,
            Some(false) => State::Down,
        };
        self.turn(state, "", diagnostics);
    }

    /// Asks libpcap what was dropped, and says so where it is more than before; at the `last` look, once more in all.
    fn count_drops(&mut self, last: bool, diagnostics: &mut Vec<Anomaly>) {
        if let Ok(stat) = self.capture.stats() {
            // Both run round at 2^32; a step back is not a step of four billion.
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

/// Is Linux's name for all interfaces at once.
const ANY: &str = "any";

/// Only Linux's packet sockets stamp in nanoseconds.
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
        // What cannot be promiscuous can still be read.
        Err(error) if settings.promiscuous && message(&error).to_lowercase().contains("promisc") => open(false),
        other => other,
    }
}

/// Turns libpcap's refusal into ours.
fn refused(name: &str, error: &pcap::Error) -> Error {
    let problem = message(error);
    let interface = name.to_owned();
    if is_about_rights(&problem) {
        let program = std::env::current_exe().map_or_else(|_| "wirefin".to_owned(), |path| path.display().to_string());
        return Error::NoRight { interface, program };
    }
    if problem.contains("No such device") {
        let names = Device::list().map(|list| list.into_iter().map(|device| device.name).collect::<Vec<_>>());
        return Error::NoInterface { interface, others: names.unwrap_or_default().join(", ") };
    }
    Error::Interface { interface, problem }
}

/// Tells whether libpcap refused because a right is missing.
pub(super) fn is_about_rights(problem: &str) -> bool {
    ["permission", "Permission", "not permitted", "CAP_NET"].iter().any(|words| problem.contains(words))
}

/// Returns the number that files use for what libpcap calls a data link here; they differ for raw IP alone.
const fn link_type(data_link: i32) -> LinkType {
    match data_link {
        12 if !cfg!(target_os = "openbsd") => LinkType::RAW,
        12 => LinkType::LOOP,
        14 if cfg!(target_os = "openbsd") => LinkType::RAW,
        other => LinkType(other.cast_unsigned()),
    }
}

/// Holds packets of several interfaces until those of the others have come that are older.
#[derive(Default)]
struct Held {
    bytes: Vec<u8>,
    packets: VecDeque<(Record, u16)>,
    fresh: Round,
}

impl Held {
    fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Takes what an interface has, unless so much is held already that the ring is the better place for it.
    fn read(&mut self, n: usize, tap: &mut Tap, diagnostics: &mut Vec<Anomaly>) {
        if self.bytes.len() > 16 * BLOCK {
            return;
        }
        self.fresh.clear();
        tap.read(n, &mut self.fresh, diagnostics);
        let base = self.bytes.len();
        self.bytes.extend_from_slice(&self.fresh.bytes);
        for (record, interface) in self.fresh.packets.iter().zip(&self.fresh.interfaces) {
            let offset = u32::try_from(base.saturating_add(record.offset as usize)).unwrap_or(u32::MAX);
            self.packets.push_back((Record { offset, ..*record }, *interface));
        }
    }

    /// Hands on, in order, what is not after `horizon`; all of it where too much is held.
    fn release(&mut self, horizon: Timestamp, round: &mut Round) {
        // Mostly sorted already: each interface's packets are.
        self.packets.make_contiguous().sort_by_key(|(record, _)| record.at.time);
        let full = self.bytes.len() > 8 * BLOCK;
        while let Some((record, interface)) = self.packets.front()
            && (record.at.time <= horizon || full)
        {
            let start = record.offset as usize;
            let data = self.bytes.get(start..start.saturating_add(record.length as usize)).unwrap_or_default();
            let offset = u32::try_from(round.bytes.len()).unwrap_or(u32::MAX);
            round.packets.push(Record { offset, ..*record });
            round.interfaces.push(*interface);
            round.bytes.extend_from_slice(data);
            self.packets.pop_front();
        }
        self.compact();
    }

    /// Moves what is still held to the front of its memory.
    fn compact(&mut self) {
        let mut bytes = Vec::with_capacity(self.packets.iter().map(|(record, _)| record.length as usize).sum());
        for (record, _) in &mut self.packets {
            let start = record.offset as usize;
            record.offset = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(self.bytes.get(start..start.saturating_add(record.length as usize)).unwrap_or_default());
        }
        self.bytes = bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(nanos: i64, offset: u32) -> (Record, u16) {
        let at = At { packet: 0, time: Timestamp::from_nanos(nanos) };
        (Record { at, link: LinkType::ETHERNET, original_length: 1, offset, length: 1 }, 0)
    }

    #[test]
    fn packets_of_several_interfaces_are_put_in_order() {
        let mut held = Held { bytes: b"acbd".to_vec(), ..Held::default() };
        held.packets.extend([record(10, 0), record(30, 1), record(20, 2), record(40, 3)]);
        let mut round = Round::default();
        held.release(Timestamp::from_nanos(30), &mut round);
        assert_eq!(round.bytes, b"abc");
        assert_eq!(round.packets().map(|packet| packet.data).collect::<Vec<_>>(), [b"a", b"b", b"c"]);
        assert_eq!((held.packets.len(), held.bytes.as_slice()), (1, b"d".as_slice()));
        held.release(Timestamp::MAX, &mut round);
        assert_eq!(round.bytes, b"abcd");
        assert!(held.is_empty());
    }

    #[test]
    fn unknown_interface_names_the_others() {
        let settings = Settings { interfaces: vec!["nosuch0".into()], ..Settings::default() };
        match Live::open(&settings, Until::default()) {
            Err(Error::NoInterface { others, .. }) => assert!(others.contains("lo"), "{others}"),
            Err(Error::NoRight { .. } | Error::NoLibrary { .. }) => eprintln!("skipped: no right or no libpcap"),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("opened"),
        }
    }
}
