mod head;
mod open;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use self::head::{Head, UNKNOWN};
use self::open::{first_stamp, is_readable, is_standard_input, open_path, regular_length};
use super::file::{BLOCK, Reader};
use super::stop_condition::Watch;
use super::{Error, LinkSources, Next, PacketBatch, Progress, ReadProgress, Source, StopCondition};
use crate::model::Timestamp;

/// The maximum total size of the blocks of all open files.
const BLOCKS: usize = 32 * BLOCK;

/// A source that reads capture files as one stream in time order, numbered consecutively from 1.
///
/// Each file keeps its own order; if two have packets with the same timestamp, the earlier one on the command line goes
/// first. Batches of a file that do not overlap in time with another file are passed on as they are; packets are copied
/// only where files interleave. Regular files are opened only when their time has come: a thousand rotated captures
/// cost no more than one.
///
/// The time reported never runs backwards: a timestamp before the latest one is replaced by the latest.
///
/// ```
/// use wirefin::capture::{Files, Next, PacketBatch, Source as _};
///
/// // A pcap file header and nothing behind it.
/// let header = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0";
/// let mut files = Files::from_reader("empty.pcap", Box::new(&header[..]));
/// let mut batch = PacketBatch::default();
/// assert_eq!(files.next(&mut batch)?, Next::End);
/// # Ok::<(), wirefin::capture::Error>(())
/// ```
pub struct Files {
    inputs: Vec<Input>,
    /// The timestamp of each input's next packet, and the input.
    queue: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// How many inputs are open.
    open: usize,
    /// The number of the last packet returned.
    packets: u64,
    latest: Timestamp,
    meter: ReadProgress,
    origins: LinkSources,
    watch: Arc<Watch>,
    /// Whether standard input is among the inputs.
    pipe: bool,
    /// Whether the last batch contained something, so that its output should be flushed before waiting for the next.
    flush: bool,
}

impl Files {
    /// Opens files, `-` being standard input, and reads the headers of those that cannot block.
    pub fn open(paths: &[PathBuf]) -> Result<Files, Error> {
        Files::open_until(paths, StopCondition::default())
    }

