//! Kubernetes' remote commands: exec, attach and port-forward over `channel.k8s.io` (k8s.io/apiserver, `wsstream`, and
//! the remote command protocols v4 and v5): a byte, or in the base64 forms a digit, that names the channel.

use base64::Engine as _;

use crate::model::Side;

use super::choice::{Evidence, Protocol};
use super::decoder::{Decoder, Out};
use super::input::Input;
use super::json;
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
    // Of a stream whose beginning was not captured, the size of the terminal and how the command ended.
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
        Box::new(Kubernetes { base64, forwards: opening.path().ends_with("/portforward") })
    })
};

const NAME: &str = "kubernetes";

/// A decoder of the channels of Kubernetes.
#[derive(Debug)]
struct Kubernetes {
    base64: bool,
    /// It forwards ports: channels come in pairs, for data and for errors.
    forwards: bool,
}

impl Decoder for Kubernetes {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        let Some((first, data)) = input.head().split_first() else { return };
        // Clients that send text have the channel as a character of that number.
        let channel = if self.base64 { first.wrapping_sub(b'0') } else { *first };
        let decoded =
            self.base64.then(|| base64::engine::general_purpose::STANDARD.decode(data).unwrap_or_default());
        let data = decoded.as_deref().unwrap_or(data);
        let kind = match (self.forwards, channel) {
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
}

/// Says how the command ended: a `metav1.Status`, its exit code among the causes.
fn status(data: &[u8], input: &Input<'_>, unit: &mut super::decoder::Unit<'_>) {
    let names = ["status", "reason", "message", "details"];
    let Some([status, reason, message, details]) = json::pick(data, input.is_whole(), names) else {
        // Before v4 it is a text, and an error.
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
    use super::super::tests::said;
    use super::super::{Opening, Reader};
    use super::*;

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
