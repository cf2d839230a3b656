//! What the parsers of both formats find in a block of a file, and where they stop.

use std::fmt;

use super::{Item, Record};

/// The most bytes one record or block may have: a length beyond it is taken for damage.
pub(super) const RECORD_BOUND: usize = 16 * 1024 * 1024;

/// How many faults of one file are reported one by one.
const COMPLAINTS: u8 = 16;

/// The reason why a file header could not be read.
#[derive(Debug)]
pub(super) enum Fault {
    /// It needs this many bytes in all.
    More { layer: &'static str, needed: usize },
    /// It is none of ours.
    Unknown,
    /// It cannot be true.
    Damaged { layer: &'static str, offset: u64, problem: String },
}

/// The point that reading came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    /// Up to where the bytes are done with.
    pub(super) consumed: usize,
    /// Why it stopped there.
    pub(super) stop: StopReason,
}

/// The reason why reading stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopReason {
    /// What begins there needs this many bytes.
    More(usize),
    /// A fault was noted: what follows it is for the next batch, so that all that is reported stays in order.
    Fault,
    /// Where the next record begins is not known any more.
    Lost,
    /// A file of the other format begins.
    Joined,
}

/// A consumer of what is found in a block of the file.
#[derive(Debug)]
pub(super) struct Found<'a> {
    /// Packets, with their stamps as the file has them, and TLS key logs.
    pub(super) items: &'a mut Vec<Item>,
    /// What was wrong, and where in the block.
    pub(super) problems: &'a mut Problems,
}

impl Found<'_> {
    pub(super) fn packet(&mut self, record: Record) {
        self.items.push(Item::Packet(record));
    }
}

/// The faults of a file: the first few, so that a file of nothing but faults does not flood.
#[derive(Debug, Default)]
pub(super) struct Problems {
    reported: u8,
    list: Vec<(usize, String)>,
}

impl Problems {
    /// Notes a fault after which reading goes on; returns whether it will be reported.
    pub(super) fn note(&mut self, at: usize, problem: fmt::Arguments<'_>) -> bool {
        let reported = self.reported < COMPLAINTS;
        if reported {
            self.reported = self.reported.saturating_add(1);
            let rest = if self.reported == COMPLAINTS { " (more of this file is not listed)" } else { "" };
            self.list.push((at, format!("{problem}{rest}")));
        }
        reported
    }

    /// Notes the fault behind which nothing can be found any more.
    pub(super) fn lost(&mut self, at: usize, problem: fmt::Arguments<'_>) {
        self.end(at, format!("{problem}: what follows cannot be read"));
    }

    /// Notes that the file ends where it should not.
    pub(super) fn end(&mut self, at: usize, problem: String) {
        self.list.push((at, problem));
    }

    /// Hands out what was noted since the last time.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = (usize, String)> + '_ {
        self.list.drain(..)
    }
}
