//! Evaluates the tests of a filter.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::cmp::Ordering;
use std::net::IpAddr;
use std::time::Duration;

use serde_json::Value as Json;

use super::expr::{Expr, How, Meaning as What, Member, Number, Relation, Step, Subject, Test, Value};
use super::{Body, Facts, Field, unit};
use crate::event::{ConnId, Framing, Meaning, Severity, Transport};
use crate::model::{Side, Timestamp};

/// A row being tested; its body is fetched, and parsed as JSON, at most once, and only if a test needs it.
pub(super) struct Row<'a> {
    facts: &'a Facts<'a>,
    body: OnceCell<Option<Cow<'a, [u8]>>>,
    json: OnceCell<Option<Json>>,
    units: OnceCell<Vec<Json>>,
}

/// A field's value.
pub(super) enum Fact<'a> {
    Whole(u64),
    Truth(bool),
    Bytes(&'a [u8]),
    Span(Duration),
    Moment(Timestamp),
    Side(Side),
    Severity(Severity),
    Transport(Transport),
    Address(IpAddr),
}

impl<'a> Row<'a> {
    pub(super) const fn new(facts: &'a Facts<'a>) -> Self {
        Row { facts, body: OnceCell::new(), json: OnceCell::new(), units: OnceCell::new() }
    }

