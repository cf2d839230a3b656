//! What lies below and before a conversation: virtual networks, proxies, and traffic that is named but not decoded.

use std::path::Path;

use serde_json::{Value, json};
use wirefin::capture::Files;

use crate::support::run::{export_from, records, solo};

/// Exports a capture of the corpus.
fn exported(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name);
    let mut files = Files::open(&[path]).unwrap();
    records(&String::from_utf8(export_from(&mut files, &solo(), false).unwrap()).unwrap())
}

fn of<'a>(records: &'a [Value], kind: &str) -> Vec<&'a Value> {
    records.iter().filter(|record| record["type"] == kind).collect()
}

#[test]
fn a_proxy_is_told_with_the_ends_that_it_names() {
    let server = "server.example.com:80";
    for (name, proxy) in [
        ("proxy-v1", json!({"protocol": "proxy-v1", "client": "192.0.2.7:56324", "server": "10.0.0.1:8080"})),
        (
            "proxy-v1-own-segment",
            json!({"protocol": "proxy-v1", "client": "192.0.2.7:56324", "server": "10.0.0.1:8080"}),
        ),
        ("proxy-v2", json!({"protocol": "proxy-v2", "client": "192.0.2.7:56324", "server": "10.0.0.1:8080"})),
        (
            "proxy-v2-in-pieces",
            json!({"protocol": "proxy-v2", "client": "192.0.2.7:56324", "server": "10.0.0.1:8080"}),
        ),
        ("socks4", json!({"protocol": "socks4", "server": "10.0.0.9:80"})),
        ("socks4a", json!({"protocol": "socks4a", "server": server})),
        ("socks5", json!({"protocol": "socks5", "server": server})),
        ("socks5-password", json!({"protocol": "socks5", "server": server})),
        (
            "proxy-v1-then-socks5",
            json!({"protocol": "proxy-v1", "client": "192.0.2.7:56324", "server": "10.0.0.1:8080"}),
        ),
        ("uwsgi", json!({"protocol": "uwsgi", "client": "192.0.2.7:56324"})),
    ] {
        let records = exported(&format!("http/{name}.pcap"));
        let open = of(&records, "open");
        assert_eq!(open.len(), 1, "{name}");
        assert_eq!(open[0]["proxy"], proxy, "{name}");
        assert_eq!(open[0]["accept"]["valid"], true, "{name}");
        assert_eq!(open[0]["request"]["target"], "/close-empty?n=0", "{name}");
        assert_eq!(of(&records, "message").len(), 4, "{name}");
        assert!(of(&records, "anomaly").is_empty(), "{name}: {records:?}");
    }
}

#[test]
fn directions_in_networks_of_their_own_are_one_connection() {
    for (name, messages) in [
        ("vlan-one-direction", 26),
        ("vlan-per-direction", 4),
        ("gre-key-per-direction", 4),
        ("azure-load-balancer", 4),
    ] {
        let records = exported(&format!("link/{name}.pcap"));
        assert_eq!(of(&records, "open").len(), 1, "{name}");
        assert_eq!(of(&records, "message").len(), messages, "{name}");
        assert!(of(&records, "anomaly").is_empty(), "{name}");
    }
}

#[test]
fn a_packet_bare_and_tagged_is_captured_twice() {
    let records = exported("link/any-vlan-host.pcap");
    assert_eq!((of(&records, "open").len(), of(&records, "message").len()), (1, 14));
    let anomalies = of(&records, "anomaly");
    assert_eq!(anomalies.len(), 1, "{anomalies:?}");
    assert_eq!(anomalies[0]["rule"], "captured-twice");
}

#[test]
fn equal_addresses_of_two_tenants_stay_apart() {
    let records = exported("link/tenants.pcap");
    let open = of(&records, "open");
    assert_eq!(open.len(), 2);
    assert_eq!((&open[0]["client"], &open[0]["server"]), (&open[1]["client"], &open[1]["server"]));
    assert_ne!(open[0]["conn"], open[1]["conn"]);
    assert!(open.iter().all(|open| open["accept"]["valid"] == true));
    for rule in ["gap", "overlap-differs", "missing-handshake"] {
        assert!(of(&records, "anomaly").iter().all(|it| it["rule"] != rule), "{rule}");
    }
}
