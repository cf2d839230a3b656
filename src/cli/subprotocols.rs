//! The arguments that determine which sub-protocols are decoded, and in which conversations.

#[cfg(feature = "protobuf")]
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;

use crate::event::{ConnId, Conversation};
use crate::filter::{Facts, Filter};
use crate::services;
use crate::session::{Selector, SubprotocolChoice};
use crate::subprotocol::{Schema, Settings};

/// The arguments about sub-protocols.
#[derive(Debug, clap::Args)]
pub(super) struct Subprotocols {
    /// Decode all messages as this sub-protocol; `off` decodes none [default: detected per conversation]
    #[arg(long, value_name = "NAME", help_heading = "Sub-protocols")]
    subprotocol: Option<String>,

    /// Decode some conversations as this sub-protocol: conn==4:mqtt, 'path == "/feed":json-rpc'
    ///
    /// The part before the last colon is a filter over what is known as soon as a conversation begins; if several
    /// match, the first one applies.
    #[arg(long = "as", value_name = "FILTER:NAME", value_parser = spoken, help_heading = "Sub-protocols")]
    spoken: Vec<SubprotocolArg>,

    /// Decode the sub-protocols described by this rule file
    ///
    /// It is TOML; the project's page on sub-protocols describes its contents.
    #[arg(long = "subprotocols", value_name = "FILE", value_parser = rules, help_heading = "Sub-protocols")]
    rule_files: Vec<RuleFile>,

    /// Decode messages of Protocol Buffers with the .proto files below this folder
    ///
    /// Methods of gRPC determine the types of their messages; a rule file declares them under `proto`.
    #[cfg(feature = "protobuf")]
    #[arg(long, value_name = "DIR", value_parser = proto_files, help_heading = "Sub-protocols")]
    proto_dir: Option<services::ProtoFiles>,
}

/// Conversations and the sub-protocol that they use.
#[derive(Clone, Debug)]
struct SubprotocolArg {
    filter: Filter,
    name: String,
}

/// A filter that selects conversations.
#[derive(Debug)]
struct ByFilter(Filter);

impl Selector for ByFilter {
    fn selects(&self, conn: ConnId, conversation: Option<&Conversation>) -> bool {
        self.0.matches(&Facts { conn: Some(conn), conversation, ..Facts::default() })
    }
}

/// The name of a valid rule file.
#[derive(Clone, Debug)]
struct RuleFile(String);

impl Subprotocols {
    /// Returns which sub-protocols are decoded.
    pub(super) fn settings(&self) -> anyhow::Result<Arc<Settings>> {
        let schema = self.schema();
        if self.subprotocol.is_none() && self.rule_files.is_empty() && schema.is_none() {
            return Ok(services::settings());
        }
        let mut settings = Settings { services: services::shipped(), ..Settings::default() };
        for RuleFile(text) in &self.rule_files {
            settings.own.extend(services::parse_typed(text, schema.as_ref())?);
        }
        settings.schema = schema;
        settings.named = self.subprotocol.as_deref().map(|name| find(&settings, name)).transpose()?;
        Ok(Arc::new(settings))
    }

    /// Returns the user's message types of Protocol Buffers.
    #[cfg(feature = "protobuf")]
    fn schema(&self) -> Option<Arc<dyn Schema>> {
        self.proto_dir.clone().map(|it| Arc::new(it) as Arc<dyn Schema>)
    }

    /// Returns the user's message types of Protocol Buffers.
    #[cfg(not(feature = "protobuf"))]
    #[expect(clippy::unused_self, reason = "as with the feature")]
    fn schema(&self) -> Option<Arc<dyn Schema>> {
        None
    }

    /// Returns which conversations use which sub-protocol.
    pub(super) fn spoken(&self, settings: &Settings) -> anyhow::Result<Arc<[SubprotocolChoice]>> {
        let spoken = self.spoken.iter().map(|it| {
            let selector = Box::new(ByFilter(it.filter.clone()));
            Ok(SubprotocolChoice { selector, name: find(settings, &it.name)? })
        });
        spoken.collect()
    }
}

/// Finds a sub-protocol by name.
fn find(settings: &Settings, name: &str) -> anyhow::Result<&'static str> {
    settings.find_name(name).with_context(|| format!("there is no sub-protocol {name}"))
}

/// Parses a filter on conversations and the sub-protocol that they use.
fn spoken(text: &str) -> Result<SubprotocolArg, String> {
    let (filter, name) = text
        .rsplit_once(':')
        .filter(|(_, name)| !name.trim().is_empty())
        .ok_or("FILTER:NAME is wanted, as in conn==4:mqtt")?;
    // A stream of a connection is written the way its conversation is.
    let stream = filter.trim().strip_prefix("conn").and_then(|it| it.trim_start().strip_prefix("=="));
    let filter = match stream.and_then(|it| it.trim().split_once('.')) {
        Some((conn, stream)) => Filter::parse(&format!("conn == {conn} and stream == {stream}")),
        None => Filter::parse(filter),
    };
    let filter = filter.map_err(|error| error.to_string())?;
    if !filter.is_of_conversation() {
        return Err("the filter may only ask what is known as soon as a conversation begins".to_owned());
    }
    Ok(SubprotocolArg { filter, name: name.trim().to_owned() })
}

/// Checks that a rule file can be read and is valid.
fn rules(name: &str) -> Result<RuleFile, String> {
    let text = std::fs::read_to_string(name).map_err(|error| error.to_string())?;
    services::parse(&text).map(|_| ()).map_err(|error| error.to_string())?;
    Ok(RuleFile(text))
}

/// Parses a folder of `.proto` files.
#[cfg(feature = "protobuf")]
fn proto_files(name: &str) -> Result<services::ProtoFiles, String> {
    services::ProtoFiles::read(Path::new(name)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::spoken;

    #[test]
    fn conversations_and_what_they_speak() {
        let read = |text| spoken(text).map(|it| (it.filter.to_string(), it.name));
        let is = |filter: &str, name: &str| Ok((filter.to_owned(), name.to_owned()));
        assert_eq!(read("conn==4:mqtt"), is("conn == 4", "mqtt"));
        assert_eq!(read("conn == 4.3:socket.io"), is("conn == 4 and stream == 3", "socket.io"));
        assert_eq!(read(r#"url contains "a:b" : mqtt"#), is(r#"url contains "a:b""#, "mqtt"));
        assert!(
            ["mqtt", "conn==x:mqtt", "4:mqtt", "len > 4:mqtt", "conn==4:"]
                .into_iter()
                .all(|text| read(text).is_err())
        );
    }
}
