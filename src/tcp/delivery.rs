use super::arrival::{Arrival, Rest, Task};
use super::checksums::Mismatch;
use super::connection::Connection;
use super::differences::Differences;
use super::half::{Half, Phase};
use super::output::{End, GapCause, Output};
use super::reassembly_queue::{WaitingRun, split};
use crate::model::{Anomaly, At, Segment, Side, Timestamp};

impl Connection {
    /// Processes one segment. The resulting output must be drained before the next call.
    #[inline]
    pub fn push<'c, 'a>(&'c mut self, side: Side, segment: &Segment<'a>, at: At) -> Delivery<'c, 'a> {
        let arrival = self.receive(side, segment, at);
        Delivery::new(self, side, arrival)
    }

    /// Advances capture time to `now`, giving up gaps whose grace period is over.
    pub fn advance(&mut self, now: Timestamp) -> Delivery<'_, 'static> {
        let due = self.deadline().is_some_and(|deadline| deadline <= now);
        let task = if due { Task::Advance(now) } else { Task::Nothing };
        Delivery::new(self, Side::Client, task.into())
    }

    /// Gives up every gap, because the capture ends or the connection is dropped.
    ///
    /// Bytes that were acknowledged but not captured are reported too. A single sequence number there is assumed to be
    /// a FIN that was not captured.
    pub fn finish(&mut self) -> Delivery<'_, 'static> {
        Delivery::new(self, Side::Client, Task::Finish.into())
    }

    /// Gives up the oldest gap of the fuller side, because a bound of the caller was reached.
    pub fn shed_load(&mut self) -> Delivery<'_, 'static> {
        let fuller = if self.halves.server.allocated() > self.halves.client.allocated() {
            Side::Server
        } else {
            Side::Client
        };
        Delivery::new(self, fuller, Task::ShedOldest.into())
    }
}

/// The output of one call, item by item.
///
/// Output that is not drained is lost and becomes a gap.
#[must_use = "what became readable is to be drained"]
#[derive(Debug)]
pub struct Delivery<'c, 'a> {
    connection: &'c mut Connection,
    side: Side,
    task: Task,
    rest: Rest<'a>,
    again: Option<(u64, &'a [u8])>,
    held: Option<WaitingRun>,
    differences: Differences,
}

/// An [`Output`] that does not borrow from the queue yet.
enum Step<'a> {
    Direct(&'a [u8], At),
    Waiting(WaitingRun),
    Gap(u64, GapCause, At),
    Anomaly(Anomaly),
    End(End, At),
}

impl<'c, 'a> Delivery<'c, 'a> {
    /// Returns how many bytes of a side were acknowledged but not captured yet.
    pub fn unseen(&self, side: Side) -> u64 {
        self.connection.unseen(side)
    }

    #[inline]
    fn new(connection: &'c mut Connection, side: Side, arrival: Arrival<'a>) -> Self {
        let (Arrival { task, rest, again }, differences) = (arrival, Differences::default());
        Delivery { connection, side, task, rest, again, held: None, differences }
    }

    /// Returns the next output; `None` when all were returned.
    #[allow(clippy::should_implement_trait, reason = "it lends from itself, which `Iterator` cannot")]
    #[inline]
    pub fn next(&mut self) -> Option<Output<'_>> {
        let Delivery { side, rest: Rest { start, bytes, at, .. }, .. } = *self;
        match self.task {
            Task::Nothing => None,
            Task::Deliver => {
                self.task = Task::Nothing;
                self.connection.halves[side].advance(bytes.len() as u64);
                Some(Output::Bytes { side, start, bytes, at })
            }
            _ => self.next_merged(),
        }
    }

