use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use super::schema;

/// A program that reads lines into a table and requires its columns to be declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// `DuckDB`: a query.
    DuckDb,
    /// polars: an expression in Python.
    Polars,
    /// Spark: an expression in Python.
    Spark,
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Text,
    Whole,
    Real,
    Truth,
    /// Objects and arrays.
    Nested,
}

/// Returns the declaration that `reader` needs to read lines of an export; `file` is their path.
pub fn columns_for(reader: Reader, file: &str) -> String {
    let columns = columns();
    let mut out = String::new();
    let name = |column: Column, names: [&'static str; 5]| {
        let [text, whole, real, truth, nested] = names;
        match column {
            Column::Text => text,
            Column::Whole => whole,
            Column::Real => real,
            Column::Truth => truth,
            Column::Nested => nested,
        }
    };
    // Writing to a string cannot fail.
    let mut list = |names, line: fn(&str, &str) -> String| {
        let lines: Vec<_> = columns.iter().map(|(key, column)| line(key, name(*column, names))).collect();
        let _ = write!(out, "{}", lines.join(",\n"));
    };
    match reader {
        Reader::DuckDb => {
            let names = ["VARCHAR", "UBIGINT", "DOUBLE", "BOOLEAN", "JSON"];
            list(names, |key, kind| format!("    \"{key}\": '{kind}'"));
            format!(
                "SELECT * FROM read_json('{file}', format = 'newline_delimited', columns = {{\n{out}\n}});\n"
            )
        }
        Reader::Polars => {
            let names = ["pl.String", "pl.UInt64", "pl.Float64", "pl.Boolean", "pl.String"];
            // polars has no column type for arbitrary JSON: nested values are read as their text.
            list(names, |key, kind| format!("    \"{key}\": {kind}"));
            format!(
                "import polars as pl\n\nschema = {{\n{out}\n}}\nlines = pl.read_ndjson({file:?}, schema=schema)\n"
            )
        }
        Reader::Spark => {
            let names = ["STRING", "DECIMAL(20,0)", "DOUBLE", "BOOLEAN", "STRING"];
            list(names, |key, kind| format!("    `{key}` {kind}"));
            format!("lines = spark.read.schema(\"\"\"\n{out}\n\"\"\").json({file:?})\n")
        }
    }
}

/// Returns the members of all lines, each with its type, according to the schema.
fn columns() -> BTreeMap<String, Column> {
    let schema: Value = serde_json::from_str(&schema()).unwrap_or_default();
    let mut columns = BTreeMap::new();
    for variant in schema.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
        let name = variant
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|it| it.rsplit('/').next())
            .unwrap_or_default();
        let own = variant.get("properties").and_then(Value::as_object).into_iter().flatten();
        let shared = schema
            .pointer(&format!("/$defs/{name}/properties"))
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        for (key, property) in own.chain(shared) {
            columns.insert(key.clone(), Column::of(property));
        }
    }
    columns
}

impl Column {
    fn of(property: &Value) -> Column {
        match property["type"].as_str() {
            Some("string") => Column::Text,
            Some("integer") => Column::Whole,
            Some("number") => Column::Real,
            Some("boolean") => Column::Truth,
            // An enumeration of strings.
            None if property["oneOf"]
                .as_array()
                .is_some_and(|list| list.iter().all(|it| it["type"] == "string")) =>
            {
                Column::Text
            }
            _ => Column::Nested,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reader_is_told_of_every_member() {
        let columns = columns();
        for (key, column) in [
            ("type", Column::Text),
            ("ts", Column::Real),
            ("conn", Column::Whole),
            ("complete", Column::Truth),
            ("sub", Column::Nested),
            ("client", Column::Nested),
            ("rule", Column::Text),
            ("from", Column::Text),
            ("severity", Column::Text),
            ("opcode", Column::Text),
            ("why", Column::Text),
        ] {
            assert_eq!(columns.get(key), Some(&column), "{key}");
        }
        for reader in [Reader::DuckDb, Reader::Polars, Reader::Spark] {
            let text = columns_for(reader, "a.ndjson");
            assert!(columns.keys().all(|key| text.contains(key.as_str())), "{text}");
            assert!(text.contains("a.ndjson"));
        }
    }
}
