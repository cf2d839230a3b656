//! Kubernetes remote commands: exec, attach and port-forward over `channel.k8s.io` (k8s.io/apiserver, `wsstream`, and
//! the remote command protocols v4 and v5). A byte, or a digit in the base64 variants, selects the channel.

use base64::Engine as _;

use crate::model::Side;

use super::decoder::{Decoder, Out};
use super::input::Input;
use super::json;
use super::protocol::{Evidence, Protocol};
use super::unit::Format;

pub(super) static KUBERNETES: Protocol = Protocol {
    headers: &[
        "channel.k8s.io",
        "v2.channel.k8s.io",
        "v3.channel.k8s.io",
        "v4.channel.k8s.io",
        "v5.channel.k8s.io",
        "base64.channel.k8s.io",
        "v4.base64.channel.k8s.io",
    ],
    // If the beginning of the stream was not captured, the size of the terminal and the exit status.
    sign: |input, _| {
        let (channel, json) = match input.head().split_first() {
            Some((channel @ (3 | 4), json)) => (*channel, json),
            _ => return Evidence::Neutral,
        };
        match (channel, input.from) {
            (3, Side::Server) => match json::pick(json, input.is_whole(), ["metadata", "status"]) {
                Some([Some(_), Some(status)]) if status.is("Success") || status.is("Failure") => {
                    Evidence::Sure
                }
                _ => Evidence::Against,
            },
            (4, Side::Client) => match json::pick(json, input.is_whole(), ["Width", "Height"]) {
                Some([Some(width), Some(height)])
                    if width.number().is_some() && height.number().is_some() =>
                {
                    Evidence::Sure
                }
                _ => Evidence::Against,
            },
            _ => Evidence::Neutral,
        }
    },
    ..Protocol::new("kubernetes", |opening| {
        let base64 = opening.subprotocol.as_deref().is_some_and(|it| it.contains("base64"));
        Box::new(Kubernetes { base64, forwards: opening.path().ends_with("/portforward"), ports: [0; 4] })
    })
};

const NAME: &str = "kubernetes";

/// A decoder for the channels of Kubernetes.
#[derive(Debug)]
struct Kubernetes {
    base64: bool,
    /// Whether it forwards ports: channels come in pairs, for data and for errors.
    forwards: bool,
    /// The channels, one bit each, on which the server's first message, the port, was seen.
    ports: [u64; 4],
}

impl Kubernetes {
    /// Returns whether this is the first message on a channel, which contains only its port (kubelet, "portforward").
    fn is_first(&mut self, channel: u8) -> bool {
        let bit = 1_u64 << (channel & 63);
        let Some(seen) = self.ports.get_mut(usize::from(channel >> 6)) else { return false };
        let is_first = *seen & bit == 0;
        *seen |= bit;
        is_first
    }
}

impl Decoder for Kubernetes {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        let Some((first, data)) = input.head().split_first() else { return };
        // Clients that send text write the channel as a digit.
        let channel = if self.base64 { first.wrapping_sub(b'0') } else { *first };
        let decoded =
            self.base64.then(|| base64::engine::general_purpose::STANDARD.decode(data).unwrap_or_default());
        let data = decoded.as_deref().unwrap_or(data);
        let is_port =
            self.forwards && input.from == Side::Server && self.is_first(channel) && data.len() == 2;
        let kind = match (self.forwards, channel) {
            (true, _) if is_port => "port",
            (true, it) if it % 2 == 0 => "data",
            (true, _) => "error",
            (false, 0) => "stdin",
            (false, 1) => "stdout",
            (false, 2) => "stderr",
            (false, 3) => "status",
            (false, 4) => "resize",
            (false, 255) => "close",
            _ => return out.contradiction(),
        };
        let mut unit = out.unit(NAME, kind);
        unit.number("channel", channel);
        let length = if self.base64 { data.len() as u64 } else { input.length.saturating_sub(1) };
        let format = match kind {
            "status" | "resize" => Format::Json,
            _ if std::str::from_utf8(data).is_ok() => Format::Text,
            _ => Format::Binary,
        };
        if !data.is_empty() {
            unit.body_of(format, data, length);
        }
        if !input.is_whole() {
            unit.incomplete();
        }
        match kind {
            "port" => {
                let port = data.iter().rev().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
                unit.number("port", port);
            }
            "error" if input.from == Side::Server && !data.is_empty() => {
                unit.error(&String::from_utf8_lossy(data));
            }
            "close" => {
                if let Some(closed) = data.first() {
                    unit.number("closes", *closed);
                }
            }
            "resize" => {
                let sizes = json::pick(data, input.is_whole(), ["Width", "Height"]).unwrap_or_default();
                for (name, value) in ["Width", "Height"].into_iter().zip(sizes) {
                    if let Some(value) = value.and_then(|it| it.number()) {
                        unit.number(name, value);
                    }
                }
            }
            "status" if input.from == Side::Server => status(data, input, &mut unit),
            _ => {}
        }
    }

    fn lost(&mut self, _: Side) {
        self.ports = [u64::MAX; 4];
    }
}

