use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

/// One end of a TCP connection: an address and a port.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// The IP address.
    pub ip: IpAddr,
    /// The TCP port.
    pub port: u16,
}

impl Endpoint {
    /// Creates an endpoint from an address and a port.
    pub const fn new(ip: IpAddr, port: u16) -> Self {
        Endpoint { ip, port }
    }
}

/// Hashes an IPv4 endpoint as a single number, because the flow of every packet is hashed.
impl Hash for Endpoint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.ip {
            IpAddr::V4(ip) => state.write_u64(u64::from(ip.to_bits()) << 16 | u64::from(self.port)),
            IpAddr::V6(ip) => {
                state.write_u128(ip.to_bits());
                state.write_u16(self.port);
            }
        }
    }
}

/// Formats as `10.0.0.1:80` or `[fd00::1]:80`.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&SocketAddr::new(self.ip, self.port), f)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An identifier of the tunnel or virtual network that a packet came through, which keeps equal inner addresses of two
/// tenants apart.
///
/// It is a digest of the identifiers of every layer (VLAN, VNI, GRE key …); [`Tunnel::NONE`] if there were none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tunnel(pub u64);

impl Tunnel {
    /// No tunnel.
    pub const NONE: Tunnel = Tunnel(0);
}

/// The addresses of a TCP connection, the same for both directions: the smaller endpoint comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowKey {
    /// The smaller endpoint.
    pub low: Endpoint,
    /// The larger endpoint.
    pub high: Endpoint,
    /// The tunnel the packets came through.
    pub tunnel: Tunnel,
}

/// Excludes the tunnel: packets of one connection may come through several, and must be found together.
impl Hash for FlowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.low.hash(state);
        self.high.hash(state);
    }
}
