use std::sync::LazyLock;

/// The end-of-string symbol: its leading bits are allowed as padding; in full it is an error.
const EOS: u16 = 256;
const SHORTEST: u32 = 5;
const LONGEST: u32 = 30;
/// Codes of up to this many bits are found in one step.
const ROOT: u32 = 8;

/// The length of each symbol's code, in bits; the code is canonical, so the lengths determine it (RFC 7541 Appendix B).
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28,
    28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11,
    10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8,
    15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5,
    6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7,
    7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23,
    23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21,
    23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25,
    26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26,
    28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

/// The reason why decoding a string stopped before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HuffmanError {
    /// The byte that contains the first undecoded bit.
    pub(super) offset: usize,
    pub(super) problem: &'static str,
}

/// The codes by length.
struct Codes {
    /// Symbol and code length for each value of the first eight bits; length 0 if the code is longer.
    root: Vec<(u16, u8)>,
    /// The codes of each length: the first code, their number, and where their symbols begin.
    classes: Vec<Class>,
    symbols: Vec<u16>,
}

#[derive(Clone, Copy, Default)]
struct Class {
    first: u32,
    count: u32,
    start: u32,
}

static CODES: LazyLock<Codes> = LazyLock::new(codes);

#[expect(clippy::arithmetic_side_effects, reason = "reckons with constants only")]
fn codes() -> Codes {
    let mut classes = Vec::new();
    let mut symbols: Vec<u16> = Vec::new();
    let mut root = vec![(0, 0); 1 << ROOT];
    let mut code = 0_u32;
    for length in 0..=LONGEST {
        code <<= 1;
        let class = (0..).zip(LENGTHS).filter(|(_, it)| u32::from(*it) == length).map(|(symbol, _)| symbol);
        let (first, start) = (code, symbols.len());
        symbols.extend(class);
        let count = symbols.len() - start;
        if (SHORTEST..=ROOT).contains(&length) {
            let width = 1 << (ROOT - length);
            let found = symbols.iter().skip(start).flat_map(|symbol| std::iter::repeat_n(*symbol, width));
            for (entry, symbol) in root.iter_mut().skip(first as usize * width).zip(found) {
                *entry = (symbol, length as u8);
            }
        }
        code += count as u32;
        classes.push(Class { first, count: count as u32, start: start as u32 });
    }
    Codes { root, classes, symbols }
}

impl Codes {
    /// Finds the symbol whose code starts a window of `bits` bits, at most 32, and the length of the code.
    fn find(&self, window: u32, bits: u32) -> Option<(u16, u32)> {
        if bits >= ROOT {
            let top = window.checked_shr(bits.saturating_sub(ROOT))? & 0xff;
            if let Some((symbol, length)) = self.root.get(top as usize).filter(|(_, length)| *length > 0) {
                return Some((*symbol, u32::from(*length)));
            }
        }
        (SHORTEST..=LONGEST.min(bits)).find_map(|length| {
            let code = window.checked_shr(bits.saturating_sub(length))?;
            let class = self.classes.get(length as usize)?;
            let place = code.checked_sub(class.first).filter(|place| *place < class.count)?;
            Some((*self.symbols.get(class.start.saturating_add(place) as usize)?, length))
        })
    }
}

