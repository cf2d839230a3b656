//! The names of MQTT's numbers (MQTT 5.0 §2.2.2.2, §2.4; MQTT 3.1.1 §3.2.2.3).

/// The type of a property's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Byte,
    TwoBytes,
    FourBytes,
    Variable,
    Text,
    Bytes,
    Pair,
}

/// Returns the name of a property and the type of its value; `None` if it is not defined.
pub(super) const fn property(id: u64) -> Option<(&'static str, Kind)> {
    Some(match id {
        1 => ("payload_format_indicator", Kind::Byte),
        2 => ("message_expiry_interval", Kind::FourBytes),
        3 => ("content_type", Kind::Text),
        8 => ("response_topic", Kind::Text),
        9 => ("correlation_data", Kind::Bytes),
        11 => ("subscription_identifier", Kind::Variable),
        17 => ("session_expiry_interval", Kind::FourBytes),
        18 => ("assigned_client_identifier", Kind::Text),
        19 => ("server_keep_alive", Kind::TwoBytes),
        21 => ("authentication_method", Kind::Text),
        22 => ("authentication_data", Kind::Bytes),
        23 => ("request_problem_information", Kind::Byte),
        24 => ("will_delay_interval", Kind::FourBytes),
        25 => ("request_response_information", Kind::Byte),
        26 => ("response_information", Kind::Text),
        28 => ("server_reference", Kind::Text),
        31 => ("reason_string", Kind::Text),
        33 => ("receive_maximum", Kind::TwoBytes),
        34 => ("topic_alias_maximum", Kind::TwoBytes),
        35 => ("topic_alias", Kind::TwoBytes),
        36 => ("maximum_qos", Kind::Byte),
        37 => ("retain_available", Kind::Byte),
        38 => ("user_property", Kind::Pair),
        39 => ("maximum_packet_size", Kind::FourBytes),
        40 => ("wildcard_subscription_available", Kind::Byte),
        41 => ("subscription_identifiers_available", Kind::Byte),
        42 => ("shared_subscription_available", Kind::Byte),
        _ => return None,
    })
}

/// Returns the meaning of a reason code of MQTT 5; those from 0x80 on are errors.
pub(super) const fn reason(code: u8) -> &'static str {
    match code {
        0x00 => "Success",
        0x01 => "Granted QoS 1",
        0x02 => "Granted QoS 2",
        0x04 => "Disconnect with Will Message",
        0x10 => "No matching subscribers",
        0x11 => "No subscription existed",
        0x18 => "Continue authentication",
        0x19 => "Re-authenticate",
        0x80 => "Unspecified error",
        0x81 => "Malformed Packet",
        0x82 => "Protocol Error",
        0x83 => "Implementation specific error",
        0x84 => "Unsupported Protocol Version",
        0x85 => "Client Identifier not valid",
        0x86 => "Bad User Name or Password",
        0x87 => "Not authorized",
        0x88 => "Server unavailable",
        0x89 => "Server busy",
        0x8a => "Banned",
        0x8b => "Server shutting down",
        0x8c => "Bad authentication method",
        0x8d => "Keep Alive timeout",
        0x8e => "Session taken over",
        0x8f => "Topic Filter invalid",
        0x90 => "Topic Name invalid",
        0x91 => "Packet Identifier in use",
        0x92 => "Packet Identifier not found",
        0x93 => "Receive Maximum exceeded",
        0x94 => "Topic Alias invalid",
        0x95 => "Packet too large",
        0x96 => "Message rate too high",
        0x97 => "Quota exceeded",
        0x98 => "Administrative action",
        0x99 => "Payload format invalid",
        0x9a => "Retain not supported",
        0x9b => "QoS not supported",
        0x9c => "Use another server",
        0x9d => "Server moved",
        0x9e => "Shared Subscriptions not supported",
        0x9f => "Connection rate exceeded",
        0xa0 => "Maximum connect time",
        0xa1 => "Subscription Identifiers not supported",
        0xa2 => "Wildcard Subscriptions not supported",
        _ => "Reserved",
    }
}

/// Returns the meaning of a return code of CONNACK in MQTT 3.1 and 3.1.1; all except 0 are refusals.
pub(super) const fn return_code(code: u8) -> &'static str {
    match code {
        0 => "Connection Accepted",
        1 => "Connection Refused, unacceptable protocol version",
        2 => "Connection Refused, identifier rejected",
        3 => "Connection Refused, Server unavailable",
        4 => "Connection Refused, bad user name or password",
        5 => "Connection Refused, not authorized",
        _ => "Reserved",
    }
}
