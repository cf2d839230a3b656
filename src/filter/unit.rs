//! The units of a sub-protocol as JSON values, for use in paths.

use std::time::Duration;

use serde_json::{Map, Value as Json};

use crate::event::Unit;
use crate::subprotocol::Value;

/// Creates the value of `sub`: the members that every unit has, the fields of its protocol alongside, and its name also
/// as `event`, `method` and `topic`.
pub(super) fn value_of(unit: &Unit<'_>) -> Json {
    let mut members = Map::new();
    for field in unit.fields() {
        let value = match field.value {
            Value::Text(text) => text.into(),
            Value::Json(text) => serde_json::from_str(text).unwrap_or(Json::Null),
            Value::Number(number) => number.into(),
            Value::Negative(number) => number.into(),
            Value::Flag(flag) => flag.into(),
            Value::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
        };
        put_field(&mut members, field.name, value, field.listed);
    }
    let fields = Json::Object(members.clone());
    let mut put = |name: &str, value: Option<Json>| {
        if let Some(value) = value {
            members.insert(name.into(), value);
        }
    };
    put("fields", Some(fields));
    put("protocol", Some(unit.protocol().into()));
    put("kind", Some(unit.kind().into()));
    for name in ["name", "event", "method", "topic"] {
        put(name, unit.name().or(unit.of()).map(Into::into));
    }
    put("id", unit.id().map(Into::into));
    put("role", Some(unit.role().name().into()));
    put("of", unit.of().map(Into::into));
    put("inside", unit.inside().map(Into::into));
    put("error", unit.error().map(Into::into));
    put("latency", unit.latency().as_ref().map(Duration::as_secs_f64).map(Into::into));
    put("heartbeat", Some(unit.heartbeat().into()));
    put("complete", Some(unit.is_complete().into()));
    put("messages", Some(unit.messages().into()));
    Json::Object(members)
}

/// Adds a field; if its name contains dots, such as `params.name`, also as a nested member, which is what a path refers
/// to.
fn put_field(members: &mut Map<String, Json>, name: &str, value: Json, listed: bool) {
    if let Some((outer, inner)) = name.split_once('.')
        && let Json::Object(deeper) = members.entry(outer).or_insert_with(|| Json::Object(Map::new()))
    {
        put_field(deeper, inner, value.clone(), listed);
    }
    if !listed {
        members.insert(name.into(), value);
    } else if let Json::Array(list) = members.entry(name).or_insert_with(|| Json::Array(Vec::new())) {
        list.push(value);
    }
}

/// Returns the number represented by a string of digits, because identifiers may be sent as numbers or as strings.
pub(super) fn as_number(value: &Json) -> Option<Json> {
    let text = value.as_str()?;
    text.parse::<u64>().ok().filter(|number| number.to_string() == text).map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{At, Side};
    use crate::subprotocol::{Input, Opening, Reader};
    use crate::websocket::Opcode;

    #[test]
    fn a_path_leads_to_fields_whose_names_have_dots() {
        let bytes = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add"}}"#;
        let (opcode, at) = (Opcode::TEXT, At::default());
        let length = bytes.len() as u64;
        let input = Input { from: Side::Client, opcode, bytes, missing: &[], length, first: at, at };
        let mut reader = Reader::named("mcp", &Opening::default()).unwrap();
        let unit = value_of(&reader.message(&input).units().next().unwrap());
        assert_eq!(unit["fields"]["params"]["name"], "add");
        assert_eq!((&unit["params"]["name"], &unit["params.name"]), (&"add".into(), &"add".into()));
    }
}
