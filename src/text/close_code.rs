/// Returns the name of a close code: those of RFC 6455 §7.4.1 and of the IANA registry it established.
pub const fn close_code_name(code: u16) -> &'static str {
    match code {
        1000 => "normal closure",
        1001 => "going away",
        1002 => "protocol error",
        1003 => "unsupported data",
        1004 => "reserved",
        1005 => "no status received",
        1006 => "abnormal closure",
        1007 => "invalid frame payload data",
        1008 => "policy violation",
        1009 => "message too big",
        1010 => "mandatory extension",
        1011 => "internal error",
        1012 => "service restart",
        1013 => "try again later",
        1014 => "bad gateway",
        1015 => "TLS handshake",
        3000 => "unauthorized",
        3003 => "forbidden",
        3008 => "timeout",
        0..=999 => "unused",
        1016..=2999 => "reserved for the protocol",
        3001..=3999 => "registered use",
        4000..=4999 => "private use",
        _ => "out of range",
    }
}

#[cfg(test)]
mod tests {
    use super::close_code_name;

    #[test]
    fn ranges_begin_and_end_where_the_rfc_says() {
        let names: Vec<_> = [999, 1000, 1015, 1016, 2999, 3000, 3001, 3999, 4000, 4999, 5000]
            .into_iter()
            .map(close_code_name)
            .collect();
        assert_eq!(
            names,
            [
                "unused",
                "normal closure",
                "TLS handshake",
                "reserved for the protocol",
                "reserved for the protocol",
                "unauthorized",
                "registered use",
                "registered use",
                "private use",
                "private use",
                "out of range"
            ]
        );
    }
}
