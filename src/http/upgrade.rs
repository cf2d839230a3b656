//! Complete verification of the opening handshake (RFC 6455 §4).

use std::sync::Arc;

use super::extension::{self, Extension};
use super::head::{self, Item, text_of};
use super::summary::Summary;
use super::{Accept, Field, Handshake, Request, Response, accept, deflate, drafts};
use crate::model::{Anomaly, DeflateSide, Pair, Side};

/// Bounds the text of a piece of evidence, in characters.
const EVIDENCE: usize = 256;
/// Bounds the number of violations of one kind reported per head.
const FAULTS: usize = 8;
const EMPTY: &str = "the header is there and empty";

/// Everything known about an upgrade: the heads as sent, and the context in which they were.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Evidence<'a> {
    pub(super) request: Option<&'a [u8]>,
    pub(super) response: Option<&'a [u8]>,
    /// Keys of earlier requests on this connection.
    pub(super) earlier: &'a [Box<str>],
    /// The `host:port` to which a proxy was asked to connect.
    pub(super) authority: Option<&'a str>,
}

/// Parses and checks both heads; each anomaly comes with the side whose bytes are concerned.
pub(super) fn verify(evidence: Evidence<'_>) -> (Handshake, Vec<(Side, Anomaly)>) {
    let mut faults = Faults::default();
    let request = evidence.request.and_then(|head| request(head, &mut faults));
    let response = evidence.response.and_then(|head| response(head, &mut faults));
    // The earlier drafts have other fields.
    let is_draft = drafts::of(request.as_ref(), response.as_ref()).is_some();
    if let Some(request) = &request
        && !is_draft
    {
        faults.side = Side::Client;
        check_request(request, &mut faults);
    }
    faults.side = Side::Server;
    let mut handshake = Handshake {
        url: request.as_ref().and_then(|request| url(request, evidence.authority)),
        accept: answer(request.as_ref(), response.as_ref()),
        request,
        response,
        subprotocol: None,
        deflate: None,
        per_frame: false,
    };
    let Some(response) = &handshake.response else { return (handshake, faults.all) };
    if response.status == 101 && is_draft {
        let subprotocol = values(&response.headers, "Sec-WebSocket-Protocol")
            .chain(values(&response.headers, "WebSocket-Protocol"))
            .next();
        handshake.subprotocol = subprotocol.map(Into::into);
    } else if response.status == 101 {
        check_switch(response, &mut faults);
        check_accept(handshake.accept.as_ref(), handshake.request.is_some(), evidence.earlier, &mut faults);
        let subprotocol = check_subprotocol(handshake.request.as_ref(), response, &mut faults);
        let (agreed, per_frame) = check_extensions(handshake.request.as_ref(), response, &mut faults);
        handshake.subprotocol = subprotocol;
        handshake.deflate = agreed;
        handshake.per_frame = per_frame;
    } else if response.status == 426 && values(&response.headers, "Sec-WebSocket-Version").next().is_none() {
        faults.push(Anomaly::RefusedWithoutVersion {});
    }
    (handshake, faults.all)
}

/// Returns the `host:port` named by a CONNECT request (RFC 9110 §9.3.6).
pub(super) fn authority(head: &[u8]) -> Option<Box<str>> {
    let (text, ..) = head::line(head)?;
    Some(text_of(head::request_line(text)?.target))
}

/// Returns the value of `Upgrade` in the head of a response.
pub(super) fn protocol(head: &[u8]) -> Option<Box<str>> {
    let mut found = None;
    head::walk(head::line(head)?.2, |item| {
        if let Item::Field { name, value } = item
            && name.eq_ignore_ascii_case(b"Upgrade")
            && found.is_none()
        {
            found = Some(clip(&text_of(value)));
        }
    });
    found
}

/// Returns whether the head of a request follows a draft before RFC 6455: two keys of digits and blanks, or none.
pub(super) fn is_draft(head: &[u8]) -> bool {
    head::line(head).is_some_and(|(_, _, lines)| {
        let summary = Summary::read(lines);
        summary.old && !summary.key
    })
}

/// Returns the key in the head of a request.
pub(super) fn key(head: &[u8]) -> Option<Box<str>> {
    let mut found = None;
    head::walk(head::line(head)?.2, |item| {
        if let Item::Field { name, value } = item
            && name.eq_ignore_ascii_case(b"Sec-WebSocket-Key")
            && found.is_none()
        {
            found = Some(clip(&text_of(value)));
        }
    });
    found
}

pub(super) struct Faults {
    pub(super) side: Side,
    pub(super) all: Vec<(Side, Anomaly)>,
}

impl Default for Faults {
    fn default() -> Self {
        Faults { side: Side::Client, all: Vec::new() }
    }
}

impl Faults {
    pub(super) fn push(&mut self, anomaly: Anomaly) {
        self.all.push((self.side, anomaly));
    }
}

