use super::facts::{EarlyData, Facts};
use super::ja4::ja4;
use super::keylog::{KeyLog, Label};
use super::keys::{Epoch, Keys, SessionKeys, session_hash};
use super::protection::Form;
use super::schedule::{master_secret, transcript_hash};
use super::secret::Secret;
use super::sessions::Session;
use super::transcript::Transcript;
use crate::hello::suite::Suite;
use crate::hello::{ClientHello, Extensions, ServerHello, extension};
use crate::model::{KeyOrigin, Side};

/// The maximum number of session names that wait for a master secret.
const NAMES: usize = 4;

/// The parameters negotiated by the current or most recent handshake, and the secrets known for it.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
pub(super) struct Negotiation {
    pub(super) client_random: Option<[u8; 32]>,
    pub(super) server_random: Option<[u8; 32]>,
    pub(super) version: Option<u16>,
    pub(super) suite: Option<u16>,
    encrypt_then_mac: bool,
    extended_master_secret: bool,
    session_id: Vec<u8>,
    /// The ticket with which the client requests resumption.
    ticket: Vec<u8>,
    /// The IDs and tickets by which the negotiated session may be resumed.
    names: Vec<Box<[u8]>>,
    /// Whether the server resumes an earlier session.
    resumed: bool,
    pub(super) early_data: bool,
    /// Whether the server may request a certificate at any time (RFC 8446 §4.6.2).
    pub(super) post_handshake: bool,
    secrets: Vec<(Label, Secret)>,
    /// The origin of the secrets.
    pub(super) origin: KeyOrigin,
    /// The messages up to `ClientKeyExchange`, needed to derive a master secret from a premaster secret.
    transcript: Transcript,
    encrypted_premaster: Option<Box<[u8]>>,
    premaster: Option<(Secret, KeyOrigin)>,
    /// The master secret of the resumed session, if the key log has it under the random of another connection.
    resumed_master: Option<(Secret, KeyOrigin)>,
    /// The randoms under which secrets were found and not reported yet.
    used: Vec<[u8; 32]>,
}

impl Negotiation {
    /// Processes the client's hello; completes `facts` with what it contains.
    pub(super) fn client_hello(&mut self, hello: &ClientHello, facts: &mut Facts) {
        let has = |kind| hello.extensions.has(kind);
        let mut earlier = std::mem::take(self);
        // Packets of the two sides may be swapped: the response to this hello may have been processed already.
        if earlier.client_random.is_some_and(|random| random != hello.random) {
            earlier =
                Negotiation { transcript: earlier.transcript, used: earlier.used, ..Negotiation::default() };
        }
        *self = Negotiation {
            client_random: Some(hello.random),
            session_id: hello.session_id.clone(),
            ticket: hello.extensions.find(extension::SESSION_TICKET).unwrap_or_default().to_vec(),
            early_data: has(extension::EARLY_DATA),
            post_handshake: has(extension::POST_HANDSHAKE_AUTH),
            ..earlier
        };
        if self.version.is_some_and(|version| version < 0x0304) {
            self.resumed =
                !self.session_id.is_empty() && self.names.iter().any(|it| **it == self.session_id[..]);
            facts.resumed = Some(self.resumed);
        }
        if facts.ja4.is_none() {
            facts.server_name = hello.server_name();
            facts.alpn_offered = names(&hello.extensions);
            facts.ja4 = Some(ja4(hello).into());
            facts.early_data = self.early_data.then_some(EarlyData::Offered);
            facts.encrypted_hello = has(extension::ENCRYPTED_CLIENT_HELLO);
        }
    }

    /// Processes the server's hello.
    pub(super) fn server_hello(&mut self, hello: &ServerHello, facts: &mut Facts) {
        let has = |kind| hello.extensions.has(kind);
        let version = hello.version();
        self.server_random = Some(hello.random);
        self.version = Some(version);
        self.suite = Some(hello.suite);
        self.encrypt_then_mac = has(extension::ENCRYPT_THEN_MAC);
        self.extended_master_secret = has(extension::EXTENDED_MASTER_SECRET);
        self.resumed = match version {
            0x0304.. => has(extension::PRE_SHARED_KEY),
            _ => !self.session_id.is_empty() && hello.session_id == self.session_id,
        };
        if !self.resumed && !hello.session_id.is_empty() && self.names.len() < NAMES {
            self.names.push(hello.session_id.as_slice().into());
        }
        if facts.resumed.is_none() {
            facts.version = self.version;
            facts.suite = self.suite;
            facts.resumed = Some(self.resumed);
            facts.alpn = names(&hello.extensions).pop();
            if version < 0x0304 && self.early_data {
                facts.early_data = Some(EarlyData::Rejected);
            }
        }
    }