    pub(super) fn is(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Any(list) => list.iter().any(|one| self.is(one)),
            Expr::All(list) => list.iter().all(|one| self.is(one)),
            Expr::Not(one) => !self.is(one),
            Expr::Test(Test { subject: Subject::Json(steps), how }) => {
                let mut found = Found::default();
                if let Some(json) = self.json() {
                    walk(json, steps, &mut |value| found.add(how, |how| is_json(value, how)));
                }
                found.answer(how)
            }
            Expr::Test(Test { subject: Subject::Sub(steps), how }) => {
                let mut found = Found::default();
                for unit in self.units() {
                    walk(unit, steps, &mut |value| {
                        found.add(how, |how| is_json(value, how));
                        if let Some(number) = unit::as_number(value).filter(|_| compares_number(how)) {
                            found.add(how, |how| is_json(&number, how));
                        }
                    });
                }
                found.answer(how)
            }
            Expr::Test(Test { subject: Subject::Field(Field::Latency), how }) => {
                let mut found = Found::default();
                for latency in
                    self.facts.meaning.into_iter().flat_map(Meaning::units).filter_map(|it| it.latency())
                {
                    found.add(how, |how| self.matches(&Fact::Span(latency), how));
                }
                found.answer(how)
            }
            Expr::Test(Test { subject: Subject::Field(field), how }) => {
                let mut found = Found::default();
                for fact in self.facts_of(*field).into_iter().flatten() {
                    found.add(how, |how| self.matches(&fact, how));
                }
                found.answer(how)
            }
        }
    }

    fn body(&self) -> Option<&[u8]> {
        self.body.get_or_init(|| self.facts.body.and_then(Body::bytes)).as_deref()
    }

    fn json(&self) -> Option<&Json> {
        self.json.get_or_init(|| self.body().and_then(|body| serde_json::from_slice(body).ok())).as_ref()
    }

    pub(super) fn units(&self) -> &[Json] {
        self.units.get_or_init(|| {
            self.facts.meaning.into_iter().flat_map(Meaning::units).map(|it| unit::value_of(&it)).collect()
        })
    }

    /// Returns whether the message only keeps the connection alive; `None` if its meaning is not known.
    fn heartbeat(&self) -> Option<bool> {
        let mut units = self.facts.meaning?.units().peekable();
        units.peek()?;
        Some(units.all(|unit| unit.heartbeat()))
    }

    /// Returns a field's value, or two if it has two.
    pub(super) fn facts_of(&self, field: Field) -> [Option<Fact<'_>>; 2] {
        let facts = self.facts;
        let conversation = facts.conversation;
        let text = |text: Option<&'a str>| text.map(|text| Fact::Bytes(text.as_bytes()));
        let proxy = conversation.and_then(|it| it.proxy.as_deref());
        let tls = conversation.and_then(|it| it.tls.as_deref());
        let client = conversation.map(|it| it.client);
        let server = conversation.map(|it| it.server);
        let port = |port: u16| Fact::Whole(port.into());
        let one = match field {
            Field::Opcode => facts.opcode.map(|opcode| Fact::Whole(opcode.0.into())),
            Field::From => facts.from.map(Fact::Side),
            Field::Len => facts.len.map(Fact::Whole),
            Field::Text if !facts.is_text => None,
            Field::Text | Field::Payload => self.body().map(Fact::Bytes),
            Field::Conn => facts.conn.map(|conn| Fact::Whole(conn.packet.get())),
            Field::Stream => facts.conn.and_then(ConnId::stream).map(Fact::Whole),
            Field::Packet => (facts.at.packet != 0).then_some(Fact::Whole(facts.at.packet)),
            Field::Time => (facts.at.packet != 0).then_some(Fact::Moment(facts.at.time)),
            Field::GapBefore => facts.gap_before.map(Fact::Span),
            Field::Rtt => facts.rtt.map(Fact::Span),
            // With several units, each has its own.
            Field::Latency => None,
            Field::Heartbeat => self.heartbeat().map(Fact::Truth),
            Field::Frames => facts.frames.map(Fact::Whole),
            Field::Fragmented => facts.frames.map(|frames| Fact::Truth(frames > 1)),
            Field::Compressed => facts.compressed.map(Fact::Truth),
            Field::Masked => facts.masked.map(Fact::Truth),
            Field::Complete => facts.complete.map(Fact::Truth),
            Field::Framing => text(facts.framing.map(Framing::name)),
            Field::CloseCode => facts.close.map(|close| Fact::Whole(close.code.into())),
            Field::CloseReason => text(facts.close.map(|close| close.reason)),
            Field::Anomaly => text(facts.anomaly.map(|(code, _)| code)),
            Field::Severity => facts.anomaly.map(|(_, severity)| Fact::Severity(severity)),
            Field::Transport => conversation.map(|it| Fact::Transport(it.transport)),
            Field::Url => text(conversation.and_then(|it| it.url.as_deref())),
            Field::Host => text(conversation.and_then(|it| it.host())),
            Field::Path => text(conversation.and_then(|it| it.path())),
            Field::Subprotocol => text(conversation.and_then(|it| it.subprotocol.as_deref())),
            Field::Http => text(conversation.and_then(|it| it.http.as_deref())),
            Field::Tls => conversation.map(|_| Fact::Truth(tls.is_some())),
            Field::TlsVersion => text(tls.and_then(|it| it.version.as_deref())),
            Field::TlsSni => text(tls.and_then(|it| it.sni.as_deref())),
            Field::TlsAlpn => text(tls.and_then(|it| it.alpn.as_deref())),
            Field::ProxyProtocol => text(proxy.map(|it| it.protocol)),
            Field::ProxyClient => text(proxy.and_then(|it| it.client.as_deref())),
            Field::ProxyServer => text(proxy.and_then(|it| it.server.as_deref())),
            Field::ClientIp => client.map(|end| Fact::Address(end.ip)),
            Field::ServerIp => server.map(|end| Fact::Address(end.ip)),
            Field::ClientPort => client.map(|end| port(end.port)),
            Field::ServerPort => server.map(|end| port(end.port)),
            Field::Ip => return [client, server].map(|end| end.map(|end| Fact::Address(end.ip))),
            Field::Port => return [client, server].map(|end| end.map(|end| port(end.port))),
        };
        [one, None]
    }

    fn matches(&self, fact: &Fact<'_>, how: &How) -> bool {
        match how {
            How::Is => !matches!(fact, Fact::Truth(false)),
            How::Compares(relation, value) => holds(*relation, self.order(fact, value)),
            How::Contains(needle) => match (fact, &needle.finder) {
                (Fact::Bytes(bytes), Some(finder)) => finder.find(bytes).is_some(),
                _ => false,
            },
            How::Matches(pattern) => matches!(fact, Fact::Bytes(bytes) if pattern.regex.is_match(bytes)),
            How::In(members) => members.iter().any(|member| is_in(member, |value| self.order(fact, value))),
        }
    }

    fn order(&self, fact: &Fact<'_>, value: &Value) -> Option<Ordering> {
        Some(match (fact, &value.means) {
            (Fact::Whole(a), What::Whole(b)) => a.cmp(b),
            (Fact::Truth(a), What::Truth(b)) => a.cmp(b),
            (Fact::Bytes(a), What::Bytes(b)) => (*a).cmp(b),
            (Fact::Span(a), What::Span(b)) => a.cmp(b),
            (Fact::Moment(a), What::Moment(b)) => a.cmp(b),
            (Fact::Moment(a), What::Since(b)) => a.since(self.facts.began).cmp(b),
            (Fact::Side(a), What::Side(b)) => a.cmp(b),
            (Fact::Severity(a), What::Severity(b)) => a.cmp(b),
            (Fact::Transport(a), What::Transport(b)) => a.cmp(b),
            (Fact::Address(a), What::Network(b, length)) => order_address(*a, *b, *length),
            _ => return None,
        })
    }
}

