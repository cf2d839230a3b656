//! The state of an interface as reported by the system; only Linux is queried.

use std::os::fd::AsFd;

/// The state of an interface's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "Linux alone is asked"))]
pub(super) enum Link {
    /// It is ready to carry packets.
    Up,
    /// It exists but carries no packets.
    Down,
    /// It no longer exists.
    Gone,
}

/// An interface identified by its index, which survives renaming and is not soon reused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interface(
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "Linux alone is asked"))] u32,
);

#[cfg(target_os = "linux")]
impl Interface {
    /// Finds the interface with this name through any socket; `None` for `any` and others that are not network
    /// interfaces.
    pub(super) fn named(name: &str, socket: impl AsFd) -> Option<Interface> {
        rustix::net::netdevice::name_to_index(socket, name).ok().map(Interface)
    }

    /// Queries its state; `None` if the system does not report it.
    pub(super) fn link(self, socket: impl AsFd) -> Option<Link> {
        /// The lowest of an interface's flags (`IFF_UP`).
        const UP: u32 = 1;
        use rustix::io::Errno;
        let name = match rustix::net::netdevice::index_to_name(socket, self.0) {
            Ok(name) => name,
            Err(Errno::NODEV | Errno::NXIO) => return Some(Link::Gone),
            Err(_) => return None,
        };
        // It may have been renamed at this very moment: the next query will show.
        let flags = std::fs::read_to_string(format!("/sys/class/net/{name}/flags")).ok()?;
        let flags = u32::from_str_radix(flags.trim().strip_prefix("0x")?, 16).ok()?;
        Some(if flags & UP == 0 { Link::Down } else { Link::Up })
    }
}

#[cfg(not(target_os = "linux"))]
impl Interface {
    /// Finds none: here, only libpcap reports changes of an interface.
    pub(super) fn named(_name: &str, _socket: impl AsFd) -> Option<Interface> {
        None
    }

    /// Returns `None`.
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
