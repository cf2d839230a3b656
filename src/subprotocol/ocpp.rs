//! OCPP-J 1.2 to 2.1 (Open Charge Point Protocol, JSON over WebSocket, "OCPP-J" parts 4 and 1.6J §4): calls, results
//! and errors as arrays.

use crate::model::{Anomaly, Pair, Side};

use super::decoder::{Decoder, Out, UnitBuilder};
use super::input::Input;
use super::json::{self, Shape, Value};
use super::protocol::{Evidence, Protocol};
use super::unit::Format;

pub(super) static OCPP: Protocol = Protocol {
    headers: &["ocpp*"],
    sign: |input, _| match items(input.head()) {
        Some(items) => match (items[0].and_then(|it| it.number()), items[2]) {
            (Some(2), Some(action))
                if items[3].is_some_and(|it| it.shape == Shape::Object)
                    && ACTIONS.iter().any(|it| action.is(it)) =>
            {
                Evidence::Sure
            }
            (Some(2), Some(action))
                if action.shape == Shape::Text && items[3].is_some_and(|it| it.shape == Shape::Object) =>
            {
                Evidence::Weak
            }
            (Some(3 | 4), Some(_)) => Evidence::Neutral,
            _ => Evidence::Against,
        },
        None => Evidence::Against,
    },
    ..Protocol::new("ocpp", |_| Box::new(Ocpp::default()))
};

const NAME: &str = "ocpp";

/// Actions whose names are unique to OCPP.
const ACTIONS: [&str; 24] = [
    "BootNotification",
    "StatusNotification",
    "MeterValues",
    "StartTransaction",
    "StopTransaction",
    "TransactionEvent",
    "DataTransfer",
    "RemoteStartTransaction",
    "RemoteStopTransaction",
    "RequestStartTransaction",
    "RequestStopTransaction",
    "ChangeConfiguration",
    "GetConfiguration",
    "ChangeAvailability",
    "TriggerMessage",
    "UnlockConnector",
    "SetChargingProfile",
    "ClearChargingProfile",
    "FirmwareStatusNotification",
    "DiagnosticsStatusNotification",
    "NotifyReport",
    "NotifyEvent",
    "SecurityEventNotification",
    "SetVariables",
];

/// The scope of message IDs.
const CALLS: u64 = 1;

/// Returns the first five items of an array.
fn items(bytes: &[u8]) -> Option<[Option<Value<'_>>; 5]> {
    let value = json::array(bytes)?;
    let mut items = value.items();
    let mut next = || items.next();
    Some([next(), next(), next(), next(), next()])
}

/// The types of messages; 2.1 adds errors about results, and messages without an answer.
const KINDS: [(u64, &str); 5] =
    [(2, "CALL"), (3, "CALLRESULT"), (4, "CALLERROR"), (5, "CALLRESULTERROR"), (6, "SEND")];

/// A decoder for OCPP-J.
#[derive(Debug, Default)]
struct Ocpp {
    /// The hashed ID of each side's unanswered call.
    outstanding: Pair<Option<u64>>,
}

