use std::ops::RangeInclusive;

use super::handshake::Messages;
use super::keys::{Epoch, Keys};
use super::protection::{PartialPlaintext, Pieces, Record, Tail};
use super::record::{HEADER, Header, LONGEST};
use super::record_reader::RecordReader;
use super::resync::Gap;
use super::search::find;
use crate::model::Lost;

/// The budget of one search for lost sequence numbers, in candidates of TLS 1.3's AES-GCM.
const TRIALS: u64 = 1 << 24;
/// The greatest number of records assumed missing if nothing bounds it.
const MISSING: u64 = 1 << 22;
/// The number of lost key updates that are searched for.
const UPDATES: u32 = 4;

/// Records that were not opened since the last one that was.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct UnopenedRecords {
    /// The number of records known to exist.
    pub(super) records: u64,
    /// The number of them that carry no application data, according to their headers.
    pub(super) others: u64,
    /// The size of those that may carry application data, headers included, in bytes.
    pub(super) bytes: u64,
}

/// The state of one side's records: the current keys, the sequence number and what is missing.
#[allow(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
pub(super) struct Direction {
    pub(super) reader: RecordReader,
    pub(super) messages: Messages,
    pub(super) epoch: Epoch,
    /// The keys of the epoch, once a record was opened with them.
    pub(super) keys: Option<Keys>,
    /// The sequence number of the next record.
    pub(super) number: u64,
    pub(super) passed: UnopenedRecords,
    /// The explicit nonces of the records that were opened.
    nonces: Option<ExplicitNonces>,
    /// The end of the previous record, if captured.
    pub(super) before: Option<Tail>,
    /// Whether records of this side are padded, so that a record's length says little about the length of its content.
    pub(super) padded: bool,
    /// Whether application data was opened in this epoch.
    pub(super) data: bool,
    /// Whether bytes of this side are missing.
    pub(super) gapped: bool,
    /// Missing plaintext that has not been reported yet.
    pub(super) missing_plaintext: Option<Lost>,
    /// Whether the side has ended.
    pub(super) closed: bool,
    /// The remaining budget for searches.
    budget: u64,
}

impl Default for Direction {
    fn default() -> Self {
        Direction {
            reader: RecordReader::default(),
            messages: Messages::default(),
            epoch: Epoch::Clear,
            keys: None,
            number: 0,
            passed: UnopenedRecords::default(),
            nonces: None,
            before: None,
            padded: false,
            data: false,
            gapped: false,
            missing_plaintext: None,
            closed: false,
            budget: TRIALS,
        }
    }
}

/// The result of an attempt to open a record.
pub(super) enum Attempt {
    Opens,
    /// There is no key to try.
    NoKeys,
    /// It is not authentic under any possible key and sequence number.
    Fails,
}

/// The fate of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Done,
    /// It has to wait for a key, or for the server's hello.
    Waits,
}

/// The epoch, keys and sequence number under which a record opens.
pub(super) struct Opening {
    pub(super) epoch: Epoch,
    /// The keys, if they are not the current ones.
    pub(super) keys: Option<Keys>,
    pub(super) number: u64,
}

impl Direction {
    /// Creates the state of a side whose first bytes were not captured.
    pub(super) fn mid_stream() -> Self {
        Direction { reader: RecordReader::lost(), gapped: true, ..Direction::default() }
    }

    /// Enters another epoch: its keys have yet to be found, and its first record has sequence number 0.
    pub(super) fn enter(&mut self, epoch: Epoch) {
        self.keys = match (epoch, self.epoch) {
            (Epoch::Traffic(next), Epoch::Traffic(now)) if next == now.saturating_add(1) => {
                self.keys.as_ref().and_then(Keys::updated)
            }
            _ => None,
        };
        self.epoch = epoch;
        self.number = 0;
        self.nonces = None;
        self.data = false;
        self.passed = UnopenedRecords::default();
        self.before = None;
    }

