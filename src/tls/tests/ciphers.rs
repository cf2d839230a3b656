//! Every cipher, at every position in a record.

use super::*;

const FORMS: [(u16, bool); 5] =
    [(0x0304, false), (0x0303, false), (0x0303, true), (0x0302, false), (0x0301, true)];

fn ciphers() -> Vec<(Bulk, Form)> {
    let mut all = Vec::new();
    for (version, encrypt_then_mac) in FORMS {
        let form = Form { version, encrypt_then_mac };
        let cbc = [(16, Hash::Sha1), (32, Hash::Sha256), (32, Hash::Sha384)];
        if version < 0x0304 {
            all.extend(cbc.map(|(key, mac)| (Bulk::Cbc(key, mac), form)));
        }
        if version >= 0x0303 && !encrypt_then_mac {
            all.extend([Bulk::Gcm(16), Bulk::Gcm(32), Bulk::Chacha].map(|bulk| (bulk, form)));
            all.extend([Bulk::Ccm(16, 16), Bulk::Ccm(32, 8)].map(|bulk| (bulk, form)));
        }
    }
    all
}

fn cipher(bulk: Bulk, form: Form) -> Cipher {
    let mac = match bulk {
        Bulk::Cbc(_, Hash::Sha1) => 20,
        Bulk::Cbc(_, Hash::Sha256) => 32,
        _ => 48,
    };
    let iv = match bulk {
        Bulk::Cbc(..) => 16,
        Bulk::Chacha => 12,
        _ if form.is_13() => 12,
        _ => 4,
    };
    let keys = KeyMaterial { key: &vec![7; bulk.key_length()], mac: &vec![5; mac], iv: &vec![3; iv] };
    Cipher::new(bulk, form, &keys).unwrap()
}

/// Protects a record as its sender would.
pub(super) fn seal(cipher: &Cipher, bulk: Bulk, header: Header, number: u64, plain: &[u8]) -> Vec<u8> {
    let explicit = (1_000 + number).to_be_bytes();
    match cipher {
        Cipher::Gcm(it) => it.seal(header, number, &explicit, plain),
        Cipher::Ccm(it) => it.seal(header, number, &explicit, plain),
        Cipher::Chacha(it) => it.seal(header, number, plain),
        Cipher::Cbc(it) => {
            it.seal(&Encrypt::new(&vec![7; bulk.key_length()]).unwrap(), header, number, [9; 16], plain)
        }
    }
}

#[test]
fn every_cipher_opens_finds_and_reveals() {
    let plain: Vec<u8> = (0..1_000_u32).map(|n| (n * 7 % 251) as u8).collect();
    for (bulk, form) in ciphers() {
        let cipher = cipher(bulk, form);
        let protection = cipher.protection();
        let length = match (cipher.overhead(), bulk) {
            (Some(overhead), _) => plain.len() + overhead,
            _ => 0,
        };
        let mut header = Header { kind: 23, version: 0x0303, length };
        let fragment = seal(&cipher, bulk, header, 70, &plain);
        header.length = fragment.len();
        let behind = if form.encrypt_then_mac { vec![5; 64 - 16] } else { Vec::new() };
        let mac = match bulk {
            Bulk::Cbc(_, Hash::Sha1) => 20,
            Bulk::Cbc(_, Hash::Sha256) => 32,
            _ => 48,
        };
        let before = Some(Tail::of(&[&[9; 16][..], &behind[..mac.min(behind.len())]].concat()));
        let record = Record { header, fragment: &fragment, before };
        let mut opened = b"before".to_vec();
        assert!(!protection.open(&record, 71, &mut opened), "{bulk:?} {form:?}");
        assert_eq!(opened, b"before");
        assert!(protection.open(&record, 70, &mut opened), "{bulk:?} {form:?}");
        assert_eq!(opened[6..], plain);
        assert!(fragment.len() >= cipher.shortest());

        let mut budget = 1 << 20;
        assert_eq!(find(&cipher, &record, 0..=69, &mut budget), None);
        assert_eq!(find(&cipher, &record, 3..=400, &mut budget), Some(70), "{bulk:?} {form:?}");
        assert!(budget < 1 << 20);
        assert_eq!(find(&cipher, &record, 0..=400, &mut 10), None, "the budget bounds the search");

        for byte in [0, 40, fragment.len() - 1] {
            let mut wrong = fragment.clone();
            wrong[byte] ^= 1;
            let record = Record { header, fragment: &wrong, before };
            assert!(!protection.open(&record, 70, &mut opened), "{bulk:?} {form:?} {byte}");
        }

        for (from, until) in [(0, 100), (100, 900), (8, 9), (200, fragment.len()), (0, 0)] {
            let pieces = [(0, fragment[..from].to_vec()), (until, fragment[until..].to_vec())];
            let revealed = protection.decrypt_partial(&Pieces { header, all: &pieces, before }, 70);
            let mut known = 0;
            for (start, bytes) in &revealed.pieces {
                assert_eq!(
                    plain[*start..start + bytes.len()],
                    bytes[..],
                    "{bulk:?} {form:?} {from}..{until}"
                );
                known += bytes.len();
            }
            let missing = fragment.len() - plain.len() + (until - from) + 32;
            let is_cbc = matches!(bulk, Bulk::Cbc(..));
            let has_nonce = from >= cipher.explicit_nonce();
            if has_nonce && !(is_cbc && until == fragment.len()) {
                assert!(known + missing >= plain.len(), "{bulk:?} {form:?} {from}..{until}: {known}");
                assert_eq!(revealed.length, Some(plain.len()));
            }
        }
    }
}
