//! (empty until its first file lands)
