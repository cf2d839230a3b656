use std::io::{IsTerminal, Read as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;

#[cfg(feature = "tls")]
use anyhow::Context as _;
use clap::builder::{NonEmptyStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};

use super::size::Size;
use super::stop::Autostop;
use super::subprotocols::Subprotocols;
use crate::http::Wanted;
use crate::session::Limits;
use crate::{pipeline, tcp};

/// The arguments that name the input and determine how it is read.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("rotation").args(["rotate_size", "rotate_seconds"]).multiple(true))]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Input {
    /// Capture files: pcap or pcapng, plain, gzip, zstd or lz4; `-` is standard input
    ///
    /// Several files are read as one capture, in time order.
    #[arg(value_name = "FILE", required_unless_present = "interfaces")]
    pub(super) files: Vec<PathBuf>,

    /// Capture on this interface instead of reading files; `any` means all of them; may be repeated
    ///
    /// `wirefin interfaces` lists them. -a or Ctrl-C ends the capture; a second Ctrl-C exits at once.
    #[arg(
        short = 'i',
        long = "interface",
        value_name = "NAME",
        conflicts_with = "files",
        value_parser = NonEmptyStringValueParser::new(),
        help_heading = "Live capture"
    )]
    pub(super) interfaces: Vec<String>,

    /// Read only packets that match this capture filter: 'tcp port 8080'
    ///
    /// It is an expression as in pcap-filter(7), compiled by libpcap, for files as well as for interfaces.
    #[arg(short, long, value_name = "FILTER")]
    pub(super) filter: Option<String>,

    /// Size of each interface's ring buffer [default: 128MiB]
    ///
    /// It holds packets while wirefin is busy; 128 MiB is one second at 1 Gbit/s. Small sizes are rounded up to the
    /// system's minimum, and the maximum is 2 GiB. The units are those of --max-message.
    #[arg(
        short = 'B',
        long,
        value_name = "SIZE",
        requires = "interfaces",
        conflicts_with = "files",
        help_heading = "Live capture"
    )]
    pub(super) buffer: Option<Size>,

    /// Keep at most this many bytes of each packet, 64 to 262144; 0 means all, as for tcpdump [default: all]
    #[arg(short, long, value_name = "BYTES", requires = "interfaces", conflicts_with = "files", help_heading = "Live capture",
        value_parser = snap_length)]
    pub(super) snap_length: Option<u32>,

    /// Do not put the interface into promiscuous mode
    #[arg(
        short = 'p',
        long,
        requires = "interfaces",
        conflicts_with = "files",
        help_heading = "Live capture"
    )]
    pub(super) no_promiscuous: bool,

    /// User that root becomes once the interfaces are open [default: the caller of sudo, else nobody]
    #[arg(
        long,
        value_name = "USER",
        requires = "interfaces",
        conflicts_with = "files",
        help_heading = "Live capture"
    )]
    pub(super) user: Option<String>,

    /// Stop after `duration:SECONDS`, or after `idle:SECONDS` without a packet
    #[arg(short = 'a', long, value_name = "WHEN", help_heading = "Live capture")]
    pub(super) autostop: Vec<Autostop>,

    /// Continue when the file grows or is rotated (tcpdump's -C, -G and -W), until Ctrl-C
    #[arg(long, conflicts_with = "interfaces", help_heading = "Live capture")]
    pub(super) follow: bool,

    /// Also save the packets as pcapng; `-` is standard output, if -o sends the other output elsewhere
    #[arg(short, long, value_name = "FILE", help_heading = "Saving packets")]
    pub(super) write: Option<PathBuf>,

    /// Begin another file after this many megabytes (1,000,000 bytes); names are numbered
    #[arg(short = 'C', long, value_name = "MB", requires = "write", help_heading = "Saving packets", value_parser = positive::<u64>)]
    pub(super) rotate_size: Option<u64>,

    /// Begin another file after this many seconds
    #[arg(short = 'G', long, value_name = "SECONDS", requires = "write", help_heading = "Saving packets", value_parser = positive::<u64>)]
    pub(super) rotate_seconds: Option<u64>,

    /// Keep only the last N files of -C or -G
    #[arg(short = 'W', long, value_name = "N", requires = "write", requires = "rotation", help_heading = "Saving packets", value_parser = positive::<usize>)]
    pub(super) rotate_files: Option<usize>,

    /// Save only connections that became WebSockets, including their handshakes
    #[arg(long, requires = "write", help_heading = "Saving packets")]
    pub(super) only_websocket: bool,

    /// Decrypt TLS with the keys in this file, as written for SSLKEYLOGFILE; may be repeated
    ///
    /// In live captures and with --follow, it is read as it grows, and awaited if it does not exist yet. Decryption
    /// Secrets Blocks in pcapng files are used without it.
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", help_heading = "Decryption")]
    pub(super) keylog: Vec<PathBuf>,

    /// Decrypt TLS up to 1.2 with this private key of a server (PEM), if the RSA key exchange is used
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", help_heading = "Decryption")]
    pub(super) tls_key: Vec<PathBuf>,

    /// Do not use the key log named by the variable SSLKEYLOGFILE, as live captures do by default
    #[cfg(feature = "tls")]
    #[arg(long, conflicts_with = "keylog", help_heading = "Decryption")]
    pub(super) no_keylog: bool,

    /// Save the keys, including those in the input, with the packets, so that the file can be decrypted on its own
    #[arg(long, requires = "write", help_heading = "Saving packets")]
    pub(super) with_secrets: bool,

    /// Disable the sandbox, which blocks the network and, except for the screen, all other files once packets are read
    /// (Linux)
    #[arg(long, help_heading = "Sandbox")]
    pub(super) no_sandbox: bool,

    /// Fail if the kernel does not support the sandbox, instead of reporting it
    #[arg(long, conflicts_with = "no_sandbox", help_heading = "Sandbox")]
    pub(super) require_sandbox: bool,

    /// Keep at most this much of each message, and report truncation [default: 8MiB, or a 64th of --memory]
    ///
    /// The units are k, M and G (powers of 1000), and KiB, MiB and GiB (powers of 1024), as in filters.
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    max_message: Option<Size>,

    /// Use about this much memory for everything that traffic can pile up [default: 512MiB]
    ///
    /// Unfinished messages, bytes out of order, inflater windows, unanswered requests and connections share this limit;
    /// anything given up because of it is reported. The screen uses the same amount again for what was read, and moves
    /// older payloads to a temporary file; an index of some 70 bytes per message, handshakes and anomalies are added to
    /// that.
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    pub(super) memory: Option<Size>,

    /// Analyze on this many threads; the output does not depend on it [default: one per core]
    #[arg(long, value_name = "N", help_heading = "Limits", value_parser = positive::<NonZeroUsize>)]
    threads: Option<NonZeroUsize>,

    /// Also show HTTP streams other than WebSockets: server-sent events and Engine.IO's long polling
    #[arg(long, value_name = "TRANSPORT", value_delimiter = ',', value_enum)]
    also: Vec<Also>,

    /// Discard every TCP segment with a wrong checksum, even if it may have been left to a network card
    ///
    /// By default, such a segment is discarded only if its sender has sent correct checksums before.
    #[arg(long)]
    verify_checksums: bool,

    #[command(flatten)]
    subprotocols: Subprotocols,

    #[command(flatten)]
    as_in_tshark: AsInTshark,

    /// Print only errors on standard error
    #[arg(short, long)]
    pub(super) quiet: bool,
}