/// Decodes `bytes` and appends the string to `out`, including the part before an error (RFC 7541 §5.2).
pub(super) fn decode(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), HuffmanError> {
    let codes = &*CODES;
    let mut input = bytes.iter();
    let (mut window, mut bits) = (0_u64, 0_u32);
    loop {
        while bits <= 32 {
            let Some(byte) = input.next() else { break };
            window = window << 8 | u64::from(*byte);
            bits = bits.saturating_add(8);
        }
        // At most 32 bits are considered: no code is longer than 30.
        let shown = bits.min(32);
        let top = window.checked_shr(bits.saturating_sub(shown)).unwrap_or_default() as u32;
        let top = if shown < 32 { top & (1_u32 << shown).saturating_sub(1) } else { top };
        let read = bytes.len().saturating_sub(input.len());
        let stop =
            |problem| HuffmanError { offset: read.saturating_sub((bits as usize).div_ceil(8)), problem };
        match codes.find(top, shown) {
            Some((EOS, _)) => return Err(stop("the end-of-string symbol")),
            Some((symbol, length)) => {
                out.push(symbol as u8);
                bits = bits.saturating_sub(length);
            }
            // Only the prefix of a code is left: padding, which is a prefix of the last code.
            None if bits >= 8 => return Err(stop("padding of more than seven bits")),
            None if top.saturating_add(1) != 1 << shown => return Err(stop("padding that is not of ones")),
            None => return Ok(()),
        }
    }
}

/// Encodes a string.
#[cfg(test)]
pub(super) fn encode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut window, mut bits) = (0_u64, 0);
    let code = |symbol: usize| {
        let length = u32::from(LENGTHS[symbol]);
        let class = CODES.classes[length as usize];
        let place = CODES.symbols[class.start as usize..].iter().position(|it| usize::from(*it) == symbol);
        (u64::from(class.first) + place.unwrap() as u64, length)
    };
    for &byte in text {
        let (code, length) = code(usize::from(byte));
        window = window << length | code;
        bits += length;
        while bits >= 8 {
            bits -= 8;
            out.push((window >> bits) as u8);
        }
    }
    if bits > 0 {
        out.push((window << (8 - bits)) as u8 | (0xff >> bits));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(bytes: &[u8]) -> (Vec<u8>, Result<(), HuffmanError>) {
        let mut out = Vec::new();
        let result = decode(bytes, &mut out);
        (out, result)
    }

    #[test]
    fn codes_of_rfc_7541_appendix_b() {
        for (symbol, code, length) in [
            (b'0', 0x0, 5),
            (b'~', 0x1ffd, 13),
            (b'Z', 0xfd, 8),
            (0, 0x1ff8, 13),
            (10, 0x3fff_fffc, 30),
            (22, 0x3fff_fffe, 30),
            (255, 0x3ff_ffee, 26),
        ] {
            let left = (code as u32) << (32 - length);
            assert_eq!(CODES.find(left, 32), Some((u16::from(symbol), length)), "{symbol}");
        }
        assert_eq!(CODES.find(0x3fff_ffff << 2, 32), Some((EOS, 30)));
    }

    #[test]
    fn every_symbol_there_and_back() {
        for symbol in 0..=255 {
            for length in [1, 2, 3, 9] {
                let text = vec![symbol; length];
                assert_eq!(decoded(&encode(&text)), (text, Ok(())), "{symbol}");
            }
        }
        assert_eq!(decoded(&[]), (vec![], Ok(())));
    }

    #[test]
    fn it_says_where_it_stopped() {
        let (text, result) = decoded(&[0x07, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!((text.as_slice(), result.unwrap_err().problem), (&b"0"[..], "the end-of-string symbol"));
        assert_eq!(
            decoded(&[0xff]).1,
            Err(HuffmanError { offset: 0, problem: "padding of more than seven bits" })
        );
        let (text, result) = decoded(&[0x1f, 0xff]);
        assert_eq!(
            (text, result),
            (b"a".to_vec(), Err(HuffmanError { offset: 0, problem: "padding of more than seven bits" }))
        );
        let zeros = decoded(&[0b0001_1110]).1.unwrap_err();
        assert_eq!(zeros, HuffmanError { offset: 0, problem: "padding that is not of ones" });
    }

    proptest! {
        #[test]
        fn text_there_and_back(text in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(decoded(&encode(&text)), (text, Ok(())));
        }

        #[test]
        fn random_bytes_do_not_panic_and_decode_to_at_most_eight_fifths(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let (text, _) = decoded(&bytes);
            prop_assert!(text.len() * 5 <= bytes.len() * 8);
        }
    }
}