    /// Lists the epochs to which the next record may belong, most probable first.
    pub(super) fn epochs(&self, early_data: bool, is_13: Option<bool>, is_uncertain: bool) -> Vec<Epoch> {
        let mut all = Vec::new();
        let updates = if is_uncertain { UPDATES } else { 0 };
        let traffic = |from: u32, more: u32| (from..=from.saturating_add(more)).map(Epoch::Traffic);
        match self.epoch {
            Epoch::Clear => {
                if is_13 != Some(false) {
                    all.extend(early_data.then_some(Epoch::Early));
                    all.push(Epoch::Handshake);
                    all.extend(traffic(0, updates));
                }
                if is_13 != Some(true) {
                    all.push(Epoch::Session(1));
                }
            }
            Epoch::Early => {
                all.extend([Epoch::Early, Epoch::Handshake]);
                all.extend(traffic(0, updates));
            }
            Epoch::Handshake => {
                all.push(Epoch::Handshake);
                all.extend(traffic(0, updates));
            }
            Epoch::Traffic(now) => all.extend(traffic(now, updates.max(1))),
            Epoch::Session(now) => all.extend([Epoch::Session(now), Epoch::Session(now.saturating_add(1))]),
        }
        all
    }

    /// Searches for the sequence number of a record; `missed` is the number of records that may be missing before it.
    pub(super) fn find(
        &mut self,
        keys: &Keys,
        epoch: Epoch,
        record: &Record<'_>,
        missed: &RangeInclusive<u64>,
    ) -> Option<u64> {
        let base = if epoch == self.epoch { self.number } else { 0 };
        let (first, last) = (base.saturating_add(*missed.start()), base.saturating_add(*missed.end()));
        find(&keys.cipher, record, first..=last, &mut self.budget)
    }

    /// Searches for the sequence number of a record under the current keys.
    pub(super) fn find_now(&mut self, record: &Record<'_>, missed: &RangeInclusive<u64>) -> Option<u64> {
        let keys = self.keys.take()?;
        let found = self.find(&keys, self.epoch, record, missed);
        self.keys = Some(keys);
        found
    }

    /// Decrypts the end of a record whose header was lost, if it is the only one missing before the record `behind`:
    /// its length then follows from the length of the gap.
    pub(super) fn tail(&self, number: u64, gap: Gap<'_>, behind: &Record<'_>) -> Option<PartialPlaintext> {
        let Lost::Exact(bytes) = gap.skipped else { return None };
        let length = usize::try_from(bytes).ok()?.checked_sub(HEADER).filter(|length| *length <= LONGEST)?;
        let is_only = number == self.number.saturating_add(self.passed.records);
        let captured = gap.earlier.len().min(length);
        let tail = gap.earlier.get(gap.earlier.len().saturating_sub(captured)..)?;
        let keys = self.keys.as_ref().filter(|_| is_only && !tail.is_empty())?;
        let offset = length.saturating_sub(captured);
        let mut pieces = Vec::new();
        if keys.cipher.explicit_nonce() > 0 && offset >= keys.cipher.explicit_nonce() {
            pieces.push((0, self.nonces?.lost(number, behind.fragment)?.to_vec()));
        }
        pieces.push((offset, tail.to_vec()));
        let header = Header { length, ..behind.header };
        let record = Pieces { header, all: &pieces, before: self.before };
        Some(keys.cipher.protection().decrypt_partial(&record, number))
    }

    /// Returns whether only the handshake, and possibly early data, precedes the record with this number in this epoch.
    pub(super) fn begins_with(&self, epoch: Epoch, number: u64) -> bool {
        let in_handshake = matches!(self.epoch, Epoch::Clear | Epoch::Handshake);
        match epoch {
            Epoch::Traffic(0) => in_handshake && number == 0,
            // Finished is the first record.
            Epoch::Session(1) => in_handshake && number <= 1,
            _ => false,
        }
    }

    /// Returns whether the budget allows further searches.
    pub(super) const fn can_search(&self) -> bool {
        self.budget >= 1_024
    }

    /// Counts a record that was opened: nothing is missing before the next one.
    pub(super) fn opened(&mut self, record: &Record<'_>) {
        let has_nonce = self.keys.as_ref().is_some_and(|keys| keys.cipher.explicit_nonce() > 0);
        if let Some(nonce) = record.fragment.first_chunk().filter(|_| has_nonce) {
            let nonce = u64::from_be_bytes(*nonce);
            self.nonces = Some(match self.nonces {
                Some(earlier) => earlier.and(self.number, nonce),
                None => ExplicitNonces { number: self.number, nonce, count: true, are_masked: true },
            });
        }
        self.count();
    }

    /// Counts a record whose sequence number is certain.
    pub(super) fn count(&mut self) {
        self.number = self.number.saturating_add(1);
        self.passed = UnopenedRecords::default();
        self.budget = TRIALS;
    }

    /// Counts a record that cannot be opened.
    pub(super) fn pass(&mut self, header: Header, is_data: bool) {
        let passed = &mut self.passed;
        passed.records = passed.records.saturating_add(1);
        if is_data {
            passed.bytes = passed.bytes.saturating_add(HEADER.saturating_add(header.length) as u64);
        } else {
            passed.others = passed.others.saturating_add(1);
        }
    }