/// The results for the values of one subject.
#[derive(Default)]
struct Found {
    any: bool,
    /// Whether a value did not match.
    other: bool,
}

impl Found {
    fn add(&mut self, how: &How, matches: impl FnOnce(&How) -> bool) {
        if matches(how) {
            self.any = true;
        } else {
            self.other = true;
        }
    }

    /// Returns the overall result: one value must match or, for `!=`, all of them.
    fn answer(&self, how: &How) -> bool {
        match how {
            How::Compares(Relation::Differs, _) => self.any && !self.other,
            _ => self.any,
        }
    }
}

/// Returns whether a test compares with a number.
fn compares_number(how: &How) -> bool {
    let is_number = |value: &Value| matches!(value.means, What::Number(_));
    match how {
        How::Compares(_, value) => is_number(value),
        How::In(members) => members.iter().any(|member| match member {
            Member::One(value) | Member::Range(value, _) => is_number(value),
        }),
        _ => false,
    }
}

fn holds(relation: Relation, order: Option<Ordering>) -> bool {
    match relation {
        Relation::Equal => order == Some(Ordering::Equal),
        Relation::Differs => order != Some(Ordering::Equal),
        Relation::Less => order == Some(Ordering::Less),
        Relation::AtMost => order.is_some_and(Ordering::is_le),
        Relation::More => order == Some(Ordering::Greater),
        Relation::AtLeast => order.is_some_and(Ordering::is_ge),
    }
}

fn is_in(member: &Member, order: impl Fn(&Value) -> Option<Ordering>) -> bool {
    match member {
        Member::One(value) => order(value) == Some(Ordering::Equal),
        Member::Range(from, to) => {
            order(from).is_some_and(Ordering::is_ge) && order(to).is_some_and(Ordering::is_le)
        }
    }
}

/// Compares an address with a network, which equals all addresses in it.
fn order_address(address: IpAddr, network: IpAddr, length: u8) -> Ordering {
    let cut = |bits: u128, width: u32| bits.checked_shr(width.saturating_sub(length.into())).unwrap_or(0);
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => cut(a.to_bits().into(), 32).cmp(&cut(b.to_bits().into(), 32)),
        (IpAddr::V6(a), IpAddr::V6(b)) => cut(a.to_bits(), 128).cmp(&cut(b.to_bits(), 128)),
        (a, b) => a.cmp(&b),
    }
}

/// Calls `each` with every value that the path's steps lead to.
pub fn walk<'j>(mut at: &'j Json, mut steps: &[Step], each: &mut dyn FnMut(&'j Json)) {
    while let Some((step, rest)) = steps.split_first() {
        let next = match step {
            Step::Key(key) => at.get(&**key),
            Step::Index(index) => at.get(*index),
            Step::Each => {
                if let Json::Array(elements) = at {
                    for element in elements {
                        walk(element, rest, each);
                    }
                }
                return;
            }
        };
        let Some(next) = next else { return };
        (at, steps) = (next, rest);
    }
    each(at);
}

fn is_json(json: &Json, how: &How) -> bool {
    match how {
        How::Is => !matches!(json, Json::Null | Json::Bool(false)),
        How::Compares(relation, value) => holds(*relation, order_json(json, &value.means)),
        How::Contains(needle) => match (json, &needle.finder) {
            (Json::String(text), Some(finder)) => finder.find(text.as_bytes()).is_some(),
            (Json::Object(members), Some(finder)) => {
                members.keys().any(|key| key.as_bytes() == finder.needle())
            }
            (Json::Array(elements), _) => elements
                .iter()
                .any(|element| order_json(element, &needle.value.means) == Some(Ordering::Equal)),
            _ => false,
        },
        How::Matches(pattern) => {
            matches!(json, Json::String(text) if pattern.regex.is_match(text.as_bytes()))
        }
        How::In(members) => {
            members.iter().any(|member| is_in(member, |value| order_json(json, &value.means)))
        }
    }
}

/// Compares a JSON value with a literal; `None` if they are of different types.
fn order_json(json: &Json, means: &What) -> Option<Ordering> {
    match (json, means) {
        (Json::String(a), What::Bytes(b)) => Some(a.as_bytes().cmp(b)),
        (Json::Bool(a), What::Truth(b)) => Some(a.cmp(b)),
        (Json::Null, What::Null) => Some(Ordering::Equal),
        (Json::Number(a), What::Number(b)) => {
            let whole = a.as_i64().map(i128::from).or_else(|| a.as_u64().map(i128::from));
            whole.map(Number::Whole).or_else(|| a.as_f64().map(Number::Real))?.order(*b)
        }
        _ => None,
    }
}
