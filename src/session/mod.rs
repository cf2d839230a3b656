//! Analysis of the segments of many connections into events: the only module that stacks the layers.
//!
//! ```text
//!   Analyzer     one shard's flow table: which connection does a segment belong to?
//!     └ Connection    one TCP connection
//!         ├ tcp::Connection     bytes in order
//!         └ Stack               which layers the bytes are; a layer may hold another stack
//!             ├ http::HttpTracker   until an upgrade
//!             └ Conversation        one WebSocket: frames, messages, inflating, closing
//! ```
//!
//! Every decision depends only on the packets of one shard and their timestamps, so that the same capture gives the
//! same events however it was read.
//!
//! ```
//! use wirefin::capture::{Files, Next, PacketBatch, Source};
//! use wirefin::event::{Event, Sink};
//! use wirefin::model::At;
//! use wirefin::session::{Analyzer, Limits};
//! use wirefin::wire::{self, Decoded, Decoder};
//!
//! struct Show;
//!
//! impl Sink for Show {
//!     fn event(&mut self, event: &Event<'_>) {
//!         println!("{event}");
//!     }
//! }
//!
//! let mut files = Files::open(&["captures/messages/fragments-with-pings-between.pcap".into()])?;
//! let (mut decoder, mut analyzer) = (Decoder::new(wire::Limits::default()), Analyzer::new(Limits::default()));
//! let (mut batch, mut last) = (PacketBatch::default(), At::default());
//! loop {
//!     let next = files.next(&mut batch)?;
//!     for packet in batch.packets() {
//!         // What time decides is decided at ticks of capture time, before the packet behind them.
//!         analyzer.pass(last.packet);
//!         let tick = Analyzer::tick_before(packet.at.time);
//!         while analyzer.next_due().is_some_and(|(due, _)| due <= tick) {
//!             analyzer.advance(&mut Show);
//!         }
//!         if let Decoded::Tcp(segment) = decoder.decode(&packet) {
//!             // Any hash of `segment.flow.key()` does.
//!             analyzer.push(0, &segment, packet.at, &mut Show);
//!         }
//!         last = packet.at;
//!     }
//!     if next == Next::End {
//!         break;
//!     }
//! }
//! let mut live: Vec<_> = analyzer.live().collect();
//! live.sort_unstable();
//! for (_, handle) in live {
//!     analyzer.finish(handle, last, &mut Show);
//! }
//! assert_eq!(analyzer.counts().connections, 1);
//! # Ok::<(), wirefin::capture::Error>(())
//! ```

mod analyzer;
mod compression;
mod connection;
mod context;
mod conversation;
mod counts;
mod detector;
mod holdings;
mod keys;
mod limits;
mod meaning;
mod message;
mod options;
mod order;
mod paths;
mod recent;
mod resync;
mod stack;
mod streamed;
mod transport;
mod windows;

pub use analyzer::Analyzer;
pub use counts::Counts;
pub use keys::{KeyUse, KeyWatcher, Keys};
pub use limits::Limits;
pub use options::{Options, Selector, SubprotocolChoice};

#[cfg(test)]
mod tests;
