//! Copying the item under the cursor in a chosen form, and creating a filter from it.

use std::fmt::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::detail::Tab;
use super::effect::{Effect, Panel, PromptKind};
use super::json;
use super::matcher::quoted;
use super::state::App;
use super::words::hex;
use crate::event::Handshake;
use crate::store::{Attempt, EntryKind, Facts};

/// The form of copied data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CopyForm {
    /// As displayed.
    Shown,
    Text,
    Json,
    Hex,
    Base64,
    Websocat,
    Curl,
    Wireshark,
}

impl CopyForm {
    /// The prompt shown while waiting for the key that selects the form.
    pub(super) const CHOICE: &'static str =
        "copy t text  j JSON  x hex  b base64  command: s websocat  c curl  w wireshark";

    /// Returns the form selected by a key.
    pub(super) const fn of(key: char) -> Option<CopyForm> {
        Some(match key {
            't' => CopyForm::Text,
            'j' => CopyForm::Json,
            'x' => CopyForm::Hex,
            'b' => CopyForm::Base64,
            's' => CopyForm::Websocat,
            'c' => CopyForm::Curl,
            'w' => CopyForm::Wireshark,
            _ => return None,
        })
    }
}

impl App {
    /// Copies the displayed item.
    pub(super) fn copy(&self, form: CopyForm) -> Effect {
        let copied = match form {
            CopyForm::Shown => self.shown(),
            CopyForm::Text => self.payload().map(|it| (it, self.detail.document.extent())),
            CopyForm::Json => self.payload().and_then(|it| {
                json::pretty(&it)
                    .map(|it| (it, "pretty JSON".to_owned()))
                    .ok_or("the payload is not JSON".to_owned())
            }),
            CopyForm::Hex => {
                self.payload().map(|it| (hex(&it).into_bytes(), "the payload in hex".to_owned()))
            }
            CopyForm::Base64 => self
                .payload()
                .map(|it| (STANDARD.encode(it).into_bytes(), "the payload in base64".to_owned())),
            CopyForm::Websocat | CopyForm::Curl => self.command(form),
            CopyForm::Wireshark => self.wireshark(),
        };
        match copied {
            Ok((bytes, what)) => Effect::Copy(bytes, what),
            Err(why) => Effect::Say(why),
        }
    }

    fn payload(&self) -> Result<Vec<u8>, String> {
        let payload = self.detail.document.payload().to_vec();
        if payload.is_empty() { Err("there is no payload to copy".to_owned()) } else { Ok(payload) }
    }

    /// Returns the item under the cursor and its description.
    fn shown(&self) -> Result<(Vec<u8>, String), String> {
        let detail = &self.detail;
        let focus = self.panel == Panel::Detail;
        match detail.tab {
            Tab::Tree if focus => {
                let field = detail.document.fields.get(detail.field).filter(|field| !field.value.is_empty());
                match field.filter(|field| field.name != "payload") {
                    Some(field) => Ok((field.value.clone(), format!("the value of {}", field.name))),
                    None => self.payload().map(|it| (it, detail.document.extent())),
                }
            }
            Tab::Json if focus && detail.document.json().is_some() => {
                let (lines, payload) =
                    (detail.document.json().unwrap_or_default(), detail.document.payload());
                let value = json::value_at(lines, payload, detail.json_line);
                let value = value.and_then(|range| payload.get(range)).ok_or("the payload is not JSON")?;
                let path = json::path_to(lines, payload, detail.json_line);
                let value = json::pretty(value).unwrap_or_else(|| value.to_vec());
                Ok((value, if path.is_empty() { "all of the JSON".to_owned() } else { path }))
            }
            Tab::Hex if focus => self
                .payload()
                .map(|it| (hex(&it).into_bytes(), format!("{}, in hex", detail.document.extent()))),
            _ => self.payload().map(|it| (it, detail.document.extent())),
        }
    }

    /// Returns a command that opens the conversation's WebSocket again.
    fn command(&self, form: CopyForm) -> Result<(Vec<u8>, String), String> {
        let store = self.store.lock();
        let slot = self.timeline.entry.and_then(|number| store.entry(number)?.conversation());
        let opened = slot.and_then(|slot| store.conversation(slot)?.opened.as_deref());
        let handshake = opened.map(Attempt::opening).and_then(|opening| opening.handshake.as_deref());
        let handshake = handshake.ok_or("the handshake of this row was not captured")?;
        let name = if form == CopyForm::Curl { "curl" } else { "websocat" };
        let command = if form == CopyForm::Curl { curl(handshake) } else { websocat(handshake) };
        Ok((command.ok_or("the handshake names no URL")?.into_bytes(), format!("a command for {name}")))
    }

    /// Returns a command that shows the row's packet in Wireshark.
    fn wireshark(&self) -> Result<(Vec<u8>, String), String> {
        let store = self.store.lock();
        let entry = self.timeline.entry.and_then(|number| store.entry(number)).ok_or("there is no row")?;
        let file = self.feed.file().ok_or("the packets are in no single file")?;
        let command = format!("wireshark -r {} -g {}", in_shell(&path_in_shell(&file)), entry.packet());
        Ok((command.into_bytes(), "a command for wireshark".to_owned()))
    }

    /// Starts a filter with the value under the cursor.
    pub(super) fn filter_by_value(&self) -> Effect {
        let Some(test) = self.test_of_value() else { return Effect::say("there is no value to filter by") };
        let before = self.typed.filter.trim();
        let text = if before.is_empty() { test } else { format!("{before} and {test}") };
        Effect::Ask(PromptKind::Filter, text)
    }

