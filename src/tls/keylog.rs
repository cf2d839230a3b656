//! The key log: lines of RFC 9850, and lookups in them.

use std::collections::HashMap;
use std::sync::Arc;

use super::private_key::PrivateKey;
use super::secret::Secret;
use super::sessions::{Session, Sessions};
use crate::model::KeyOrigin;

/// The greatest length of a valid line: a label, a random and a secret in hexadecimal, and some spaces.
const LINE: usize = 1_024;

/// The purpose of a secret (RFC 9850 §2.1 and §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// The master secret of TLS 1.0 to 1.2.
    Master,
    ClientEarly,
    ClientHandshake,
    ServerHandshake,
    /// The client's traffic secret, of any generation: some logs have a line for each key update.
    ClientTraffic,
    ServerTraffic,
}

/// A line of a key log.
enum Line {
    /// A secret, identified by the client's random.
    Connection(Label, [u8; 32], Secret),
    /// A premaster secret, identified by the first bytes of its encrypted form.
    Premaster([u8; 8], Secret),
    /// A comment, an empty line, or a label that has another purpose.
    Other,
    Broken,
}

impl Line {
    fn parse(line: &[u8]) -> Line {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            return Line::Other;
        }
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let (Some(name), Some(key), Some(value), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Line::Broken;
        };
        let label = match name {
            b"CLIENT_RANDOM" => Label::Master,
            b"CLIENT_EARLY_TRAFFIC_SECRET" => Label::ClientEarly,
            b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => Label::ClientHandshake,
            b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => Label::ServerHandshake,
            b"RSA" => {
                let parts =
                    Secret::from_hex(key).zip(Secret::from_hex(value)).and_then(|(key, premaster)| {
                        let key = key.bytes().try_into().ok().filter(|_| premaster.bytes().len() == 48)?;
                        Some(Line::Premaster(key, premaster))
                    });
                return parts.unwrap_or(Line::Broken);
            }
            _ if name.starts_with(b"CLIENT_TRAFFIC_SECRET_") => Label::ClientTraffic,
            _ if name.starts_with(b"SERVER_TRAFFIC_SECRET_") => Label::ServerTraffic,
            _ if name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') => {
                return Line::Other;
            }
            _ => return Line::Broken,
        };
        let parts = Secret::from_hex(key).zip(Secret::from_hex(value)).and_then(|(random, secret)| {
            let fits = match label {
                Label::Master => secret.bytes().len() == 48,
                _ => [32, 48].contains(&secret.bytes().len()),
            };
            let random = random.bytes().try_into().ok().filter(|_| fits)?;
            Some(Line::Connection(label, random, secret))
        });
        parts.unwrap_or(Line::Broken)
    }
}

/// A secret of a connection, and its origin.
#[derive(Clone)]
struct Known {
    label: Label,
    secret: Secret,
    origin: KeyOrigin,
}

/// Secrets that were added together, with their lookup keys.
#[derive(Clone, Default)]
struct Run {
    connections: HashMap<[u8; 32], Vec<Known>, ahash::RandomState>,
    premasters: HashMap<[u8; 8], (Secret, KeyOrigin), ahash::RandomState>,
    /// The randoms in order of arrival.
    order: Vec<[u8; 32]>,
    secrets: usize,
}

impl Run {
    fn add(&mut self, random: [u8; 32], known: Known) {
        let all = self.connections.entry(random).or_insert_with(|| {
            self.order.push(random);
            Vec::with_capacity(1)
        });
        // A repeated line is common: two programs may share one file.
        if !all.iter().any(|it| it.label == known.label && it.secret == known.secret) {
            all.push(known);
            self.secrets = self.secrets.saturating_add(1);
        }
    }

    fn append(&mut self, later: &Run) {
        for random in &later.order {
            for known in later.connections.get(random).into_iter().flatten() {
                self.add(*random, known.clone());
            }
        }
        self.premasters.extend(later.premasters.iter().map(|(key, known)| (*key, known.clone())));
    }
}

/// The result of adding lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// The number of secrets that were parsed.
    pub secrets: usize,
    /// The number of the first malformed line, counted from 1 at the start of the lines.
    pub broken: Option<u64>,
}

/// Secrets of TLS connections, from key logs (RFC 9850).
///
/// Cloning it is cheap, so that each packet can be processed with the keys known at that time. All values of a label
/// are kept, because logs contain wrong ones beside right ones; the right one is the one that opens records.
#[derive(Clone, Default)]
pub struct KeyLog {
    /// Runs of secrets, oldest and largest first.
    runs: Vec<Arc<Run>>,
    private_keys: Vec<Arc<PrivateKey>>,
    /// Sessions whose master secrets were found, for the connections that resume them.
    sessions: Arc<Sessions>,
    version: u64,
    given: bool,
    complete: bool,
}

