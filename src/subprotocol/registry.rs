//! The supported sub-protocols. If several match, the first one wins.

use super::protocol::Protocol;
use super::{
    actioncable, discord, engineio, graphql, grpc, jsonrpc, jupyter, kubernetes, mqtt, ocpp, phoenix, pusher,
    rfb, signalr, sip, sockjs, stomp, tunnel, typed_json, wamp, xmpp, yjs,
};

/// The sub-protocols, one line each.
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
    &sockjs::SOCKJS,
    &stomp::STOMP,
    &wamp::WAMP,
    &phoenix::PHOENIX,
    &actioncable::ACTION_CABLE,
    &ocpp::OCPP,
    &pusher::PUSHER,
    &discord::DISCORD,
    &jupyter::JUPYTER,
    &kubernetes::KUBERNETES,
    &rfb::RFB,
    &xmpp::XMPP,
    &sip::SIP,
    &grpc::GRPC,
    &typed_json::DDP,
    &typed_json::NOSTR,
    &typed_json::VITE,
    &typed_json::WEBPACK,
    &yjs::YJS,
    &tunnel::TUNNEL,
];
