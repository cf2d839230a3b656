/// The bounds of what a [`super::Store`] may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Memory for everything, in bytes: payloads beyond it go to a temporary file.
    pub memory: u64,
    /// What the temporary file may hold, in bytes: beyond it the oldest payloads are dropped.
    pub spool: u64,
    /// How many frame headers of one message are kept.
    pub frames: usize,
    /// How many anomalies are kept with their evidence; of the others, the code is.
    pub anomalies: usize,
    /// How many connections without a WebSocket are kept, to say what they were.
    pub unshown: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { memory: 512 << 20, spool: 8 << 30, frames: 1024, anomalies: 200_000, unshown: 1000 }
    }
}