impl KeyLog {
    /// The maximum number of secrets that are kept.
    pub const SECRETS: usize = 1_000_000;

    /// Adds lines that came from `origin`; an unterminated last line is used as is.
    pub fn add(&mut self, origin: KeyOrigin, lines: &[u8]) -> Added {
        let (mut run, mut added) = (Run::default(), Added::default());
        self.given = true;
        for (number, line) in (1..).zip(lines.split(|byte| *byte == b'\n')) {
            match if line.len() > LINE { Line::Broken } else { Line::parse(line) } {
                Line::Connection(label, random, secret) => run.add(random, Known { label, secret, origin }),
                Line::Premaster(key, secret) => {
                    run.premasters.insert(key, (secret, origin));
                }
                Line::Other => continue,
                Line::Broken => {
                    added.broken = added.broken.or(Some(number));
                    continue;
                }
            }
            added.secrets = added.secrets.saturating_add(1);
        }
        if added.secrets > 0 {
            self.merge(run);
            self.version = self.version.wrapping_add(1);
        }
        added
    }

    /// Adds a server's private key in PEM; returns whether it is one.
    pub fn add_private_key(&mut self, pem: &str) -> bool {
        self.given = true;
        let key = PrivateKey::from_pem(pem);
        let is_key = key.is_some();
        self.private_keys.extend(key.map(Arc::new));
        is_key
    }

    /// Stores a session for the connections that resume it.
    pub fn remember(&mut self, session: Session) {
        Arc::make_mut(&mut self.sessions).add(session);
    }

    /// Replaces the stored sessions by those of another log.
    pub fn take_sessions(&mut self, other: &KeyLog) {
        self.sessions = other.sessions.clone();
    }

    /// Returns the master secret of the session that an ID or a ticket resumes.
    pub(super) fn session(&self, name: &[u8]) -> Option<(Secret, KeyOrigin)> {
        self.sessions.find(name).cloned()
    }

    /// Merges small runs into larger ones, so that there are few runs and each secret is moved only a few times.
    fn merge(&mut self, mut run: Run) {
        while let Some(earlier) = self.runs.pop_if(|it| it.secrets < run.secrets.saturating_mul(2)) {
            let mut merged = Arc::unwrap_or_clone(earlier);
            merged.append(&run);
            run = merged;
        }
        self.runs.push(Arc::new(run));
        while self.secrets() > Self::SECRETS && self.runs.len() > 1 {
            self.runs.remove(0);
        }
    }

    /// Notes that a source of keys was given, even if it does not contain any yet.
    pub const fn give(&mut self) {
        self.given = true;
    }

    /// Notes that no more keys will come.
    pub const fn complete(&mut self) {
        self.complete = true;
    }

    /// Returns whether a source of keys was given.
    pub const fn is_given(&self) -> bool {
        self.given
    }

    /// Returns whether no more keys will come.
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    /// Returns the number of secrets.
    pub fn secrets(&self) -> usize {
        self.runs
            .iter()
            .map(|run| run.secrets.saturating_add(run.premasters.len()))
            .fold(0, usize::saturating_add)
    }

    /// Returns a number that changes whenever secrets are added.
    pub(super) fn version(&self) -> u64 {
        self.version.wrapping_add(self.sessions.version())
    }

    /// Returns the secrets of a connection, newest last.
    pub(super) fn connection(&self, random: &[u8; 32]) -> impl Iterator<Item = (Label, &Secret)> {
        self.known(random).map(|known| (known.label, &known.secret))
    }

    /// Returns the origin of a connection's newest secret.
    pub(super) fn origin(&self, random: &[u8; 32]) -> Option<KeyOrigin> {
        self.known(random).last().map(|known| known.origin)
    }

    fn known(&self, random: &[u8; 32]) -> impl Iterator<Item = &Known> {
        self.runs.iter().filter_map(|run| run.connections.get(random)).flatten()
    }

    /// Returns the randoms of all connections, newest first.
    pub(super) fn randoms(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.runs.iter().rev().flat_map(|run| run.order.iter().rev())
    }

    /// Returns the premaster secret with the given encrypted form, and its origin.
    pub(super) fn premaster(&self, encrypted: &[u8]) -> Option<(Secret, KeyOrigin)> {
        let prefix = encrypted.first_chunk()?;
        let logged = self.runs.iter().rev().find_map(|run| run.premasters.get(prefix)).cloned();
        let opened = || self.private_keys.iter().find_map(|key| key.decrypt(encrypted));
        logged.or_else(|| opened().map(|secret| (secret, KeyOrigin::PrivateKey)))
    }

    /// Returns whether any private key of a server was added.
    pub const fn has_private_keys(&self) -> bool {
        !self.private_keys.is_empty()
    }

