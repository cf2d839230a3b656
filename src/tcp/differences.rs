use crate::model::Anomaly;

/// A count of the bytes of a later copy that differ from the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// The stream offset of the first one; meaningless while `count` is 0.
    offset: u64,
    /// The number of differing bytes.
    count: u64,
}

impl Differences {
    /// Compares two copies of the bytes at `start`, up to the shorter one; earlier bytes have been compared before.
    pub fn compare(&mut self, start: u64, first: &[u8], again: &[u8]) {
        if first == again {
            return;
        }
        for ((one, other), place) in first.iter().zip(again).zip(start..) {
            if one != other {
                if self.count == 0 {
                    self.offset = place;
                }
                self.count = self.count.saturating_add(1);
            }
        }
    }

    /// Returns the anomaly for the differences, if there are any.
    pub fn anomaly(&self) -> Option<Anomaly> {
        let Differences { offset, count } = *self;
        (count > 0).then_some(Anomaly::OverlapDiffers { offset, length: count })
    }
}
