//! The interfaces that can be captured.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use pcap::{Capture, ConnectionStatus, Device};

use super::Error;
use super::libpcap::{self, is_about_rights, message};

/// The description of an interface of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceInfo {
    /// The name that `-i` takes.
    pub name: String,
    /// The system's description.
    pub description: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Its link type, in words and by libpcap's name, or the reason why the interface cannot be opened.
    pub link: Result<String, String>,
    /// Whether it is up; `None` for a device that is not a network interface, such as a kernel log.
    pub up: Option<bool>,
    /// Whether it is a loopback interface.
    pub loopback: bool,
}

/// What is missing if the system denies access.
pub const NO_PRIVILEGE: &str = "the right to capture";

/// Lists the interfaces.
pub fn interfaces() -> Result<Vec<InterfaceInfo>, Error> {
    libpcap::load()?;
    let devices = Device::list()
        .map_err(|error| Error::Interface { interface: "interfaces".into(), problem: message(&error) })?;
    Ok(devices.into_iter().map(describe).collect())
}

fn describe(device: Device) -> InterfaceInfo {
    let opened =
        Capture::from_device(device.name.as_str()).and_then(|capture| capture.buffer_size(1 << 20).open());
    let link = match opened {
        Ok(capture) => {
            let link = capture.get_datalink();
            let name = link.get_name().unwrap_or_else(|_| link.0.to_string());
            Ok(link.get_description().map_or(name.clone(), |words| format!("{words} ({name})")))
        }
        Err(error) if is_about_rights(&message(&error)) => Err(NO_PRIVILEGE.to_owned()),
        Err(error) => Err(message(&error)),
    };
    InterfaceInfo {
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
    // Linux reports all states; elsewhere, only an interface without any connection is known to be down.
    flags.is_up()
        || flags.is_loopback()
        || system_folder(&device.name).is_some()
        || flags.connection_status != ConnectionStatus::NotApplicable
}

/// Returns the folder in which Linux describes an interface; `None` elsewhere, and for a device that is not a single
/// interface.
pub(super) fn system_folder(name: &str) -> Option<PathBuf> {
    let folder = Path::new("/sys/class/net").join(name);
    // The sandbox refers to folders by their canonical paths.
    folder.join("flags").exists().then(|| folder.canonicalize().ok()).flatten()
}
