//! The integration tests: one binary, one module a subject.

mod corpus;
mod cuts;
mod drop;
mod flood;
mod hostile;
mod layers;
mod readme;
mod screen;
mod seeds;
mod support;
mod threads;
