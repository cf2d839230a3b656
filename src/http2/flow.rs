use super::stream::Streams;
use crate::model::{Pair, Side};

/// The initial size of every window (RFC 9113 §6.9.2).
const INITIAL: i64 = 65_535;

/// The flow-control windows of a connection, indexed by the sending side (RFC 9113 §5.2, §6.9).
///
/// They are tracked only while nothing has been lost, because a lost frame may have been a `WINDOW_UPDATE`.
#[derive(Debug)]
pub(super) struct Flow {
    counts: bool,
    connection: Pair<i64>,
    /// The initial window of a new stream.
    initial: Pair<i64>,
}

impl Flow {
    pub(super) const fn new(counts: bool) -> Self {
        let windows = Pair { client: INITIAL, server: INITIAL };
        Flow { counts, connection: windows, initial: windows }
    }

    pub(super) const fn stop(&mut self) {
        self.counts = false;
    }

    /// Returns the initial windows of a new stream, if windows are tracked.
    pub(super) fn windows(&self) -> Option<Box<Pair<i64>>> {
        self.counts.then(|| Box::new(self.initial))
    }

    /// Accounts for `length` bytes of DATA, padding included. If a window is exceeded, returns its stream, 0 for the
    /// connection, and the excess.
    pub(super) fn sent(
        &mut self,
        side: Side,
        id: u32,
        length: u32,
        streams: &mut Streams,
    ) -> Option<(u32, u64)> {
        if !self.counts {
            return None;
        }
        let length = i64::from(length);
        let take = |window: &mut i64| {
            *window = window.saturating_sub(length);
            u64::try_from(window.saturating_neg()).ok().filter(|excess| *excess > 0)
        };
        let whole = take(&mut self.connection[side]);
        let stream = streams.find(id).and_then(|stream| stream.windows.as_mut());
        let of_stream = stream.and_then(|windows| take(&mut windows[side]));
        whole.map(|excess| (0, excess)).or(of_stream.map(|excess| (id, excess)))
    }

    /// Applies a `WINDOW_UPDATE` sent by `side`; returns `false` if the increment is not allowed.
    pub(super) fn update(&mut self, side: Side, id: u32, increment: u32, streams: &mut Streams) -> bool {
        if increment == 0 {
            return false;
        }
        let window = if id == 0 {
            Some(&mut self.connection[!side])
        } else {
            let stream = streams.find(id).and_then(|stream| stream.windows.as_mut());
            stream.map(|windows| &mut windows[!side])
        };
        // Whether it grows too large depends on bytes of the other side that may come later in the capture.
        if let Some(window) = window.filter(|_| self.counts) {
            *window = window.saturating_add(i64::from(increment));
        }
        true
    }

    /// Applies the initial window size that `side` sets for streams of the other side (RFC 9113 §6.9.2).
    pub(super) fn resize(&mut self, side: Side, size: u32, streams: &mut Streams) {
        let change = i64::from(size).saturating_sub(self.initial[!side]);
        // The other side keeps using the larger window until the smaller one arrives, at a time unknown to an observer.
        self.counts &= change >= 0;
        self.initial[!side] = i64::from(size);
        for windows in streams.iter_mut().filter_map(|stream| stream.windows.as_mut()) {
            windows[!side] = windows[!side].saturating_add(change);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http2::stream::Kind;

    fn with_stream(flow: &Flow) -> Streams {
        let mut streams = Streams::new(8);
        streams.add(1, Kind::Extended).0.unwrap().windows = flow.windows();
        streams
    }

    #[test]
    fn both_windows_are_counted() {
        let mut flow = Flow::new(true);
        let mut streams = with_stream(&flow);
        assert_eq!(flow.sent(Side::Client, 1, 65_535, &mut streams), None);
        assert_eq!(flow.sent(Side::Client, 1, 1, &mut streams), Some((0, 1)));
        assert!(flow.update(Side::Server, 0, 100_000, &mut streams));
        assert_eq!(flow.sent(Side::Client, 1, 1, &mut streams), Some((1, 2)));
        assert!(flow.update(Side::Server, 1, 100, &mut streams));
        assert_eq!(flow.sent(Side::Client, 1, 98, &mut streams), None);
        assert_eq!(flow.sent(Side::Server, 1, 65_535, &mut streams), None, "the other side has its own");
    }

    #[test]
    fn an_increment_of_nothing_is_not_allowed() {
        let mut flow = Flow::new(true);
        let mut streams = with_stream(&flow);
        assert!(!flow.update(Side::Server, 1, 0, &mut streams));
        assert!(flow.update(Side::Server, 1, 1, &mut streams));
        assert!(flow.update(Side::Server, 77, 1, &mut streams), "not counted");
    }

    #[test]
    fn a_larger_window_counts_at_once_and_a_smaller_one_ends_the_count() {
        let mut flow = Flow::new(true);
        let mut streams = with_stream(&flow);
        flow.update(Side::Server, 0, 1 << 20, &mut streams);
        flow.resize(Side::Server, 100_000, &mut streams);
        assert_eq!(flow.sent(Side::Client, 1, 100_000, &mut streams), None);
        assert_eq!(flow.sent(Side::Client, 1, 5, &mut streams), Some((1, 5)));
        flow.resize(Side::Server, 10, &mut streams);
        assert_eq!(flow.sent(Side::Client, 1, 1 << 20, &mut streams), None);
        assert!(flow.windows().is_none());
    }
}
