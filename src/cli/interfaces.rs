use std::io::{self, Write as _};

use crate::capture::{Sniffable, interfaces};

/// List what can be sniffed, and what is missing where nothing can
///
/// Each line has an interface's name as `-i` takes it, its state, its link type, and its addresses.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

impl Args {
    #[expect(clippy::unused_self, reason = "as all commands")]
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let list = interfaces()?;
        let width = list.iter().map(|it| it.name.chars().count()).max().unwrap_or(0);
        let mut out = io::stdout().lock();
        for interface in &list {
            writeln!(out, "{}", line(interface, width))?;
        }
        let refused =
            |it: &Sniffable| it.link.as_ref().is_err_and(|why| why.contains(crate::capture::NO_RIGHT));
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

fn line(interface: &Sniffable, width: usize) -> String {
    let state = if interface.up { "up" } else { "down" };
    let link = match &interface.link {
        Ok(link) => link.clone(),
        Err(missing) => format!("missing: {missing}"),
    };
    let mut parts = vec![format!("{:width$}", interface.name), format!("{state:4}"), link];
    parts.extend(interface.loopback.then(|| "loopback".to_owned()));
    parts.extend(interface.addresses.iter().map(ToString::to_string));
    parts.extend(interface.description.as_ref().map(|description| format!("({description})")));
    parts.join("  ")
}
