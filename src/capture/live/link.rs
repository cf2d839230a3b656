//! How an interface is, as the system says; only Linux is asked.

use std::os::fd::AsFd;

/// The state of an interface's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "Linux alone is asked"))]
pub(super) enum Link {
    /// It can carry packets.
    Up,
    /// It is there and carries none.
    Down,
    /// It is no more.
    Gone,
}

/// An interface by its number, which stays its own when it is renamed and is not used again soon.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interface(
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "Linux alone is asked"))] u32,
);

#[cfg(target_os = "linux")]
impl Interface {
    /// Finds the interface of this name through any socket; `None` where it is none of a network, as `any` is.
    pub(super) fn named(name: &str, socket: impl AsFd) -> Option<Interface> {
        rustix::net::netdevice::name_to_index(socket, name).ok().map(Interface)
    }

    /// Asks how it is; `None` where the system does not say.
    pub(super) fn link(self, socket: impl AsFd) -> Option<Link> {
        /// The lowest of an interface's flags (`IFF_UP`).
        const UP: u32 = 1;
        use rustix::io::Errno;
        let name = match rustix::net::netdevice::index_to_name(socket, self.0) {
            Ok(name) => name,
            Err(Errno::NODEV | Errno::NXIO) => return Some(Link::Gone),
            Err(_) => return None,
        };
        // It may have been renamed in this very moment: the next look will tell.
        let flags = std::fs::read_to_string(format!("/sys/class/net/{name}/flags")).ok()?;
        let flags = u32::from_str_radix(flags.trim().strip_prefix("0x")?, 16).ok()?;
        Some(if flags & UP == 0 { Link::Down } else { Link::Up })
    }
}

#[cfg(not(target_os = "linux"))]
impl Interface {
    /// Finds none: what becomes of an interface is heard from libpcap alone.
    pub(super) fn named(_name: &str, _socket: impl AsFd) -> Option<Interface> {
        None
    }

    /// Knows nothing of it.
    pub(super) fn link(self, _socket: impl AsFd) -> Option<Link> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_known_by_number() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let lo = Interface::named("lo", &socket).unwrap();
        assert_eq!(lo.link(&socket), Some(Link::Up));
        assert_eq!(Interface(i32::MAX as u32).link(&socket), Some(Link::Gone));
        for none in ["", "any", "nosuch0", "a-name-that-is-longer-than-those-of-interfaces"] {
            assert!(Interface::named(none, &socket).is_none(), "{none}");
        }
    }
}
