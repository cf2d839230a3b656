//! What the parsers of both formats find in a block of a file, and where they stop.

use std::fmt;

use super::{Item, Record};

/// The maximum length of a record or block: a longer one is treated as damage.
pub(super) const RECORD_BOUND: usize = 16 * 1024 * 1024;

/// How many problems of one file are reported individually.
const COMPLAINTS: u8 = 16;

/// The reason why a file header could not be read.
#[derive(Debug)]
pub(super) enum Fault {
    /// It needs this many bytes in total.
    More { layer: &'static str, needed: usize },
    /// It is of neither format.
    Unknown,
    /// It is invalid.
    Damaged { layer: &'static str, offset: u64, problem: String },
}

/// The position at which parsing stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    /// How many bytes were consumed.
    pub(super) consumed: usize,
    /// Why parsing stopped there.
    pub(super) stop: StopReason,
}

/// The reason why parsing stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopReason {
    /// The next record or block needs this many bytes.
    More(usize),
    /// A problem was noted; the records that follow it belong to the next batch, so that everything is reported in
    /// order.
    Fault,
    /// The start of the next record is not known any more.
    Lost,
    /// A file of the other format begins.
    Joined,
}

/// A collector of what is found in a block of the file.
#[derive(Debug)]
pub(super) struct Found<'a> {
    /// Packets, with the timestamps of the file, and TLS key logs.
    pub(super) items: &'a mut Vec<Item>,
    /// Problems, and their offsets in the block.
    pub(super) problems: &'a mut Problems,
}

impl Found<'_> {
    pub(super) fn packet(&mut self, record: Record) {
        self.items.push(Item::Packet(record));
    }
}

/// The problems of a file, limited to the first few, so that a badly damaged file does not flood the output.
#[derive(Debug, Default)]
pub(super) struct Problems {
    reported: u8,
    list: Vec<(usize, String)>,
}

impl Problems {
    /// Notes a problem after which parsing continues; returns whether it will be reported.
    pub(super) fn note(&mut self, at: usize, problem: fmt::Arguments<'_>) -> bool {
        let reported = self.reported < COMPLAINTS;
        if reported {
            self.reported = self.reported.saturating_add(1);
            let rest = if self.reported == COMPLAINTS { " (more of this file is not listed)" } else { "" };
            self.list.push((at, format!("{problem}{rest}")));
        }
        reported
    }

    /// Notes a problem after which nothing more can be found.
    pub(super) fn lost(&mut self, at: usize, problem: fmt::Arguments<'_>) {
        self.end(at, format!("{problem}: what follows cannot be read"));
    }

    /// Notes that the file ends prematurely.
    pub(super) fn end(&mut self, at: usize, problem: String) {
        self.list.push((at, problem));
    }

    /// Drains the problems noted since the last call.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = (usize, String)> + '_ {
        self.list.drain(..)
    }
}
