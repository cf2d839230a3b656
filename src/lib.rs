//! A WebSocket analyzer for network traffic.
//!
//! Data passes through the modules in one direction, from packets to messages:
//!
//! ```text
//!   capture ─► wire ─► tcp ─► [proxy] ─► [tls] ─► http / http2 ─► websocket, streams ─► subprotocol
//!   packets    segments bytes  who it is  plain     upgrade        messages, events      meaning
//!              └──────────────── session: a stack of layers on each connection ─────────────────┘
//!                                             │ Event                            ◄─ the waist
//!                                          [filter]                            which of them
//!                 ┌───────────────┬───────────┴───────────┬────────────────┐
//!              export      stats, check, explain         view          store, tui
//!             machines       sums, rules, reasons        lines          the screen
//! ```
//!
//! [`pipeline`] carries packets from a [`capture::Source`] through the [`session::Analyzer`] into an [`event::Output`];
//! [`analysis`] packages that for other programs, and `cli` is the command-line program. `model` holds the types that
//! all modules share; [`services`] reads the rules that describe a user's own sub-protocols.
//!
//! Imports run one way only, from right to left in `model` ← the byte-level modules (`capture`, `wire`, `tcp`, `hello`,
//! `tls`, `http`, `http2`, `proxy`, `streams`, `websocket`), which do not know each other ← `subprotocol` ← `event` ←
//! {`session`, `filter`, `view`, `store`} ← `services` ← {`export`, `stats`, `check`, `explain`, `pipeline`} ←
//! {`analysis`, `tui`} ← `cli`; `text` serves those that hold or show words. `tests/layers.rs` holds the exact table.
//!
//! # As a library
//!
//! ```
//! use wirefin::{Analysis, Control};
//!
//! Analysis::files(["captures/messages/fragments-with-pings-between.pcap"])?
//!     .filter("opcode == text")?
//!     .run(|event| {
//!         println!("{event}");
//!         Ok(Control::Continue)
//!     })?;
//! # Ok::<(), wirefin::analysis::Error>(())
//! ```
//!
//! [`Analysis`] takes files, or any [`capture::Source`]; [`pipeline::Feed`] takes packets one by one. Without the
//! default features (`cli`, `schema`, `tui`, `live`, `tls`), the crate depends only on what decoding needs.
//!
//! # Design rules
//!
//! * **Bytes and time are arguments.** A layer receives bytes with `push` and gaps with `gap`, and is polled with
//!   `next` until it returns `None`. It has no clock, socket, thread or callback. Not enough bytes is `None`, never an
//!   error.
//! * **Traffic is never an error.** A peer's violation or a loss in the capture is an [`event::Anomaly`] with evidence,
//!   and analysis continues. `Err` means that *we* could not read or write.
//! * **One path.** Every front end runs the same analyzer and the same loop; time comes only from the source.

// Tests favour readability and may be slow and large.
#![cfg_attr(
    test,
    allow(
        clippy::decimal_bitwise_operands,
        clippy::duration_suboptimal_units,
        clippy::format_push_string,
        clippy::iter_filter_is_some,
        clippy::large_stack_arrays,
        clippy::match_bool,
        clippy::suspicious_map,
        clippy::unnecessary_wraps
    )
)]
// Code reached by traffic must neither panic nor wrap.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

pub mod analysis;
pub mod capture;
pub mod check;
#[cfg(feature = "cli")]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "no traffic comes here"
)]
pub mod cli;
pub mod event;
pub mod explain;
pub mod export;
pub mod filter;
#[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "without it, hellos are only told of"))]
mod hello;
pub mod http;
pub mod http2;
pub mod model;
pub mod pipeline;
pub mod proxy;
pub mod services;
pub mod session;
pub mod stats;
pub mod store;
pub mod streams;
pub mod subprotocol;
pub mod tcp;
pub mod text;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(feature = "tui")]
pub mod tui;
pub mod view;
pub mod websocket;
pub mod wire;

pub use analysis::Analysis;
pub use event::Control;

/// Runs the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
