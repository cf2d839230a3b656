//! The sub-protocols there are. Where several fit, the first one is it.

use super::choice::Protocol;
use super::{engineio, jsonrpc, mqtt};

/// One line each.
#[rustfmt::skip]
pub(super) static PROTOCOLS: &[&Protocol] = &[
    &engineio::SOCKET_IO,
    &mqtt::MQTT,
    &jsonrpc::CDP,
    &jsonrpc::MCP,
    &jsonrpc::TRPC,
    &jsonrpc::JSON_RPC,
];
