//! Protocol Buffers messages, decoded with the user's `.proto` files.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use prost_reflect::{DescriptorPool, DynamicMessage, Kind, MapKey, Value};

use crate::subprotocol::Schema;

/// Bounds the number of files read from a folder, and the depth of the search.
const MAX_FILES: (usize, usize) = (4096, 16);

/// Bounds the size of a decoded message, in bytes.
const MAX_MESSAGE: usize = 64 << 10;

/// Bounds the JSON text of a message, in bytes.
const MAX_TEXT: usize = 256 << 10;

/// An error about a folder of `.proto` files.
#[derive(Debug, thiserror::Error)]
pub enum ProtoError {
    /// It could not be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// It contains no such file, or too many.
    #[error("{}: {count} .proto files, not 1 to {}", path.display(), MAX_FILES.0)]
    Count {
        /// The folder.
        path: PathBuf,
        /// The number of files.
        count: usize,
    },
    /// A file is invalid.
    #[error("{}", source.to_string().trim())]
    Proto {
        /// The cause.
        #[from]
        source: protox::Error,
    },
}

/// The message types and methods from a folder of `.proto` files.
#[derive(Clone, Debug)]
pub struct ProtoFiles(DescriptorPool);

impl ProtoFiles {
    /// Reads the `.proto` files below a folder, which is also the root of their imports.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be read or is invalid, or if there is none.
    pub fn read(folder: &Path) -> Result<Self, ProtoError> {
        let mut files = Vec::new();
        find(folder, 0, &mut files).map_err(|source| ProtoError::Io { path: folder.to_owned(), source })?;
        files.sort();
        if files.is_empty() || files.len() > MAX_FILES.0 {
            return Err(ProtoError::Count { path: folder.to_owned(), count: files.len() });
        }
        let mut compiler = protox::Compiler::new([folder])?;
        compiler.include_imports(true);
        for file in &files {
            compiler.open_file(file)?;
        }
        Ok(ProtoFiles(compiler.descriptor_pool()))
    }
}

/// Lists the files below a folder.
fn find(folder: &Path, depth: usize, out: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let (path, kind) = entry.and_then(|it| Ok((it.path(), it.file_type()?)))?;
        if kind.is_dir() && depth < MAX_FILES.1 && out.len() <= MAX_FILES.0 {
            find(&path, depth.saturating_add(1), out)?;
        } else if path.extension().is_some_and(|it| it == "proto") {
            out.push(path);
        }
    }
    Ok(())
}

impl Schema for ProtoFiles {
    fn has(&self, message: &str) -> bool {
        self.0.get_message_by_name(message).is_some()
    }

    fn json(&self, message: &str, bytes: &[u8]) -> Option<String> {
        let descriptor = self.0.get_message_by_name(message).filter(|_| bytes.len() <= MAX_MESSAGE)?;
        let message = DynamicMessage::decode(descriptor, bytes).ok()?;
        let mut out = String::new();
        write_message(&message, &mut out)?;
        Some(out)
    }

    fn method(&self, path: &str) -> Option<[String; 2]> {
        let (rest, method) = path.rsplit_once('/')?;
        // What precedes the service depends on the server.
        let service = rest.rsplit('/').next()?;
        let service = self.0.get_service_by_name(service)?;
        let method = service.methods().find(|it| it.name() == method)?;
        Some([method.input(), method.output()].map(|it| it.full_name().to_owned()))
    }
}

/// Writes a message as JSON, with the field names of the `.proto` file; returns `None` if it gets too long.
fn write_message(message: &DynamicMessage, out: &mut String) -> Option<()> {
    let mut comma = "{";
    let mut begin = |name: &str, out: &mut String| {
        out.push_str(std::mem::replace(&mut comma, ","));
        write_text(name, out);
        out.push(':');
    };
    for (field, value) in message.fields() {
        begin(field.name(), out);
        write_value(value, &field.kind(), out)?;
    }
    for (extension, value) in message.extensions() {
        begin(&format!("[{}]", extension.full_name()), out);
        write_value(value, &extension.kind(), out)?;
    }
    // Unknown fields, by number and as bytes: the files may be of another version.
    let mut unknown: BTreeMap<u32, usize> = BTreeMap::new();
    for field in message.unknown_fields() {
        let bytes = unknown.entry(field.number()).or_default();
        *bytes = bytes.saturating_add(field.encoded_len());
    }
    for (number, bytes) in unknown {
        begin(&format!("?{number}"), out);
        write!(out, "\"{bytes} bytes\"").ok()?;
    }
    out.push_str(if comma == "{" { "{}" } else { "}" });
    (out.len() <= MAX_TEXT).then_some(())
}