pub(super) fn clip(text: &str) -> Box<str> {
    text.char_indices().nth(EVIDENCE).and_then(|(end, _)| text.get(..end)).unwrap_or(text).into()
}

fn request(head: &[u8], faults: &mut Faults) -> Option<Request> {
    let (first, bare, lines) = head::line(head)?;
    let line = head::request_line(first)?;
    faults.side = Side::Client;
    Some(Request {
        method: text_of(line.method),
        target: text_of(line.target),
        version: text_of(line.version),
        headers: fields(lines, bare, faults),
    })
}

fn response(head: &[u8], faults: &mut Faults) -> Option<Response> {
    let (first, bare, lines) = head::line(head)?;
    let line = head::status_line(first)?;
    faults.side = Side::Server;
    Some(Response {
        version: text_of(line.version),
        status: line.status,
        reason: text_of(line.reason),
        headers: fields(lines, bare, faults),
    })
}

/// Parses the fields and reports how the lines are written: folding and bare line feeds once per head.
fn fields(lines: &[u8], bare: bool, faults: &mut Faults) -> Vec<Field> {
    let mut all = Vec::new();
    let (mut folded, mut bare_told) = (false, false);
    let (mut malformed, mut spaced) = (0_usize, 0_usize);
    let mut tell = |item: Item<'_>| match item {
        Item::Field { name, value } => all.push(Field { name: text_of(name), value: text_of(value) }),
        Item::Folded(name) if !folded => {
            folded = true;
            faults.push(Anomaly::FoldedHeader { name: clip(&text_of(name)) });
        }
        Item::BareLineFeed if !bare_told => {
            bare_told = true;
            faults.push(Anomaly::BareLineFeed {});
        }
        Item::SpaceBeforeColon(name) if spaced < FAULTS => {
            spaced = spaced.saturating_add(1);
            faults.push(Anomaly::SpaceBeforeColon { name: clip(&text_of(name)) });
        }
        Item::Malformed(line) if malformed < FAULTS => {
            malformed = malformed.saturating_add(1);
            faults.push(Anomaly::MalformedHeader { line: clip(&text_of(line)) });
        }
        Item::Folded(_) | Item::BareLineFeed | Item::SpaceBeforeColon(_) | Item::Malformed(_) => {}
    };
    if bare {
        tell(Item::BareLineFeed);
    }
    head::walk(lines, tell);
    all
}

/// Returns the values of the fields with a name, in order.
pub(super) fn values<'a>(headers: &'a [Field], name: &'static str) -> impl Iterator<Item = &'a str> {
    headers.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| &*field.value)
}

