use std::io::{self, Write as _};

use crate::capture::{InterfaceInfo, interfaces};

/// List the interfaces that can be captured, and what is missing if none can
///
/// Each line has an interface's name for `-i`, whether it is up, its link type, and its addresses.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

impl Args {
    #[expect(clippy::unused_self, reason = "as all commands")]
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let list = interfaces()?;
        io::stdout().lock().write_all(table(&list).as_bytes())?;
        let refused = |it: &InterfaceInfo| {
            it.link.as_ref().is_err_and(|why| why.contains(crate::capture::NO_PRIVILEGE))
        };
        if list.iter().any(refused) {
            let program =
                std::env::current_exe().map_or_else(|_| "wirefin".into(), |path| path.display().to_string());
            writeln!(
                io::stderr(),
                "wirefin: the right to capture is missing: run as root, \
                 or give this program the right once: `sudo setcap cap_net_raw,cap_net_admin=eip {program}`"
            )?;
        }
        Ok(())
    }
}

/// Lists interfaces, one per line, in aligned columns.
fn table(list: &[InterfaceInfo]) -> String {
    let link = |it: &InterfaceInfo| it.link.clone().unwrap_or_else(|_| "-".to_owned());
    let width = |of: &dyn Fn(&InterfaceInfo) -> String| {
        list.iter().map(|it| of(it).chars().count()).max().unwrap_or(0)
    };
    let (names, links) = (width(&|it| it.name.clone()), width(&link));
    let mut text = String::new();
    for interface in list {
        let state = match interface.up {
            Some(true) => "up",
            Some(false) => "down",
            None => "-",
        };
        let line =
            format!("{:names$}  {state:4}  {:links$}  {}", interface.name, link(interface), notes(interface));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Returns the facts that have no column of their own.
fn notes(interface: &InterfaceInfo) -> String {
    let mut parts = Vec::new();
    parts.extend(interface.loopback.then(|| "loopback".to_owned()));
    parts.extend(interface.addresses.iter().map(ToString::to_string));
    parts.extend(interface.description.as_ref().map(|description| format!("({description})")));
    // An interface that is down is not reported again as not being up.
    if let Err(missing) = &interface.link
        && !(interface.up == Some(false) && missing.ends_with("not up"))
    {
        parts.push(format!("missing: {missing}"));
    }
    parts.join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, up: Option<bool>, link: Result<&str, &str>) -> InterfaceInfo {
        InterfaceInfo {
            name: name.to_owned(),
            description: None,
            addresses: Vec::new(),
            link: link.map(str::to_owned).map_err(str::to_owned),
            up,
            loopback: name == "lo",
        }
    }

    #[test]
    fn columns_stand_below_each_other_and_nothing_is_said_twice() {
        let mut list = [
            interface("eth0", Some(true), Ok("Ethernet (EN10MB)")),
            interface("any", Some(true), Ok("Linux cooked v1 (LINUX_SLL)")),
            interface("lo", Some(true), Ok("Ethernet (EN10MB)")),
            interface("ifb0", Some(false), Err("That device is not up")),
            interface("bluetooth-monitor", None, Err("Can't create raw socket")),
            interface("wlan0", Some(true), Err(crate::capture::NO_PRIVILEGE)),
        ];
        list[0].addresses = vec!["192.0.2.2".parse().unwrap(), "fd00::2".parse().unwrap()];
        list[4].description = Some("Bluetooth Linux Monitor".to_owned());
        let expected = "\
eth0               up    Ethernet (EN10MB)            192.0.2.2  fd00::2
any                up    Linux cooked v1 (LINUX_SLL)
lo                 up    Ethernet (EN10MB)            loopback
ifb0               down  -
bluetooth-monitor  -     -                            (Bluetooth Linux Monitor)  missing: Can't create raw socket
wlan0              up    -                            missing: the right to capture
";
        assert_eq!(table(&list), expected);
    }
}