    fn next_merged(&mut self) -> Option<Output<'_>> {
        if let Some((start, bytes)) = self.again.take() {
            return Some(Output::Duplicate { side: self.side, start, bytes });
        }
        let step = self.step()?;
        let side = self.side;
        let half = &self.connection.halves[side];
        let start = |bytes: &[u8]| half.position.saturating_sub(bytes.len() as u64);
        Some(match step {
            Step::Direct(bytes, at) => Output::Bytes { side, start: start(bytes), bytes, at },
            Step::Waiting(held) => {
                let bytes = half.waiting.as_ref().map_or(&[][..], |waiting| waiting.bytes(&held));
                Output::Bytes { side, start: start(bytes), bytes, at: held.at }
            }
            Step::Gap(length, cause, at) => Output::Gap { side, length, cause, at },
            Step::Anomaly(anomaly) => Output::Anomaly { side, anomaly },
            Step::End(how, at) => Output::End { side, how, at },
        })
    }

    fn step(&mut self) -> Option<Step<'a>> {
        if let Task::Discard(Mismatch { found, expected }) = self.task {
            self.task = Task::Nothing;
            let length = std::mem::take(&mut self.rest).bytes.len() as u64;
            let [found, expected] = [found, expected].map(|sum| format!("{sum:#06x}").into());
            return Some(Step::Anomaly(Anomaly::ChecksumWrong { length, found, expected }));
        }
        loop {
            if self.held.is_none() {
                self.connection.halves[self.side].release();
            }
            if let Some(step) = self.deliver() {
                return Some(step);
            }
            if let Some(step) = self.enqueue() {
                return Some(step);
            }
            if let Some(step) = self.give_up_due() {
                return Some(step);
            }
            if let Some(anomaly) = std::mem::take(&mut self.differences).anomaly() {
                return Some(Step::Anomaly(anomaly));
            }
            let both = matches!(self.task, Task::Advance(_) | Task::Finish);
            if !both || self.side == Side::Server {
                self.task = Task::Nothing;
                return None;
            }
            self.side = Side::Server;
        }
    }

    /// Delivers what is at the position: queued bytes, bytes of the current segment, a truncation, or an end.
    fn deliver(&mut self) -> Option<Step<'a>> {
        let Delivery { connection, side, rest, held, differences, .. } = self;
        let half = &mut connection.halves[*side];
        if half.phase != Phase::Open {
            *rest = Rest::default();
            // A reset after FIN ends the other direction too; this one has already ended.
            if let Some(rst) = half.waiting.take().and_then(|waiting| waiting.rst) {
                connection.reset = connection.reset.min(rst.at.time);
            }
            return None;
        }
        let position = half.position;
        rest.skip_to(position);
        let Some(waiting) = half.waiting.as_deref_mut() else {
            return hand_on_rest(half, rest, u64::MAX);
        };
        let fin = waiting.fin.map_or(u64::MAX, |fin| fin.offset);
        if held.is_none() {
            *held = waiting.take(position, fin);
            if let Some(run) = held {
                let ahead = rest.start.saturating_sub(run.start);
                let known =
                    WaitingRun { start: rest.start, length: run.length.saturating_sub(ahead), ..*run };
                waiting.compare(known.start, split(rest.bytes, known.length).0, differences);
            }
        }
        if let Some(run) = held.take() {
            let length = waiting.bytes(&run).len() as u64;
            let left = run.length.saturating_sub(length);
            if length > 0 {
                *held = (left > 0).then(|| WaitingRun {
                    start: run.start.saturating_add(length),
                    length: left,
                    at: run.at,
                });
                half.advance(length);
                return Some(Step::Waiting(run));
            }
        }
        if fin == position {
            return end(connection, *side, End::Fin);
        }
        let upto = waiting.first_byte().unwrap_or(u64::MAX).min(fin);
        let cut = waiting.cut_at(position);
        let reset = waiting.rst.is_some_and(|rst| rst.offset <= position);
        if let Some(step) = hand_on_rest(half, rest, upto) {
            return Some(step);
        }
        if let Some((end, at)) = cut {
            let upto = if rest.is_empty() { upto } else { upto.min(rest.start) };
            let length = end.min(upto).saturating_sub(position);
            half.advance(length);
            return Some(Step::Gap(length, GapCause::SnapLength, at));
        }
        if reset && rest.is_empty() {
            return end(connection, *side, End::Reset);
        }
        None
    }

    /// Queues the rest, which follows a gap; gives up the oldest gap if there is no room.
    fn enqueue(&mut self) -> Option<Step<'a>> {
        let Delivery { connection, side, rest, differences, task, .. } = self;
        if rest.is_empty() {
            return None;
        }
        let half = &mut connection.halves[*side];
        if *task == Task::Jump {
            return give_up(half, rest, GapCause::Lost);
        }
        let mark = half.mark(rest.start, rest.at);
        let waiting = half.waiting.get_or_insert_default();
        let done = waiting.insert(mark, rest.bytes, &connection.limits, differences);
        rest.take(done as u64);
        if rest.bytes.is_empty() && rest.cut > 0 {
            let mark = half.mark(rest.start, rest.at);
            let waiting = half.waiting.get_or_insert_default();
            if waiting.insert_cut(mark, rest.cut, &connection.limits) {
                rest.cut = 0;
            }
        }
        if rest.is_empty() {
            return None;
        }
        if !half.limit_reported {
            half.limit_reported = true;
            let limits = &connection.limits;
            let pieces = half.waiting.as_ref().map_or(0, |waiting| waiting.pieces());
            let (limit, value) = if pieces >= limits.waiting_pieces {
                ("pieces waiting behind a gap", limits.waiting_pieces)
            } else {
                ("bytes waiting behind a gap", limits.waiting_bytes)
            };
            return Some(Step::Anomaly(Anomaly::LimitReached { limit, value: value as u64 }));
        }
        give_up(half, rest, GapCause::Limit)
    }

    /// Gives up a gap as the task requires.
    fn give_up_due(&mut self) -> Option<Step<'a>> {
        let reset = self.connection.reset_seen();
        let Delivery { connection, side, rest, task, .. } = self;
        let half = &mut connection.halves[*side];
        let cause = match *task {
            Task::Advance(now) => {
                half.deadline(reset, &connection.limits).filter(|&deadline| deadline <= now)?;
                GapCause::Lost
            }
            Task::Finish => GapCause::Lost,
            Task::ShedOldest => {
                *task = Task::Push;
                GapCause::Limit
            }
            Task::Nothing | Task::Deliver | Task::Discard(_) | Task::Push | Task::Jump | Task::Reset => {
                return None;
            }
        };
        if half.phase != Phase::Open {
            return None;
        }
        if let Some(step) = give_up(half, rest, cause) {
            return Some(step);
        }
        let unseen = half.acked.saturating_sub(half.position);
        if *task != Task::Finish || unseen <= 1 {
            return None;
        }
        half.advance(unseen);
        Some(Step::Gap(unseen, GapCause::Lost, half.acked_at))
    }
}

