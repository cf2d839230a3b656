use super::limits::Verify;
use crate::model::{Checksum, Flags, Segment};

/// The checksum record of one direction, which determines whether a wrong checksum means damaged bytes.
///
/// ```text
///   nothing seen ──right──► trusted: a wrong one means that the receiver discarded the segment
///        │                     │ wrong ones outnumber right ones by far
///        └──wrong, 16 times──► ▼ meaningless, as where addresses were changed: nothing is discarded
/// ```
///
/// If nothing was seen, the other direction decides: addresses are changed in both.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Checksums {
    /// Increased by correct checksums and decreased by wrong ones.
    credit: i8,
    /// The longest payload with a correct checksum.
    longest: u16,
}

/// The credit for a correct checksum: this many consecutive wrong ones are treated as damage.
const EARNED: i8 = 4;
/// The highest credit.
const MOST: i8 = 120;
/// The credit at which checksums are considered meaningless, permanently.
const MEANINGLESS: i8 = -16;
/// The longest payload of an Ethernet frame. Longer segments, if also longer than any with a correct checksum, were
/// merged by a network card, which may leave the checksum of one of the merged packets.
const ETHERNET: usize = 1460;

/// A wrong checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    pub(super) found: u16,
    pub(super) expected: u16,
}

impl Checksums {
    /// Checks a segment and returns the mismatch if its receiver will have discarded it; `other` is the record of the
    /// other direction.
    #[inline]
    pub(super) fn judge(
        &mut self,
        segment: &Segment<'_>,
        other: Checksums,
        verify: Verify,
    ) -> Option<Mismatch> {
        const SPECIAL: Flags = Flags::SYN.with(Flags::FIN).with(Flags::RST);
        if verify == Verify::Learned {
            // A pure acknowledgment carries nothing to show.
            let matters = !segment.payload.is_empty() || segment.flags.0 & SPECIAL.0 != 0 || self.credit == 0;
            if !matters || self.credit == MEANINGLESS || segment.is_offloaded() {
                return None;
            }
        }
        match segment.checksum() {
            Checksum::Unknown => None,
            Checksum::Right => {
                self.credit = self.credit.saturating_add(EARNED).min(MOST);
                self.longest = self.longest.max(u16::try_from(segment.payload.len()).unwrap_or(u16::MAX));
                None
            }
            Checksum::Wrong { found, expected } => {
                self.is_damage(segment, other, verify).then_some(Mismatch { found, expected })
            }
        }
    }

    /// Returns whether [`Checksums::judge`] would return a mismatch for a segment.
    pub(super) fn would_discard(mut self, segment: &Segment<'_>, other: Checksums, verify: Verify) -> bool {
        self.judge(segment, other, verify).is_some()
    }

    /// Returns whether a wrong checksum means that the segment was damaged, and records it.
    fn is_damage(&mut self, segment: &Segment<'_>, other: Checksums, verify: Verify) -> bool {
        if verify == Verify::Always {
            return true;
        }
        if segment.payload.len() > ETHERNET.max(usize::from(self.longest)) {
            return false;
        }
        let is_trusted = self.credit > 0 || self.credit == 0 && other.credit > 0;
        self.credit = self.credit.saturating_sub(1).max(MEANINGLESS);
        is_trusted
    }
}
