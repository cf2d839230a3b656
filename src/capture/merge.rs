use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::file::{BLOCK, Reader};
use super::until::Watch;
use super::{Error, Meter, Next, Progress, Round, Source, Until};
use crate::model::Timestamp;

/// How many bytes the blocks of all files that are open at once may have together.
const BLOCKS: usize = 32 * BLOCK;
/// The stamp of a file whose next packet is not known: it comes first, so that we look.
const UNKNOWN: Timestamp = Timestamp::from_nanos(i64::MIN);

/// Reads capture files as one stream in time order, numbered through from 1.
///
/// Each file is taken in its own order; where two have packets of the same stamp, the earlier one on the command
/// line goes first. Rounds of a file that no other file cuts into are handed on as they are; only where files
/// interleave are packets copied. Of regular files, only those are open whose time has come: a thousand rotated
/// captures cost no more than one.
///
/// The time handed down never runs backwards: a stamp before the latest one is replaced by it.
///
/// ```
/// use wirefin::capture::{Files, Next, Round, Source as _};
///
/// // A pcap file header and nothing behind it.
/// let header = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0";
/// let mut files = Files::from_reader("empty.pcap", Box::new(&header[..]));
/// let mut round = Round::default();
/// assert_eq!(files.next(&mut round)?, Next::End);
/// # Ok::<(), wirefin::capture::Error>(())
/// ```
pub struct Files {
    inputs: Vec<Input>,
    /// The stamp of each input's next packet, and the input.
    queue: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// How many inputs are open.
    open: usize,
    /// The number of the last packet handed on.
    packets: u64,
    latest: Timestamp,
    meter: Meter,
    watch: Arc<Watch>,
    /// Standard input is among the inputs.
    pipe: bool,
    /// The last round held something, so that whoever shows it should not wait for the next.
    flush: bool,
}

impl Files {
    /// Opens files, `-` being standard input, and reads the headers of those that cannot keep us waiting.
    pub fn open(paths: &[PathBuf]) -> Result<Files, Error> {
        Files::open_until(paths, Until::default())
    }

    /// Opens files as [`Files::open`] does, and ends when `until` says so.
    pub fn open_until(paths: &[PathBuf], until: Until) -> Result<Files, Error> {
        let mut opened = Vec::with_capacity(paths.len());
        let mut total = Some(0_u64);
        for path in paths {
            let length = regular_length(path)?;
            total = total.zip(length).map(|(total, length)| total.saturating_add(length));
            opened.push((path, length.is_some()));
        }
        let mut files = Files::new(Meter::new(total));
        files.watch = Arc::new(Watch::new(until));
        for (path, regular) in opened {
            let (input, stamp) = match regular {
                true if paths.len() > 1 => (Input::Closed(path.clone()), first_stamp(path)?),
                regular => {
                    files.pipe |= is_standard_input(path);
                    let mut reader = open_path(path, &files.meter, &files.watch)?;
                    if regular {
                        reader.prepare()?;
                    }
                    (Input::open(reader), UNKNOWN)
                }
            };
            files.add(input, stamp);
        }
        Ok(files)
    }

    /// Reads one capture from anywhere; `name` is what errors and diagnostics call it.
    pub fn from_reader(name: &str, reader: Box<dyn Read + Send>) -> Files {
        Files::from_readers([(name, reader)])
    }

