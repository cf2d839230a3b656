/// The counts of what a shard has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The number of TCP connections.
    pub connections: u64,
    /// The number of connections dropped because there were too many.
    pub evicted: u64,
    /// The number of TLS connections, including nested ones.
    pub tls: u64,
    /// The number of TLS connections with decrypted records.
    pub decrypted: u64,
    /// The number of responses that are server-sent event streams.
    pub event_streams: u64,
    /// The number of Engine.IO long-polling requests.
    pub polls: u64,
    /// The number of segments discarded because of wrong checksums.
    pub damaged: u64,
}

impl Counts {
    /// The maximum number of undecrypted TLS connections that are listed.
    pub const ENCRYPTED: usize = 3;
}
