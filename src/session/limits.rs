use std::time::Duration;

use crate::{http, http2, tcp, websocket::deflate};

/// The bounds on the state of one shard of the analyzer. There are 64 shards, so total memory is bounded by 64 times
/// these values.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes kept of one message; longer ones are shown in part. Default 7 MiB.
    pub message: usize,
    /// Memory of all connections of a shard in bytes, except inflaters in use; the limits below bound each kind of it.
    /// Default 7 MiB.
    pub memory: usize,
    /// Bytes kept of all unfinished messages of a shard. Default 7 MiB.
    pub messages: usize,
    /// Bytes queued out of order in all connections of a shard. Default 8 MiB.
    pub waiting: usize,
    /// Bytes searched for frames in mid-stream connections of a shard. Default 1 MiB.
    pub searched: usize,
    /// Conversations of a shard whose inflaters keep their tables; the others keep only their windows. Default 8.
    pub inflating: usize,
    /// Bytes of the windows of all other inflaters of a shard; the longest idle ones are released. Default 4 MiB.
    pub windows: usize,
    /// Connections of a shard, including those of other protocols. Default 8,192.
    pub connections: usize,
    /// Memory of sub-protocol readers in all conversations of a shard, in bytes. Default 2 MiB.
    pub understood: usize,
    /// Nesting depth of layers that carry others; deeper ones are not decoded. Default 3.
    pub layers: u8,
    /// Time without a packet after which a connection that is not a WebSocket is dropped. Default 2 minutes.
    pub idle: Duration,
    /// Capture time for which one side of a conversation waits while frames are searched for on the other. Default 5
    /// seconds.
    pub search_grace: Duration,
    /// The limits of TCP.
    pub tcp: tcp::Limits,
    /// Bytes that wait for keys in all TLS connections of a shard. Default 512 KiB.
    pub held: usize,
    /// The limits of TLS.
    #[cfg(feature = "tls")]
    pub tls: crate::tls::Limits,
    /// The limits of HTTP.
    pub http: http::Limits,
    /// The limits of HTTP/2.
    pub http2: http2::Limits,
    /// The limits of the inflater.
    pub deflate: deflate::Limits,
}

impl Limits {
    /// The memory of the process that the defaults are designed for, in bytes.
    pub const MEMORY: usize = 512 << 20;

    /// The number of shards.
    pub const SHARDS: usize = 64;

    /// Returns limits under which all shards together use at most `memory` bytes.
    ///
    /// Each shard is limited to its own part, so that its decisions depend only on its own connections.
    pub fn within(memory: usize) -> Self {
        let share = memory / Self::SHARDS;
        // The rest is for inflaters in use.
        let counted = share.saturating_sub(share / 8);
        let tcp = tcp::Limits { waiting_bytes: share / 2, ..tcp::Limits::default() };
        Limits {
            message: counted,
            memory: counted,
            messages: counted,
            waiting: share,
            searched: share / 8,
            inflating: (share >> 20).max(1),
            windows: share / 2,
            connections: (share >> 10).max(16),
            understood: share / 4,
            layers: 3,
            idle: Duration::from_secs(120),
            search_grace: Duration::from_secs(5),
            tcp: tcp.in_range(),
            held: share / 16,
            #[cfg(feature = "tls")]
            tls: crate::tls::Limits::default(),
            http: http::Limits::default(),
            http2: http2::Limits::default(),
            deflate: deflate::Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits::within(Limits::MEMORY)
    }
}

#[cfg(test)]
mod tests {
    use super::Limits;

    #[test]
    fn the_defaults_are_as_documented() {
        let limits = Limits::default();
        assert_eq!([limits.message, limits.messages, limits.memory], [7 << 20; 3]);
        assert_eq!([limits.waiting, 4 * limits.understood], [8 << 20; 2]);
        let rest = [limits.searched, limits.windows, limits.held, limits.inflating, limits.connections];
        assert_eq!(rest, [1 << 20, 4 << 20, 512 << 10, 8, 8 << 10]);
    }
}
