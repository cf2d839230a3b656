use serde_json::Value;

use super::Record;

/// The identifier of the schema.
const ID: &str = "urn:wirefin:ndjson:2";

/// Returns the JSON Schema of a line, as in `docs/ndjson.schema.json`.
pub fn schema() -> String {
    let settings = schemars::generate::SchemaSettings::draft2020_12()
        .for_serialize()
        .with_transform(schemars::transform::RecursiveTransform(forbid_null));
    let schema = settings.into_generator().into_root_schema_for::<Record>();
    let mut schema = schema;
    schema.insert("$id".to_owned(), Value::from(ID));
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// Removes `null` from the types of properties: an absent value is omitted, never `null`.
///
/// A property that is always `null` is left as it is.
fn forbid_null(schema: &mut schemars::Schema) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for property in properties.values_mut().filter_map(Value::as_object_mut) {
        if let Some(types) = property.get_mut("type")
            && let Some([one]) = without(types, &Value::from("null")).as_deref()
        {
            *types = one.clone();
        }
        if let Some(choices) = property.get_mut("anyOf")
            && let Some([Value::Object(one)]) =
                without(choices, &serde_json::json!({"type": "null"})).as_deref()
        {
            let one = one.clone();
            property.remove("anyOf");
            for (key, value) in one {
                property.entry(key).or_insert(value);
            }
        }
    }
}

/// Returns the elements of the array `list` without `element`.
fn without(list: &Value, element: &Value) -> Option<Vec<Value>> {
    Some(list.as_array()?.iter().filter(|it| *it != element).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::schema;

    /// With `INSTA_UPDATE=always` in the environment, it rewrites the file instead.
    #[test]
    fn the_schema_in_docs_is_the_one_of_these_types() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ndjson.schema.json");
        if std::env::var_os("INSTA_UPDATE").is_some_and(|it| it == "always") {
            std::fs::write(path, schema()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == schema(),
            "docs/ndjson.schema.json is outdated: run INSTA_UPDATE=always cargo test"
        );
    }
}
