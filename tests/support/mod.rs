//! What the integration tests share: packets and dialogues built byte by byte, captures damaged on purpose, and the
//! way from packets to NDJSON.

pub(crate) mod damage;
pub(crate) mod dialogue;
pub(crate) mod dice;
pub(crate) mod judge;
pub(crate) mod packets;
pub(crate) mod run;
pub(crate) mod sent;
