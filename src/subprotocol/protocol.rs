//! A sub-protocol as listed in the registry: how it is recognised, and what decodes it.

use std::sync::Arc;

use crate::http::Handshake;

use super::decoder::Decoder;
use super::input::Input;
use super::schema::Schema;

/// The facts in the handshake on which the choice depends; empty if it was not captured.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// The sub-protocol that the server selected.
    pub subprotocol: Option<Box<str>>,
    /// The target of the request: path and query.
    pub target: Option<Box<str>>,
    /// The host to which it was sent.
    pub host: Option<Box<str>>,
    /// The user's Protocol Buffers message types, to which a called method may refer.
    pub schema: Option<Arc<dyn Schema>>,
}

impl Opening {
    /// Extracts what is needed from a handshake.
    pub fn of(handshake: &Handshake) -> Self {
        let request = handshake.request.as_ref();
        let header = |name: &str| {
            let fields = request.map(|it| &it.headers[..]).unwrap_or_default();
            fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value.clone())
        };
        Opening {
            subprotocol: handshake.subprotocol.clone(),
            target: request.map(|it| it.target.clone()),
            host: header("host"),
            schema: None,
        }
    }

    pub(super) fn allocated(&self) -> usize {
        let texts = [&self.subprotocol, &self.target, &self.host];
        texts.into_iter().flatten().map(|text| text.len()).fold(0, usize::saturating_add)
    }

    /// Returns the path of the target.
    pub fn path(&self) -> &str {
        let target = self.target.as_deref().unwrap_or_default();
        let target = match target.split_once("://") {
            Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
            None => target,
        };
        target.split('?').next().unwrap_or_default()
    }

    /// Returns the value of a parameter in the target's query, as sent.
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.as_deref()?.split_once('?')?;
        query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name).then_some(value)
        })
    }
}

/// The evidence of a single message for or against a sub-protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// It cannot belong to this protocol.
    Against,
    /// It may belong to this protocol or to any other.
    Neutral,
    /// It looks like this protocol, but others, or chance, may produce the same.
    Weak,
    /// Nothing else begins like this.
    Sure,
}

/// A sub-protocol: how it is recognised and what decodes it. Each has one line in [`super::registry`].
#[derive(Debug)]
pub(super) struct Protocol {
    /// Its name in every output and for `--subprotocol`.
    pub(super) name: &'static str,
    /// The `Sec-WebSocket-Protocol` values that identify it; a trailing `*` matches any rest.
    pub(super) headers: &'static [&'static str],
    /// Returns whether the URL identifies it.
    pub(super) url: fn(&Opening) -> bool,
    /// For JSON objects: every message that `sign` does not reject has at least one of these members.
    pub(super) members: &'static [&'static str],
    /// Judges a message. The opening was not sufficient on its own.
    pub(super) sign: fn(&Input<'_>, &Opening) -> Evidence,
    /// Creates the decoder of a conversation.
    pub(super) make: fn(&Opening) -> Box<dyn Decoder>,
    /// Whether it may be contained in another sub-protocol's messages.
    pub(super) inner: bool,
    /// Whether its packets may begin anywhere, so that a decoder searches all messages for them if the beginning was
    /// not captured.
    pub(super) searched: bool,
}

impl Protocol {
    /// Creates a protocol with this name and no means of recognition.
    pub(super) const fn new(name: &'static str, make: fn(&Opening) -> Box<dyn Decoder>) -> Self {
        let (url, sign) = (no_url as fn(&_) -> _, no_sign as fn(&Input<'_>, &_) -> _);
        Protocol { name, headers: &[], url, members: &[], sign, make, inner: false, searched: false }
    }

    /// Judges a message; `members` are those of the JSON object that it is, if all of them are known.
    pub(super) fn judge(&self, input: &Input<'_>, members: Option<&[&[u8]]>, opening: &Opening) -> Evidence {
        let lacks = |members: &[&[u8]]| !self.members.iter().any(|name| members.contains(&name.as_bytes()));
        if !self.members.is_empty() && members.is_some_and(lacks) {
            return Evidence::Against;
        }
        (self.sign)(input, opening)
    }

    pub(super) fn has_header(&self, chosen: &str) -> bool {
        self.headers.iter().any(|header| match header.strip_suffix('*') {
            Some(start) => chosen.get(..start.len()).is_some_and(|it| it.eq_ignore_ascii_case(start)),
            None => chosen.eq_ignore_ascii_case(header),
        })
    }
}

fn no_url(_: &Opening) -> bool {
    false
}

fn no_sign(_: &Input<'_>, _: &Opening) -> Evidence {
    Evidence::Against
}
