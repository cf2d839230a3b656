//! One packet's bytes → one TCP segment.