    /// Returns how many records may be missing before the next one, given the bytes skipped in addition.
    pub(super) fn missed(&self, skipped: Lost) -> u64 {
        let shortest = self.keys.as_ref().map_or(16, |keys| keys.cipher.shortest());
        let skipped = match skipped {
            Lost::Exact(bytes) => bytes.checked_div(HEADER.saturating_add(shortest) as u64).unwrap_or(0),
            Lost::AtMost(_) | Lost::Unknown { .. } => MISSING,
        };
        self.passed.records.saturating_add(skipped)
    }

    /// Computes the amount of plaintext in the records missing before the one with this sequence number, under the same
    /// keys; exact if it can be known.
    pub(super) fn missing_between(&self, number: u64, skipped: Lost, post_handshake: bool) -> Lost {
        let unknown = Lost::Unknown { least: 0 };
        let (Some(keys), Lost::Exact(skipped)) = (&self.keys, skipped) else {
            return unknown;
        };
        let Some(overhead) = self.overhead(keys) else {
            return unknown;
        };
        // Earlier, a session ticket may be among them.
        let only_data = match self.epoch {
            Epoch::Session(_) => self.number > 0,
            _ => self.data && !self.padded && !post_handshake,
        };
        let records = number.saturating_sub(self.number);
        let data = records.checked_sub(self.passed.others);
        let bytes = self.passed.bytes.saturating_add(skipped);
        let plain = data
            .and_then(|data| bytes.checked_sub(data.saturating_mul(overhead.saturating_add(HEADER) as u64)));
        match plain {
            Some(plain) if only_data && records >= self.passed.records => Lost::Exact(plain),
            _ => unknown,
        }
    }

    /// Returns how many bytes longer a fragment is than its content, if that is constant.
    pub(super) fn overhead(&self, keys: &Keys) -> Option<usize> {
        let inner = usize::from(!matches!(self.epoch, Epoch::Session(_)));
        keys.cipher.overhead().map(|bytes| bytes.saturating_add(inner))
    }

    /// Returns whether a record of this length may be a key update (RFC 8446 §4.6.3), whose content has 5 bytes.
    pub(super) fn may_be_key_update(&self, length: usize) -> bool {
        let Some(keys) = &self.keys else { return true };
        let shortest = self.overhead(keys).map_or(0, |overhead| overhead.saturating_add(5));
        matches!(self.epoch, Epoch::Traffic(_)) && (length == shortest || self.padded && length > shortest)
    }

    /// Notes that plaintext is missing.
    pub(super) fn add_missing(&mut self, lost: Lost) {
        if lost != Lost::Exact(0) {
            self.missing_plaintext =
                Some(self.missing_plaintext.map_or(lost, |missing_plaintext| missing_plaintext.and(lost)));
        }
    }
}

/// The rule by which a sender generates explicit nonces, from which the nonce of a lost record is derived.
#[derive(Clone, Copy, Debug)]
struct ExplicitNonces {
    /// The sequence number of the last record.
    number: u64,
    nonce: u64,
    /// Whether the nonces have been a counter so far.
    count: bool,
    /// Whether the nonces have been the sequence number XOR a constant so far.
    are_masked: bool,
}

impl ExplicitNonces {
    fn and(self, number: u64, nonce: u64) -> Self {
        let count = self.count && nonce == self.counted(number);
        let are_masked = self.are_masked && nonce == self.masked(number);
        ExplicitNonces { number, nonce, count, are_masked }
    }

    const fn counted(&self, number: u64) -> u64 {
        self.nonce.wrapping_add(number.wrapping_sub(self.number))
    }

    const fn masked(&self, number: u64) -> u64 {
        self.nonce ^ self.number ^ number
    }

    /// Returns the nonce of a lost record if the record after it confirms exactly one rule.
    fn lost(self, number: u64, behind: &[u8]) -> Option<[u8; 8]> {
        let behind = u64::from_be_bytes(*behind.first_chunk()?);
        let rule = self.and(number.checked_add(1)?, behind);
        let nonce = match (rule.count, rule.are_masked) {
            (true, false) => self.counted(number),
            (false, true) => self.masked(number),
            (true, true) if self.counted(number) == self.masked(number) => self.counted(number),
            _ => return None,
        };
        Some(nonce.to_be_bytes())
    }
}
