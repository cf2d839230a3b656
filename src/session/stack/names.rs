use std::num::NonZeroU64;

use crate::event::ConnId;
use crate::session::context::Context;

/// A counter of the conversations of a connection, from 1.
#[derive(Debug, Default)]
pub(super) struct Names {
    last: u64,
}

impl Names {
    /// Returns the next conversation's ID; over HTTP/2, that of the stream that began it.
    pub(super) fn next(&mut self, stream: Option<u32>, cx: &Context<'_>) -> ConnId {
        self.last = self.last.saturating_add(1);
        let number = stream.map_or(self.last, u64::from);
        NonZeroU64::new(number).map_or(cx.conn, |number| cx.conn.with_stream(number))
    }
}
