//! Negotiation of compression (RFC 7692 §5, §7.1).

use super::extension::{Extension, Parameter};
use crate::model::{DeflateSide, Pair, Side};

/// The name of the extension (RFC 7692 §7).
pub(super) const PERMESSAGE: &str = "permessage-deflate";

/// Returns whether an extension is the one that compresses each frame separately: Safari's, never standardised
/// (draft-tyoshino-hybi-websocket-perframe-deflate).
pub(super) fn is_per_frame(name: &str) -> bool {
    name.eq_ignore_ascii_case("deflate-frame") || name.eq_ignore_ascii_case("x-webkit-deflate-frame")
}

/// A violation in a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The parameter as it was sent.
    pub(super) found: String,
    pub(super) problem: &'static str,
}

impl Fault {
    fn new(found: &str, problem: &'static str) -> Self {
        Fault { found: found.to_owned(), problem }
    }
}

/// The window size given by a parameter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Bits {
    /// The parameter is absent.
    #[default]
    Absent,
    /// The parameter has no value.
    Any,
    /// The window size, in bits.
    Most(u8),
}

impl Bits {
    const fn size(self) -> u8 {
        match self {
            Bits::Most(bits) => bits,
            Bits::Absent | Bits::Any => 15,
        }
    }
}

/// The four parameters of an offer or a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Parameters {
    no_context_takeover: Pair<bool>,
    bits: Pair<Bits>,
}

/// Parses the parameters of an offer (from the client) or a response (from the server), and collects everything that is
/// illegal on its own. An illegal window size counts as 15 bits, because a window that is too large does no harm.
fn parameters(from: Side, extension: &Extension<'_>, faults: &mut Vec<Fault>) -> Parameters {
    let mut all = Parameters::default();
    let mut seen: Vec<&str> = Vec::new();
    for parameter in &extension.parameters {
        let Parameter { text, name, value } = parameter;
        let mut fault = |problem| faults.push(Fault::new(text, problem));
        if seen.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            fault("it stands twice");
            continue;
        }
        seen.push(name);
        let (whose, rest) = match name.to_ascii_lowercase().as_str() {
            "client_no_context_takeover" => (Side::Client, true),
            "server_no_context_takeover" => (Side::Server, true),
            "client_max_window_bits" => (Side::Client, false),
            "server_max_window_bits" => (Side::Server, false),
            _ => {
                fault("it is unknown");
                continue;
            }
        };
        if rest {
            all.no_context_takeover[whose] = true;
            if value.is_some() {
                fault("it has a value");
            }
            continue;
        }
        all.bits[whose] = match value.as_deref().map(bits) {
            Some(Some(bits)) => Bits::Most(bits),
            Some(None) => {
                fault("its value is not a number from 8 to 15");
                Bits::Any
            }
            None => {
                // Only the client may omit the value, for its own window, and only in an offer (RFC 7692 §7.1.2.2).
                if (from, whose) != (Side::Client, Side::Client) {
                    fault("it has no value");
                }
                Bits::Any
            }
        };
    }
    all
}

/// Parses a window size: 8 to 15, without leading zeros (RFC 7692 §7.1.2).
fn bits(value: &str) -> Option<u8> {
    if value.starts_with('0') || !value.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    value.parse().ok().filter(|bits| (8..=15).contains(bits))
}

/// Returns the violations within an offer, for which a server must decline it (RFC 7692 §7).
pub(super) fn check_offer(offer: &Extension<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    if is_per_frame(offer.name) {
        per_frame_parameters(offer, &mut faults);
    } else {
        parameters(Side::Client, offer, &mut faults);
    }
    faults
}

