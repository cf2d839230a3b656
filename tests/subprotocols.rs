//! What messages mean, against what the endpoints of recorded conversations wrote down.
//!
//! The captures lie beside the repository, in `../shared/captures/subprotocols`, and are not a part of it.

use std::path::{Path, PathBuf};

use serde_json::Value;
use wirefin::capture::Files;

use crate::support::run::{export_from, records, solo};

/// Returns the folder of the captures; `None`, and a note, where it is not there.
fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.join("shared/captures/subprotocols");
    // A work tree of the repository may lie one folder deeper.
    let deeper =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.parent()?.join("shared/captures/subprotocols");
    let found = [folder, deeper].into_iter().find(|folder| folder.is_dir());
    if found.is_none() {
        eprintln!("skipped: there is no ../shared/captures/subprotocols");
    }
    found
}

/// Exports a capture and returns its lines.
fn exported(path: &Path) -> Vec<Value> {
    let mut files = Files::open(&[path.to_owned()]).unwrap();
    let lines = export_from(&mut files, &solo(), false).unwrap();
    records(&String::from_utf8(lines).unwrap())
}

/// Returns every unit, with who sent it under `from`.
fn units(lines: &[Value]) -> Vec<Value> {
    let messages = lines.iter().filter(|line| line["type"] == "message");
    let units = messages.flat_map(|line| {
        let units = line["sub"].as_array().cloned().unwrap_or_default();
        units.into_iter().map(|mut unit| {
            unit["from"] = line["from"].clone();
            unit
        })
    });
    units.collect()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a row of the table picks out of a logged line, or of a unit; others give `None`.
type Pick = fn(&Value) -> Option<String>;

/// Says both sides' picks of one capture in order of the alphabet, for they are logged by two clocks.
fn compare(folder: &Path, name: &str, logged: Pick, decoded: Pick) {
    let truth = std::fs::read_to_string(folder.join(format!("{name}.truth.json"))).unwrap();
    let truth: Value = serde_json::from_str(&truth).unwrap();
    let mut want: Vec<_> = truth["log"].as_array().unwrap().iter().filter_map(logged).collect();
    let all = units(&exported(&folder.join(format!("{name}.pcap"))));
    let mut got: Vec<_> = all.iter().filter_map(decoded).collect();
    assert!(!want.is_empty(), "{name}: the log says something");
    want.sort();
    got.sort();
    assert_eq!(got, want, "{name}");
}

/// Picks `who` and `act` of a log, and the value of a member.
fn log(line: &Value, who: &str, act: &str, member: &str) -> Option<String> {
    (line["who"] == who && line["act"] == act).then(|| text(&line[member]))
}

/// Picks a unit's member by its kind and who sent it.
fn unit(unit: &Value, from: &str, kind: &str, member: &str) -> Option<String> {
    (unit["from"] == from && unit["kind"] == kind).then(|| text(&unit[member]))
}

#[test]
fn names_and_counts_are_those_of_the_endpoints() {
    let Some(folder) = folder() else { return };
    let compare = |name, logged: Pick, decoded: Pick| compare(&folder, name, logged, decoded);
    // Socket.IO: the events that the client emitted, and what it got.
    for name in ["sio4-polling-upgrade", "sio4-msgpack", "sio2-eio3"] {
        compare(
            name,
            |it| log(it, "client", "emit", "event"),
            |it| unit(it, "client", "EVENT", "name").or_else(|| unit(it, "client", "BINARY_EVENT", "name")),
        );
    }
    compare(
        "sio4-msgpack",
        |it| log(it, "server", "emit", "event"),
        |it| unit(it, "server", "EVENT", "name"),
    );
    // MQTT: topics.
    for name in ["mqtt5-mosquitto", "mqtt5-cut-anywhere"] {
        compare(
            name,
            |it| log(it, "client", "got publish", "topic"),
            |it| unit(it, "server", "PUBLISH", "name"),
        );
    }
    compare(
        "mqtt311-aedes",
        |it| log(it, "c1", "publish", "topic"),
        |it| unit(it, "client", "PUBLISH", "name"),
    );
    // SignalR: every hub message that the server got, in both encodings.
    for name in ["signalr-json", "signalr-msgpack"] {
        compare(
            name,
            |it| (it["who"] == "server" && it["act"] == "got").then(|| text(&it["msg"]["target"])),
            |it| {
                let hub = it["from"] == "client" && it["kind"] != "HandshakeRequest";
                hub.then(|| text(&it["name"]))
            },
        );
    }
    // GraphQL: operations by name and id, as the server got them.
    compare(
        "graphql-transport-ws",
        |it| log(it, "server", "subscribe", "id"),
        |it| unit(it, "client", "subscribe", "id").filter(|id| id != "x"),
    );
    // The DevTools Protocol: commands, their results and events.
    compare(
        "cdp-chromium",
        |it| {
            let act = it["act"].as_str()?;
            ["command", "result", "error", "event"]
                .contains(&act)
                .then(|| format!("{act} {}", text(&it["method"])))
        },
        |it| {
            let name = it.get("name").or_else(|| it.get("of"))?;
            // The client's log calls every answer a result.
            let kind = text(&it["kind"]).replace("error", "result");
            Some(format!("{kind} {}", text(name)))
        },
    );
    // tRPC: paths.
    compare(
        "trpc",
        |it| log(it, "server", "query", "path").or_else(|| log(it, "server", "mutation", "path")),
        |it| {
            let call =
                unit(it, "client", "query", "name").or_else(|| unit(it, "client", "mutation", "name"))?;
            // What the server refused before it called anything is not in its log.
            (it["id"] != "4" && it["id"] != "3").then_some(call)
        },
    );
}

#[test]
fn every_answer_has_its_question_and_latency() {
    let Some(folder) = folder() else { return };
    for name in ["cdp-chromium", "jsonrpc-lsp", "mcp", "ethereum-ganache", "mqtt5-mosquitto", "signalr-json"]
    {
        let all = units(&exported(&folder.join(format!("{name}.pcap"))));
        let answers: Vec<_> = all.iter().filter(|unit| unit["role"] == "answer").collect();
        assert!(answers.len() > 3, "{name}");
        for answer in answers {
            assert!(answer["latency"].is_number(), "{name}: {answer}");
        }
    }
}

#[test]
fn every_capture_is_recognised() {
    let Some(folder) = folder() else { return };
    for path in crate::corpus::below(&folder) {
        let lines = exported(&path);
        let named = units(&lines).len();
        let data = lines.iter().filter(|it| it["opcode"] == "text" || it["opcode"] == "binary").count();
        assert!(named > 0, "{}: none of {data} messages has a meaning", path.display());
        let mistaken = lines.iter().filter(|it| it["rule"] == "subprotocol-mistaken").count();
        assert_eq!(mistaken, 0, "{}", path.display());
    }
}

#[test]
fn mqtt_means_the_same_however_it_is_cut_into_messages() {
    let Some(folder) = folder() else { return };
    // Two runs of one program: packet identifiers differ, and so may the order of the two sides.
    let said = |name: &str| {
        let mut all: Vec<_> = units(&exported(&folder.join(name)))
            .iter()
            .map(|it| format!("{} {} {}", text(&it["from"]), text(&it["kind"]), text(&it["name"])))
            .collect();
        all.sort();
        all
    };
    assert_eq!(said("mqtt5-mosquitto.pcap"), said("mqtt5-cut-anywhere.pcap"));
}

#[test]
fn services_are_read_by_the_rules_that_ship() {
    let Some(folder) = folder() else { return };
    let all = units(&exported(&folder.join("handmade-services.pcap")));
    for name in [
        "homeassistant",
        "mattermost",
        "slack-socket-mode",
        "twitch-irc",
        "ably",
        "binance",
        "coinbase",
        "kraken",
        "centrifugo",
        "firebase",
    ] {
        assert!(all.iter().any(|unit| unit["protocol"] == name), "{name}");
    }
    let failed: Vec<_> = all.iter().filter_map(|unit| unit["error"].as_str()).collect();
    for error in
        ["Unknown command.", "denied", "Invalid request", "bad", "permission denied", "Permission denied"]
    {
        assert!(failed.contains(&error), "{error}: {failed:?}");
    }
    let parts = all.iter().find(|unit| unit["protocol"] == "firebase" && unit["messages"] == 3);
    assert_eq!(parts.map(|unit| text(&unit["name"])), Some("/x".to_owned()));
}
