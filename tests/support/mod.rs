//! Shared code of the integration tests: packets and dialogues built byte by byte, deliberately damaged captures, and
//! the export of packets to NDJSON.

pub(crate) mod damage;
pub(crate) mod dialogue;
pub(crate) mod dice;
pub(crate) mod judge;
pub(crate) mod packets;
pub(crate) mod run;
pub(crate) mod sent;