    /// Processes the extensions that TLS 1.3 encrypts.
    pub(super) fn encrypted_extensions(&self, extensions: &Extensions, facts: &mut Facts) {
        facts.alpn = names(extensions).pop().or(facts.alpn.take());
        if self.early_data {
            let accepted = extensions.has(extension::EARLY_DATA);
            facts.early_data = Some(if accepted { EarlyData::Accepted } else { EarlyData::Rejected });
        }
    }

    /// Adds handshake messages of a side to the transcript.
    pub(super) fn record_messages(&mut self, side: Side, messages: &[u8]) {
        self.transcript.push(side, messages);
    }

    /// Drops the transcript: part of it was lost, or it is not needed.
    pub(super) fn lose_transcript(&mut self) {
        self.transcript.lose();
    }

    /// Processes `ClientKeyExchange` with a premaster secret encrypted to the server's key (RFC 5246 §7.4.7.1).
    pub(super) fn client_key_exchange(&mut self, body: &[u8], keys: &KeyLog) {
        if keys.has_premasters() {
            self.encrypted_premaster = body.get(2..).map(Into::into);
        } else {
            self.transcript.lose();
        }
    }

    /// Looks up the secrets of this connection; returns whether more are known than before.
    pub(super) fn look_up(&mut self, keys: &KeyLog) -> bool {
        let Some(random) = &self.client_random else {
            return false;
        };
        let before = self.secrets.len();
        let mut secrets: Vec<_> = keys.connection(random).map(|(label, it)| (label, it.clone())).collect();
        if secrets.len() > before {
            self.used.push(*random);
        }
        if self.premaster.is_none() {
            // Decrypting one takes a while.
            self.premaster = self.encrypted_premaster.as_deref().and_then(|it| keys.premaster(it));
        }
        let of_premaster = self.master_of_premaster().or_else(|| self.resumed_session(keys));
        let origin = of_premaster.as_ref().map_or_else(|| keys.origin(random), |(_, origin)| Some(*origin));
        self.origin = origin.unwrap_or_default();
        secrets.extend(of_premaster.map(|(secret, _)| (Label::Master, secret)));
        self.secrets = secrets;
        self.secrets.len() > before
    }

    /// Returns the random of a connection once secrets were found by it.
    pub(super) fn next_use(&mut self) -> Option<[u8; 32]> {
        self.used.pop()
    }

    /// Drops everything except what is still to be reported.
    pub(super) fn forget(&mut self) {
        *self = Negotiation { used: std::mem::take(&mut self.used), ..Negotiation::default() };
    }

    fn resumed_session(&self, keys: &KeyLog) -> Option<(Secret, KeyOrigin)> {
        let is_session = self.resumed && self.version.is_some_and(|version| version < 0x0304);
        let named = || keys.session(&self.ticket).or_else(|| keys.session(&self.session_id));
        is_session.then(|| named().or_else(|| self.resumed_master.clone()))?
    }

    /// Returns whether the secret may be that of another connection in the key log, whose session this one resumes:
    /// some programs log no line of their own for a resumption.
    pub(super) fn resumes_unnamed(&self) -> bool {
        let is_session = self.resumed && self.version.is_some_and(|version| version < 0x0304);
        is_session && self.client_random.is_some() && self.secrets.is_empty()
    }

    /// Sets the master secret of the resumed session, which the key log has under the random of the first connection.
    pub(super) fn resume(&mut self, first: [u8; 32], master: Secret, keys: &KeyLog) {
        let origin = keys.origin(&first).unwrap_or_default();
        self.resumed_master = Some((master, origin));
        self.used.push(first);
        self.look_up(keys);
    }

    /// Adds the ticket by which the session may be resumed.
    pub(super) fn new_session_ticket(&mut self, ticket: &[u8]) {
        if self.names.len() < NAMES {
            self.names.push(ticket.into());
        }
    }

