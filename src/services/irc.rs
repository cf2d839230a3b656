//! Conversion of IRC lines to JSON, to which rules can be applied (RFC 1459 §2.3.1, `IRCv3` message tags).

use serde_json::{Map, Value as Json};

/// Parses a line: `[@tags ][:prefix ]COMMAND params… [:text]`.
///
/// The last parameter is `text` if a colon precedes it; that of PASS is `password`, that of PING and PONG is `ping`. A
/// numeric reply from 400 on, or a NOTICE without a recipient, is an `error`.
pub(super) fn parse(line: &[u8]) -> Option<Json> {
    let line = std::str::from_utf8(line).ok()?.trim_end_matches(['\r', '\n']);
    let mut members = Map::new();
    let mut rest = line;
    if let Some(tagged) = rest.strip_prefix('@') {
        let (tags, behind) = tagged.split_once(' ')?;
        let tags = tags.split(';').map(|tag| {
            let (name, value) = tag.split_once('=').unwrap_or((tag, ""));
            (name.to_owned(), Json::from(value))
        });
        members.insert("tags".into(), Json::Object(tags.collect()));
        rest = behind.trim_start();
    }
    if let Some(prefixed) = rest.strip_prefix(':') {
        let (prefix, behind) = prefixed.split_once(' ')?;
        members.insert("prefix".into(), prefix.into());
        rest = behind.trim_start();
    }
    let (command, mut rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let letters = command.len() >= 3 && command.chars().all(|c| c.is_ascii_uppercase());
    let digits = command.len() == 3 && command.chars().all(|c| c.is_ascii_digit());
    if !letters && !digits {
        return None;
    }
    let mut params = Vec::new();
    let mut text = None;
    while !rest.is_empty() {
        if let Some(trailing) = rest.strip_prefix(':') {
            text = Some(trailing);
            params.push(Json::from(trailing));
            break;
        }
        let (param, behind) = rest.split_once(' ').unwrap_or((rest, ""));
        if !param.is_empty() {
            params.push(param.into());
        }
        rest = behind;
    }
    let first = params.first().cloned();
    match (command, first) {
        ("PASS", Some(password)) => drop(members.insert("password".into(), password)),
        ("PING" | "PONG", Some(token)) => drop(members.insert("ping".into(), token)),
        _ if digits && command >= "400" => {
            members.insert("error".into(), text.unwrap_or(command).into());
        }
        _ => {}
    }
    if let Some(text) = text {
        members.insert("text".into(), text.into());
    }
    members.insert("command".into(), command.into());
    members.insert("params".into(), Json::Array(params));
    Some(Json::Object(members))
}
