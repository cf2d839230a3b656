/// The reason why *we* could not read: no file, no capture, an I/O error.
///
/// Damage behind a good file header is not among them: it is a diagnostic of the batch.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Opening or reading failed.
    #[error("{file}: {source}")]
    Io {
        /// The file, or `-`.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// A directory was named.
    #[error("{file}: is a directory, not a capture file")]
    Directory {
        /// Its name.
        file: String,
    },
    /// There is not one byte in it.
    #[error("{file}: empty file")]
    Empty {
        /// The file, or `-`.
        file: String,
    },
    /// It is neither pcap nor pcapng.
    #[error("{file}: not a capture file: {looks}")]
    NotCapture {
        /// The file, or `-`.
        file: String,
        /// What it looks like instead.
        looks: String,
    },
    /// It ends inside its own header.
    #[error("{file}: the {layer} at offset 0 is cut short: {needed} bytes are needed, {had} are there")]
    Short {
        /// The file, or `-`.
        file: String,
        /// Which header.
        layer: &'static str,
        /// How many bytes it has.
        needed: usize,
        /// How many bytes the file has.
        had: usize,
    },
    /// Its own header cannot be true.
    #[error("{file}: the {layer} is damaged at offset {offset}: {problem}")]
    Header {
        /// The file, or `-`.
        file: String,
        /// Which header.
        layer: &'static str,
        /// Where, in bytes after decompression.
        offset: u64,
        /// What is wrong there.
        problem: String,
    },
    /// It is compressed, and the compressed data is bad from the start.
    #[error("{file}: cannot be decompressed: {problem}")]
    Compression {
        /// The file, or `-`.
        file: String,
        /// What is wrong with the compressed data.
        problem: String,
    },
    /// Live capture needs libpcap, and it is not to be had.
    #[error(
        "{problem}, and live capture needs it (reading files does not): \
         `apt install libpcap0.8` on Debian and Ubuntu, `dnf install libpcap` on Fedora, \
         `apk add libpcap` on Alpine; macOS has it"
    )]
    NoLibrary {
        /// What is wrong.
        problem: String,
    },
    /// The right to capture is missing.
    #[error(
        "{interface}: the right to capture is missing: run as root, \
         or give this program the right once: `sudo setcap cap_net_raw,cap_net_admin=eip {program}`"
    )]
    NoRight {
        /// The interface.
        interface: String,
        /// Where this program lies.
        program: String,
    },
    /// There is no interface of that name.
    #[error("{interface}: there is no such interface; there are: {others}")]
    NoInterface {
        /// The interface.
        interface: String,
        /// Those there are.
        others: String,
    },
    /// The interface cannot be opened or read for another reason.
    #[error("{interface}: {problem}")]
    Interface {
        /// The interface.
        interface: String,
        /// What libpcap says.
        problem: String,
    },
    /// The capture filter is wrong.
    #[error("the capture filter is wrong (-f filters packets, -Y messages): {problem}\n  {filter}")]
    Filter {
        /// The filter.
        filter: String,
        /// What libpcap says.
        problem: String,
    },
}
