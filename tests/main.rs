//! The integration tests: one binary, one module a subject.

mod cli;
mod corpus;
mod cuts;
mod drop;
mod flood;
mod hostile;
mod layers;
mod readme;
mod schema;
mod seeds;
mod support;
mod threads;
mod tiny;
