//! A sub-protocol as the registry has it: how it is recognised, and what decodes it.

use std::sync::Arc;

use crate::http::Handshake;

use super::decoder::Decoder;
use super::input::Input;
use super::schema::Schema;

/// The facts in the handshake that the choice depends on; empty where it was not captured.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// The sub-protocol that the server chose.
    pub subprotocol: Option<Box<str>>,
    /// The request's target: path and query.
    pub target: Option<Box<str>>,
    /// Where it went to.
    pub host: Option<Box<str>>,
    /// The user's message types of Protocol Buffers, which what is called may name.
    pub schema: Option<Arc<dyn Schema>>,
}

impl Opening {
    /// Takes what is needed from a handshake.
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

    /// Returns the value of a parameter of the target's query, as sent.
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.as_deref()?.split_once('?')?;
        query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name).then_some(value)
        })
    }
}

/// The evidence of one message for or against a sub-protocol, nothing else being known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// It cannot be one of this protocol's.
    Against,
    /// It may be one, and so may any other.
    Neutral,
    /// It looks like one; other protocols or chance may make the same.
    Weak,
    /// Nothing else begins so.
    Sure,
}

/// A sub-protocol: how it is recognised and what decodes it. One line in [`super::registry`] each.
#[derive(Debug)]
pub(super) struct Protocol {
    /// Its name in every output and for `--subprotocol`.
    pub(super) name: &'static str,
    /// The `Sec-WebSocket-Protocol` values that mean it; `*` at the end stands for any rest.
    pub(super) headers: &'static [&'static str],
    /// Returns whether the URL means it.
    pub(super) url: fn(&Opening) -> bool,
    /// Where a message is a JSON object: one of these members is in all that `sign` does not judge to be against it.
    pub(super) members: &'static [&'static str],
    /// Judges a message. The opening is what was not enough by itself.
    pub(super) sign: fn(&Input<'_>, &Opening) -> Evidence,
    /// Makes the decoder of a conversation.
    pub(super) make: fn(&Opening) -> Box<dyn Decoder>,
    /// It may lie in another sub-protocol's messages.
    pub(super) inner: bool,
    /// Its packets may begin anywhere: where the beginning was not captured, a decoder looks for them in all messages.
    pub(super) searched: bool,
}

impl Protocol {
    /// Makes one of that name that is recognised by nothing.
    pub(super) const fn new(name: &'static str, make: fn(&Opening) -> Box<dyn Decoder>) -> Self {
        let (url, sign) = (no_url as fn(&_) -> _, no_sign as fn(&Input<'_>, &_) -> _);
        Protocol { name, headers: &[], url, members: &[], sign, make, inner: false, searched: false }
    }

    /// Judges a message; `members` are those of the JSON object that it is, where all of them are known.
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
