use super::{Facts, Store, What};
use crate::event::{CloseBody, Event, Kind, Message, Opcode, Sink, Wire};
use crate::model::At;

impl Store {
    /// Tells `sink` of an entry as the analyzer told of it, its frames first where `sink` wants them.
    ///
    /// Returns `false` where it cannot: the payload was dropped, or the evidence is beyond the bound.
    pub fn replay(&mut self, number: u32, sink: &mut dyn Sink) -> bool {
        let Some(entry) = self.entry(number).copied() else { return false };
        let at = At { packet: entry.packet(), time: entry.time() };
        let conversation = entry.conversation().and_then(|slot| self.conversations().get(slot as usize));
        let conn = conversation.map(|conversation| conversation.id);
        match entry.what() {
            What::Opened => {
                let Some(opened) = self.opened(&entry) else { return false };
                sink.event(&Event { conn, at, kind: Kind::Opened(opened) });
            }
            What::Closed => {
                let Some(closed) = conversation.and_then(|conversation| conversation.closed.as_deref())
                else {
                    return false;
                };
                sink.event(&Event { conn, at, kind: Kind::Closed(closed) });
            }
            What::Anomaly => {
                let Some(remark) = self.remark(&entry) else { return false };
                sink.event(&Event {
                    conn,
                    at,
                    kind: Kind::Anomaly { from: remark.from, anomaly: &remark.anomaly },
                });
            }
            What::Message => {
                let (Some(from), Some(record)) = (entry.from(), self.record(number, usize::MAX)) else {
                    return false;
                };
                if record.dropped {
                    return false;
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
        true
    }
}
