/// The settings of a live capture.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The interfaces; `any` means all of them.
    pub interfaces: Vec<String>,
    /// The packets to capture, as a pcap-filter(7) expression.
    pub filter: Option<String>,
    /// The ring size of each interface in bytes. Default 128 MiB: one second at 1 Gbit/s.
    pub ring: usize,
    /// The maximum number of bytes kept of each packet. Default 262,144: all of them.
    pub snap_length: u32,
    /// Whether the interface is to receive packets not addressed to it.
    pub promiscuous: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            interfaces: Vec::new(),
            filter: None,
            ring: 128 << 20,
            snap_length: 262_144,
            promiscuous: true,
        }
    }
}
