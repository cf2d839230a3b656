mod decode;
mod loss;
mod meaning;
mod odd;
mod tell;

use self::odd::{InStream, Oddities};
use super::compression::Deflate;
use super::context::Context;
use super::message::Open;
use super::resync::Search;
use crate::event::{Closed, DirectionTotals, Kind};
use crate::http::Handshake;
use crate::model::{Anomaly, At, Lost, Pair, Side, Timestamp};
use crate::websocket::close::ABNORMAL;
use crate::websocket::deflate::Inflater;
use crate::websocket::{Frames, Header, Pings, Rules};

/// One WebSocket: both sides' frames, messages, inflating and closing (RFC 6455 §5–7).
///
/// Of each side:
///
/// ```text
///             gap over a header             frames found again
///   decoding ──────────────────► searching ───────────────────► decoding
///      │                             │
///      └────────── TCP ends ─────────┴──► over: what is unfinished is told as such
/// ```
#[derive(Debug)]
pub(super) struct Conversation {
    sides: Pair<Half>,
    opened: Timestamp,
    /// The last message, or the opening.
    last: Timestamp,
    deflate: Deflate,
    /// What its handshake says that is out of the ordinary.
    odd: Option<Box<Oddities>>,
    first_close: Option<Box<FirstClose>>,
    /// Who ended TCP first.
    ended_by: Option<Side>,
    /// Inflaters have been used since they rested, and since they were last asked to.
    awake: bool,
    in_use: bool,
    /// What reads the messages' meaning; `None` where they have none.
    meaning: Option<Box<meaning::Understood>>,
}

/// Why a conversation is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// TCP ended: `fin` or `reset`.
    Tcp(&'static str),
    /// The HTTP/2 stream ended: by which frame, and its error code.
    Stream { by: &'static str, code: Option<&'static str> },
    /// The capture ended, or a limit made us forget the connection.
    Unseen,
}

#[derive(Debug)]
struct FirstClose {
    by: Side,
    code: u16,
    reason: Box<str>,
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not exclude each other")]
struct Half {
    frames: Frames,
    rules: Rules,
    /// The header of the frame whose payload is being read.
    header: Option<Header>,
    /// The packet that carried the first byte of the frame at hand.
    begun: At,
    data: Option<Box<Open>>,
    control: Option<Box<Open>>,
    inflater: Option<Box<Inflater>>,
    pings: Option<Box<Pings>>,
    totals: DirectionTotals,
    search: Option<Box<Search>>,
    /// An HTTP response stands where a frame should be, or may.
    http: Option<InStream>,
    /// Bytes were lost that may have held frames.
    lost: bool,
    /// No data frame was seen since: a continuation may continue what was lost.
    desynchronised: bool,
    /// Where frames begin was found by looking for them, not by counting.
    found: bool,
    over: bool,
}

impl Ending {
    /// Tells whether one side ended a stream for both.
    fn is_reset(self) -> bool {
        matches!(self, Ending::Stream { by: "RST_STREAM" | "GOAWAY", .. })
    }
}

impl Conversation {
    pub(super) fn new(opened: Timestamp, deflate: Deflate) -> Self {
        Conversation {
            sides: Pair::default(),
            opened,
            last: opened,
            deflate,
            odd: None,
            first_close: None,
            ended_by: None,
            awake: false,
            in_use: false,
            meaning: None,
        }
    }

    /// Takes what a handshake says that is out of the ordinary.
    pub(super) fn agreed(mut self, handshake: Option<&Handshake>, limit: usize) -> Self {
        self.odd = handshake.and_then(|handshake| Oddities::of(handshake, limit));
        self
    }

    /// Returns the memory of searches for frames, in bytes.
    pub(super) fn waiting(&self) -> usize {
        let of = |half: &Half| half.search.as_ref().map_or(0, |search| search.allocated());
        of(&self.sides.client).saturating_add(of(&self.sides.server))
    }

    /// Gives back the memory of inflaters but for their windows; `false` where one was in use since the last call.
    pub(super) fn release_idle(&mut self) -> bool {
        if std::mem::take(&mut self.in_use) {
            return false;
        }
        self.awake = false;
        for side in Side::BOTH {
            if let Some(inflater) = &mut self.sides[side].inflater {
                inflater.rest();
            }
        }
        true
    }