/// An HTTP stream that is shown like a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Also {
    /// Responses of the type text/event-stream
    Sse,
    /// Requests and responses of Engine.IO before or without an upgrade
    Polling,
}

/// The flags of tshark that users are accustomed to.
///
/// [`parse`](super::parse::parse) removes them before clap sees them; they are declared for the help, the man page and
/// the completions.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "As in tshark")]
struct AsInTshark {
    /// Read this file; the same as naming it
    #[arg(short = 'r', value_name = "FILE")]
    _read: Option<PathBuf>,

    /// Do not resolve names; wirefin never does
    #[arg(short = 'n')]
    _numeric: bool,

    /// Flush each line, which wirefin always does if a reader may be waiting
    #[arg(short = 'l')]
    _line_buffered: bool,
}

impl Input {
    /// Returns whether the input continues until it is stopped.
    pub(super) fn is_endless(&self) -> bool {
        self.follow || !self.interfaces.is_empty() || !self.autostop.is_empty()
    }

    /// Returns whether the input cannot be read a second time.
    pub(super) fn comes_once(&self) -> bool {
        self.follow || !self.interfaces.is_empty() || !self.files.iter().all(|file| is_file(file))
    }

    /// Returns the key logs that are read alongside the input.
    #[cfg(feature = "tls")]
    pub(super) fn keylogs(&self) -> Vec<PathBuf> {
        if self.keylog.is_empty() && !self.no_keylog && !self.interfaces.is_empty() {
            // Output for capture files must not depend on the environment.
            return std::env::var_os("SSLKEYLOGFILE")
                .filter(|it| !it.is_empty())
                .map(PathBuf::from)
                .into_iter()
                .collect();
        }
        self.keylog.clone()
    }