    /// Returns a session whose master secret was derived from its premaster secret, once for each of its names.
    pub(super) fn next_session(&mut self) -> Option<Session> {
        if self.names.is_empty() {
            return None;
        }
        let (master, origin) = self.master_of_premaster()?;
        self.names.pop().map(|name| Session { name, master, origin })
    }

    fn master_of_premaster(&self) -> Option<(Secret, KeyOrigin)> {
        let (premaster, origin) = self.premaster.as_ref()?;
        let (client, server) = (self.client_random.as_ref()?, self.server_random.as_ref()?);
        let hash = session_hash(Suite::by_id(self.suite?)?, self.form()?);
        let messages = if self.extended_master_secret {
            Some(transcript_hash(hash, &self.transcript.messages()?))
        } else {
            None
        };
        let master = master_secret(hash, premaster.bytes(), client, server, messages.as_deref());
        Some((Secret::new(&master)?, *origin))
    }

    fn form(&self) -> Option<Form> {
        Some(Form { version: self.version?, encrypt_then_mac: self.encrypt_then_mac })
    }

    /// Returns whether the client's key exchange is still to come and may allow decryption: packets of the two sides
    /// may be swapped.
    pub(super) fn awaits_key_exchange(&self, keys: &KeyLog) -> bool {
        keys.has_premasters()
            && !self.resumed
            && self.encrypted_premaster.is_none()
            && self.is_13() == Some(false)
    }

    /// Returns the number of known secrets.
    pub(super) fn secrets(&self) -> usize {
        self.secrets.len()
    }

    /// Returns whether the version is 1.3, as negotiated or as implied by the known secrets; `None` if neither shows
    /// it.
    pub(super) fn is_13(&self) -> Option<bool> {
        let by_secrets = || self.secrets.last().map(|(label, _)| *label != Label::Master);
        self.version.map(|version| version >= 0x0304).or_else(by_secrets)
    }

    /// Returns the possible keys of a side in an epoch: one for each known value.
    pub(super) fn keys(&self, side: Side, epoch: Epoch) -> Vec<Keys> {
        let wanted = match (epoch, side) {
            (Epoch::Clear, _) | (Epoch::Early, Side::Server) => return Vec::new(),
            (Epoch::Session(_), _) => Label::Master,
            (Epoch::Early, Side::Client) => Label::ClientEarly,
            (Epoch::Handshake, Side::Client) => Label::ClientHandshake,
            (Epoch::Handshake, Side::Server) => Label::ServerHandshake,
            (Epoch::Traffic(_), Side::Client) => Label::ClientTraffic,
            (Epoch::Traffic(_), Side::Server) => Label::ServerTraffic,
        };
        let secrets = self.secrets.iter().filter(|(label, _)| *label == wanted);
        if wanted == Label::Master {
            let make = |(_, secret): &(Label, Secret)| {
                self.session(secret.bytes(), self.client_random.as_ref()?, side)
            };
            return secrets.filter_map(make).collect();
        }
        let mut found = Vec::new();
        for (_, secret) in secrets {
            found.extend(traffic_keys(self.suite, secret));
        }
        if let Epoch::Traffic(updates) = epoch {
            for _ in 0..updates {
                found = found.iter().filter_map(Keys::updated).collect();
            }
        }
        found
    }

    /// Returns one side's keys of a session up to TLS 1.2.
    pub(super) fn session(&self, master: &[u8], client_random: &[u8; 32], side: Side) -> Option<Keys> {
        let session = SessionKeys {
            master,
            client_random,
            server_random: self.server_random.as_ref()?,
            form: self.form()?,
        };
        Keys::from_session(Suite::by_id(self.suite?)?, session, side)
    }
}

/// Returns the keys that a traffic secret may represent; if the suite is unknown, the secret's length determines them.
pub(super) fn traffic_keys(suite: Option<u16>, secret: &Secret) -> Vec<Keys> {
    let make = |suite| Keys::from_traffic_secret(suite, secret);
    match suite {
        Some(id) => Suite::by_id(id).and_then(make).into_iter().collect(),
        None => Suite::by_secret_length(secret.bytes().len()).filter_map(make).collect(),
    }
}

fn names(extensions: &Extensions) -> Vec<Box<str>> {
    extensions.alpn().iter().map(|name| String::from_utf8_lossy(name).into()).collect()
}