/// Delivers the current segment's bytes as far as `upto`, if they are at the position.
fn hand_on_rest<'a>(half: &mut Half, rest: &mut Rest<'a>, upto: u64) -> Option<Step<'a>> {
    let room = upto.saturating_sub(half.position);
    if rest.start != half.position || rest.is_empty() || room == 0 {
        return None;
    }
    if rest.bytes.is_empty() {
        let length = rest.cut.min(room);
        rest.cut = rest.cut.saturating_sub(length);
        rest.start = rest.start.saturating_add(length);
        half.advance(length);
        return Some(Step::Gap(length, GapCause::SnapLength, rest.at));
    }
    let bytes = rest.take(room);
    half.advance(bytes.len() as u64);
    Some(Step::Direct(bytes, rest.at))
}

/// Gives up the gap at the position, which ends at the first queued item or at the current segment.
fn give_up<'a>(half: &mut Half, rest: &Rest<'_>, cause: GapCause) -> Option<Step<'a>> {
    let front = half.waiting.as_ref().and_then(|waiting| waiting.front()).map(|mark| (mark.offset, mark.at));
    let rest = (!rest.is_empty()).then_some((rest.start, rest.at));
    let (end, at) = front.into_iter().chain(rest).min_by_key(|&(offset, _)| offset)?;
    let length = end.saturating_sub(half.position);
    half.advance(length);
    (length > 0).then_some(Step::Gap(length, cause, at))
}

/// Ends a direction and drops anything queued after its end.
fn end<'a>(connection: &mut Connection, side: Side, how: End) -> Option<Step<'a>> {
    let half = &mut connection.halves[side];
    let waiting = half.waiting.take()?;
    half.phase = Phase::Ended;
    let mark = match how {
        End::Fin => waiting.fin,
        End::Reset => waiting.rst,
    }?;
    if how == End::Reset {
        connection.reset = connection.reset.min(mark.at.time);
    }
    Some(Step::End(how, mark.at))
}
