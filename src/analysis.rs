//! The library in a few lines: captures in, events out.

use std::io;
use std::path::{Path, PathBuf};

#[cfg(feature = "tls")]
use crate::capture::KeyLogs;
use crate::capture::{self, Files, Item, Next, PacketBatch, Source};
use crate::event::{Control, Event, Sink};
use crate::filter::{self, Filter, Filtered};
use crate::model::Timestamp;
use crate::pipeline::Feed;
use crate::session::Limits;
use crate::wire;

/// An analysis that is ready to run.
///
/// ```
/// use wirefin::{Analysis, Control};
///
/// let mut texts = 0;
/// Analysis::files(["captures/messages/fragments-with-pings-between.pcap"])?
///     .filter("opcode == text")?
///     .run(|event| {
///         println!("{event}");
///         texts += 1;
///         Ok(Control::Continue)
///     })?;
/// assert!(texts >= 2);
/// # Ok::<(), wirefin::analysis::Error>(())
/// ```
pub struct Analysis {
    source: Box<dyn Source + Send>,
    filter: Option<Filter>,
    frames: bool,
    limits: Limits,
}

/// The reason why an analysis could not begin or continue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A capture could not be read.
    #[error(transparent)]
    Capture(#[from] capture::Error),
    /// The filter is invalid.
    #[error("{fault}\n{}", .fault.caret())]
    Filter {
        /// The cause.
        #[from]
        fault: filter::Error,
    },
    /// The caller's function failed.
    #[error(transparent)]
    Caller(#[from] io::Error),
}

impl Analysis {
    /// Analyzes capture files as one capture in time order; `-` is standard input.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be opened or is not a capture.
    pub fn files<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<Self, Error> {
        let paths: Vec<PathBuf> = paths.into_iter().map(|path| path.as_ref().to_owned()).collect();
        Ok(Analysis::of(Files::open(&paths)?))
    }

    /// Analyzes the packets of a source.
    pub fn of(source: impl Source + Send + 'static) -> Self {
        Analysis { source: Box::new(source), filter: None, frames: false, limits: Limits::default() }
    }

    /// Forwards only messages that match, and the events needed to understand them.
    ///
    /// # Errors
    ///
    /// Fails if the filter is invalid.
    pub fn filter(self, text: &str) -> Result<Self, Error> {
        Ok(Analysis { filter: Some(Filter::parse(text)?), ..self })
    }

    /// Decrypts TLS with the secrets of a key log (`SSLKEYLOGFILE`, RFC 9850), which is read before the first packet.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be opened.
    #[cfg(feature = "tls")]
    pub fn with_keylog(self, path: impl AsRef<Path>) -> Result<Self, Error> {
        let log = KeyLogs::open(&[path.as_ref().to_owned()], false)?;
        Ok(Analysis { source: Box::new(log.watch(self.source)), ..self })
    }

    /// Also reports the frames of messages.
    #[must_use]
    pub fn with_frames(self) -> Self {
        Analysis { frames: true, ..self }
    }

    /// Sets the limits on memory.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Analysis { limits, ..self }
    }

    /// Calls `each` with every event, in the order of the capture, on this thread.
    ///
    /// # Errors
    ///
    /// Fails if a capture cannot be read, or if `each` fails.
    pub fn run(mut self, each: impl FnMut(&Event<'_>) -> io::Result<Control>) -> Result<(), Error> {
        let mut caller = Caller { each, frames: self.frames, outcome: Ok(Control::Continue) };
        let mut feed = Feed::new(self.limits, wire::Limits::default());
        if let Some(filter) = self.filter {
            let mut filtered = Filtered::new(filter, caller, Timestamp::default());
            carry(&mut *self.source, &mut feed, &mut filtered, Filtered::begin, |it| it.sink().is_over())?;
            caller = filtered.into_sink();
        } else {
            carry(&mut *self.source, &mut feed, &mut caller, |_, _| {}, Caller::is_over)?;
        }
        caller.outcome?;
        Ok(())
    }
}

/// Feeds everything from `source` through `feed` into `sink`, until `is_over`; `begin` is called with the time of the
/// first packet.
fn carry<S: Sink>(
    source: &mut dyn Source,
    feed: &mut Feed,
    sink: &mut S,
    begin: impl Fn(&mut S, Timestamp),
    is_over: impl Fn(&S) -> bool,
) -> Result<(), Error> {
    let (mut batch, mut has_begun) = (PacketBatch::default(), false);
    loop {
        let next = source.next(&mut batch)?;
        if let (false, Some(first)) = (has_begun, batch.records().next()) {
            begin(sink, first.at.time);
            has_begun = true;
        }
        for item in &batch.items {
            match item {
                Item::Packet(record) => feed.push(&batch.packet(record), sink),
                Item::Diagnostic(anomaly) => feed.diagnostic(anomaly, sink),
                Item::Secrets(origin, lines) => feed.secrets(*origin, lines, sink),
            }
            if is_over(sink) {
                return Ok(());
            }
        }
        match next {
            Next::Filled => {}
            Next::Idle(now) => feed.advance(now, sink),
            Next::End => {
                feed.finish(sink);
                return Ok(());
            }
        }
    }
}

/// A sink that calls a function with each event until it fails or stops.
struct Caller<F> {
    each: F,
    frames: bool,
    outcome: io::Result<Control>,
}

impl<F> Caller<F> {
    fn is_over(&self) -> bool {
        !matches!(self.outcome, Ok(Control::Continue))
    }
}

impl<F: FnMut(&Event<'_>) -> io::Result<Control>> Sink for Caller<F> {
    fn event(&mut self, event: &Event<'_>) {
        if !self.is_over() {
            self.outcome = (self.each)(event);
        }
    }

    fn wants_frames(&self) -> bool {
        self.frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Kind;

    const CAPTURE: &str = "captures/messages/fragments-with-pings-between.pcap";

    fn all(analysis: Analysis) -> Vec<String> {
        let mut lines = Vec::new();
        let run = analysis.run(|event| {
            lines.push(event.to_string());
            Ok(Control::Continue)
        });
        run.unwrap();
        lines
    }

    #[test]
    fn events_come_in_order_and_as_filtered() {
        let lines = all(Analysis::files([CAPTURE]).unwrap());
        assert_eq!(lines.len(), 10, "{lines:#?}");
        assert!(lines[0].contains("open") && lines[9].contains("closed"), "{lines:#?}");
        let texts = all(Analysis::files([CAPTURE]).unwrap().filter("opcode == text").unwrap());
        assert_eq!(texts, [&lines[0], &lines[5], &lines[6], &lines[9]].map(String::clone));
        assert!(all(Analysis::files([CAPTURE]).unwrap().with_frames()).len() > 10);
    }

    #[cfg(feature = "tls")]
    #[test]
    fn a_key_log_decrypts() {
        let encrypted = Analysis::files(["captures/tls/chromium.pcap"]).unwrap();
        assert!(!all(encrypted).iter().any(|line| line.contains("open")));
        let opened = Analysis::files(["captures/tls/chromium.pcap"]).unwrap();
        let lines = all(opened.with_keylog("captures/tls/chromium.keylog").unwrap());
        assert!(lines.iter().any(|line| line.contains("open")), "{lines:#?}");
    }

    /// A source whose first packet takes a long time to arrive.
    #[cfg(feature = "tls")]
    struct Quiet(Files, bool);

    #[cfg(feature = "tls")]
    impl Source for Quiet {
        fn next(&mut self, batch: &mut PacketBatch) -> Result<Next, crate::capture::Error> {
            if std::mem::replace(&mut self.1, true) {
                return self.0.next(batch);
            }
            *batch = PacketBatch::default();
            Ok(Next::Idle(Timestamp::default()))
        }
    }

    #[cfg(feature = "tls")]
    #[test]
    fn keys_that_come_before_the_first_packet_are_not_lost() {
        let files = Files::open(&["captures/tls/chromium.pcap".into()]).unwrap();
        let quiet = Analysis::of(Quiet(files, false));
        let lines = all(quiet.with_keylog("captures/tls/chromium.keylog").unwrap());
        assert!(lines.iter().any(|line| line.contains("open")), "{lines:#?}");
    }

    #[test]
    fn whoever_wants_no_more_gets_no_more() {
        let mut seen = 0;
        let run = Analysis::files([CAPTURE]).unwrap().run(|event| {
            seen += 1;
            let last = matches!(event.kind, Kind::Message(_));
            Ok(if last { Control::Stop } else { Control::Continue })
        });
        assert!(run.is_ok() && seen == 2, "{seen}");
        let run = Analysis::files([CAPTURE]).unwrap().run(|_| Err(io::ErrorKind::StorageFull.into()));
        assert!(matches!(run, Err(Error::Caller(error)) if error.kind() == io::ErrorKind::StorageFull));
    }

    #[test]
    fn faults_are_reported_before_anything_runs() {
        assert!(matches!(Analysis::files(["captures"]), Err(Error::Capture(_))));
        let fault = Analysis::files([CAPTURE]).unwrap().filter("opcode ==").err().unwrap().to_string();
        assert!(fault.contains('^'), "{fault}");
    }
}
