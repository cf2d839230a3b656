//! TCP segments in any order → bytes in order, with the gaps named (RFC 9293).
