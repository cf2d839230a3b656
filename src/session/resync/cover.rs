use super::chain::{Budget, Chain};
use super::{Ambiguity, CONVINCING, Found, FrameSearch};
use crate::websocket::Header;

impl FrameSearch {
    /// Returns the position of the frames on which two readings agree, if a chain starting at `begin` is accepted but
    /// an earlier position may be the header of a frame that covers it; returns `None` if that frame extends beyond the
    /// chain.
    ///
    /// A cover counts if its payload is exactly the chain, or if it begins at a segment boundary: others are common in
    /// noise.
    pub(super) fn beyond_cover(&mut self, begin: usize, found: Found, places: &[usize]) -> Option<Found> {
        self.ambiguity = None;
        if self.threshold != CONVINCING {
            // It is not even known to be a WebSocket.
            return Some(found);
        }
        for place in places.iter().copied().take_while(|place| *place < found.start) {
            let Some(header) = Header::parse(self.buffer.from(place)) else { continue };
            let body = place.saturating_add(usize::from(header.header_length));
            let end = body.saturating_add(usize::try_from(header.length).unwrap_or(usize::MAX));
            let is_likely = body == begin || body == found.start || self.buffer.is_boundary(place);
            if end <= found.start || header.length <= 125 || !is_likely {
                continue;
            }
            let mut budget = Budget::new(self.buffer.len());
            let Some(chain) = self.follow(Chain::at(begin), end, &mut budget) else { continue };
            if chain.next > end {
                // No frame boundary coincides with its end.
                continue;
            }
            let at = Found { start: place, ..found };
            let offset = self.offset.saturating_add(self.lost(at)).saturating_add(self.skipped(at));
            let length = header.length.saturating_add(header.header_length.into());
            self.ambiguity = Some(Ambiguity { offset, length });
            let is_common = chain.next == end && end < self.buffer.end();
            // Earlier bytes may be frames: they are not known to be payload of the current frame.
            return is_common.then_some(Found { start: end, doubtful: true, ..found });
        }
        Some(found)
    }

    /// Returns the ambiguity found, once.
    pub(in crate::session) const fn ambiguity(&mut self) -> Option<Ambiguity> {
        self.ambiguity.take()
    }
}
