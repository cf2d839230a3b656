/// The settings of a live capture.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The interfaces, `any` being all of them.
    pub interfaces: Vec<String>,
    /// Which packets are wanted, as pcap-filter(7) says it.
    pub filter: Option<String>,
    /// The bytes of each interface's ring. Default 128 MiB: one second at 1 Gbit/s.
    pub ring: usize,
    /// How many bytes of a packet are kept. Default 262,144: all of them.
    pub snap_length: u32,
    /// Whether the interface is to take what is not addressed to it.
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
