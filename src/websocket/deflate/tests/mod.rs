use super::stop::{BAD_SYMBOL, NO_END, UNFINISHED};
use super::*;
use crate::websocket::Missing;
use flate2::{Compress, Compression, FlushCompress, Status};

mod loss;
mod ordinary;
mod properties;

const TAKEOVER: DeflateSide = DeflateSide { no_context_takeover: false, max_window_bits: 15 };
const NO_TAKEOVER: DeflateSide = DeflateSide { no_context_takeover: true, max_window_bits: 15 };

fn bits(max_window_bits: u8) -> DeflateSide {
    DeflateSide { no_context_takeover: false, max_window_bits }
}

/// The result of one message.
#[derive(Debug, PartialEq, Eq)]
struct Got {
    /// Each byte, `None` if unknown.
    bytes: Vec<Option<u8>>,
    /// Whether the payload has no gap of unknown length at its end.
    whole: bool,
    anomalies: Vec<Anomaly>,
}

impl Got {
    fn known(&self) -> Vec<u8> {
        assert!(self.whole && self.anomalies.is_empty(), "{:?}", self.anomalies);
        self.bytes.iter().map(|byte| byte.expect("every byte is known")).collect()
    }
}

fn laid_out(out: &Payload) -> (Vec<Option<u8>>, bool) {
    let (mut known, mut all, mut whole) = (out.bytes().iter().copied(), Vec::new(), true);
    for &Missing { offset, length } in out.missing() {
        all.extend(known.by_ref().take(offset as usize - all.len()).map(Some));
        assert!(whole, "a gap of unknown length comes last");
        match length {
            Some(length) => all.extend(std::iter::repeat_n(None, length as usize)),
            None => whole = false,
        }
    }
    all.extend(known.map(Some));
    if !whole {
        // The last gap may begin with a part of known length.
        all.resize(out.length() as usize, None);
    }
    assert_eq!(all.len() as u64, out.length());
    (all, whole)
}

/// Inflates one message given in pieces.
fn inflate<'a>(inflater: &mut Inflater, pieces: impl IntoIterator<Item = &'a [u8]>) -> Got {
    let mut out = Payload::new(usize::MAX);
    for piece in pieces {
        inflater.push(piece, &mut out);
    }
    inflater.finish(&mut out);
    got(inflater, &out)
}

fn got(inflater: &mut Inflater, out: &Payload) -> Got {
    let (bytes, whole) = laid_out(out);
    Got { bytes, whole, anomalies: std::iter::from_fn(|| inflater.next_anomaly()).collect() }
}

fn text(inflater: &mut Inflater, message: &[u8]) -> String {
    String::from_utf8(inflate(inflater, [message]).known()).unwrap()
}

/// A compressor that behaves like a peer (RFC 7692 §7.2.1).
struct Sender {
    compress: Compress,
    takeover: bool,
}

impl Sender {
    fn new(level: u32, takeover: bool) -> Self {
        Sender { compress: Compress::new(Compression::new(level), false), takeover }
    }

    fn with_bits(level: u32, bits: u8) -> Self {
        let compress = Compress::new_with_window_bits(Compression::new(level), false, bits);
        Sender { compress, takeover: true }
    }

    fn flush(&mut self, payload: &[u8], flush: FlushCompress) -> Vec<u8> {
        let mut message = Vec::with_capacity(payload.len() * 2 + 256);
        let before = self.compress.total_in();
        let status = self.compress.compress_vec(payload, &mut message, flush).unwrap();
        assert!(status != Status::BufError && self.compress.total_in() - before == payload.len() as u64);
        message
    }

    fn send(&mut self, payload: &[u8]) -> Vec<u8> {
        if payload.is_empty() {
            return vec![0]; // RFC 7692 §7.2.3.6
        }
        let mut message = self.flush(payload, FlushCompress::Sync);
        if !self.takeover {
            self.compress.reset();
        }
        assert!(message.ends_with(&[0, 0, 0xff, 0xff]));
        message.truncate(message.len() - 4);
        message
    }

    /// Ends with a final block, like senders that can only call `finish` (RFC 7692 §7.2.3.4).
    fn send_final(&mut self, payload: &[u8], window: &[u8]) -> Vec<u8> {
        let mut compress = Compress::new(Compression::new(6), false);
        if !window.is_empty() {
            compress.set_dictionary(window).unwrap();
        }
        self.compress = compress;
        self.flush(payload, FlushCompress::Finish)
    }
}

/// Generates ticks like those of a market data feed: similar, about 200 bytes each.
fn tick(n: usize) -> Vec<u8> {
    format!(
        r#"{{"type":"tick","seq":{n},"symbol":"{}","bid":{}.{:02},"ask":{}.{:02},"time":"2026-11-03T12:{:02}:{:02}.{:06}Z","venue":"XETR","flags":["firm","live"],"depth":[{},{},{}]}}"#,
        ["AAPL", "MSFT", "NOVN", "SAP"][n * 7 % 4],
        100 + n % 37, n * 31 % 100, 101 + n % 37, n * 17 % 100,
        n / 60 % 60, n % 60, n * 7919 % 1_000_000,
        n * 13 % 997, n * 29 % 991, n * 41 % 983,
    )
    .into_bytes()
}

/// Generates bytes without repetitions.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
    .take(count)
    .collect()
}

/// Returns whether every byte shown is the byte sent at that offset, and the length is exact.
fn is_true(got: &Got, sent: &[u8]) -> bool {
    got.whole
        && got.bytes.len() == sent.len()
        && got.bytes.iter().zip(sent).all(|(byte, sent)| byte.is_none_or(|byte| byte == *sent))
}
