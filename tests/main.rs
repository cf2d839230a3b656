//! The integration tests: one binary, one module a subject.

mod cli;
mod corpus;
mod cuts;
mod drop;
mod flood;
mod hostile;
mod layers;
mod live;
mod readme;
mod schema;
mod screen;
mod seeds;
mod support;
mod threads;
mod tiny;
