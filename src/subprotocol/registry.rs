//! The sub-protocols there are. Where several fit, the first one is it.

use super::choice::Protocol;
use super::{engineio, jsonrpc};

/// One line each.
pub(super) static PROTOCOLS: &[&Protocol] =
    &[&engineio::SOCKET_IO, &jsonrpc::CDP, &jsonrpc::MCP, &jsonrpc::TRPC, &jsonrpc::JSON_RPC];
