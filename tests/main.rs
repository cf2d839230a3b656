//! The integration tests: one binary, one module per subject.

#![allow(unreachable_pub)] // the fuzz targets are shared
#![allow(clippy::naive_bytecount, clippy::zombie_processes)] // tests

mod analysis;
mod autobahn;
mod circles;
mod cli;
mod corpus;
mod cuts;
mod drafts;
mod drop;
mod exits;
mod flood;
mod hostile;
mod http2;
mod joined;
mod language;
mod layers;
mod live;
mod order;
mod pictures;
mod readme;
mod relays;
mod rules;
mod saving;
mod schema;
mod screen;
mod seeds;
mod snapped;
mod streams;
mod subprotocols;
mod sums;
mod support;
mod threads;
mod tiny;
mod tls;
mod tutorials;
mod ways;
mod words;
