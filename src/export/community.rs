use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::model::Endpoint;

const TCP: u8 = 6;
const SEED: [u8; 2] = [0, 0];

/// Returns the Community ID (version 1, seed 0) of a TCP connection: the identifier that Zeek, Suricata and others also
/// use.
///
/// It is the same for both directions, because the smaller endpoint goes first.
pub fn community_id(one: Endpoint, other: Endpoint) -> String {
    // A connection never mixes IPv4 and IPv6 addresses, so the order of `IpAddr` is that of the bytes.
    let (low, high) = if one <= other { (one, other) } else { (other, one) };
    let mut hash = Sha1::new();
    hash.update(SEED);
    for end in [low, high] {
        match end.ip {
            IpAddr::V4(ip) => hash.update(ip.octets()),
            IpAddr::V6(ip) => hash.update(ip.octets()),
        }
    }
    hash.update([TCP, 0]);
    hash.update(low.port.to_be_bytes());
    hash.update(high.port.to_be_bytes());
    format!("1:{}", STANDARD.encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(one: (&str, u16), other: (&str, u16), want: &str) {
        let end = |(ip, port): (&str, u16)| Endpoint::new(ip.parse().unwrap(), port);
        assert_eq!(community_id(end(one), end(other)), want);
        assert_eq!(community_id(end(other), end(one)), want);
    }

    #[test]
    fn equals_the_published_values() {
        check(("128.232.110.120", 34855), ("66.35.250.204", 80), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        check(("1.2.3.4", 1122), ("5.6.7.8", 3344), "1:wCb3OG7yAFWelaUydu0D+125CLM=");
        check(
            ("2001:470:e5bf:dead:4957:2174:e82c:4887", 63943),
            ("2607:f8b0:400c:c03::1a", 25),
            "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=",
        );
    }

    #[test]
    fn equal_addresses_are_ordered_by_port() {
        check(("10.0.0.1", 2), ("10.0.0.1", 1), "1:mb9gqkXo1/+WeunLJO7I9i/H8Ec=");
    }
}