    /// Opens files as [`Files::open`] does, and ends when `until` is met.
    pub fn open_until(paths: &[PathBuf], until: StopCondition) -> Result<Files, Error> {
        let mut opened = Vec::with_capacity(paths.len());
        let mut total = Some(0_u64);
        for path in paths {
            let length = regular_length(path)?;
            total = total.zip(length).map(|(total, length)| total.saturating_add(length));
            opened.push((path, length.is_some()));
        }
        let mut files = Files::new(ReadProgress::new(total));
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

    /// Creates a source from one reader; `name` identifies it in errors and diagnostics.
    pub fn from_reader(name: &str, reader: Box<dyn Read + Send>) -> Files {
        Files::from_readers([(name, reader)])
    }

    /// Creates a source from several readers, merged by time.
    pub fn from_readers<'a>(readers: impl IntoIterator<Item = (&'a str, Box<dyn Read + Send>)>) -> Files {
        let mut files = Files::new(ReadProgress::default());
        for (name, reader) in readers {
            files.add(Input::open(Reader::new(name, files.meter.count(reader))), UNKNOWN);
        }
        files
    }

    /// Returns the progress of reading.
    pub fn progress(&self) -> Progress {
        self.meter.progress()
    }

    /// Returns a handle to the progress that remains usable while the source is owned elsewhere.
    pub fn meter(&self) -> ReadProgress {
        self.meter.clone()
    }

    /// Returns a handle that names the files of a link type and remains usable while the source is owned elsewhere.
    pub fn origins(&self) -> LinkSources {
        self.origins.clone()
    }

    fn new(meter: ReadProgress) -> Files {
        Files {
            inputs: Vec::new(),
            queue: BinaryHeap::new(),
            open: 0,
            packets: 0,
            latest: UNKNOWN,
            meter,
            origins: LinkSources::default(),
            watch: Arc::new(Watch::new(StopCondition::default())),
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

    /// Collects the next packets, neither numbered nor clamped; leaves `batch` empty at the end.
    fn gather(&mut self, batch: &mut PacketBatch) -> Result<(), Error> {
        batch.items.clear();
        while let Some(Reverse((stamp, index))) = self.queue.pop() {
            let Some(input) = self.inputs.get_mut(index) else { continue };
            if let Input::Open(head) = input
                && !head.is_used_up()
            {
                let bound = self.queue.peek().map(|Reverse(other)| *other);
                let whole = head.is_untouched() && bound.is_none_or(|bound| (head.latest, index) < bound);
                if whole && !batch.is_empty() {
                    // It is returned untouched, in a batch of its own.
                    self.queue.push(Reverse((stamp, index)));
                    return Ok(());
                }
                if whole {
                    std::mem::swap(&mut head.batch, batch);
                    head.batch.items.clear();
                    head.next = 0;
                    self.queue.push(Reverse((UNKNOWN, index)));
                    return Ok(());
                }
                let stamp = head.copy(batch, |stamp| bound.is_none_or(|bound| (stamp, index) < bound));
                self.queue.push(Reverse((stamp, index)));
                if batch.bytes.len() >= BLOCK {
                    return Ok(());
                }
            } else if batch.is_empty() {
                self.refill(index, batch)?;
            } else {
                // Reading on may take a while: the available packets go first.
                self.queue.push(Reverse((stamp, index)));
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reads the next batch of an input; items other than packets go into `batch` if there is no packet for them to
    /// precede.
    fn refill(&mut self, index: usize, batch: &mut PacketBatch) -> Result<(), Error> {
        let Some(slot) = self.inputs.get_mut(index) else { return Ok(()) };
        // An input that fails is not read again.
        let mut head = match std::mem::replace(slot, Input::Done) {
            Input::Done => return Ok(()),
            Input::Open(head) => head,
            Input::Closed(path) => {
                self.open = self.open.saturating_add(1);
                Box::new(Head::new(open_path(&path, &self.meter, &self.watch)?))
            }
        };
        let most = BLOCKS.checked_div(self.open).unwrap_or(BLOCK);
        if !head.refill(most, self.inputs.len() > 1, &self.origins)? {
            self.open = self.open.saturating_sub(1);
            return Ok(());
        }
        let stamp = head.stamp();
        if head.batch.records().next().is_none() {
            std::mem::swap(&mut head.batch, batch);
        }
        if let Some(slot) = self.inputs.get_mut(index) {
            *slot = Input::Open(head);
        }
        self.queue.push(Reverse((stamp, index)));
        Ok(())
    }
}

impl Source for Files {
    fn next(&mut self, batch: &mut PacketBatch) -> Result<Next, Error> {
        if self.watch.is_over() {
            self.meter.stop();
            batch.clear();
            return Ok(Next::End);
        }
        if self.pipe && std::mem::take(&mut self.flush) && !is_readable(&io::stdin(), Duration::ZERO) {
            batch.clear();
            return Ok(Next::Idle(self.latest));
        }
        self.gather(batch)?;
        let some = batch.records().next().is_some();
        if !some && self.watch.is_over() {
            // An incomplete record that we no longer wait for is not damaged.
            self.meter.stop();
            batch.clear();
            return Ok(Next::End);
        }
        self.flush = true;
        if some {
            self.watch.packet();
        }
        for record in batch.records_mut() {
            self.packets = self.packets.saturating_add(record.at.packet);
            self.latest = self.latest.max(record.at.time);
            record.at.packet = self.packets;
            record.at.time = self.latest;
        }
        if batch.is_empty() {
            batch.bytes.clear();
            return Ok(Next::End);
        }
        Ok(Next::Filled)
    }
}

/// One file of several.
enum Input {
    /// Not yet opened.
    Closed(PathBuf),
    Open(Box<Head>),
    Done,
}

impl Input {
    fn open(reader: Reader) -> Input {
        Input::Open(Box::new(Head::new(reader)))
    }
}
