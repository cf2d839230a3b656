//! Packets saved to a pcapng file (draft-ietf-opsawg-pcapng) as they arrive.

mod block;
mod chosen;
mod files;
mod secrets;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chosen::PendingPackets;
pub use chosen::{Belongs, Sorter};
pub use files::Target;
use files::{RotatingFile, SECRETS};
use secrets::Secrets;

use super::{Counts, Description, Error, Item, Next, PacketBatch, Source};
use crate::model::{Anomaly, Endpoint};

/// A source that saves the packets of another as they pass.
pub struct Saved {
    source: Box<dyn Source + Send>,
    saver: Saver,
}

impl Source for Saved {
    fn next(&mut self, batch: &mut PacketBatch) -> Result<Next, Error> {
        let next = self.source.next(batch)?;
        self.saver.take(batch);
        Ok(next)
    }
}

/// A writer of packets; clones write to the same file.
#[derive(Clone)]
pub struct Saver(Arc<Mutex<Inner>>);

impl Saver {
    /// Creates the first file. `interfaces` and `counts` describe a live capture.
    ///
    /// With a `sorter`, only connections that became WebSockets according to [`Saver::keep`] are saved, including their
    /// handshakes.
    pub fn create(
        target: Target,
        interfaces: Vec<Description>,
        counts: Option<Counts>,
        sorter: Option<Box<dyn Sorter>>,
    ) -> Result<Saver, Error> {
        let secrets = target.with_secrets.then(Secrets::default);
        let chosen = (sorter.is_some() || secrets.is_some()).then(|| PendingPackets::new(sorter, secrets));
        let mut out = RotatingFile::new(target, interfaces, counts);
        out.begin().map_err(|source| Error::Io { file: out.label(), source })?;
        Ok(Saver(Arc::new(Mutex::new(Inner { out, chosen, fault: None }))))
    }

    /// Wraps `source` so that its packets are saved.
    pub fn watch(&self, source: Box<dyn Source + Send>) -> Saved {
        Saved { source, saver: self.clone() }
    }

    /// Saves the packets of a batch; failures are added to its diagnostics.
    pub fn take(&self, batch: &mut PacketBatch) {
        self.lock().take(batch);
    }

    /// Notes that a WebSocket conversation began between these two.
    pub fn keep(&self, client: Endpoint, server: Endpoint) {
        if let Inner { out, chosen: Some(chosen), fault } = &mut *self.lock()
            && let Err(error) = chosen.keep(client, server, out)
        {
            fault.get_or_insert(error);
        }
    }

    /// Notes that secrets of a connection were found at a packet: if secrets are saved, they are saved with it.
    pub fn needs(&self, client_random: [u8; 32], ends: (Endpoint, Endpoint), packet: u64) {
        if let Inner { chosen: Some(chosen), .. } = &mut *self.lock() {
            chosen.needs(client_random, ends, packet);
        }
    }

    /// Writes the blocks that follow the last packet, and returns how many packets were saved.
    ///
    /// # Errors
    ///
    /// Fails if something could not be written, now or before; what was written before is complete. A closed standard
    /// output is not a failure.
    pub fn finish(&self) -> Result<u64, Error> {
        let mut inner = self.lock();
        if let Inner { out, chosen: Some(chosen), fault } = &mut *inner
            && fault.is_none()
            && let Err(error) = chosen.finish(out)
        {
            *fault = Some(error);
        }
        if inner.fault.is_none()
            && let Err(error) = inner.out.end()
        {
            inner.fault = Some(error);
        }
        if inner.is_closed() {
            return Ok(inner.out.packets);
        }
        match inner.fault.take() {
            Some(source) => Err(Error::Io { file: inner.out.label(), source }),
            None => Ok(inner.out.packets),
        }
    }

    /// Returns whether packets go to standard output.
    pub fn is_stdout(&self) -> bool {
        self.lock().out.target.is_stdout()
    }

    /// Returns whether packets go to standard output and its reader has closed it.
    pub fn is_closed(&self) -> bool {
        self.lock().is_closed()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Inner {
    out: RotatingFile,
    chosen: Option<PendingPackets>,
    /// Why saving stopped.
    fault: Option<io::Error>,
}

impl Inner {
    fn take(&mut self, batch: &mut PacketBatch) {
        if self.fault.is_some() {
            return;
        }
        if let Some(value) = self.chosen.as_mut().and_then(PendingPackets::secrets_dropped) {
            let limit = "secrets of connections that are not saved";
            batch.push_diagnostic(Anomaly::LimitReached { limit, value: value as u64 });
        }
        if std::mem::take(&mut self.out.dropped) {
            let value = SECRETS as u64;
            batch.push_diagnostic(Anomaly::LimitReached { limit: "secrets in each file", value });
        }
        let Err(error) = self.save(batch) else { return };
        let problem = error.to_string().into();
        self.fault = Some(error);
        if !self.is_closed() {
            batch.push_diagnostic(Anomaly::NotSaved { file: self.out.label().into(), problem });
        }
    }

    fn is_closed(&self) -> bool {
        let is_broken = |fault: &io::Error| fault.kind() == io::ErrorKind::BrokenPipe;
        self.out.target.is_stdout() && self.fault.as_ref().is_some_and(is_broken)
    }

    fn save(&mut self, batch: &PacketBatch) -> io::Result<()> {
        if let Some(chosen) = &mut self.chosen {
            chosen.batch();
        }
        for item in &batch.items {
            let record = match item {
                Item::Packet(record) => record,
                Item::Secrets(_, text) => {
                    if let Some(chosen) = &mut self.chosen {
                        chosen.take_secrets(text);
                    }
                    continue;
                }
                Item::Diagnostic(_) => continue,
            };
            let packet = batch.packet(record);
            let interface = self.out.interface(record.interface, packet.link);
            if let Some(chosen) = &mut self.chosen {
                chosen.take(&packet, interface, &mut self.out)?;
            } else {
                self.out.turn(packet.at.time)?;
                block::packet(&mut self.out.pending, interface, &packet);
                self.out.count();
            }
        }
        if let Some(chosen) = &mut self.chosen {
            chosen.advance(&mut self.out)?;
        }
        self.out.flush()
    }
}

#[cfg(test)]
mod tests;