/// Compares the response with the offers to which it may belong; returns the negotiated parameters.
///
/// `offers` is `None` if the request was not captured: then the response is taken at its word. The response is matched
/// to the offer of which it violates the fewest rules, the first if there are several (RFC 7692 §5.1, §7.1).
pub(super) fn agree(
    offers: Option<&[&Extension<'_>]>,
    answer: &Extension<'_>,
) -> (Pair<DeflateSide>, Vec<Fault>) {
    let mut faults = Vec::new();
    let answered = parameters(Side::Server, answer, &mut faults);
    let offers = offers.into_iter().flatten().map(|offer| parameters(Side::Client, offer, &mut Vec::new()));
    let best =
        offers.map(|offer| (offer, compare(offer, answered, answer))).min_by_key(|(_, broken)| broken.len());
    let Some((offer, broken)) = best else { return (settle(None, answered), faults) };
    faults.extend(broken);
    (settle(Some(offer), answered), faults)
}

/// Lists the violations of an offer by a response.
fn compare(offer: Parameters, answer: Parameters, extension: &Extension<'_>) -> Vec<Fault> {
    let sent = |name: &str| {
        let found = extension.parameters.iter().find(|p| p.name.eq_ignore_ascii_case(name));
        found.map_or(extension.text, |p| p.text)
    };
    let mut faults = Vec::new();
    // §7.1.1.1: accepting the offer requires sending it back. The client's counterpart is only a hint (§7.1.1.2).
    if offer.no_context_takeover.server && !answer.no_context_takeover.server {
        faults.push(Fault::new(extension.text, "server_no_context_takeover was demanded and is not granted"));
    }
    // §7.1.2.1: the same, with the same or a smaller value.
    match (offer.bits.server, answer.bits.server) {
        (Bits::Most(_), Bits::Absent) => {
            faults.push(Fault::new(extension.text, "server_max_window_bits was demanded and is not granted"));
        }
        (Bits::Most(most), Bits::Most(bits)) if bits > most => {
            faults.push(Fault::new(sent("server_max_window_bits"), "it is larger than the one offered"));
        }
        _ => {}
    }
    // §7.1.2.2: legal only if the client said that it supports the parameter.
    match (offer.bits.client, answer.bits.client) {
        (Bits::Absent, Bits::Any | Bits::Most(_)) => {
            faults.push(Fault::new(sent("client_max_window_bits"), "it was not offered"));
        }
        (Bits::Most(most), Bits::Most(bits)) if bits > most => {
            faults.push(Fault::new(sent("client_max_window_bits"), "it is larger than the one offered"));
        }
        _ => {}
    }
    faults
}

/// Combines offer and response into the parameters of each side's compressor.
fn settle(offer: Option<Parameters>, answer: Parameters) -> Pair<DeflateSide> {
    Pair::from_fn(|side| {
        let answered = answer.bits[side].size();
        let max_window_bits = match (side, offer) {
            // A client that names its window size keeps to it even if the server does not respond to it (§7.1.2.2).
            (Side::Client, Some(offer)) => answered.min(offer.bits.client.size()),
            // The server is bound by its own response only.
            _ => answered,
        };
        DeflateSide { no_context_takeover: answer.no_context_takeover[side], max_window_bits }
    })
}

/// Parses the parameters of the older extension: what the sender requires of the *other* side's compressor.
fn per_frame_parameters(extension: &Extension<'_>, faults: &mut Vec<Fault>) -> DeflateSide {
    let mut asked = DeflateSide::default();
    let mut seen: Vec<&str> = Vec::new();
    for Parameter { text, name, value } in &extension.parameters {
        let mut fault = |problem| faults.push(Fault::new(text, problem));
        if seen.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            fault("it stands twice");
            continue;
        }
        seen.push(name);
        if name.eq_ignore_ascii_case("no_context_takeover") {
            asked.no_context_takeover = true;
            if value.is_some() {
                fault("it has a value");
            }
        } else if name.eq_ignore_ascii_case("max_window_bits") {
            match value.as_deref().and_then(bits) {
                Some(bits) => asked.max_window_bits = bits,
                None => fault("its value is not a number from 8 to 15"),
            }
        } else {
            fault("it is unknown");
        }
    }
    asked
}

/// The counterpart of [`agree`] for the older extension.
pub(super) fn agree_per_frame(
    offer: Option<&Extension<'_>>,
    answer: &Extension<'_>,
) -> (Pair<DeflateSide>, Vec<Fault>) {
    let mut faults = Vec::new();
    let client = per_frame_parameters(answer, &mut faults);
    let server =
        offer.map_or_else(DeflateSide::default, |offer| per_frame_parameters(offer, &mut Vec::new()));
    (Pair { client, server }, faults)
}

#[cfg(test)]
mod tests {
    use super::super::extension::list;
    use super::*;

    /// Negotiates; returns client takeover off, client bits, server takeover off, server bits; and the problems.
    fn negotiate(offer: &str, answer: &str) -> ((bool, u8, bool, u8), Vec<&'static str>) {
        let offers: Vec<_> = list(offer).into_iter().map(|it| it.extension.unwrap()).collect();
        let offers: Vec<_> = offers.iter().collect();
        let answer = list(answer).remove(0).extension.unwrap();
        let (agreed, faults) = agree(Some(&offers), &answer);
        (flat(agreed), faults.into_iter().map(|fault| fault.problem).collect())
    }

    fn flat(agreed: Pair<DeflateSide>) -> (bool, u8, bool, u8) {
        let Pair { client, server } = agreed;
        (
            client.no_context_takeover,
            client.max_window_bits,
            server.no_context_takeover,
            server.max_window_bits,
        )
    }

