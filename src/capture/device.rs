//! What can be sniffed.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use pcap::{Capture, ConnectionStatus, Device};

use super::Error;
use super::libpcap::{self, is_about_rights, message};

/// The description of an interface of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sniffable {
    /// What `-i` calls it.
    pub name: String,
    /// What the system says it is.
    pub description: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Its link type, in words and as libpcap names it, or what keeps it from being opened.
    pub link: Result<String, String>,
    /// Whether it is up; `None` for what is no network interface, as a log of the kernel.
    pub up: Option<bool>,
    /// Whether it is loopback.
    pub loopback: bool,
}

/// What is missing where the system does not let us.
pub const NO_RIGHT: &str = "the right to capture";

/// Lists the interfaces.
pub fn interfaces() -> Result<Vec<Sniffable>, Error> {
    libpcap::load()?;
    let devices = Device::list()
        .map_err(|error| Error::Interface { interface: "interfaces".into(), problem: message(&error) })?;
    Ok(devices.into_iter().map(describe).collect())
}

fn describe(device: Device) -> Sniffable {
    let opened =
        Capture::from_device(device.name.as_str()).and_then(|capture| capture.buffer_size(1 << 20).open());
    let link = match opened {
        Ok(capture) => {
            let link = capture.get_datalink();
            let name = link.get_name().unwrap_or_else(|_| link.0.to_string());
            Ok(link.get_description().map_or(name.clone(), |words| format!("{words} ({name})")))
        }
        Err(error) if is_about_rights(&message(&error)) => Err(NO_RIGHT.to_owned()),
        Err(error) => Err(message(&error)),
    };
    Sniffable {
        link,
        up: is_network(&device).then(|| device.flags.is_up()),
        description: device.desc,
        addresses: device.addresses.into_iter().map(|address| address.addr).collect(),
        loopback: device.flags.is_loopback(),
        name: device.name,
    }
}

/// Returns whether a device is an interface that can be up or down.
fn is_network(device: &Device) -> bool {
    let flags = &device.flags;
    // Linux knows them all; elsewhere only what has no connection at all is told apart.
    flags.is_up()
        || flags.is_loopback()
        || system_folder(&device.name).is_some()
        || flags.connection_status != ConnectionStatus::NotApplicable
}

/// Returns where Linux tells of an interface; `None` elsewhere, and for what is no single interface.
pub(super) fn system_folder(name: &str) -> Option<PathBuf> {
    let folder = Path::new("/sys/class/net").join(name);
    // The sandbox knows folders by their true names.
    folder.join("flags").exists().then(|| folder.canonicalize().ok()).flatten()
}
