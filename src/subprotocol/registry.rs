//! The sub-protocols there are. Where several fit, the first one is it.

use super::choice::Protocol;
use super::{engineio, graphql, jsonrpc, mqtt, signalr};

/// One line each.
#[rustfmt::skip]
pub(super) static PROTOCOLS: &[&Protocol] = &[
    &engineio::SOCKET_IO,
    &mqtt::MQTT,
    &signalr::SIGNALR,
    &graphql::TRANSPORT,
    &graphql::LEGACY,
    &jsonrpc::CDP,
    &jsonrpc::MCP,
    &jsonrpc::TRPC,
    &jsonrpc::JSON_RPC,
];
