/// The source of a TLS connection's keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyOrigin {
    /// A key log (RFC 9850).
    #[default]
    KeyLog,
    /// A Decryption Secrets Block of a pcapng file.
    SecretsBlock,
    /// The private key of the server.
    PrivateKey,
}

impl KeyOrigin {
    /// Returns the word used in every output.
    pub const fn name(self) -> &'static str {
        match self {
            KeyOrigin::KeyLog => "keylog",
            KeyOrigin::SecretsBlock => "dsb",
            KeyOrigin::PrivateKey => "pem",
        }
    }
}
