//! Key derivation: the PRF of TLS 1.0 to 1.2 (RFC 5246 §5, RFC 4346 §5) and the HKDF of TLS 1.3 (RFC 8446 §7.1).

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::{Digest, Sha1};
use sha2::{Sha256, Sha384};
use zeroize::Zeroizing;

use crate::hello::suite::Hash;

/// Bytes that are wiped when dropped.
pub(super) type Wiped = Zeroizing<Vec<u8>>;

/// Returns the HMAC of the concatenated parts.
pub(super) fn hmac(hash: Hash, key: &[u8], parts: &[&[u8]]) -> Wiped {
    macro_rules! hmac {
        ($hash:ty) => {
            match Hmac::<$hash>::new_from_slice(key) {
                Ok(mut mac) => {
                    parts.iter().for_each(|part| mac.update(part));
                    mac.finalize().into_bytes().to_vec()
                }
                // HMAC accepts keys of any length.
                Err(_) => Vec::new(),
            }
        };
    }
    Zeroizing::new(match hash {
        Hash::Md5AndSha1 => hmac!(Md5),
        Hash::Sha1 => hmac!(Sha1),
        Hash::Sha256 => hmac!(Sha256),
        Hash::Sha384 => hmac!(Sha384),
    })
}

/// Returns the hash of handshake messages: the session hash (RFC 7627 §3) of TLS 1.0 to 1.2.
pub(super) fn transcript_hash(hash: Hash, messages: &[u8]) -> Vec<u8> {
    match hash {
        Hash::Md5AndSha1 => [&Md5::digest(messages)[..], &Sha1::digest(messages)[..]].concat(),
        Hash::Sha1 => Sha1::digest(messages).to_vec(),
        Hash::Sha256 => Sha256::digest(messages).to_vec(),
        Hash::Sha384 => Sha384::digest(messages).to_vec(),
    }
}

/// Returns `length` bytes of the PRF; [`Hash::Md5AndSha1`] selects the one of TLS 1.0 and 1.1.
pub(super) fn prf(hash: Hash, secret: &[u8], label: &str, seed: &[&[u8]], length: usize) -> Wiped {
    if hash != Hash::Md5AndSha1 {
        return expand(hash, secret, label, seed, length);
    }
    // If the length is odd, the halves share the byte in the middle.
    let half = secret.len().div_ceil(2);
    let first = secret.get(..half).unwrap_or_default();
    let second = secret.get(secret.len().saturating_sub(half)..).unwrap_or_default();
    let mut out = expand(Hash::Md5AndSha1, first, label, seed, length);
    let other = expand(Hash::Sha1, second, label, seed, length);
    out.iter_mut().zip(other.iter()).for_each(|(byte, other)| *byte ^= other);
    out
}

/// Computes `P_hash` of RFC 5246 §5; for [`Hash::Md5AndSha1`], the one with MD5.
fn expand(hash: Hash, secret: &[u8], label: &str, seed: &[&[u8]], length: usize) -> Wiped {
    let seed = [&[label.as_bytes()], seed].concat();
    let mut out = Zeroizing::new(Vec::with_capacity(length.saturating_add(64)));
    let mut chain = hmac(hash, secret, &seed);
    while out.len() < length && !chain.is_empty() {
        let parts = [&[&chain[..]], &seed[..]].concat();
        out.extend_from_slice(&hmac(hash, secret, &parts));
        chain = hmac(hash, secret, &[&chain]);
    }
    out.truncate(length);
    out
}

/// Returns the master secret (RFC 5246 §8.1), or the extended one (RFC 7627 §4) if the session hash is given.
pub(super) fn master_secret(
    hash: Hash,
    premaster: &[u8],
    client_random: &[u8],
    server_random: &[u8],
    session_hash: Option<&[u8]>,
) -> Wiped {
    match session_hash {
        Some(messages) => prf(hash, premaster, "extended master secret", &[messages], 48),
        None => prf(hash, premaster, "master secret", &[client_random, server_random], 48),
    }
}

/// Computes HKDF-Expand-Label without a context (RFC 8446 §7.1), for at most as many bytes as the hash has.
pub(super) fn expand_label(hash: Hash, secret: &[u8], label: &str, length: usize) -> Wiped {
    let [high, low] = (length as u16).to_be_bytes();
    let label_length = label.len().saturating_add(6) as u8;
    let info: &[&[u8]] = &[&[high, low, label_length], b"tls13 ", label.as_bytes(), &[0, 1]];
    let mut out = hmac(hash, secret, info);
    out.truncate(length);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<_> = text.chars().filter_map(|c| c.to_digit(16)).collect();
        digits.chunks(2).map(|two| (two[0] * 16 + two[1]) as u8).collect()
    }

    /// RFC 8448 §3: the server's handshake traffic secret, and what is derived from it.
    #[test]
    fn keys_are_those_of_the_trace() {
        let secret = hex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
        let key = expand_label(Hash::Sha256, &secret, "key", 16);
        assert_eq!(*key, hex("3fce516009c21727d0f2e4e86ee403bc"));
        assert_eq!(*expand_label(Hash::Sha256, &secret, "iv", 12), hex("5d313eb2671276ee13000b30"));
        let finished = hex("008d3b66f816ea559f96b537e885c31fc068bf492c652f01f288a1d8cdc19fc8");
        assert_eq!(*expand_label(Hash::Sha256, &secret, "finished", 32), finished);
    }

    /// The widely circulated test vector for `P_SHA256`.
    #[test]
    fn the_prf_of_tls_1_2_is_right() {
        let (secret, seed) =
            (hex("9bbe436ba940f017b17652849a71db35"), hex("a0ba9f936cda311827a6f796ffd5198c"));
        let out = prf(Hash::Sha256, &secret, "test label", &[&seed], 100);
        let right = "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af\
                     0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701\
                     87347b66";
        assert_eq!(*out, hex(right));
    }

    /// The halves of an odd secret share a byte, and every output is a prefix of a longer one.
    #[test]
    fn the_prf_of_tls_1_0_begins_the_same_at_every_length() {
        let all = prf(Hash::Md5AndSha1, b"12345", "key expansion", &[b"seed"], 104);
        assert_eq!(all.len(), 104);
        for length in [0, 1, 16, 20, 40, 103] {
            assert_eq!(*prf(Hash::Md5AndSha1, b"12345", "key expansion", &[b"seed"], length), all[..length]);
        }
        let md5 = expand(Hash::Md5AndSha1, b"123", "key expansion", &[b"seed"], 104);
        let sha1 = expand(Hash::Sha1, b"345", "key expansion", &[b"seed"], 104);
        assert!(all.iter().zip(md5.iter().zip(sha1.iter())).all(|(all, (md5, sha1))| *all == md5 ^ sha1));
    }
}