/// Sets how the command ended: a `metav1.Status`, with the exit code among its causes.
fn status(data: &[u8], input: &Input<'_>, unit: &mut super::decoder::UnitBuilder<'_>) {
    let names = ["status", "reason", "message", "details"];
    let Some([status, reason, message, details]) = json::pick(data, input.is_whole(), names) else {
        // Before v4 it is plain text, and an error.
        if !data.is_empty() {
            unit.error(&String::from_utf8_lossy(data));
        }
        return;
    };
    let causes = details.and_then(|it| it.get("causes"));
    let exit =
        causes.and_then(|it| it.items().find(|it| it.get("reason").is_some_and(|it| it.is("ExitCode"))));
    if let Some(status) = status.and_then(|it| it.text()) {
        unit.text("status", &status);
    }
    let reason = reason.and_then(|it| it.text());
    if let Some(reason) = &reason {
        unit.text("reason", reason);
    }
    if let Some(code) = exit.and_then(|it| it.get("message")).and_then(|it| it.text()) {
        unit.text("exit_code", &code);
    }
    if status.is_some_and(|it| it.is("Failure")) {
        let message = message.and_then(|it| it.text());
        unit.error(reason.or(message).as_deref().unwrap_or("Failure"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{lines_of, said};
    use super::super::{Opening, Reader};
    use super::*;
    use crate::websocket::Opcode;

    #[test]
    fn forwarded_ports_are_named_first() {
        let target = Some("/api/v1/namespaces/default/pods/web/portforward?ports=8080".into());
        let subprotocol = Some("v4.channel.k8s.io".into());
        let mut reader = Reader::new(Opening { subprotocol, target, ..Opening::default() });
        let messages: &[(Side, &[u8])] = &[
            (Side::Server, b"\x00\x90\x1f"),
            (Side::Server, b"\x01\x90\x1f"),
            (Side::Client, b"\x00hi"),
            (Side::Server, b"\x00ho"),
            (Side::Server, b"\x01refused"),
        ];
        let lines: Vec<_> = (1..)
            .zip(messages)
            .flat_map(|(n, (from, bytes))| lines_of(&mut reader, *from, Opcode::BINARY, bytes, n))
            .map(|line| line.split(" body").next().unwrap().to_owned())
            .collect();
        assert_eq!(
            lines,
            [
                "kubernetes port channel=0 port=8080",
                "kubernetes port channel=1 port=8080",
                "kubernetes data channel=0",
                "kubernetes data channel=0",
                "kubernetes error error=refused channel=1",
            ]
        );
    }

    #[test]
    fn channels_sizes_and_exit_codes() {
        let opening = |header: &str| Opening { subprotocol: Some(header.into()), ..Opening::default() };
        let mut reader = Reader::new(opening("v5.channel.k8s.io"));
        let failure = br#"{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"3"}]}}"#;
        let messages: &[(Side, &[u8])] = &[
            (Side::Client, b"\0ls\n"),
            (Side::Server, b"\x02warn"),
            (Side::Client, b"\x04{\"Width\":80,\"Height\":24}"),
            (Side::Client, b"\xff\0"),
            (Side::Server, &[b"\x03", &failure[..]].concat()),
        ];
        let mut lines = said(&mut reader, messages);
        assert_eq!(
            lines.pop().unwrap().split(" body").next().unwrap(),
            "kubernetes status error=NonZeroExitCode channel=3 status=Failure reason=NonZeroExitCode exit_code=3"
        );
        assert_eq!(
            lines,
            [
                "kubernetes stdin channel=0 body=ls\n",
                "kubernetes stderr channel=2 body=warn",
                "kubernetes resize channel=4 Width=80 Height=24 body={\"Width\":80,\"Height\":24}",
                "kubernetes close channel=255 closes=0 body=\0",
            ]
        );
        let mut joined_late = Reader::new(Opening::default());
        let lines = said(&mut joined_late, &[(Side::Server, b"\x01\xff\xfe"), messages[2], messages[4]]);
        let kinds: Vec<_> = lines.iter().map(|it| it.split(' ').nth(1).unwrap()).collect();
        assert_eq!(kinds, ["resize", "stdout", "status"], "a terminal's size makes the choice");
        let mut reader = Reader::new(opening("base64.channel.k8s.io"));
        assert_eq!(said(&mut reader, &[(Side::Server, b"1aGk=")]), ["kubernetes stdout channel=1 body=hi"]);
    }
}