/// Returns all values of a list field joined into one (RFC 9110 §5.3).
pub(super) fn joined(headers: &[Field], name: &'static str) -> Option<String> {
    let all: Vec<_> = values(headers, name).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// Returns the first value of a field; reports if the field is missing or repeated.
fn single_value<'a>(headers: &'a [Field], name: &'static str, faults: &mut Faults) -> Option<&'a str> {
    let mut all = values(headers, name);
    let first = all.next();
    let count = all.count().saturating_add(1);
    match first {
        None => faults.push(Anomaly::MissingHeader { name }),
        Some(_) if count > 1 => {
            faults.push(Anomaly::RepeatedHeader { name, count: u32::try_from(count).unwrap_or(u32::MAX) });
        }
        Some(_) => {}
    }
    first
}

fn check_version(version: &str, faults: &mut Faults) {
    if version == "1.0" {
        faults.push(Anomaly::BadHttpVersion { version: version.into() });
    }
}

fn check_connection(headers: &[Field], faults: &mut Faults) {
    match joined(headers, "Connection") {
        None => faults.push(Anomaly::MissingHeader { name: "Connection" }),
        Some(found) if !head::contains_token(found.as_bytes(), b"upgrade") => {
            faults.push(Anomaly::BadConnectionHeader { found: clip(&found) });
        }
        Some(_) => {}
    }
}

/// Checks what a client must send (RFC 6455 §4.1, the numbered list).
fn check_request(request: &Request, faults: &mut Faults) {
    let headers = &request.headers;
    if &*request.method != "GET" {
        faults.push(Anomaly::BadMethod { method: clip(&request.method) });
    }
    check_version(&request.version, faults);
    single_value(headers, "Host", faults);
    match joined(headers, "Upgrade") {
        None => faults.push(Anomaly::MissingHeader { name: "Upgrade" }),
        Some(found) if !head::contains_token(found.as_bytes(), b"websocket") => {
            faults.push(Anomaly::BadUpgradeHeader { found: clip(&found) });
        }
        Some(_) => {}
    }
    check_connection(headers, faults);
    if let Some(key) = single_value(headers, "Sec-WebSocket-Key", faults)
        && !accept::key_is_legal(key)
    {
        let decoded_length = accept::key_length(key).map(|n| n as u64);
        faults.push(Anomaly::BadKey { key: clip(key), decoded_length });
    }
    check_websocket_version(headers, faults);
    if let Some(found) = joined(headers, "Sec-WebSocket-Protocol") {
        check_protocol_list(&found, faults);
    }
    check_offers(headers, faults);
}

/// Checks the WebSocket version (RFC 6455 §4.1 point 9).
pub(super) fn check_websocket_version(headers: &[Field], faults: &mut Faults) {
    if let Some(version) = single_value(headers, "Sec-WebSocket-Version", faults)
        && version != "13"
    {
        faults.push(Anomaly::BadWebSocketVersion { version: clip(version) });
    }
}

/// Checks the extensions that a client offers (RFC 6455 §9.1).
pub(super) fn check_offers(headers: &[Field], faults: &mut Faults) {
    for offer in extension::list(&joined(headers, "Sec-WebSocket-Extensions").unwrap_or_default()) {
        if !offer.is_legal {
            faults.push(Anomaly::BadExtensionHeader { found: clip(offer.text) });
        }
        if let Some(offer) = offer.extension.filter(is_deflate) {
            report_deflate(deflate::check_offer(&offer), faults);
        }
    }
}

/// Checks the sub-protocols that a client offers: tokens, "and MUST all be unique strings" (RFC 6455 §4.1 point 10).
pub(super) fn check_protocol_list(found: &str, faults: &mut Faults) {
    if found.is_empty() {
        return faults.push(Anomaly::BadSubprotocolHeader { found: "".into(), problem: EMPTY });
    }
    let mut seen: Vec<&str> = Vec::new();
    let mut problem = None;
    for name in found.split(',').map(|name| name.trim_matches([' ', '\t'])) {
        if name.is_empty() || !name.bytes().all(head::is_token) {
            problem = problem.or(Some("a name is not a token"));
        } else if seen.contains(&name) {
            problem = problem.or(Some("a name stands twice"));
        } else if seen.len() < EVIDENCE {
            seen.push(name);
        }
    }
    if let Some(problem) = problem {
        faults.push(Anomaly::BadSubprotocolHeader { found: clip(found), problem });
    }
}

/// Checks the fields required in a server's 101 (RFC 6455 §4.1, §4.2.2).
fn check_switch(response: &Response, faults: &mut Faults) {
    let headers = &response.headers;
    check_version(&response.version, faults);
    // In the response, the value must be this word alone, not a list containing it.
    match joined(headers, "Upgrade") {
        None => faults.push(Anomaly::MissingHeader { name: "Upgrade" }),
        Some(found) if !found.eq_ignore_ascii_case("websocket") => {
            faults.push(Anomaly::BadUpgradeHeader { found: clip(&found) });
        }
        Some(_) => {}
    }
    check_connection(headers, faults);
    single_value(headers, "Sec-WebSocket-Accept", faults);
    // A 101 has no content, so it must not state a length or a coding.
    if let Some(found) = joined(headers, "Content-Length") {
        faults.push(Anomaly::ContentLengthIn101 { found: clip(&found) });
    }
    if let Some(found) = joined(headers, "Transfer-Encoding") {
        faults.push(Anomaly::TransferEncodingIn101 { found: clip(&found) });
    }
}

fn answer(request: Option<&Request>, response: Option<&Response>) -> Option<Accept> {
    let key: Option<Box<str>> =
        request.and_then(|r| values(&r.headers, "Sec-WebSocket-Key").next()).map(Into::into);
    let found: Option<Box<str>> =
        response.and_then(|r| values(&r.headers, "Sec-WebSocket-Accept").next()).map(Into::into);
    if key.is_none() && found.is_none() {
        return None;
    }
    let expected: Option<Box<str>> = key.as_deref().map(|key| accept::expected(key).into());
    let valid = found.is_some() && found == expected;
    Some(Accept { key, found, expected, valid })
}

fn check_accept(accept: Option<&Accept>, asked: bool, earlier: &[Box<str>], faults: &mut Faults) {
    let Some(Accept { key, found: Some(found), expected, valid: false }) = accept else { return };
    if !asked {
        return;
    }
    // Without a key there is nothing to verify, and the missing field has already been reported.
    let (Some(key), Some(expected)) = (key, expected) else { return };
    faults.push(Anomaly::AcceptMismatch {
        key: clip(key),
        found: clip(found),
        expected: expected.clone(),
        cause: accept::cause(key, found, earlier).map(Into::into),
    });
}

/// Returns the selected sub-protocol, which must be one of those offered (RFC 6455 §4.1, §11.3.4).
pub(super) fn check_subprotocol(
    request: Option<&Request>,
    response: &Response,
    faults: &mut Faults,
) -> Option<Box<str>> {
    const NAME: &str = "Sec-WebSocket-Protocol";
    let mut all = values(&response.headers, NAME);
    let found = all.next()?;
    let more = all.count();
    if more > 0 {
        let count = u32::try_from(more.saturating_add(1)).unwrap_or(u32::MAX);
        faults.push(Anomaly::RepeatedHeader { name: NAME, count });
    }
    if found.is_empty() {
        faults.push(Anomaly::BadSubprotocolHeader { found: "".into(), problem: EMPTY });
    } else if let Some(request) = request {
        let offered = joined(&request.headers, NAME).unwrap_or_default();
        if !offered.split(',').any(|name| name.trim_matches([' ', '\t']) == found) {
            faults.push(Anomaly::SubprotocolNotOffered { found: clip(found), offered: clip(&offered) });
        }
    }
    (!found.is_empty()).then(|| found.into())
}

fn is_deflate(extension: &Extension<'_>) -> bool {
    extension.name.eq_ignore_ascii_case(deflate::PERMESSAGE) || deflate::is_per_frame(extension.name)
}

fn report_deflate(all: Vec<deflate::Fault>, faults: &mut Faults) {
    for deflate::Fault { found, problem } in all.into_iter().take(FAULTS) {
        faults.push(Anomaly::BadDeflateParameter { found: clip(&found), problem });
    }
}

/// Checks the accepted extensions against those offered (RFC 6455 §9.1); returns the negotiated compression.
pub(super) fn check_extensions(
    request: Option<&Request>,
    response: &Response,
    faults: &mut Faults,
) -> (Option<Pair<DeflateSide>>, bool) {
    const NAME: &str = "Sec-WebSocket-Extensions";
    let count = values(&response.headers, NAME).count();
    if count > 1 {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        faults.push(Anomaly::RepeatedHeader { name: NAME, count });
    }
    let offers = request.map(|request| joined(&request.headers, NAME).unwrap_or_default());
    let offers: Option<Vec<Extension<'_>>> = offers
        .as_deref()
        .map(|offers| extension::list(offers).into_iter().filter_map(|offer| offer.extension).collect());
    let answers = joined(&response.headers, NAME).unwrap_or_default();
    let mut accepted: Vec<String> = Vec::new();
    let mut agreed = (None, false);
    for answer in extension::list(&answers) {
        if !answer.is_legal {
            faults.push(Anomaly::BadExtensionHeader { found: clip(answer.text) });
        }
        let Some(answer) = answer.extension else { continue };
        let matching: Option<Vec<&Extension<'_>>> = offers.as_ref().map(|offers| {
            offers.iter().filter(|offer| offer.name.eq_ignore_ascii_case(answer.name)).collect()
        });
        let offered = matching.as_ref().is_none_or(|matching| !matching.is_empty());
        if !offered {
            faults.push(Anomaly::ExtensionNotOffered { found: clip(answer.text) });
        }
        // Two compressing extensions claim the same bit, so the second is as wrong as a repeated one (RFC 7692 §5).
        let kind = if is_deflate(&answer) { "deflate".to_owned() } else { answer.name.to_ascii_lowercase() };
        if accepted.contains(&kind) {
            faults.push(Anomaly::ExtensionAcceptedTwice { found: clip(answer.text) });
            continue;
        }
        accepted.push(kind);
        // Parameters are compared with offers; without an offer, the response is taken on its own.
        let matching = matching.filter(|_| offered);
        if deflate::is_per_frame(answer.name) {
            let offer = matching.and_then(|matching| matching.first().copied());
            let (sides, wrong) = deflate::agree_per_frame(offer, &answer);
            report_deflate(wrong, faults);
            agreed = (Some(sides), true);
        } else if is_deflate(&answer) {
            let (sides, wrong) = deflate::agree(matching.as_deref(), &answer);
            report_deflate(wrong, faults);
            agreed = (Some(sides), false);
        }
    }
    agreed
}

/// Assembles the URL (RFC 6455 §3): from an absolute target, or from the host and the path.
fn url(request: &Request, authority: Option<&str>) -> Option<Arc<str>> {
    let target = &*request.target;
    if let Some((scheme, rest)) = target.split_once("://")
        && !rest.is_empty()
    {
        let secure = scheme.eq_ignore_ascii_case("wss") || scheme.eq_ignore_ascii_case("https");
        if secure || scheme.eq_ignore_ascii_case("ws") || scheme.eq_ignore_ascii_case("http") {
            let scheme = if secure { "wss" } else { "ws" };
            return Some(format!("{scheme}://{rest}").into());
        }
    }
    let host = values(&request.headers, "Host").find(|host| !host.is_empty()).or(authority)?;
    let slash = if target.starts_with('/') { "" } else { "/" };
    Some(format!("ws://{host}{slash}{target}").into())
}