fn write_value(value: &Value, kind: &Kind, out: &mut String) -> Option<()> {
    match value {
        Value::Bool(it) => write!(out, "{it}").ok()?,
        Value::I32(it) => write!(out, "{it}").ok()?,
        Value::I64(it) => write!(out, "{it}").ok()?,
        Value::U32(it) => write!(out, "{it}").ok()?,
        Value::U64(it) => write!(out, "{it}").ok()?,
        Value::F32(it) if it.is_finite() => write!(out, "{it}").ok()?,
        Value::F64(it) if it.is_finite() => write!(out, "{it}").ok()?,
        Value::F32(it) => write!(out, "\"{it}\"").ok()?,
        Value::F64(it) => write!(out, "\"{it}\"").ok()?,
        Value::String(it) => write_text(it, out),
        Value::Bytes(it) => {
            out.push('"');
            it.iter().try_for_each(|byte| write!(out, "{byte:02x}")).ok()?;
            out.push('"');
        }
        Value::EnumNumber(it) => {
            let named = if let Kind::Enum(of) = kind { of.get_value(*it) } else { None };
            match named {
                Some(named) => write_text(named.name(), out),
                None => write!(out, "{it}").ok()?,
            }
        }
        Value::Message(it) => write_message(it, out)?,
        Value::List(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                write_value(item, kind, out)?;
            }
            out.push(']');
        }
        Value::Map(map) => write_map(map.iter(), kind, out)?,
    }
    (out.len() <= MAX_TEXT).then_some(())
}

/// Writes a map, sorted by key.
fn write_map<'v>(
    map: impl Iterator<Item = (&'v MapKey, &'v Value)>,
    kind: &Kind,
    out: &mut String,
) -> Option<()> {
    let of =
        if let Kind::Message(entry) = kind { entry.map_entry_value_field().kind() } else { return None };
    let mut entries: Vec<_> = map.collect();
    entries.sort_by(|a, b| a.0.cmp(b.0));
    let mut comma = "{";
    for (key, value) in entries {
        out.push_str(comma);
        comma = ",";
        let key = match key {
            MapKey::Bool(it) => it.to_string(),
            MapKey::I32(it) => it.to_string(),
            MapKey::I64(it) => it.to_string(),
            MapKey::U32(it) => it.to_string(),
            MapKey::U64(it) => it.to_string(),
            MapKey::String(it) => it.clone(),
        };
        write_text(&key, out);
        out.push(':');
        write_value(value, &of, out)?;
    }
    out.push_str(if comma == "{" { "{}" } else { "}" });
    Some(())
}

fn write_text(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LAB: &str = r#"
        syntax = "proto3";
        package lab;
        import "deeper/kind.proto";
        message Order { uint64 id = 1; string item = 2; repeated sint32 sizes = 3; Kind kind = 4; Order next = 5;
            map<string, double> prices = 6; bytes raw = 7; }
        message Receipt { bool ok = 1; }
        service Shop { rpc Buy(Order) returns (stream Receipt); }
    "#;

    fn lab() -> ProtoFiles {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("deeper")).unwrap();
        std::fs::write(folder.path().join("lab.proto"), LAB).unwrap();
        let kind = "syntax = \"proto3\"; package lab; enum Kind { NONE = 0; LARGE = 1; }";
        std::fs::write(folder.path().join("deeper/kind.proto"), kind).unwrap();
        ProtoFiles::read(folder.path()).unwrap()
    }

    #[test]
    fn a_message_is_written_by_the_names_of_its_fields() {
        let lab = lab();
        assert!(lab.has("lab.Order") && !lab.has("lab.Orders"));
        assert_eq!(lab.method("/lab.Shop/Buy"), Some(["lab.Order".into(), "lab.Receipt".into()]));
        assert_eq!(lab.method("/lab.Shop/Sell"), None);
        let bytes = b"\x08\x07\x12\x03tea\x1a\x02\x03\x04\x20\x01\x2a\x04\x12\x02\"x\x32\x0c\x0a\x01a\x11\0\0\0\0\0\0\xf8\x3f\x3a\x01\xff\x48\x01";
        assert_eq!(
            lab.json("lab.Order", bytes).as_deref(),
            Some(
                r#"{"id":7,"item":"tea","sizes":[-2,2],"kind":"LARGE","next":{"item":"\"x"},"prices":{"a":1.5},"raw":"ff","?9":"2 bytes"}"#
            )
        );
        assert_eq!(lab.json("lab.Receipt", b""), Some("{}".into()));
        assert_eq!(lab.json("lab.Order", b"\x12\x09tea"), None, "not whole");
        assert_eq!(lab.json("lab.Order", &[0x0a; MAX_MESSAGE + 1]), None, "too long");
    }

    #[test]
    fn what_is_wrong_with_a_folder_is_said() {
        let folder = tempfile::tempdir().unwrap();
        assert!(ProtoFiles::read(folder.path()).unwrap_err().to_string().contains("0 .proto files"));
        std::fs::write(folder.path().join("a.proto"), "syntax = \"proto3\"; message A { Nothing b = 1; }")
            .unwrap();
        let fault = ProtoFiles::read(folder.path()).unwrap_err().to_string();
        assert!(fault.contains("Nothing"), "{fault}");
        assert!(ProtoFiles::read(&folder.path().join("none")).is_err());
    }

    proptest! {
        /// For any bytes, the output is JSON, or there is none.
        #[test]
        fn any_bytes_give_json_or_nothing(bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0_u8..64], 0..200)) {
            static LAB: std::sync::LazyLock<ProtoFiles> = std::sync::LazyLock::new(lab);
            if let Some(json) = LAB.json("lab.Order", &bytes) {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{}", json);
            }
        }
    }
}
