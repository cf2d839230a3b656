use crate::model::Tunnel;

/// An identifier that distinguishes one virtual network from another.
///
/// Only values shared by both directions of a connection qualify. The following do not, although headers carry them:
/// MPLS labels (each is chosen by the receiving end), GTP-U TEIDs (likewise), PPTP call IDs (likewise), `PPPoE`
/// sessions (a subscriber's line, with no addresses of its own), ERSPAN sessions (each identifies a mirror), the outer
/// addresses of a tunnel (mirrors send both directions the same way, and load balancers send only the requests through
/// a tunnel). A tunnel without one of the identifiers below leaves no trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Id {
    /// An 802.1Q or 802.1ad VLAN; 0 means "priority only" and is not an identifier.
    Vlan(u16),
    /// A VXLAN network.
    Vxlan(u32),
    /// A Geneve network.
    Geneve(u32),
    /// A GRE key; of an NVGRE key only the virtual subnet, because its other bits are a hash of the flow.
    Gre(u32),
    /// A backbone service.
    Service(u32),
    /// A LISP instance.
    Lisp(u32),
}

/// The layers outside a packet's TCP header.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LayerStack {
    /// The digest of all identifiers so far.
    pub(super) tunnel: Tunnel,
    /// The number of IP headers read.
    pub(super) headers: u8,
    /// The number of VLAN tags read since the last Ethernet header.
    pub(super) tags: u8,
}

impl LayerStack {
    /// Adds an identifier to the digest.
    #[inline]
    pub(super) fn add(&mut self, id: Id) {
        let (kind, value) = match id {
            Id::Vlan(0) => return,
            Id::Vlan(vlan) => (1_u64, u32::from(vlan)),
            Id::Vxlan(network) => (2, network),
            Id::Geneve(network) => (3, network),
            Id::Gre(key) => (4, key),
            Id::Service(service) => (5, service),
            Id::Lisp(instance) => (6, instance),
        };
        let mixed = mix(self.tunnel.0 ^ (kind << 32) ^ u64::from(value));
        self.tunnel = Tunnel(if mixed == Tunnel::NONE.0 { 1 } else { mixed });
    }
}

/// Mixes the bits of a number with invertible operations: odd multiplications and shifts.
const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 29)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    x ^ (x >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn digest(ids: &[Id]) -> Tunnel {
        let mut trail = LayerStack::default();
        for id in ids {
            trail.add(*id);
        }
        trail.tunnel
    }

    #[test]
    fn a_priority_tag_is_no_vlan() {
        assert_eq!(digest(&[Id::Vlan(0)]), Tunnel::NONE);
    }

    #[test]
    fn order_and_kind_count() {
        assert_ne!(digest(&[Id::Vlan(1), Id::Vlan(2)]), digest(&[Id::Vlan(2), Id::Vlan(1)]));
        assert_ne!(digest(&[Id::Vxlan(7)]), digest(&[Id::Geneve(7)]));
        assert_ne!(digest(&[Id::Vlan(7)]), Tunnel::NONE);
    }

    #[test]
    fn vlan_pairs_do_not_collide() {
        let mut seen = HashSet::new();
        for outer in 1..200 {
            assert!(seen.insert(digest(&[Id::Vlan(outer)])));
            for inner in 1..200 {
                assert!(seen.insert(digest(&[Id::Vlan(outer), Id::Vlan(inner)])));
            }
        }
    }
}
