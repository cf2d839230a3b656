use super::chain::{Budget, Chain};
use super::{Ambiguity, CONVINCING, Found, FrameSearch};
use crate::websocket::Header;

impl FrameSearch {
    /// Returns where frames begin that both readings have in common, where a chain that begins at `begin` convinces and
    /// an earlier place may be the header of a frame that covers it; `None` where that goes beyond the chain.
    ///
    /// It counts where its payload is the chain, or it begins a segment: others abound in noise.
    pub(super) fn beyond_cover(&mut self, begin: usize, found: Found, places: &[usize]) -> Option<Found> {
        self.ambiguity = None;
        if self.threshold != CONVINCING {
            // It is not even known to be a WebSocket.
            return Some(found);
        }
        for place in places.iter().copied().take_while(|place| *place < found.start) {
            let Some(header) = Header::parse(self.gathered.from(place)) else { continue };
            let body = place.saturating_add(usize::from(header.header_length));
            let end = body.saturating_add(usize::try_from(header.length).unwrap_or(usize::MAX));
            let is_likely = body == begin || body == found.start || self.gathered.is_boundary(place);
            if end <= found.start || header.length <= 125 || !is_likely {
                continue;
            }
            let mut budget = Budget::new(self.gathered.len());
            let Some(chain) = self.follow(Chain::at(begin), end, &mut budget) else { continue };
            if chain.next > end {
                // Frames do not end where it does.
                continue;
            }
            let at = Found { start: place, ..found };
            let offset = self.offset.saturating_add(self.lost(at)).saturating_add(self.skipped(at));
            let length = header.length.saturating_add(header.header_length.into());
            self.ambiguity = Some(Ambiguity { offset, length });
            let is_common = chain.next == end && end < self.gathered.end();
            // What lies before may be frames: it is not known to be the payload of a frame at hand.
            return is_common.then_some(Found { start: end, doubtful: true, ..found });
        }
        Some(found)
    }

    /// Returns what is ambiguous, once.
    pub(in crate::session) const fn ambiguity(&mut self) -> Option<Ambiguity> {
        self.ambiguity.take()
    }
}