    fn test_of_value(&self) -> Option<String> {
        let detail = &self.detail;
        let mut store = self.store.lock();
        if self.panel == Panel::Conversations {
            let chosen = self.conversations.chosen()?;
            let id = store.conversation(chosen)?.id;
            let stream = id.stream().map_or(String::new(), |stream| format!(" and stream == {stream}"));
            return Some(format!("conn == {}{stream}", id.packet));
        }
        if self.panel == Panel::Detail && detail.tab == Tab::Json {
            let lines = detail.document.json()?;
            let payload = detail.document.payload();
            let path = json::path_to(lines, payload, detail.json_line);
            let value = payload.get(json::value_at(lines, payload, detail.json_line)?)?;
            let plain = !matches!(value.first(), Some(b'{' | b'['));
            let value = match serde_json::from_slice(value).ok()? {
                serde_json::Value::String(text) => quoted(&text),
                value => value.to_string(),
            };
            return Some(if plain { format!("json{path} == {value}") } else { format!("json{path}") });
        }
        if self.panel == Panel::Detail && detail.tab == Tab::Tree {
            let field = detail.document.fields.get(detail.field)?;
            let value = std::str::from_utf8(&field.value).ok()?;
            if matches!(field.name.as_str(), "name" | "id" | "error" | "of") {
                return Some(format!("sub.{} == {}", field.name, quoted(value)));
            }
        }
        let number = self.timeline.entry?;
        let entry = store.entry(number).copied()?;
        if let Some((code, _)) = entry.anomaly() {
            return Some(format!("anomaly == {}", quoted(code)));
        }
        if entry.what() != EntryKind::Message {
            return None;
        }
        if let Some(meaning) = store.meaning(number).filter(|_| entry.facts().has(Facts::MEANING)) {
            let unit = meaning.of(&[]).units().next().map(|unit| {
                let name = unit.name().or(unit.of());
                let name = name.map_or(String::new(), |name| format!(" and sub.name == {}", quoted(name)));
                format!("sub.kind == {}{name}", quoted(unit.kind()))
            });
            return unit;
        }
        Some(format!("opcode == {}", entry.opcode().name()))
    }
}

/// Returns the header fields of the request that a client does not generate itself.
fn fields(handshake: &Handshake) -> impl Iterator<Item = (&str, &str)> {
    let own = ["host", "connection", "upgrade", "content-length"];
    let request = handshake.request.iter().flat_map(|request| &request.headers);
    request.map(|field| (&*field.name, &*field.value)).filter(move |(name, _)| {
        let name = name.to_ascii_lowercase();
        !own.contains(&name.as_str()) && !name.starts_with("sec-websocket-") && !name.starts_with(':')
    })
}

fn websocat(handshake: &Handshake) -> Option<String> {
    let mut command = "websocat".to_owned();
    for (name, value) in fields(handshake) {
        let _ = write!(command, " -H {}", in_shell(&format!("{name}: {value}")));
    }
    if let Some(subprotocol) = &handshake.subprotocol {
        let _ = write!(command, " --protocol {}", in_shell(subprotocol));
    }
    let _ = write!(command, " {}", in_shell(handshake.url.as_deref()?));
    Some(command)
}

fn curl(handshake: &Handshake) -> Option<String> {
    let url = handshake.url.as_deref()?;
    let mut command = "curl --include --no-buffer --http1.1".to_owned();
    let upgrade = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "d2lyZWZpbi1leGFtcGxlLQ=="),
    ];
    let subprotocol = handshake.subprotocol.as_deref().map(|it| ("Sec-WebSocket-Protocol", it));
    for (name, value) in upgrade.into_iter().chain(subprotocol).chain(fields(handshake)) {
        let _ = write!(command, " -H {}", in_shell(&format!("{name}: {value}")));
    }
    // The same URL with an HTTP scheme: `ws` becomes `http`, `wss` becomes `https` (RFC 6455 §3).
    let _ = write!(command, " {}", in_shell(&url.replacen("ws", "http", 1)));
    Some(command)
}

fn path_in_shell(path: &Path) -> String {
    let text = path.to_string_lossy().into_owned();
    // Prevents a name beginning with a dash from being parsed as an option.
    if text.starts_with('-') { format!("./{text}") } else { text }
}

/// Quotes a word for a shell.
fn in_shell(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "./:_-=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    // A terminal could interpret control characters when the text is pasted.
    let safe: String = word.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    format!("'{}'", safe.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::samples;

    #[test]
    fn a_shell_reads_words_as_they_are() {
        assert_eq!(in_shell("a.pcap"), "a.pcap");
        assert_eq!(in_shell("it's $(x) `y`"), r"'it'\''s $(x) `y`'");
        assert_eq!(in_shell("a\x1bb\n"), "'a\u{fffd}b\u{fffd}'");
    }

    #[test]
    fn commands_have_the_fields_that_are_not_of_the_upgrade() {
        let opened = samples::opened();
        let handshake = opened.handshake.as_deref().unwrap();
        let url = handshake.url.as_deref().unwrap();
        let websocat = websocat(handshake).unwrap();
        assert!(websocat.starts_with("websocat ") && websocat.contains(url), "{websocat}");
        assert!(!websocat.contains("Sec-WebSocket-Key") && !websocat.contains("Upgrade"), "{websocat}");
        let curl = curl(handshake).unwrap();
        assert!(
            curl.contains("-H 'Upgrade: websocket'") && curl.contains(&url.replace("ws://", "http://")),
            "{curl}"
        );
    }
}
