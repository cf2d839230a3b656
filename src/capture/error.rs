/// The reason why *we* could not read: a missing file, an unknown format, an I/O error.
///
/// Damage after a valid file header is not an error but a diagnostic of the batch.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Opening or reading failed.
    #[error("{file}: {source}")]
    Io {
        /// The file, or `-`.
        file: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The path names a directory.
    #[error("{file}: is a directory, not a capture file")]
    Directory {
        /// Its name.
        file: String,
    },
    /// The file is empty.
    #[error("{file}: empty file")]
    Empty {
        /// The file, or `-`.
        file: String,
    },
    /// The file is neither pcap nor pcapng.
    #[error("{file}: not a capture file: {looks}")]
    NotCapture {
        /// The file, or `-`.
        file: String,
        /// What it appears to be instead.
        looks: String,
    },
    /// The file ends inside its own header.
    #[error("{file}: the {layer} at offset 0 is truncated: it needs {needed} bytes and has {had}")]
    Short {
        /// The file, or `-`.
        file: String,
        /// Which header.
        layer: &'static str,
        /// How many bytes the header has.
        needed: usize,
        /// How many bytes the file has.
        had: usize,
    },
    /// The file's own header is invalid.
    #[error("{file}: the {layer} is damaged at offset {offset}: {problem}")]
    Header {
        /// The file, or `-`.
        file: String,
        /// Which header.
        layer: &'static str,
        /// The offset, in bytes after decompression.
        offset: u64,
        /// What is wrong there.
        problem: String,
    },
    /// The file is compressed, and the compressed data is invalid from the start.
    #[error("{file}: cannot be decompressed: {problem}")]
    Compression {
        /// The file, or `-`.
        file: String,
        /// What is wrong with the compressed data.
        problem: String,
    },
    /// Live capture requires libpcap, which is not available.
    #[error(
        "{problem}, and live capture needs it (reading files does not): \
         `apt install libpcap0.8` on Debian and Ubuntu, `dnf install libpcap` on Fedora, \
         `apk add libpcap` on Alpine; macOS has it"
    )]
    NoLibrary {
        /// What is wrong.
        problem: String,
    },
    /// The privilege to capture is missing.
    #[error(
        "{interface}: the right to capture is missing: run as root, \
         or give this program the right once: `sudo setcap cap_net_raw,cap_net_admin=eip {program}`"
    )]
    NoRight {
        /// The interface.
        interface: String,
        /// The path of this program.
        program: String,
    },
    /// There is no interface with this name.
    #[error("{interface}: there is no such interface; there are: {others}")]
    NoInterface {
        /// The interface.
        interface: String,
        /// The interfaces that exist.
        others: String,
    },
    /// The interface cannot be opened or read for another reason.
    #[error("{interface}: {problem}")]
    Interface {
        /// The interface.
        interface: String,
        /// libpcap's message.
        problem: String,
    },
    /// The capture filter is invalid.
    #[error("the capture filter is wrong (-f filters packets, -Y messages): {problem}\n  {filter}")]
    Filter {
        /// The filter.
        filter: String,
        /// libpcap's message.
        problem: String,
    },
}
