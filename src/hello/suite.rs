//! Cipher suites, as numbered in the IANA registry.

/// The hash of a suite's key schedule, or of its MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Md5AndSha1,
    Sha1,
    Sha256,
    Sha384,
}

/// The record protection of a suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bulk {
    /// AES-GCM (RFC 5288, RFC 8446) with this key length in bytes.
    Gcm(usize),
    /// AES-CCM (RFC 6655) with these key and tag lengths in bytes.
    Ccm(usize, usize),
    /// ChaCha20-Poly1305 (RFC 7905, RFC 8446).
    Chacha,
    /// AES-CBC with HMAC (RFC 5246 §6.2.3.2), with this key length in bytes.
    Cbc(usize, Hash),
}

impl Bulk {
    pub(crate) const fn key_length(self) -> usize {
        match self {
            Bulk::Gcm(key) | Bulk::Ccm(key, _) | Bulk::Cbc(key, _) => key,
            Bulk::Chacha => 32,
        }
    }
}

/// A cipher suite that can be decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Suite {
    pub(crate) id: u16,
    pub(crate) name: &'static str,
    pub(crate) bulk: Bulk,
    /// The hash of the key schedule from TLS 1.2 on.
    pub(crate) hash: Hash,
}

impl Suite {
    /// Returns the suite with this number; `None` if it cannot be decrypted.
    pub(crate) fn by_id(id: u16) -> Option<&'static Suite> {
        SUITES.iter().find(|suite| suite.id == id)
    }

    /// Returns the TLS 1.3 suites whose secrets have this length in bytes (RFC 8446 §7.1), the most common one first.
    pub(crate) fn by_secret_length(length: usize) -> impl Iterator<Item = &'static Suite> {
        let bytes = |hash| if hash == Hash::Sha384 { 48 } else { 32 };
        SUITES.iter().filter(move |suite| suite.id >> 8 == 0x13 && bytes(suite.hash) == length)
    }
}

/// Returns the name of a cipher suite: the registry's, or its number if that is unknown.
pub(crate) fn name(id: u16) -> Box<str> {
    Suite::by_id(id).map_or_else(|| format!("0x{id:04x}").into(), |suite| suite.name.into())
}

const fn suite(id: u16, name: &'static str, bulk: Bulk, hash: Hash) -> Suite {
    Suite { id, name, bulk, hash }
}

use Bulk::{Cbc, Ccm, Chacha, Gcm};
use Hash::{Sha1, Sha256, Sha384};

