use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::{Pkcs1v15Encrypt, PrivateKey as RsaKey};
use zeroize::Zeroizing;

use super::secret::Secret;

/// A server's private key, which decrypts premaster secrets that were encrypted to it (RFC 5246 §7.4.7.1).
pub(super) struct PrivateKey(RsaKey);

impl PrivateKey {
    /// Parses a PEM key, as PKCS #8 or PKCS #1.
    pub(super) fn from_pem(text: &str) -> Option<Self> {
        let key = RsaKey::from_pkcs8_pem(text).ok();
        key.or_else(|| RsaKey::from_pkcs1_pem(text).ok()).map(PrivateKey)
    }

    /// Returns a premaster secret; `None` if it was encrypted to another key.
    pub(super) fn decrypt(&self, encrypted: &[u8]) -> Option<Secret> {
        let premaster = Zeroizing::new(self.0.decrypt(Pkcs1v15Encrypt, encrypted).ok()?);
        Secret::new(&premaster).filter(|secret| secret.bytes().len() == 48)
    }
}