    /// Notes that an inflater is in use.
    const fn wake(&mut self, cx: &mut Context<'_>) {
        self.in_use = true;
        cx.shared.woke |= !self.awake;
        self.awake = true;
    }

    /// Takes bytes of one side, in order; `carried` is the packet they came in.
    pub(super) fn bytes(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        if self.sides[side].over {
            return;
        }
        if !self.odd(side, bytes, carried, cx) {
            self.take(side, bytes, carried, cx);
        }
        if let Some(search) = &mut self.sides[side].search {
            let found = search.find();
            self.searched(side, found, cx);
        }
    }

    /// Hears that bytes of one side are lost.
    pub(super) fn gap(&mut self, side: Side, lost: Lost, cause: &'static str, cx: &mut Context<'_>) {
        if self.sides[side].over {
            return;
        }
        let lost = self.odd_gap(side, lost);
        let half = &self.sides[side];
        let offset = half.search.as_ref().map_or(half.frames.offset(), |search| search.end());
        let (length, least) = match lost {
            Lost::Exact(length) => (Some(length), None),
            Lost::Unknown { least } => (None, Some(least)),
        };
        cx.anomaly(Some(side), &Anomaly::Gap { offset, length, least, cause });
        self.conclude(side, cx);
        self.miss(side, lost, cx);
    }

    /// Hears that TCP ended one side: it sends nothing more.
    pub(super) fn end(&mut self, side: Side, cx: &mut Context<'_>) {
        self.over(side, true, cx);
    }

    /// Tells what is unfinished on one side; whether that is its sender's doing is known where its end was seen.
    fn over(&mut self, side: Side, seen: bool, cx: &mut Context<'_>) {
        if self.sides[side].over {
            return;
        }
        self.end_in_stream(side, cx);
        self.conclude(side, cx);
        if let Some(search) = self.sides[side].search.take()
            && search.captured() > 0
        {
            cx.anomaly(
                Some(side),
                &Anomaly::LostSync { offset: search.offset(), skipped: search.captured() },
            );
        }
        self.unfinished(side, seen, cx);
        self.sides[side].over = true;
        if seen && self.ended_by.is_none() {
            self.ended_by = Some(side);
        }
    }

    /// Tells that the conversation is over.
    pub(super) fn close(&mut self, ending: Ending, cx: &mut Context<'_>) {
        for side in Side::BOTH {
            self.over(side, ending != Ending::Unseen, cx);
        }
        let closed = Pair::from_fn(|side| self.sides[side].rules.closed());
        let no_close = match ending {
            Ending::Tcp(tcp) => Some(Anomaly::NoClose { tcp }),
            Ending::Stream { by, code } => Some(Anomaly::H2NoClose { by, code }),
            Ending::Unseen => None,
        };
        if let Some(no_close) = no_close {
            match &self.first_close {
                None if !self.sides.client.lost && !self.sides.server.lost => {
                    cx.anomaly(self.ended_by, &no_close);
                }
                // Who resets a stream does not wait for an answer.
                Some(first)
                    if !closed[!first.by]
                        && !self.sides[!first.by].lost
                        && (!ending.is_reset() || self.ended_by == Some(!first.by)) =>
                {
                    cx.anomaly(Some(!first.by), &Anomaly::NoCloseEcho {});
                }
                _ => {}
            }
        }
        let unanswered = self.end_meaning(ending != Ending::Unseen, cx);
        let (code, reason, by) = match self.first_close.take() {
            Some(first) => (Some(first.code), first.reason, Some(first.by)),
            None if ending == Ending::Unseen => (None, "".into(), None),
            None => (Some(ABNORMAL), "".into(), self.ended_by),
        };
        let ended = Closed {
            code,
            reason,
            by,
            clean: closed.client && closed.server,
            duration: cx.at.time.since(self.opened),
            totals: Pair::from_fn(|side| self.sides[side].totals),
            unanswered,
        };
        cx.say(Kind::Closed(&ended));
        for side in Side::BOTH {
            for open in [self.sides[side].data.take(), self.sides[side].control.take()].into_iter().flatten()
            {
                cx.shared.give_back(open);
            }
        }
    }
}