    /// Returns the key logs that are read alongside the input.
    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unused_self, reason = "as with the feature")]
    pub(super) fn keylogs(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Returns which HTTP streams are shown like WebSockets.
    pub(super) fn also(&self) -> Wanted {
        Wanted { sse: self.also.contains(&Also::Sse), polling: self.also.contains(&Also::Polling) }
    }

    /// Returns the options of the pipeline.
    pub(super) fn options(&self) -> anyhow::Result<pipeline::Options> {
        let mut options = pipeline::Options::default();
        if let Some(memory) = self.memory {
            options.limits = Limits::within(memory.0);
        }
        options.subprotocols = self.subprotocols.settings()?;
        options.chosen = self.subprotocols.spoken(&options.subprotocols)?;
        options.limits.http.wanted = self.also();
        if let Some(most) = self.max_message {
            options.limits.message = most.0;
            options.limits.messages = options.limits.messages.max(most.0);
        }
        if self.verify_checksums {
            options.limits.tcp.checksums = tcp::Verify::Always;
        }
        options.threads = self.threads.unwrap_or(options.threads);
        if !self.keylogs().is_empty() {
            options.keys = options.keys.given();
        }
        #[cfg(feature = "tls")]
        for path in &self.tls_key {
            let key = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the key {}", path.display()))?;
            if !options.keys.add_private_key(&key) {
                anyhow::bail!("{} is no RSA private key in PEM", path.display());
            }
        }
        let grows = self.is_endless() && !self.keylogs().is_empty();
        if !grows && !self.files.iter().any(|file| may_have_secrets(file)) {
            options.keys = options.keys.complete();
        }
        Ok(options)
    }
}

/// The arguments that determine where the output goes.
#[derive(Debug, clap::Args)]
pub(super) struct Output {
    /// Write to a file instead of standard output
    ///
    /// The file gets its name when it is complete; until then, an existing file stays unchanged. If a live capture ends
    /// with a failure, its output so far is kept under another name.
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub(super) file: Option<PathBuf>,

    /// Exit with 1 if a filter matches nothing, as grep does
    #[arg(long)]
    pub(super) exit_code: bool,
}

impl Output {
    /// Returns whether the output goes to a terminal.
    pub(super) fn is_terminal(&self) -> bool {
        self.file.is_none() && std::io::stdout().is_terminal()
    }

    /// Returns the width in columns of the terminal that the output goes to, if it goes to one that reports it.
    pub(super) fn columns(&self) -> Option<usize> {
        if self.is_terminal() { columns() } else { None }
    }
}

/// Returns the width in columns of the terminal on standard output, if there is one and it reports it.
pub(super) fn columns() -> Option<usize> {
    let (width, _) = std::io::stdout().is_terminal().then(terminal_size::terminal_size).flatten()?;
    Some(width.0.into())
}

/// The argument that limits the output.
#[derive(Debug, clap::Args)]
pub(super) struct Count {
    /// Stop after N messages; --limit is the same
    #[arg(short, long, visible_alias = "limit", value_name = "N")]
    pub(super) count: Option<u64>,
}

/// Returns whether a capture file may contain secrets: only pcapng does, and a compressed file or a pipe may be pcapng.
fn may_have_secrets(path: &Path) -> bool {
    if !is_file(path) {
        return true;
    }
    let mut first = [0; 4];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut first));
    let is_pcap = matches!(u32::from_be_bytes(first), 0xa1b2_c3d4 | 0xa1b2_3c4d | 0xd4c3_b2a1 | 0x4d3c_b2a1);
    read.is_ok() && !is_pcap
}

fn is_file(path: &Path) -> bool {
    path != Path::new("-") && path.is_file()
}

/// Parses one of a list of names, each with its help and its value.
pub(super) fn one_of<T: Copy + Send + Sync + 'static>(
    list: Vec<(&'static str, &'static str, T)>,
) -> impl TypedValueParser<Value = T> {
    let names = list.iter().map(|&(name, help, _)| PossibleValue::new(name).help(help));
    PossibleValuesParser::new(names.collect::<Vec<_>>()).try_map(move |name| {
        let found = list.iter().find(|(known, ..)| *known == name);
        found.map(|(.., value)| *value).ok_or("there is none of this name")
    })
}

/// Parses a number that is not zero.
fn positive<N: FromStr>(text: &str) -> Result<N, String> {
    let zero = text.bytes().all(|digit| digit == b'0');
    text.parse().ok().filter(|_| !zero).ok_or_else(|| "a whole number is wanted, 1 or more".to_owned())
}

/// Parses a number of bytes per packet; 0 means no limit.
fn snap_length(text: &str) -> Result<u32, String> {
    const ALL: u32 = 262_144;
    match text.parse() {
        Ok(0) => Ok(ALL),
        Ok(bytes @ 64..=ALL) => Ok(bytes),
        _ => Err(format!("64 to {ALL} bytes can be kept, or 0, which is all")),
    }
}

#[cfg(test)]
mod tests {
    use super::snap_length;

    #[test]
    fn no_bytes_of_a_packet_are_all() {
        assert_eq!(["0", "64", "262144"].map(snap_length), [Ok(262_144), Ok(64), Ok(262_144)]);
        assert!(["63", "262145", "-1", "", "all"].into_iter().all(|text| snap_length(text).is_err()));
    }
}
