use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use wirefin::model::Side;

/// The record layer of one side of TLS 1.3, protected by AES-128-GCM (RFC 8446 §5.2).
pub(crate) struct Sealer {
    aes: Aes128,
    ghash: GHash,
    iv: [u8; 12],
    number: u64,
}

/// The most bytes of plaintext in a record.
const RECORD: usize = 1 << 14;

const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

impl Sealer {
    /// Creates the record layer for a traffic secret (RFC 8446 §7.3).
    fn new(secret: &[u8; 32]) -> Self {
        let key: [u8; 16] = expand_label(secret, "key");
        let aes = Aes128::new(&key.into());
        let mut zeros = [0; 16].into();
        aes.encrypt_block(&mut zeros);
        let ghash = <GHash as ghash::universal_hash::KeyInit>::new(&<[u8; 16]>::from(zeros).into());
        Sealer { aes, ghash, iv: expand_label(secret, "iv"), number: 0 }
    }

    /// Protects application data, in as few records as possible.
    pub(crate) fn seal(&mut self, bytes: &[u8]) -> Vec<u8> {
        bytes.chunks(RECORD).flat_map(|bytes| self.record(APPLICATION_DATA, bytes)).collect()
    }

    fn record(&mut self, kind: u8, bytes: &[u8]) -> Vec<u8> {
        let mut nonce = self.iv;
        for (byte, number) in nonce[4..].iter_mut().zip(self.number.to_be_bytes()) {
            *byte ^= number;
        }
        self.number += 1;
        let mut body = [bytes, &[kind]].concat();
        for (n, block) in (2..).zip(body.chunks_mut(16)) {
            for (byte, key) in block.iter_mut().zip(self.stream(nonce, n)) {
                *byte ^= key;
            }
        }
        let length = u16::try_from(body.len() + 16).expect("a record is short").to_be_bytes();
        let header = [APPLICATION_DATA, 3, 3, length[0], length[1]];
        let mut ghash = self.ghash.clone();
        ghash.update_padded(&header);
        ghash.update_padded(&body);
        let bits = |bytes: usize| (bytes as u64 * 8).to_be_bytes();
        let lengths: [u8; 16] =
            [bits(header.len()), bits(body.len())].concat().try_into().expect("two of eight");
        ghash.update(&[lengths.into()]);
        let tag: [u8; 16] = ghash.finalize().into();
        let tag = tag.iter().zip(self.stream(nonce, 1)).map(|(byte, key)| byte ^ key).collect::<Vec<_>>();
        [&header[..], &body, &tag].concat()
    }

    fn stream(&self, nonce: [u8; 12], number: u32) -> [u8; 16] {
        let block: [u8; 16] =
            [&nonce[..], &number.to_be_bytes()].concat().try_into().expect("twelve and four");
        let mut block = block.into();
        self.aes.encrypt_block(&mut block);
        block.into()
    }
}

/// Returns HKDF-Expand-Label with SHA-256 and without a context, for at most one block (RFC 8446 §7.1).
fn expand_label<const N: usize>(secret: &[u8], label: &str) -> [u8; N] {
    let mut mac =
        <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(secret).expect("keys of any length will do");
    mac.update(&(N as u16).to_be_bytes());
    mac.update(&[label.len() as u8 + 6]);
    mac.update(b"tls13 ");
    mac.update(label.as_bytes());
    mac.update(&[0, 1]);
    mac.finalize().into_bytes()[..N].try_into().expect("a block is longer")
}

/// What both sides of a connection send before application data, and the protection of the latter.
pub(crate) struct Handshake {
    pub(crate) flights: [(Side, Vec<u8>); 3],
    pub(crate) sealers: [Sealer; 2],
}

/// The labels of the secrets of a connection (RFC 9850 §2.1).
const LABELS: [&str; 4] = [
    "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    "CLIENT_TRAFFIC_SECRET_0",
    "SERVER_TRAFFIC_SECRET_0",
];

fn random(connection: u32) -> [u8; 32] {
    let mut random = [0x77; 32];
    random[..4].copy_from_slice(&connection.to_be_bytes());
    random
}

fn secret(connection: u32, label: usize) -> [u8; 32] {
    let mut secret = random(connection);
    secret[31] = label as u8;
    secret
}

/// Returns the key log of a connection.
pub(crate) fn key_log(connection: u32) -> String {
    let hex = |bytes: [u8; 32]| bytes.map(|byte| format!("{byte:02x}")).concat();
    let lines = LABELS
        .iter()
        .enumerate()
        .map(|(n, label)| format!("{label} {} {}\n", hex(random(connection)), hex(secret(connection, n))));
    lines.collect()
}

/// Creates the handshake of a connection that negotiates a protocol.
pub(crate) fn handshake(connection: u32, alpn: &str) -> Handshake {
    let message =
        |kind: u8, body: &[u8]| [&[kind, 0, (body.len() >> 8) as u8, body.len() as u8], body].concat();
    let clear = |message: Vec<u8>| {
        [&[HANDSHAKE, 3, 3, (message.len() >> 8) as u8, message.len() as u8], &message[..]].concat()
    };
    let extension = |kind: u8, body: &[u8]| [&[0, kind, 0, body.len() as u8], body].concat();
    let names = [&[alpn.len() as u8], alpn.as_bytes()].concat();
    let alpn = extension(16, &[&[0, names.len() as u8], &names[..]].concat());
    let hello = |random: [u8; 32], middle: &[u8], extensions: &[u8]| {
        [&[3, 3], &random[..], &[0], middle, &[0, extensions.len() as u8], extensions].concat()
    };
    let versions = [extension(43, &[2, 3, 4]), alpn.clone()].concat();
    let client = hello(random(connection), &[0, 2, 0x13, 1, 1, 0], &versions);
    let server = hello([0x55; 32], &[0x13, 1, 0], &extension(43, &[3, 4]));
    let [mut client_keys, mut server_keys] = [0, 1].map(|n| Sealer::new(&secret(connection, n)));
    let finished = message(20, &[9; 32]);
    let agreed = message(8, &[&[0, alpn.len() as u8], &alpn[..]].concat());
    let flight = server_keys.record(HANDSHAKE, &[agreed, finished.clone()].concat());
    Handshake {
        flights: [
            (Side::Client, clear(message(1, &client))),
            (Side::Server, [clear(message(2, &server)), flight].concat()),
            (Side::Client, client_keys.record(HANDSHAKE, &finished)),
        ],
        sealers: [2, 3].map(|n| Sealer::new(&secret(connection, n))),
    }
}
