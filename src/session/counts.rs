/// The counts of what a shard has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// TCP connections.
    pub connections: u64,
    /// Connections forgotten because there were too many.
    pub evicted: u64,
    /// TLS connections, those within others included.
    pub tls: u64,
    /// TLS connections of which records were decrypted.
    pub decrypted: u64,
    /// Responses that are streams of server-sent events.
    pub event_streams: u64,
    /// Requests of Engine.IO's long polling.
    pub polls: u64,
    /// Segments that were discarded, for their checksums are wrong.
    pub damaged: u64,
}

impl Counts {
    /// How many TLS connections are named that could not be read.
    pub const ENCRYPTED: usize = 3;
}