    fn offer_problems(offer: &str) -> Vec<&'static str> {
        check_offer(&list(offer).remove(0).extension.unwrap())
            .into_iter()
            .map(|fault| fault.problem)
            .collect()
    }

    #[test]
    fn nothing_asked_and_nothing_answered() {
        let found = negotiate("permessage-deflate", "permessage-deflate");
        assert_eq!(found, ((false, 15, false, 15), vec![]));
    }

    #[test]
    fn all_four_parameters() {
        let found = negotiate(
            "permessage-deflate; client_no_context_takeover; server_no_context_takeover; \
             client_max_window_bits=12; server_max_window_bits=11",
            "permessage-deflate; client_no_context_takeover; server_no_context_takeover; \
             client_max_window_bits=\"10\"; server_max_window_bits=9",
        );
        assert_eq!(found, ((true, 10, true, 9), vec![]));
    }

    #[test]
    fn the_server_may_bind_itself_unasked() {
        let found = negotiate(
            "permessage-deflate",
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=8; client_no_context_takeover",
        );
        assert_eq!(found, ((true, 15, true, 8), vec![]));
    }

    #[test]
    fn client_bits_offered_with_a_value_and_not_answered_hold() {
        let found = negotiate("permessage-deflate; client_max_window_bits=9", "permessage-deflate");
        assert_eq!(found, ((false, 9, false, 15), vec![]));
    }

    #[test]
    fn client_bits_offered_without_a_value() {
        let offer = "permessage-deflate; client_max_window_bits";
        assert_eq!(negotiate(offer, "permessage-deflate"), ((false, 15, false, 15), vec![]));
        let answer = "permessage-deflate; client_max_window_bits=10";
        assert_eq!(negotiate(offer, answer), ((false, 10, false, 15), vec![]));
    }

    #[test]
    fn client_bits_answered_and_not_offered() {
        let found = negotiate("permessage-deflate", "permessage-deflate; client_max_window_bits=10");
        assert_eq!(found, ((false, 10, false, 15), vec!["it was not offered"]));
    }

    #[test]
    fn client_bits_answered_without_a_value() {
        let found = negotiate(
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; client_max_window_bits",
        );
        assert_eq!(found, ((false, 15, false, 15), vec!["it has no value"]));
    }

    #[test]
    fn a_client_hint_about_takeover_need_not_be_answered() {
        let found = negotiate("permessage-deflate; client_no_context_takeover", "permessage-deflate");
        assert_eq!(found, ((false, 15, false, 15), vec![]));
    }

    #[test]
    fn demands_on_the_server_not_granted() {
        let found = negotiate(
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=10",
            "permessage-deflate",
        );
        let problems = vec![
            "server_no_context_takeover was demanded and is not granted",
            "server_max_window_bits was demanded and is not granted",
        ];
        assert_eq!(found, ((false, 15, false, 15), problems));
    }

    #[test]
    fn windows_larger_than_offered() {
        let found = negotiate(
            "permessage-deflate; server_max_window_bits=10; client_max_window_bits=10",
            "permessage-deflate; server_max_window_bits=11; client_max_window_bits=11",
        );
        let problem = "it is larger than the one offered";
        assert_eq!(found, ((false, 10, false, 11), vec![problem, problem]));
    }

    #[test]
    fn the_second_of_two_offers_is_the_one_accepted() {
        let found = negotiate(
            "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9, \
             permessage-deflate; client_max_window_bits",
            "permessage-deflate; client_max_window_bits=12",
        );
        assert_eq!(found, ((false, 12, false, 15), vec![]));
    }

    #[test]
    fn window_sizes_that_are_none() {
        for value in ["7", "16", "08", "015", "+9", "1e1", "99999999999", "\"7\""] {
            let found = negotiate(
                "permessage-deflate; client_max_window_bits",
                &format!("permessage-deflate; server_max_window_bits={value}"),
            );
            assert_eq!(
                found,
                ((false, 15, false, 15), vec!["its value is not a number from 8 to 15"]),
                "{value}"
            );
        }
    }

    #[test]
    fn unknown_repeated_and_valued_parameters() {
        let problems = offer_problems(
            "permessage-deflate; x; client_max_window_bits; Client_Max_Window_Bits=9; server_no_context_takeover=1",
        );
        assert_eq!(problems, ["it is unknown", "it stands twice", "it has a value"]);
    }

    #[test]
    fn an_offer_of_server_bits_needs_a_value() {
        assert_eq!(offer_problems("permessage-deflate; server_max_window_bits"), ["it has no value"]);
        assert!(offer_problems("permessage-deflate; client_max_window_bits").is_empty());
    }

    #[test]
    fn an_answer_to_a_request_that_was_not_captured_is_believed() {
        let answer = list("permessage-deflate; client_max_window_bits=10").remove(0).extension.unwrap();
        let (agreed, faults) = agree(None, &answer);
        assert_eq!((flat(agreed), faults), ((false, 10, false, 15), vec![]));
    }

    #[test]
    fn safaris_parameters_bind_the_other_side() {
        let offer = list("x-webkit-deflate-frame; max_window_bits=9").remove(0).extension.unwrap();
        let answer = list("x-webkit-deflate-frame; no_context_takeover").remove(0).extension.unwrap();
        let (agreed, faults) = agree_per_frame(Some(&offer), &answer);
        assert_eq!((flat(agreed), faults), ((true, 15, false, 9), vec![]));
    }

    #[test]
    fn safaris_parameters_can_be_illegal() {
        let problems = offer_problems("deflate-frame; max_window_bits; no_context_takeover=1; y; y");
        let expected =
            ["its value is not a number from 8 to 15", "it has a value", "it is unknown", "it stands twice"];
        assert_eq!(problems, expected);
    }
}
