//! Random connections with their ground truth.

use proptest::prelude::*;

use super::super::hpack::encoder::{Encoder, Instruction, Strategy as Writing};
use super::{GET, PREFACE, WEBSOCKET, frame, settings};
use crate::model::{Pair, Side};

/// An action of a peer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// Opens a WebSocket, which is accepted.
    Open {
        literal: bool,
        padded: bool,
        split: u8,
    },
    /// Sends an ordinary request, which is answered.
    Request {
        body: u16,
    },
    /// Sends bytes on the nth WebSocket.
    Send {
        side: Side,
        nth: u8,
        length: u16,
        padding: Option<u8>,
    },
    Ping {
        side: Side,
    },
    Allow {
        side: Side,
    },
}

/// The bytes that a script generates, in turns, and the truth about them.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) turns: Vec<(Side, Vec<u8>)>,
    /// The WebSockets: stream, request and the bytes each side sent.
    pub(super) sockets: Vec<Socket>,
}

#[derive(Debug)]
pub(super) struct Socket {
    pub(super) stream: u32,
    pub(super) request: Vec<(String, String)>,
    pub(super) sent: Pair<Vec<u8>>,
}

pub(super) fn acts() -> impl Strategy<Value = Vec<Act>> {
    let side = prop_oneof![Just(Side::Client), Just(Side::Server)];
    let send = (
        side.clone(),
        any::<u8>(),
        prop_oneof![3 => 0..60_u16, 1 => 0..2000_u16],
        prop::option::weighted(0.2, 0..40_u8),
    )
        .prop_map(|(side, nth, length, padding)| Act::Send { side, nth, length, padding });
    let act = prop_oneof![
        1 => (any::<bool>(), any::<bool>(), 0..4_u8).prop_map(|(literal, padded, split)| Act::Open { literal, padded, split }),
        1 => (0..500_u16).prop_map(|body| Act::Request { body }),
        8 => send,
        1 => side.clone().prop_map(|side| Act::Ping { side }),
        1 => side.prop_map(|side| Act::Allow { side }),
    ];
    prop::collection::vec(act, 1..50)
}

/// Returns bytes that identify their own position.
fn content(stream: u32, side: Side, from: usize, length: usize) -> Vec<u8> {
    let byte = |at: usize| {
        let mixed =
            (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ u64::from(stream) << 17 ^ side as u64);
        (mixed >> 29) as u8
    };
    (from..from + length).map(byte).collect()
}

pub(super) fn make(acts: &[Act]) -> Made {
    let mut made = Made::default();
    let mut encoders = Pair::from_fn(|_| Encoder::default());
    made.turns.push((Side::Client, [PREFACE, &settings(&[(2, 0)])].concat()));
    made.turns.push((Side::Server, settings(&[(8, 1), (4, 1 << 20)])));
    made.turns.push((Side::Client, frame(4, 1, 0, &[])));
    let mut next = 1;
    for act in acts {
        match *act {
            Act::Open { literal, padded, split } => {
                let mut request: Vec<_> = super::owned(&WEBSOCKET);
                request.push(("x-number".into(), next.to_string()));
                let mut block = Vec::new();
                for (name, value) in &request {
                    let mut field = Instruction::new(name, value);
                    if literal {
                        (field.strategy, field.name_index) = (Writing::Literal, false);
                    }
                    encoders.client.encode(&field, &mut block);
                }
                made.turns.push((Side::Client, headers(next, &block, padded, split)));
                let answer = encoders.server.block(&[(":status", "200"), ("server", "script")]);
                made.turns.push((Side::Server, headers(next, &answer, !padded, split)));
                made.sockets.push(Socket { stream: next, request, sent: Pair::default() });
                next += 2;
            }
            Act::Request { body } => {
                let mut fields = GET.to_vec();
                let number = next.to_string();
                fields.push(("x-number", &number));
                made.turns.push((Side::Client, frame(1, 5, next, &encoders.client.block(&fields))));
                let answer = encoders.server.block(&[
                    (":status", "200"),
                    ("content-type", "text/css"),
                    ("etag", &number),
                ]);
                let body = vec![b'b'; usize::from(body)];
                made.turns
                    .push((Side::Server, [frame(1, 4, next, &answer), frame(0, 1, next, &body)].concat()));
                next += 2;
            }
            Act::Send { side, nth, length, padding } => {
                let count = made.sockets.len().max(1);
                let Some(socket) = made.sockets.get_mut(usize::from(nth) % count) else { continue };
                let bytes = content(socket.stream, side, socket.sent[side].len(), usize::from(length));
                socket.sent[side].extend(&bytes);
                let bytes = match padding {
                    Some(padding) => {
                        let zeros = vec![0; usize::from(padding)];
                        frame(0, 8, socket.stream, &[&[padding][..], &bytes, &zeros].concat())
                    }
                    None => frame(0, 0, socket.stream, &bytes),
                };
                made.turns.push((side, bytes));
            }
            Act::Ping { side } => made.turns.push((side, frame(6, 0, 0, &[7; 8]))),
            Act::Allow { side } => made.turns.push((side, frame(8, 0, 0, &30_000_u32.to_be_bytes()))),
        }
    }
    made
}

fn headers(stream: u32, block: &[u8], padded: bool, split: u8) -> Vec<u8> {
    let (first, rest) =
        block.split_at(if split == 0 { block.len() } else { block.len() / usize::from(split + 1) });
    let end = if rest.is_empty() { 4 } else { 0 };
    let mut out = if padded {
        frame(1, 8 | end, stream, &[&[3], first, &[0; 3]].concat())
    } else {
        frame(1, end, stream, first)
    };
    if !rest.is_empty() {
        out.extend(frame(9, 4, stream, rest));
    }
    out
}