#[rustfmt::skip]
const SUITES: &[Suite] = &[
    suite(0x1301, "TLS_AES_128_GCM_SHA256", Gcm(16), Sha256),
    suite(0x1302, "TLS_AES_256_GCM_SHA384", Gcm(32), Sha384),
    suite(0x1303, "TLS_CHACHA20_POLY1305_SHA256", Chacha, Sha256),
    suite(0x1304, "TLS_AES_128_CCM_SHA256", Ccm(16, 16), Sha256),
    suite(0x1305, "TLS_AES_128_CCM_8_SHA256", Ccm(16, 8), Sha256),
    suite(0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", Gcm(16), Sha256),
    suite(0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", Gcm(32), Sha384),
    suite(0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", Gcm(16), Sha256),
    suite(0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", Gcm(32), Sha384),
    suite(0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", Chacha, Sha256),
    suite(0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", Chacha, Sha256),
    suite(0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", Chacha, Sha256),
    suite(0xccab, "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256", Chacha, Sha256),
    suite(0xccac, "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256", Chacha, Sha256),
    suite(0xccad, "TLS_DHE_PSK_WITH_CHACHA20_POLY1305_SHA256", Chacha, Sha256),
    suite(0xccae, "TLS_RSA_PSK_WITH_CHACHA20_POLY1305_SHA256", Chacha, Sha256),
    suite(0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256", Gcm(16), Sha256),
    suite(0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384", Gcm(32), Sha384),
    suite(0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", Gcm(16), Sha256),
    suite(0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", Gcm(32), Sha384),
    suite(0x00a2, "TLS_DHE_DSS_WITH_AES_128_GCM_SHA256", Gcm(16), Sha256),
    suite(0x00a3, "TLS_DHE_DSS_WITH_AES_256_GCM_SHA384", Gcm(32), Sha384),
    suite(0x00a6, "TLS_DH_anon_WITH_AES_128_GCM_SHA256", Gcm(16), Sha256),
    suite(0x00a7, "TLS_DH_anon_WITH_AES_256_GCM_SHA384", Gcm(32), Sha384),
    suite(0x00a8, "TLS_PSK_WITH_AES_128_GCM_SHA256", Gcm(16), Sha256),
    suite(0x00a9, "TLS_PSK_WITH_AES_256_GCM_SHA384", Gcm(32), Sha384),
    suite(0x00aa, "TLS_DHE_PSK_WITH_AES_128_GCM_SHA256", Gcm(16), Sha256),
    suite(0x00ab, "TLS_DHE_PSK_WITH_AES_256_GCM_SHA384", Gcm(32), Sha384),
    suite(0x00ac, "TLS_RSA_PSK_WITH_AES_128_GCM_SHA256", Gcm(16), Sha256),
    suite(0x00ad, "TLS_RSA_PSK_WITH_AES_256_GCM_SHA384", Gcm(32), Sha384),
    suite(0xd001, "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256", Gcm(16), Sha256),
    suite(0xd002, "TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384", Gcm(32), Sha384),
    suite(0xd003, "TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256", Ccm(16, 8), Sha256),
    suite(0xd005, "TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256", Ccm(16, 16), Sha256),
    suite(0xc09c, "TLS_RSA_WITH_AES_128_CCM", Ccm(16, 16), Sha256),
    suite(0xc09d, "TLS_RSA_WITH_AES_256_CCM", Ccm(32, 16), Sha256),
    suite(0xc09e, "TLS_DHE_RSA_WITH_AES_128_CCM", Ccm(16, 16), Sha256),
    suite(0xc09f, "TLS_DHE_RSA_WITH_AES_256_CCM", Ccm(32, 16), Sha256),
    suite(0xc0a0, "TLS_RSA_WITH_AES_128_CCM_8", Ccm(16, 8), Sha256),
    suite(0xc0a1, "TLS_RSA_WITH_AES_256_CCM_8", Ccm(32, 8), Sha256),
    suite(0xc0a2, "TLS_DHE_RSA_WITH_AES_128_CCM_8", Ccm(16, 8), Sha256),
    suite(0xc0a3, "TLS_DHE_RSA_WITH_AES_256_CCM_8", Ccm(32, 8), Sha256),
    suite(0xc0a4, "TLS_PSK_WITH_AES_128_CCM", Ccm(16, 16), Sha256),
    suite(0xc0a5, "TLS_PSK_WITH_AES_256_CCM", Ccm(32, 16), Sha256),
    suite(0xc0a6, "TLS_DHE_PSK_WITH_AES_128_CCM", Ccm(16, 16), Sha256),
    suite(0xc0a7, "TLS_DHE_PSK_WITH_AES_256_CCM", Ccm(32, 16), Sha256),
    suite(0xc0a8, "TLS_PSK_WITH_AES_128_CCM_8", Ccm(16, 8), Sha256),
    suite(0xc0a9, "TLS_PSK_WITH_AES_256_CCM_8", Ccm(32, 8), Sha256),
    suite(0xc0aa, "TLS_PSK_DHE_WITH_AES_128_CCM_8", Ccm(16, 8), Sha256),
    suite(0xc0ab, "TLS_PSK_DHE_WITH_AES_256_CCM_8", Ccm(32, 8), Sha256),
    suite(0xc0ac, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", Ccm(16, 16), Sha256),
    suite(0xc0ad, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM", Ccm(32, 16), Sha256),
    suite(0xc0ae, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", Ccm(16, 8), Sha256),
    suite(0xc0af, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8", Ccm(32, 8), Sha256),
    suite(0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA", Cbc(16, Sha1), Sha256),
    suite(0x0032, "TLS_DHE_DSS_WITH_AES_128_CBC_SHA", Cbc(16, Sha1), Sha256),
    suite(0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA", Cbc(16, Sha1), Sha256),
    suite(0x0034, "TLS_DH_anon_WITH_AES_128_CBC_SHA", Cbc(16, Sha1), Sha256),
    suite(0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA", Cbc(32, Sha1), Sha256),
    suite(0x0038, "TLS_DHE_DSS_WITH_AES_256_CBC_SHA", Cbc(32, Sha1), Sha256),
    suite(0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA", Cbc(32, Sha1), Sha256),
    suite(0x003a, "TLS_DH_anon_WITH_AES_256_CBC_SHA", Cbc(32, Sha1), Sha256),
    suite(0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256", Cbc(16, Sha256), Sha256),
    suite(0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256", Cbc(32, Sha256), Sha256),
    suite(0x0040, "TLS_DHE_DSS_WITH_AES_128_CBC_SHA256", Cbc(16, Sha256), Sha256),
    suite(0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256", Cbc(16, Sha256), Sha256),
    suite(0x006a, "TLS_DHE_DSS_WITH_AES_256_CBC_SHA256", Cbc(32, Sha256), Sha256),
    suite(0x006b, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256", Cbc(32, Sha256), Sha256),
    suite(0x006c, "TLS_DH_anon_WITH_AES_128_CBC_SHA256", Cbc(16, Sha256), Sha256),
    suite(0x006d, "TLS_DH_anon_WITH_AES_256_CBC_SHA256", Cbc(32, Sha256), Sha256),
    suite(0x008c, "TLS_PSK_WITH_AES_128_CBC_SHA", Cbc(16, Sha1), Sha256),
    suite(0x008d, "TLS_PSK_WITH_AES_256_CBC_SHA", Cbc(32, Sha1), Sha256),
    suite(0x0090, "TLS_DHE_PSK_WITH_AES_128_CBC_SHA", Cbc(16, Sha1), Sha256),
    suite(0x0091, "TLS_DHE_PSK_WITH_AES_256_CBC_SHA", Cbc(32, Sha1), Sha256),
    suite(0x0094, "TLS_RSA_PSK_WITH_AES_128_CBC_SHA", Cbc(16, Sha1), Sha256),
    suite(0x0095, "TLS_RSA_PSK_WITH_AES_256_CBC_SHA", Cbc(32, Sha1), Sha256),
    suite(0x00ae, "TLS_PSK_WITH_AES_128_CBC_SHA256", Cbc(16, Sha256), Sha256),
    suite(0x00af, "TLS_PSK_WITH_AES_256_CBC_SHA384", Cbc(32, Sha384), Sha384),
    suite(0xc004, "TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA", Cbc(16, Sha1), Sha256),
    suite(0xc005, "TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA", Cbc(32, Sha1), Sha256),
    suite(0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", Cbc(16, Sha1), Sha256),
    suite(0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", Cbc(32, Sha1), Sha256),
    suite(0xc00e, "TLS_ECDH_RSA_WITH_AES_128_CBC_SHA", Cbc(16, Sha1), Sha256),
    suite(0xc00f, "TLS_ECDH_RSA_WITH_AES_256_CBC_SHA", Cbc(32, Sha1), Sha256),
    suite(0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", Cbc(16, Sha1), Sha256),
    suite(0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", Cbc(32, Sha1), Sha256),
    suite(0xc018, "TLS_ECDH_anon_WITH_AES_128_CBC_SHA", Cbc(16, Sha1), Sha256),
    suite(0xc019, "TLS_ECDH_anon_WITH_AES_256_CBC_SHA", Cbc(32, Sha1), Sha256),
    suite(0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", Cbc(16, Sha256), Sha256),
    suite(0xc024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", Cbc(32, Sha384), Sha384),
    suite(0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", Cbc(16, Sha256), Sha256),
    suite(0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", Cbc(32, Sha384), Sha384),
    suite(0xc035, "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA", Cbc(16, Sha1), Sha256),
    suite(0xc036, "TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA", Cbc(32, Sha1), Sha256),
    suite(0xc037, "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256", Cbc(16, Sha256), Sha256),
    suite(0xc038, "TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA384", Cbc(32, Sha384), Sha384),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_what_the_row_does() {
        for suite in SUITES {
            let (key, kind) = match suite.bulk {
                Gcm(key) => (key, "_GCM_"),
                Ccm(key, 8) => (key, "_CCM_8"),
                Ccm(key, _) => (key, "_CCM"),
                Chacha => (32, "_CHACHA20_POLY1305_"),
                Cbc(key, _) => (key, "_CBC_"),
            };
            assert!(suite.name.contains(kind), "{}", suite.name);
            assert_eq!(suite.name.contains("_CCM_8"), matches!(suite.bulk, Ccm(_, 8)), "{}", suite.name);
            if kind != "_CHACHA20_POLY1305_" {
                assert!(suite.name.contains(if key == 16 { "AES_128" } else { "AES_256" }), "{}", suite.name);
            }
            assert_eq!(suite.name.ends_with("SHA384"), suite.hash == Sha384, "{}", suite.name);
            assert_eq!(matches!(suite.bulk, Cbc(_, Sha1)), suite.name.ends_with("_SHA"), "{}", suite.name);
            assert_eq!(SUITES.iter().filter(|other| other.id == suite.id).count(), 1, "{}", suite.name);
        }
    }

    #[test]
    fn the_length_of_a_secret_tells_the_suite() {
        let names = |length| Suite::by_secret_length(length).map(|suite| suite.id).collect::<Vec<_>>();
        assert_eq!(names(48), [0x1302]);
        assert_eq!(names(32), [0x1301, 0x1303, 0x1304, 0x1305]);
        assert_eq!((&*name(0x1301), &*name(0x000a)), ("TLS_AES_128_GCM_SHA256", "0x000a"));
    }
}