    /// Reads several captures from anywhere, merged by time.
    pub fn from_readers<'a>(readers: impl IntoIterator<Item = (&'a str, Box<dyn Read + Send>)>) -> Files {
        let mut files = Files::new(Meter::default());
        for (name, reader) in readers {
            files.add(Input::open(Reader::new(name, files.meter.count(reader))), UNKNOWN);
        }
        files
    }

    /// Tells how far reading came.
    pub fn progress(&self) -> Progress {
        self.meter.progress()
    }

    /// Returns what shows the progress while somebody else holds the source.
    pub fn meter(&self) -> Meter {
        self.meter.clone()
    }

    fn new(meter: Meter) -> Files {
        Files {
            inputs: Vec::new(),
            queue: BinaryHeap::new(),
            open: 0,
            packets: 0,
            latest: UNKNOWN,
            meter,
            watch: Arc::new(Watch::new(Until::default())),
            pipe: false,
            flush: false,
        }
    }

    fn add(&mut self, input: Input, stamp: Timestamp) {
        if matches!(input, Input::Open(_)) {
            self.open = self.open.saturating_add(1);
        }
        self.queue.push(Reverse((stamp, self.inputs.len())));
        self.inputs.push(input);
    }

    /// Gathers the next packets, neither numbered nor clamped; leaves `round` empty at the end.
    fn gather(&mut self, round: &mut Round) -> Result<(), Error> {
        round.packets.clear();
        round.secrets.clear();
        round.diagnostics.clear();
        while let Some(Reverse((stamp, index))) = self.queue.pop() {
            let Some(input) = self.inputs.get_mut(index) else { continue };
            if let Input::Open(head) = input
                && !head.is_used_up()
            {
                let bound = self.queue.peek().map(|Reverse(other)| *other);
                let whole = head.is_untouched() && bound.is_none_or(|bound| (head.latest, index) < bound);
                if whole && !round.packets.is_empty() {
                    // It goes out untouched, in a round of its own.
                    self.queue.push(Reverse((stamp, index)));
                    return Ok(());
                }
                if whole {
                    std::mem::swap(&mut head.round, round);
                    head.round.packets.clear();
                    head.next = 0;
                    self.queue.push(Reverse((UNKNOWN, index)));
                    return Ok(());
                }
                let stamp = head.copy(round, |stamp| bound.is_none_or(|bound| (stamp, index) < bound));
                self.queue.push(Reverse((stamp, index)));
                if round.bytes.len() >= BLOCK {
                    return Ok(());
                }
            } else if round.packets.is_empty() && round.diagnostics.is_empty() && round.secrets.is_empty() {
                self.refill(index, round)?;
            } else {
                // Reading on may take its time: what there is goes first.
                self.queue.push(Reverse((stamp, index)));
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reads the next round of an input; what is not a packet goes into `round` if there is no packet to wait for.
    fn refill(&mut self, index: usize, round: &mut Round) -> Result<(), Error> {
        let Some(slot) = self.inputs.get_mut(index) else { return Ok(()) };
        // An input that fails is not asked again.
        let mut head = match std::mem::replace(slot, Input::Done) {
            Input::Done => return Ok(()),
            Input::Open(head) => head,
            Input::Closed(path) => {
                self.open = self.open.saturating_add(1);
                Box::new(Head::new(open_path(&path, &self.meter, &self.watch)?))
            }
        };
        let most = BLOCKS.checked_div(self.open).unwrap_or(BLOCK);
        if !head.refill(most, self.inputs.len() > 1)? {
            self.open = self.open.saturating_sub(1);
            return Ok(());
        }
        let stamp = head.stamp();
        if head.round.packets.is_empty() {
            std::mem::swap(&mut head.round, round);
        }
        if let Some(slot) = self.inputs.get_mut(index) {
            *slot = Input::Open(head);
        }
        self.queue.push(Reverse((stamp, index)));
        Ok(())
    }
}

impl Source for Files {
    fn next(&mut self, round: &mut Round) -> Result<Next, Error> {
        if self.watch.is_over() {
            round.clear();
            return Ok(Next::End);
        }
        if self.pipe && std::mem::take(&mut self.flush) && !is_readable(&io::stdin(), Duration::ZERO) {
            round.clear();
            return Ok(Next::Idle(self.latest));
        }
        self.gather(round)?;
        if round.packets.is_empty() && self.watch.is_over() {
            // A record that we no longer wait for is not a damaged one.
            round.clear();
            return Ok(Next::End);
        }
        self.flush = true;
        if !round.packets.is_empty() {
            self.watch.packet();
        }
        for record in &mut round.packets {
            self.packets = self.packets.saturating_add(record.at.packet);
            self.latest = self.latest.max(record.at.time);
            record.at.packet = self.packets;
            record.at.time = self.latest;
        }
        if round.packets.is_empty() && round.secrets.is_empty() && round.diagnostics.is_empty() {
            round.bytes.clear();
            return Ok(Next::End);
        }
        Ok(Next::Filled)
    }
}

/// Is one file of several.
enum Input {
    /// Its time has not come.
    Closed(PathBuf),
    Open(Box<Head>),
    Done,
}

impl Input {
    fn open(reader: Reader) -> Input {
        Input::Open(Box::new(Head::new(reader)))
    }
}

/// Holds an open file and what was read of it and not handed on.
struct Head {
    reader: Reader,
    round: Round,
    /// The packet of `round` that is next.
    next: usize,
    /// The secret of `round` that is next.
    next_secret: usize,
    /// The latest stamp in `round`, where that matters.
    latest: Timestamp,
}

impl Head {
    fn new(reader: Reader) -> Head {
        Head { reader, round: Round::default(), next: 0, next_secret: 0, latest: UNKNOWN }
    }

    fn is_used_up(&self) -> bool {
        self.next >= self.round.packets.len()
    }

    fn is_untouched(&self) -> bool {
        self.next == 0
    }

    /// Returns the stamp of the next packet.
    fn stamp(&self) -> Timestamp {
        self.round.packets.get(self.next).map_or(UNKNOWN, |record| record.at.time)
    }

    fn refill(&mut self, most: usize, several: bool) -> Result<bool, Error> {
        (self.next, self.next_secret) = (0, 0);
        let some = self.reader.fill(&mut self.round, most)?;
        if several {
            self.latest = self.round.packets.iter().map(|record| record.at.time).max().unwrap_or(UNKNOWN);
        }
        Ok(some)
    }

    /// Copies packets while their stamps are `wanted` and there is room; returns the stamp of the next one.
    fn copy(&mut self, round: &mut Round, wanted: impl Fn(Timestamp) -> bool) -> Timestamp {
        if round.packets.is_empty() {
            round.bytes.clear();
        }
        while let Some(&record) = self.round.packets.get(self.next)
            && wanted(record.at.time)
            && round.bytes.len() < BLOCK
        {
            self.copy_secrets(round);
            let start = record.offset as usize;
            let data = self.round.bytes.get(start..start.saturating_add(record.length as usize));
            let offset = u32::try_from(round.bytes.len()).unwrap_or(u32::MAX);
            round.bytes.extend_from_slice(data.unwrap_or_default());
            round.packets.push(super::Record { offset, ..record });
            self.next = self.next.saturating_add(1);
        }
        if self.is_used_up() {
            self.copy_secrets(round);
            round.diagnostics.append(&mut self.round.diagnostics);
        }
        self.stamp()
    }

    /// Copies the secrets that stand before the next packet.
    fn copy_secrets(&mut self, round: &mut Round) {
        while let Some((before, text)) = self.round.secrets.get_mut(self.next_secret)
            && *before <= self.next
        {
            round.secrets.push((round.packets.len(), std::mem::take(text)));
            self.next_secret = self.next_secret.saturating_add(1);
        }
    }
}

/// Returns a regular file's length, `None` for what may keep us waiting.
fn regular_length(path: &Path) -> Result<Option<u64>, Error> {
    if is_standard_input(path) {
        return Ok(None);
    }
    let file = || path.display().to_string();
    let metadata = std::fs::metadata(path).map_err(|source| Error::Io { file: file(), source })?;
    if metadata.is_dir() {
        return Err(Error::Directory { file: file() });
    }
    Ok(metadata.is_file().then_some(metadata.len()))
}

fn open_path(path: &Path, meter: &Meter, watch: &Arc<Watch>) -> Result<Reader, Error> {
    if is_standard_input(path) {
        let failed = |source| Error::Io { file: "-".into(), source };
        let input = io::stdin().as_fd().try_clone_to_owned().map_err(failed)?;
        return Ok(Reader::new(
            "-",
            meter.count(Patient { input: File::from(input), watch: Arc::clone(watch) }),
        ));
    }
    let name = path.display().to_string();
    match File::open(path) {
        Ok(file) => Ok(Reader::new(name, meter.count(file))),
        Err(source) => Err(Error::Io { file: name, source }),
    }
}

/// Reads a pipe, and waits for it no longer than it is to be read.
struct Patient {
    input: File,
    watch: Arc<Watch>,
}

impl Read for Patient {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while !is_readable(&self.input, Duration::from_millis(100)) {
            if self.watch.is_over() {
                return Ok(0);
            }
        }
        self.input.read(into)
    }
}

/// Waits until there is something to read, an end or a fault included, for this long at most.
fn is_readable(input: &impl AsFd, wait: Duration) -> bool {
    let mut list = [PollFd::new(input, PollFlags::IN)];
    let wait = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
    // What cannot be waited for is read, and will say itself what is wrong.
    poll(&mut list, Some(&wait)).map_or_else(|error| error != rustix::io::Errno::INTR, |ready| ready > 0)
}

/// Looks at a file and closes it again.
fn first_stamp(path: &Path) -> Result<Timestamp, Error> {
    let mut reader = open_path(path, &Meter::default(), &Arc::new(Watch::new(Until::default())))?;
    let mut round = Round::default();
    reader.prepare()?;
    while reader.fill(&mut round, BLOCK)? {
        if let Some(record) = round.packets.first() {
            return Ok(record.at.time);
        }
    }
    Ok(UNKNOWN)
}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::super::fixture::{Bytes, Everything, Pieces};
    use super::super::order::Order;
    use super::*;

    fn merged(files: &[Vec<u8>]) -> Everything {
        let names: Vec<String> = (0..files.len()).map(|index| format!("file {index}")).collect();
        let readers = names.iter().zip(files).map(|(name, file)| {
            let reader: Box<dyn Read + Send> = Box::new(Cursor::new(file.clone()));
            (&**name, reader)
        });
        Everything::of(Files::from_readers(readers)).unwrap()
    }

    const TLS: u32 = 0x544c_534b;

    fn numbers(all: &Everything) -> Vec<u64> {
        all.packets.iter().map(|packet| packet.number).collect()
    }

    #[test]
    fn files_can_cross_threads() {
        fn crosses(_: impl Send) {}
        crosses(Files::from_readers([]));
    }

    #[test]
    fn interleaved_files_become_one_numbered_stream() {
        let all = merged(&[Bytes::stamps(&[1, 4, 5, 9], b"a"), Bytes::stamps(&[2, 3, 6, 7, 8], b"b")]);
        assert_eq!(all.seconds(), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(numbers(&all), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(all.data().concat(), b"abbaabbba");
    }

    #[test]
    fn equal_stamps_go_by_the_command_line() {
        let all = merged(&[
            Bytes::stamps(&[1, 2, 2], b"a"),
            Bytes::stamps(&[1, 2, 3], b"b"),
            Bytes::stamps(&[2], b"c"),
        ]);
        assert_eq!(all.data().concat(), b"abaabcb");
    }

    #[test]
    fn rotated_files_in_any_order_pass_through_untouched() {
        let all = merged(&[
            Bytes::stamps(&[5, 6], b"b"),
            Bytes::stamps(&[1, 2, 3], b"a"),
            Bytes::stamps(&[6, 7], b"c"),
        ]);
        assert_eq!(all.data().concat(), b"aaabbcc");
        assert_eq!(all.rounds, [3, 2, 2], "each file is a round of its own");
    }

    #[test]
    fn time_never_runs_backwards_and_numbers_stay() {
        let all = merged(&[Bytes::stamps(&[5, 3, 6, 1, 7], b"a")]);
        assert_eq!(all.seconds(), [5, 5, 6, 6, 7]);
        // In a merge the raw stamps decide: what comes after the 3 may go before the other file's 4.
        let all = merged(&[Bytes::stamps(&[5, 3, 6], b"a"), Bytes::stamps(&[4, 6], b"b")]);
        assert_eq!((all.data().concat(), all.seconds()), (b"baaab".to_vec(), vec![4, 5, 5, 6, 6]));
    }

    #[test]
    fn damage_in_one_file_does_not_stop_the_others() {
        let mut damaged = Bytes::stamps(&[1, 3], b"a");
        damaged.extend([0xff; 16]);
        let all = merged(&[damaged, Bytes::stamps(&[2, 4], b"b")]);
        assert_eq!(all.seconds(), [1, 2, 3, 4]);
        let [(file, offset, _)] = &all.problems[..] else { panic!("{:?}", all.problems) };
        assert_eq!((&**file, *offset), ("file 0", 24 + 34));
    }

    #[test]
    fn secrets_stay_before_the_packets_they_stood_before() {
        let first = Bytes::new(Order::Little)
            .section()
            .interface(1, 0, &[])
            .secrets(TLS, b"one")
            .enhanced(0, 2_000_000, b"a");
        let first = first.secrets(TLS, b"two").enhanced(0, 4_000_000, b"a").secrets(TLS, b"three");
        let all = merged(&[first.bytes, Bytes::stamps(&[1, 3, 5], b"b")]);
        assert_eq!(all.data().concat(), b"babab");
        assert_eq!(all.secrets, [(1, b"one".to_vec()), (3, b"two".to_vec()), (4, b"three".to_vec())]);
    }

    #[test]
    fn link_types_of_merged_files_stay_apart() {
        let cooked = Bytes::new(Order::Big).pcap(0xa1b2_3c4d, 65535, 113).record(2, 0, b"cooked").bytes;
        let all = merged(&[Bytes::stamps(&[1, 3], b"x"), cooked]);
        assert_eq!(all.packets.iter().map(|packet| packet.link).collect::<Vec<_>>(), [1, 113, 1]);
    }

    #[test]
    fn pipe_among_several_is_waited_for() {
        let pipe = Bytes::stamps(&[2, 4], b"p");
        let pieces: Box<dyn Read + Send> =
            Pieces::boxed([pipe[..30].to_vec(), pipe[30..41].to_vec(), pipe[41..].to_vec()]);
        let file: Box<dyn Read + Send> = Box::new(Cursor::new(Bytes::stamps(&[1, 3, 5], b"f")));
        let all = Everything::of(Files::from_readers([("file", file), ("-", pieces)])).unwrap();
        assert_eq!(all.seconds(), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn paths_are_opened_when_their_time_has_come() {
        let folder = tempfile::tempdir().unwrap();
        let mut paths = Vec::new();
        let mut length = 0;
        for (name, stamps) in [("c", &[5, 6][..]), ("empty", &[]), ("a", &[1, 2]), ("b", &[2, 3, 5])] {
            let bytes = Bytes::stamps(stamps, name.as_bytes());
            length += bytes.len() as u64;
            paths.push(folder.path().join(name));
            std::fs::write(paths.last().unwrap(), bytes).unwrap();
        }
        let files = Files::open(&paths).unwrap();
        assert!(files.inputs.iter().all(|input| matches!(input, Input::Closed(_))));
        let meter = files.meter();
        assert_eq!(meter.progress(), Progress { read: 0, total: Some(length) });
        let all = Everything::of(files).unwrap();
        assert_eq!((all.data().concat(), numbers(&all)), (b"aabbcbc".to_vec(), (1..=7).collect()));
        assert_eq!(meter.progress().read, length);
    }

    #[test]
    fn one_path_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.pcap");
        let bytes = Bytes::stamps(&[1, 2], b"data");
        std::fs::write(&path, &bytes).unwrap();
        let files = Files::open(&[path]).unwrap();
        let meter = files.meter();
        assert_eq!(Everything::of(files).unwrap().seconds(), [1, 2]);
        assert_eq!(meter.progress(), Progress { read: bytes.len() as u64, total: Some(bytes.len() as u64) });
    }

    #[test]
    fn what_cannot_be_opened_is_named_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("good"), Bytes::stamps(&[1], b"x")).unwrap();
        std::fs::write(path("empty"), b"").unwrap();
        std::fs::write(path("text"), b"hello, world").unwrap();
        std::fs::create_dir(path("folder")).unwrap();
        for (name, words) in [
            ("missing", "No such file"),
            ("folder", "directory"),
            ("empty", "empty file"),
            ("text", "not a capture"),
        ] {
            for paths in [vec![path(name)], vec![path("good"), path(name)]] {
                let text = Files::open(&paths).err().unwrap().to_string();
                assert!(
                    text.starts_with(&path(name).display().to_string()) && text.contains(words),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn no_file_at_all_is_the_end() {
        assert_eq!(Everything::of(Files::open(&[]).unwrap()).unwrap(), Everything::default());
    }

    #[test]
    fn large_interleaved_files_come_in_bounded_rounds() {
        let stamps = |from| (0..3000_u32).map(|step| from + 2 * step).collect::<Vec<u32>>();
        let all = merged(&[Bytes::stamps(&stamps(0), &[0; 1500]), Bytes::stamps(&stamps(1), &[1; 1500])]);
        assert_eq!(all.seconds(), (0..6000).collect::<Vec<_>>());
        assert!(
            all.packets
                .iter()
                .enumerate()
                .all(|(index, packet)| packet.data == [u8::from(index % 2 == 1); 1500])
        );
        assert!(all.rounds.iter().all(|packets| packets * 1500 <= BLOCK + 1500));
    }

    proptest! {
        #[test]
        fn merging_sorted_files_is_a_stable_sort(
            files in prop::collection::vec(prop::collection::vec(0..30_u32, 0..40), 0..5)
        ) {
            let mut expected = Vec::new();
            let mut written = Vec::new();
            for (index, mut stamps) in (0_u8..).zip(files) {
                stamps.sort_unstable();
                expected.extend(stamps.iter().map(|stamp| (i64::from(*stamp), index)));
                written.push(Bytes::stamps(&stamps, &[index]));
            }
            expected.sort_unstable();
            let all = merged(&written);
            let got: Vec<_> = all.seconds().into_iter().zip(all.data().concat()).collect();
            prop_assert_eq!(got, expected);
            prop_assert_eq!(numbers(&all), (1..=all.packets.len() as u64).collect::<Vec<_>>());
        }
    }
}
