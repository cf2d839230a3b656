use std::time::Duration;

use crate::{http, http2, tcp, websocket::deflate};

/// The bounds of what one shard of the analyzer keeps. There are 64 shards, and memory is bounded by 64 times what is
/// said here.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes kept of one message; longer ones are shown in part. Default 8 MiB.
    pub message: usize,
    /// Bytes of memory that all connections of a shard hold, inflaters in use apart; what follows bounds each kind of
    /// it. Default 7 MiB.
    pub memory: usize,
    /// Bytes kept of all unfinished messages of a shard. Default 8 MiB.
    pub messages: usize,
    /// Bytes that wait out of order in all connections of a shard. Default 8 MiB.
    pub waiting: usize,
    /// Bytes in which the connections of a shard that were joined late are searched for frames. Default 1 MiB.
    pub searched: usize,
    /// Conversations of a shard whose inflaters keep their tables; the others keep their windows alone. Default 16.
    pub inflating: usize,
    /// Bytes of the windows of all other inflaters of a shard; those at rest for the longest time give theirs up.
    /// Default 4 MiB.
    pub windows: usize,
    /// Connections of a shard, those of other protocols included. Default 8,192.
    pub connections: usize,
    /// Bytes that the readers of sub-protocols hold in all conversations of a shard. Default 2 MiB.
    pub understood: usize,
    /// Layers that carry others, one within the other: what lies deeper is not looked into. Default 3.
    pub layers: u8,
    /// After this long without a packet, a connection that is not a WebSocket is forgotten. Default 2 minutes.
    pub idle: Duration,
    /// Capture time for which one side of a conversation waits for frames to be found again on the other. Default 5
    /// seconds.
    pub search_grace: Duration,
    /// TCP's own bounds.
    pub tcp: tcp::Limits,
    /// Bytes that wait for keys in all TLS connections of a shard. Default 512 KiB.
    pub held: usize,
    /// TLS's own bounds.
    #[cfg(feature = "tls")]
    pub tls: crate::tls::Limits,
    /// HTTP's own bounds.
    pub http: http::Limits,
    /// HTTP/2's own bounds.
    pub http2: http2::Limits,
    /// The inflater's own bounds.
    pub deflate: deflate::Limits,
}

impl Limits {
    /// The memory of the process for which the defaults are made, in bytes.
    pub const MEMORY: usize = 512 << 20;

    /// How many shards there are.
    pub const SHARDS: usize = 64;

    /// Returns limits with which all shards together hold no more than `memory` bytes.
    ///
    /// A shard has no more than its share, so that what it decides depends on nothing but its own connections.
    pub fn within(memory: usize) -> Self {
        let share = memory / Self::SHARDS;
        let tcp = tcp::Limits { waiting_bytes: share / 2, ..tcp::Limits::default() };
        Limits {
            message: share,
            memory: share.saturating_sub(share / 8),
            messages: share,
            waiting: share,
            searched: share / 8,
            inflating: (share >> 19).max(1),
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
        assert_eq!([limits.message, limits.messages, limits.waiting, 4 * limits.understood], [8 << 20; 4]);
        assert_eq!(limits.memory, 7 << 20);
        let rest = [limits.searched, limits.windows, limits.held, limits.inflating, limits.connections];
        assert_eq!(rest, [1 << 20, 4 << 20, 512 << 10, 16, 8 << 10]);
    }
}
