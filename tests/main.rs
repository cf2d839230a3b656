//! The integration tests: one binary, one module a subject.

mod corpus;
mod cuts;
mod drop;
mod flood;
mod hostile;
mod layers;
mod readme;
mod seeds;
mod sums;
mod support;
mod threads;
