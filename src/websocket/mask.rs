//! Masking (RFC 6455 §5.3).

/// Unmasks `bytes` in place, eight bytes at a time; `phase` is the offset of the first one in its frame's payload.
///
/// Masking and unmasking are the same.
pub fn unmask(bytes: &mut [u8], key: [u8; 4], phase: u64) {
    // Payload byte i is masked with key byte i mod 4: rotate the key so that it begins with the first byte's.
    let [a, b, c, d] = key;
    let four = match phase % 4 {
        0 => [a, b, c, d],
        1 => [b, c, d, a],
        2 => [c, d, a, b],
        _ => [d, a, b, c],
    };
    let [a, b, c, d] = four;
    let eight = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (chunks, rest) = bytes.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ eight).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(four.into_iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::unmask;
    use proptest::prelude::*;

    fn naive(bytes: &mut [u8], key: [u8; 4], phase: u64) {
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte ^= key[((phase + i as u64) % 4) as usize];
        }
    }

    #[test]
    fn the_published_example_of_chinese_text() {
        let mut bytes =
            [0xee, 0x7e, 0x7e, 0x57, 0x90, 0x59, 0x06, 0x29, 0xb7, 0x13, 0x41, 0x2c, 0xed, 0x65, 0x4a];
        unmask(&mut bytes, [0x08, 0xf6, 0xef, 0xb1], 0);
        assert_eq!(std::str::from_utf8(&bytes).unwrap(), "我是阿宝哥");
    }

    proptest! {
        #[test]
        fn equals_the_naive_kernel(mut bytes: Vec<u8>, key: [u8; 4], phase in 0_u64..1_000_000) {
            let mut slow = bytes.clone();
            naive(&mut slow, key, phase);
            unmask(&mut bytes, key, phase);
            prop_assert_eq!(bytes, slow);
        }
    }
}
