use std::time::Duration;

use crate::subprotocol::Settings;
use crate::{http, http2, tcp, websocket::deflate};

/// The bounds of what one shard of the analyzer keeps. There are 64 shards, and memory is bounded by 64 times what is
/// said here.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes kept of one message; longer ones are shown in part. Default 16 MiB.
    pub message: usize,
    /// Bytes kept of all unfinished messages of a shard. Default 64 MiB.
    pub messages: usize,
    /// Bytes that wait out of order in all connections of a shard. Default 16 MiB.
    pub waiting: usize,
    /// Bytes in which the connections of a shard that were joined late are searched for frames. Default 1 MiB.
    pub searched: usize,
    /// Conversations of a shard whose inflaters keep their tables; the others keep their windows alone. Default 16.
    pub inflating: usize,
    /// Connections of a shard, those of other protocols included. Default 16,384.
    pub connections: usize,
    /// Bytes that the readers of sub-protocols hold in all conversations of a shard. Default 16 MiB.
    pub understood: usize,
    /// Which sub-protocols are read.
    pub subprotocols: &'static Settings,
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

impl Default for Limits {
    fn default() -> Self {
        Limits {
            message: 16 << 20,
            messages: 64 << 20,
            waiting: 16 << 20,
            searched: 1 << 20,
            inflating: 16,
            connections: 16 << 10,
            understood: 16 << 20,
            subprotocols: Settings::DEFAULT,
            layers: 3,
            idle: Duration::from_secs(120),
            search_grace: Duration::from_secs(5),
            tcp: tcp::Limits::default(),
            held: 512 << 10,
            #[cfg(feature = "tls")]
            tls: crate::tls::Limits::default(),
            http: http::Limits::default(),
            http2: http2::Limits::default(),
            deflate: deflate::Limits::default(),
        }
    }
}
