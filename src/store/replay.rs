use super::{Facts, Store, What};
use crate::event::{CloseBody, Event, Kind, Message, Opcode, Sink, Wire};
use crate::model::At;

/// Why an entry cannot be told again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayError {
    /// There is no such entry, or nothing is known of it but that it was.
    Unknown,
    /// Its payload was dropped to stay within the bounds.
    Dropped,
    /// It is an anomaly whose evidence is beyond the bound.
    NoEvidence,
}

impl Store {
    /// Tells `sink` of an entry as the analyzer told of it, its frames first where `sink` wants them.
    ///
    /// # Errors
    ///
    /// Where the entry is not known well enough to be told as it was.
    pub fn replay(&mut self, number: u32, sink: &mut dyn Sink) -> Result<(), ReplayError> {
        let entry = self.entry(number).copied().ok_or(ReplayError::Unknown)?;
        let at = At { packet: entry.packet(), time: entry.time() };
        let conversation = entry.conversation().and_then(|slot| self.conversations().get(slot as usize));
        let conn = conversation.map(|conversation| conversation.id);
        match entry.what() {
            What::Opened => {
                let opened = self.opened(&entry).ok_or(ReplayError::Unknown)?;
                sink.event(&Event { conn, at, kind: Kind::Opened(opened) });
            }
            What::Closed => {
                let closed = conversation.and_then(|conversation| conversation.closed.as_deref());
                let closed = closed.ok_or(ReplayError::Unknown)?;
                sink.event(&Event { conn, at, kind: Kind::Closed(closed) });
            }
            What::Anomaly => {
                let remark = self.remark(&entry).ok_or(ReplayError::NoEvidence)?;
                sink.event(&Event {
                    conn,
                    at,
                    kind: Kind::Anomaly { from: remark.from, anomaly: &remark.anomaly },
                });
            }
            What::Message => {
                let from = entry.from().ok_or(ReplayError::Unknown)?;
                let record = self.record(number, usize::MAX).ok_or(ReplayError::Unknown)?;
                if record.dropped {
                    return Err(ReplayError::Dropped);
                }
                if sink.wants_frames() {
                    for frame in &record.frames {
                        sink.event(&Event { conn, at, kind: Kind::Frame(*frame) });
                    }
                }
                let reason = record.payload.get(2..).unwrap_or_default();
                let reason = reason.utf8_chunks().next().map_or("", |chunk| chunk.valid());
                let facts = entry.facts();
                let close = (entry.opcode() == Opcode::CLOSE).then_some(entry.close_code()).flatten();
                sink.event(&Event {
                    conn,
                    at,
                    kind: Kind::Message(Message {
                        from,
                        opcode: entry.opcode(),
                        payload: &record.payload,
                        length: entry.length(),
                        text: facts.has(Facts::TEXT),
                        missing: &record.missing,
                        truncated_to: facts.has(Facts::TRUNCATED).then_some(u64::from(entry.kept())),
                        close: close.map(|code| CloseBody { code, reason }),
                        rtt: entry.rtt(),
                        wire: Wire {
                            frames: u64::from(entry.frames()),
                            bytes: u64::from(entry.wire()),
                            compressed: facts.has(Facts::COMPRESSED),
                            inflated: facts.has(Facts::INFLATED),
                            masked: facts.has(Facts::MASKED),
                            first: record.first,
                        },
                    }),
                });
            }
        }
        Ok(())
    }
}