    /// Returns whether there are premaster secrets, or private keys that decrypt them.
    pub(super) fn has_premasters(&self) -> bool {
        !self.private_keys.is_empty() || self.runs.iter().any(|run| !run.premasters.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANDOM: &str = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";

    fn line(label: &str, byte: u8, length: usize) -> String {
        format!("{label} {RANDOM} {}\n", format!("{byte:02x}").repeat(length))
    }

    fn random() -> [u8; 32] {
        Secret::from_hex(RANDOM.as_bytes()).unwrap().bytes().try_into().unwrap()
    }

    fn found(log: &KeyLog) -> Vec<(Label, usize, u8)> {
        log.connection(&random()).map(|(label, it)| (label, it.bytes().len(), it.bytes()[0])).collect()
    }

    #[test]
    fn all_values_of_a_label_are_kept_in_their_order() {
        let mut log = KeyLog::default();
        let text = line("CLIENT_TRAFFIC_SECRET_0", 1, 32) + &line("CLIENT_TRAFFIC_SECRET_0", 2, 32);
        assert_eq!(log.add(KeyOrigin::KeyLog, text.as_bytes()), Added { secrets: 2, broken: None });
        log.add(KeyOrigin::KeyLog, line("CLIENT_TRAFFIC_SECRET_0", 1, 32).as_bytes());
        log.add(
            KeyOrigin::KeyLog,
            line("SERVER_HANDSHAKE_TRAFFIC_SECRET", 3, 48).replace('\n', "\r\n").as_bytes(),
        );
        log.add(KeyOrigin::KeyLog, line("CLIENT_RANDOM", 4, 48).as_bytes());
        let all = [
            (Label::ClientTraffic, 32, 1),
            (Label::ClientTraffic, 32, 2),
            (Label::ServerHandshake, 48, 3),
            (Label::Master, 48, 4),
        ];
        assert_eq!(found(&log), all);
        assert_eq!(log.randoms().count(), log.runs.len());
    }

    #[test]
    fn broken_lines_are_reported_by_number_and_others_are_none() {
        let broken = [
            "CLIENT_RANDOM 00 00",
            "CLIENT_RANDOM",
            &format!("CLIENT_RANDOM {RANDOM} 0"),
            &format!("CLIENT_RANDOM {RANDOM} {}", "zz".repeat(48)),
            &format!("CLIENT_TRAFFIC_SECRET_0 {RANDOM} {}", "00".repeat(33)),
            &format!("CLIENT_TRAFFIC_SECRET_0 {RANDOM} {}", "00".repeat(900)),
            "RSA 0011223344556677 00",
            "CLIENT_RANDOM \u{e9}\u{e9} 00",
            "\u{fffd} a b",
        ];
        for text in broken {
            let mut log = KeyLog::default();
            let text = format!("# a comment\n\nSOMETHING_ELSE 00 00\n{text}\nCLIENT_RANDOM\n");
            assert_eq!(
                log.add(KeyOrigin::KeyLog, text.as_bytes()),
                Added { secrets: 0, broken: Some(4) },
                "{text}"
            );
        }
        assert_eq!(KeyLog::default().add(KeyOrigin::KeyLog, &[0xff; 5_000]).broken, Some(1));
    }

    #[test]
    fn a_premaster_secret_is_found_by_its_encrypted_form() {
        let mut log = KeyLog::default();
        assert_eq!(
            log.add(KeyOrigin::KeyLog, format!("RSA 0102030405060708 {}", "09".repeat(48)).as_bytes())
                .secrets,
            1
        );
        assert!(log.has_premasters());
        assert_eq!(log.premaster(&[1, 2, 3, 4, 5, 6, 7, 8, 77]).unwrap().0.bytes(), [9; 48]);
        assert!(log.premaster(&[1, 2, 3]).is_none() && log.premaster(&[1; 9]).is_none());
    }

    /// Many small additions make few runs, and the oldest secrets are dropped at the bound.
    #[test]
    fn a_log_that_grows_stays_small() {
        let mut log = KeyLog::default();
        for number in 0..3_000_u64 {
            let line = format!("CLIENT_RANDOM {number:064x} {}\n", "11".repeat(48));
            assert_eq!(log.add(KeyOrigin::KeyLog, line.as_bytes()).secrets, 1);
        }
        assert!(log.runs.len() < 14, "{}", log.runs.len());
        assert_eq!((log.secrets(), log.randoms().count()), (3_000, 3_000));
        let newest = log.randoms().next().unwrap();
        assert_eq!(newest[30..], 2_999_u16.to_be_bytes());
        let clone = log.clone();
        log.add(KeyOrigin::KeyLog, line("CLIENT_RANDOM", 1, 48).as_bytes());
        assert_eq!((clone.secrets(), log.secrets()), (3_000, 3_001));
    }
}
