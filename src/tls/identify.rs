use super::keylog::{KeyLog, Label};
use super::keys::{Epoch, Keys};
use super::negotiation::{Negotiation, traffic_keys};
use super::protection::Record;
use super::search::find;
use super::secret::Secret;
use crate::model::Side;

/// The cost of deriving the keys of a secret, relative to one candidate of TLS 1.3's AES-GCM.
const KEYS: u64 = 1_024;
/// The sequence numbers tried with every secret before higher ones are tried with any.
const ROUNDS: [u64; 4] = [1 << 12, 1 << 16, 1 << 20, 1 << 24];

/// The connection in a key log to which a record belongs.
pub(super) struct Identified {
    pub(super) client_random: [u8; 32],
    pub(super) side: Side,
    pub(super) epoch: Epoch,
    pub(super) keys: Keys,
    pub(super) number: u64,
}

/// Searches all connections of a key log for the one to which a record with a sequence number of at most `most`
/// belongs.
///
/// This is needed if the client's hello was not captured, or if its random was not the true one (an encrypted hello).
pub(super) fn identify(
    record: &Record<'_>,
    most: u64,
    negotiation: &Negotiation,
    log: &KeyLog,
    budget: &mut u64,
) -> Option<Identified> {
    let mut from = 0;
    for round in ROUNDS {
        let until = most.min(round.saturating_sub(1));
        for random in log.randoms() {
            for (label, secret) in log.connection(random) {
                for (side, epoch, keys) in candidates(label, random, secret.bytes(), negotiation, || {
                    traffic_keys(negotiation.suite, secret)
                }) {
                    *budget = budget.checked_sub(KEYS)?;
                    if let Some(number) = find(&keys.cipher, record, from..=until, budget) {
                        return Some(Identified { client_random: *random, side, epoch, keys, number });
                    }
                }
            }
        }
        if until == most {
            break;
        }
        from = round;
    }
    None
}

/// Searches all connections of a key log for the one whose session is being resumed, by means of a record with a
/// sequence number of at most `most`; returns its random and master secret.
pub(super) fn master_of_session(
    record: &Record<'_>,
    side: Side,
    most: u64,
    negotiation: &Negotiation,
    log: &KeyLog,
    budget: &mut u64,
) -> Option<([u8; 32], Secret)> {
    let own = negotiation.client_random?;
    for random in log.randoms() {
        for (_, secret) in log.connection(random).filter(|(label, _)| *label == Label::Master) {
            *budget = budget.checked_sub(KEYS)?;
            let keys = negotiation.session(secret.bytes(), &own, side)?;
            if find(&keys.cipher, record, 0..=most, budget).is_some() {
                return Some((*random, secret.clone()));
            }
        }
    }
    None
}

fn candidates(
    label: Label,
    random: &[u8; 32],
    secret: &[u8],
    negotiation: &Negotiation,
    traffic: impl Fn() -> Vec<Keys>,
) -> Vec<(Side, Epoch, Keys)> {
    let (side, epoch) = match label {
        Label::Master => {
            let epoch = Epoch::Session(1);
            let make = |side| Some((side, epoch, negotiation.session(secret, random, side)?));
            return Side::BOTH.into_iter().filter_map(make).collect();
        }
        Label::ClientEarly => return Vec::new(),
        Label::ClientHandshake => (Side::Client, Epoch::Handshake),
        Label::ServerHandshake => (Side::Server, Epoch::Handshake),
        Label::ClientTraffic => (Side::Client, Epoch::Traffic(0)),
        Label::ServerTraffic => (Side::Server, Epoch::Traffic(0)),
    };
    if negotiation.version.is_some_and(|version| version < 0x0304) {
        return Vec::new();
    }
    traffic().into_iter().map(|keys| (side, epoch, keys)).collect()
}
