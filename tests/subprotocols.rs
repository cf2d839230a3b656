//! The meaning of messages, compared with the records of the endpoints of recorded conversations.
//!
//! The captures are beside the repository, in `../shared/captures/subprotocols`, and are not part of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use wirefin::capture::Files;
use wirefin::services::{ProtoFiles, parse_typed};

use crate::support::damage::{lose, lose_before, lose_burst};
use crate::support::dice::Dice;
use crate::support::packets::read;
use crate::support::run::{export, export_bodies, export_from, records, solo};

/// Returns the folder of the captures; prints a note and returns `None` if it does not exist.
fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.join("shared/captures/subprotocols");
    // A work tree of the repository may be one level deeper.
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

/// Returns every unit, with its sender under `from`.
fn units(lines: &[Value]) -> Vec<Value> {
    let messages = lines.iter().filter(|line| line["type"] == "message");
    let units = messages.flat_map(|line| {
        let units = line["sub"].as_array().cloned().unwrap_or_default();
        units.into_iter().map(|mut unit| {
            // Units that ended in an earlier message name their sender themselves.
            if unit.get("packet").is_none() {
                unit["from"] = line["from"].clone();
            }
            unit
        })
    });
    units.collect()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a row of the table extracts from a logged line or from a unit; `None` for others.
type Pick = fn(&Value) -> Option<String>;

/// Compares both sides' extracts of one capture in alphabetical order, because they are logged by two clocks.
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

/// Extracts a member from log lines with this `who` and `act`.
fn log(line: &Value, who: &str, act: &str, member: &str) -> Option<String> {
    (line["who"] == who && line["act"] == act).then(|| text(&line[member]))
}

/// Extracts a member from units of this kind and sender.
fn unit(unit: &Value, from: &str, kind: &str, member: &str) -> Option<String> {
    (unit["from"] == from && unit["kind"] == kind).then(|| text(&unit[member]))
}

#[test]
fn names_and_counts_are_those_of_the_endpoints() {
    let Some(folder) = folder() else { return };
    let compare = |name, logged: Pick, decoded: Pick| compare(&folder, name, logged, decoded);
    // Socket.IO: the events that the client emitted and received.
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
    // SignalR: every hub message received by the server, in both encodings.
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
    // GraphQL: operations by name and ID, as received by the server.
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
            // The client's log calls every response a result.
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
            // Calls that the server refused before executing them are not in its log.
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
    // Two runs of one program: packet identifiers differ, and the order of the two sides may differ, too.
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

/// Lists the project's own captures.
fn own() -> Vec<PathBuf> {
    crate::corpus::below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/subprotocols"))
}

/// Counts values.
fn counted(all: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    all.fold(BTreeMap::new(), |mut sum, it| {
        *sum.entry(it).or_default() += 1;
        sum
    })
}

/// Returns the values that are more frequent in `these` than in `those`.
fn beyond(these: &BTreeMap<String, usize>, those: &BTreeMap<String, usize>) -> Vec<String> {
    these
        .iter()
        .filter(|(it, n)| those.get(*it).is_none_or(|other| other < n))
        .map(|it| it.0.clone())
        .collect()
}

#[test]
fn all_that_the_endpoints_sent_is_decoded() {
    let mut judged = 0;
    for path in own() {
        let truth = std::fs::read_to_string(path.with_extension("truth.json")).unwrap();
        let truth: Value = serde_json::from_str(&truth).unwrap();
        let sent: Vec<_> = truth["log"].as_array().unwrap().iter().filter(|it| it["act"] == "sent").collect();
        if sent.is_empty() {
            continue;
        }
        judged += 1;
        // Only those logs have IDs whose interface exposes them.
        let ids = sent.iter().all(|it| it.get("id").is_some());
        let key = |who: &str, it: &Value, name: &str| {
            let id = if ids {
                it.get("id").filter(|id| !id.is_null()).map_or_else(String::new, text)
            } else {
                String::new()
            };
            format!("{who} {name} {id}")
        };
        let logged = counted(
            sent.iter()
                .filter(|it| ids || it["name"] != "")
                .map(|it| key(&text(&it["who"]), it, it["name"].as_str().unwrap_or_default())),
        );
        let all = units(&exported(&path));
        let decoded = counted(all.iter().map(|it| {
            let name = it["name"].as_str().or(it["of"].as_str().filter(|_| !ids)).unwrap_or_default();
            key(&text(&it["from"]), it, name)
        }));
        assert_eq!(beyond(&logged, &decoded), [""; 0], "{}", path.display());
    }
    assert!(judged > 15, "{judged}");
}

/// A log with `unit` entries lists all units of a kind that an endpoint sent: exactly these must be decoded.
#[test]
fn units_are_those_that_the_endpoints_list() {
    let mut judged = 0;
    for path in own() {
        let truth = std::fs::read_to_string(path.with_extension("truth.json")).unwrap();
        let truth: Value = serde_json::from_str(&truth).unwrap();
        let listed: Vec<_> =
            truth["log"].as_array().unwrap().iter().filter(|it| it["act"] == "unit").collect();
        judged += usize::from(!listed.is_empty());
        // If an endpoint's interface exposes a member for a kind, it does so for all units of that kind.
        let members: BTreeMap<_, Vec<_>> = listed
            .iter()
            .map(|it| {
                let said = ["name", "id", "of", "error"].into_iter().filter(|name| it.get(*name).is_some());
                ((text(&it["who"]), text(&it["kind"])), said.collect())
            })
            .collect();
        let said = |who: &Value, unit: &Value| {
            let members = members.get(&(text(who), text(&unit["kind"])))?;
            let values = members.iter().map(|member| match &unit[*member] {
                Value::Null => String::new(),
                value => format!(" {member} {}", text(value)),
            });
            Some(format!("{} {}{}", text(who), text(&unit["kind"]), values.collect::<String>()))
        };
        let sent = counted(listed.iter().filter_map(|it| said(&it["who"], it)));
        let decoded = counted(units(&exported(&path)).iter().filter_map(|it| said(&it["from"], it)));
        assert_eq!(decoded, sent, "{}", path.display());
    }
    assert!(judged > 10, "{judged}");
}

#[test]
fn what_is_decoded_of_a_part_was_sent() {
    let said = |lines: &[Value]| {
        // A unit that cannot be inflated, or lacks the member that identifies its kind, only has a kind of our own.
        let is_known =
            |it: &&Value| it["kind"] != "payload" && (it["kind"] != "message" || it["complete"] != false);
        counted(units(lines).iter().filter(is_known).map(|it| {
            format!("{} {} {}", text(&it["from"]), text(&it["kind"]), it["name"].as_str().unwrap_or_default())
        }))
    };
    for path in own() {
        let packets = read(&path).unwrap();
        let whole = said(&exported(&path));
        let mut dice = Dice::new(packets.len() as u64);
        for n in 0..8_usize {
            let part = if n < 4 {
                lose_before(&packets, packets.len() * (2 * n + 1) / 8)
            } else {
                lose(&packets, &mut dice, 40)
            };
            let mut got = said(&records(&export(&part, false)));
            // The name may be in the lost part; a packet whose kind is lost cannot be one.
            got.retain(|it, _| !it.ends_with(' ') || whole.contains_key(it));
            assert_eq!(beyond(&got, &whole), [""; 0], "{}, part {n}", path.display());
        }
    }
}

/// Returns whether everything in a unit is also in another one, apart from what depends on its context.
fn says_no_more_than(unit: &Value, whole: &Value) -> bool {
    let same = |it: &Value, other: &Value| it.is_null() || it == other;
    let members = ["from", "kind", "name", "id", "error", "body"];
    let fields = unit["fields"].as_object().into_iter().flatten();
    // Until something shows that it is MCP, it is the JSON-RPC on which MCP is based.
    let is_mcp = unit["protocol"] == "json-rpc" && whole["protocol"] == "mcp";
    (is_mcp || unit["protocol"] == whole["protocol"])
        && members.into_iter().all(|name| same(&unit[name], &whole[name]))
        && fields.into_iter().all(|(name, value)| same(value, &whole["fields"][name]))
}

/// Even with losses, every unit was sent: no attachment belongs to the wrong event, no packet has another's bytes.
#[test]
fn units_of_a_part_carry_what_those_of_the_whole_do() {
    let shared = folder().map(|folder| crate::corpus::below(&folder)).unwrap_or_default();
    let mut invented = Vec::new();
    for path in own().into_iter().chain(shared) {
        if std::fs::metadata(&path).unwrap().len() > 40_000 {
            continue;
        }
        let packets = read(&path).unwrap();
        let decoded = |packets: &[_]| units(&records(&export_bodies(packets)));
        let whole = decoded(&packets);
        // If the end of a stream was lost, a later item is shown with the name of what it belongs to.
        let belongs = |unit: &Value| {
            let asked = |it: &Value| it["name"] == unit["of"] && it["id"] == unit["id"];
            unit["of"].is_null() || whole.iter().any(|it| it["of"] == unit["of"] || asked(it))
        };
        let mut dice = Dice::new(packets.len() as u64 + 7);
        for n in 0..9 {
            let part = match n % 3 {
                0 => lose_before(&packets, dice.below(packets.len())),
                1 => lose(&packets, &mut dice, 30),
                _ => lose_burst(&packets, &mut dice, 8),
            };
            for unit in decoded(&part).iter().filter(|unit| unit["complete"] != false) {
                let attached =
                    |it: &Value| it["role"] != "part" || unit["of"].is_null() || unit["of"] == it["of"];
                let sent = whole.iter().any(|it| says_no_more_than(unit, it) && attached(it));
                if !sent || !belongs(unit) {
                    invented.push(format!("{}, part {n}: {unit}", path.display()));
                }
            }
        }
    }
    assert!(invented.is_empty(), "{}", invented.join("\n"));
}

/// Returns the blocks of this language in the page about sub-protocols.
fn blocks(language: &str) -> Vec<String> {
    let page = include_str!("../docs/subprotocols.md");
    let begin = format!("```{language}\n");
    page.split(&begin).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// The `.proto` file and the rules of the page are valid, and gRPC messages are decoded with their method's types.
#[test]
fn messages_of_protocol_buffers_are_read_by_the_users_types() {
    let folder = tempfile::tempdir().unwrap();
    let [proto] = &blocks("proto")[..] else { panic!("one .proto file") };
    std::fs::write(folder.path().join("harbour.proto"), proto).unwrap();
    let schema: Arc<dyn wirefin::subprotocol::Schema> = Arc::new(ProtoFiles::read(folder.path()).unwrap());
    let rules: Vec<_> = blocks("toml").iter().map(|it| parse_typed(it, Some(&schema)).unwrap()).collect();
    assert_eq!(rules.len(), 2);
    let said = rules[1][0].describe(wirefin::model::Side::Client, b"\x0a\x05crane").unwrap();
    assert_eq!((said.name.as_deref(), said.body.as_deref()), (Some("crane"), Some(r#"{"name":"crane"}"#)));
    let fault = parse_typed(&blocks("toml")[1].replace("lab.Ship", "lab.Shop"), Some(&schema)).unwrap_err();
    assert!(fault.to_string().contains("there is no message type lab.Shop"), "{fault}");

    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/subprotocols/grpc-web.pcap");
    let export = |more: &[&std::ffi::OsStr]| {
        let mut command = assert_cmd::Command::cargo_bin("wirefin").unwrap();
        let output = command.args(["export", "--sub", "full"]).arg(&capture).args(more).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        units(&records(&String::from_utf8(output.stdout).unwrap()))
    };
    let typed = export(&["--proto-dir".as_ref(), folder.path().as_os_str()]);
    let sent = |units: &[Value], from: &str| {
        let messages = units.iter().filter(|it| it["kind"] == "message" && it["from"] == from);
        messages.map(|it| it["body"].clone()).collect::<Vec<_>>()
    };
    // What the client's library returned to its caller.
    let truth: Value =
        serde_json::from_str(&std::fs::read_to_string(capture.with_extension("truth.json")).unwrap())
            .unwrap();
    let got = truth["log"].as_array().unwrap().iter().filter(|it| it["act"] == "got");
    let got: Vec<_> = got.map(|it| serde_json::json!({ "name": it["text"] })).collect();
    assert_eq!(sent(&typed, "server"), got);
    // A method that is not in the file has no types.
    let is_typed = |it: &Value| it["fields"]["message_type"] == "lab.Ship";
    let mut messages = typed.iter().filter(|it| it["kind"] == "message");
    assert!(messages.all(|it| is_typed(it) != (it["name"] == "/lab.Harbour/Fail")));
    let guessed = sent(&export(&[]), "server");
    let names: Vec<_> = guessed.iter().map(|it| serde_json::json!({ "name": it["guessed"]["1"] })).collect();
    assert_eq!(names, got, "{guessed:?}");
}