impl Decoder for Ocpp {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        let Some([kind, id, third, fourth, fifth]) = items(input.head()) else {
            if input.is_whole() && input.length > 0 {
                out.anomaly(Anomaly::OcppMessage { kind: 0 });
                out.contradiction();
            }
            return;
        };
        let number = kind.and_then(|it| it.number()).unwrap_or(0);
        let Some((_, kind)) = KINDS.into_iter().find(|(of, _)| *of == number) else {
            out.anomaly(Anomaly::OcppMessage { kind: number });
            return out.contradiction();
        };
        let id = id.and_then(|it| it.scalar());
        self.count_outstanding(kind, id.as_deref(), input.from, out);
        let mut unit = out.unit(NAME, kind);
        if let Some(id) = &id {
            unit.id(id);
        }
        match kind {
            "CALL" | "SEND" => {
                if let Some(action) = third.and_then(|it| it.text()) {
                    unit.name(&action);
                    if action == "Heartbeat" {
                        unit.heartbeat();
                    }
                }
                body(&mut unit, fourth);
                if let (Some(id), "CALL") = (&id, kind) {
                    unit.ask(CALLS, &**id);
                }
            }
            "CALLRESULT" => {
                if let Some(status) = third.and_then(|it| it.get("status")).and_then(|it| it.text()) {
                    unit.text("status", &status);
                }
                body(&mut unit, third);
            }
            _ => {
                failure(&mut unit, kind, [third, fourth]);
                body(&mut unit, fifth);
            }
        }
        if !input.is_whole() {
            unit.incomplete();
        }
        if let (Some(id), "CALLRESULT" | "CALLERROR") = (&id, kind) {
            unit.answer(CALLS, &**id);
            if unit.current_of() == Some("Heartbeat") {
                unit.heartbeat();
            }
        }
    }

    fn lost(&mut self, _: Side) {
        // The answer may be among the lost frames.
        self.outstanding = Pair::default();
    }
}

impl Ocpp {
    /// Tracks a call that waits for its answer, or the answer; each side may have one open call at a time (OCPP-J
    /// §4.1.1).
    fn count_outstanding(&mut self, kind: &str, id: Option<&str>, from: Side, out: &mut Out<'_>) {
        let hashed = id.map(|id| ahash::RandomState::with_seeds(5, 6, 7, 8).hash_one(id));
        match kind {
            "CALL" => {
                if self.outstanding[from].is_some() {
                    out.anomaly(Anomaly::OcppOutstanding {});
                }
                self.outstanding[from] = hashed;
            }
            "CALLRESULT" | "CALLERROR" if self.outstanding[!from] == hashed => {
                self.outstanding[!from] = None;
            }
            _ => {}
        }
    }
}

/// Sets the error of a call (OCPP-J §4.2.3).
fn failure(unit: &mut UnitBuilder<'_>, kind: &str, [code, description]: [Option<Value<'_>>; 2]) {
    let [code, description] = [code, description].map(|it| it.and_then(|it| it.text()));
    if let Some(code) = &code {
        unit.text("errorCode", code);
    }
    if let Some(description) = description.filter(|it| !it.is_empty()) {
        unit.text("errorDescription", &description);
    }
    unit.error(code.as_deref().unwrap_or(kind));
}

fn body(unit: &mut UnitBuilder<'_>, value: Option<Value<'_>>) {
    if let Some(value) = value.filter(|it| it.whole) {
        unit.body(Format::Json, value.raw);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::super::{Opening, Reader};
    use crate::model::Side;

    #[test]
    fn calls_results_and_errors() {
        let mut reader = Reader::new(Opening { subprotocol: Some("ocpp1.6".into()), ..Opening::default() });
        let messages: &[(Side, &[u8])] = &[
            (Side::Client, br#"[2,"a1","BootNotification",{"m":1}]"#),
            (Side::Server, br#"[3,"a1",{"status":"Accepted"}]"#),
            (Side::Server, br#"[2,"b1","DataTransfer",{}]"#),
            (Side::Server, br#"[2,"b2","Reset",{}]"#),
            (Side::Client, br#"[4,"b1","InternalError","no",{}]"#),
            (Side::Client, br#"[9,"x"]"#),
        ];
        assert_eq!(
            said(&mut reader, messages),
            [
                r#"ocpp CALL name=BootNotification id=a1 role=question body={"m":1}"#,
                r#"ocpp CALLRESULT id=a1 role=answer of=BootNotification latency=1 status=Accepted body={"status":"Accepted"}"#,
                "ocpp CALL name=DataTransfer id=b1 role=question body={}",
                "ocpp CALL name=Reset id=b2 role=question body={}",
                "! ocpp-outstanding",
                "ocpp CALLERROR id=b1 role=answer of=DataTransfer latency=2 error=InternalError errorCode=InternalError errorDescription=no body={}",
                "! ocpp-message",
            ]
        );
    }
}
