//! Drops privileges as soon as the interfaces are open, before the first packet is read.

use std::fmt;

/// The user that the program becomes once it no longer needs to be root.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "root becomes another on Linux alone"))]
pub(super) struct User {
    name: String,
    uid: u32,
    gid: u32,
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The user number of `nobody` if `/etc/passwd` has no entry for it.
const NOBODY: u32 = 65_534;

impl User {
    /// Finds the user to become: the one `asked` for, else the caller of sudo, else `nobody`.
    ///
    /// # Errors
    ///
    /// Fails if there is no user with the given name.
    fn choose(asked: Option<&str>, sudo: [Option<String>; 2], passwd: &str) -> anyhow::Result<User> {
        let [uid, gid] = sudo.map(|number| number.and_then(|text| text.parse::<u32>().ok()));
        match (asked, uid, gid) {
            (Some(asked), ..) => User::find(asked, passwd)
                .ok_or_else(|| anyhow::anyhow!("there is no user {asked} on this machine")),
            (None, Some(uid @ 1..), Some(gid)) => Ok(User { name: format!("user {uid}"), uid, gid }),
            _ => {
                let nobody = || User { name: "nobody".to_owned(), uid: NOBODY, gid: NOBODY };
                Ok(User::find("nobody", passwd).unwrap_or_else(nobody))
            }
        }
    }

    /// Finds a user by name or number in the lines of `/etc/passwd`.
    fn find(asked: &str, passwd: &str) -> Option<User> {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            let uid = fields.nth(1)?;
            let gid = fields.next()?;
            (name == asked || uid == asked).then(|| {
                Some(User { name: name.to_owned(), uid: uid.parse().ok()?, gid: gid.parse().ok()? })
            })?
        })
    }
}

/// The way in which the privileges needed for opening interfaces are dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Drop capabilities; we are not root.
    Drop,
    /// Become another user with folders to write to: the one asked for, or the caller of sudo.
    Become(User),
    /// Become `nobody`, who may not write anywhere: outputs are opened before.
    BecomeNobody(User),
}

impl Step {
    /// Decides which step applies to the current user, given the user `asked` for.
    ///
    /// # Errors
    ///
    /// Fails if there is no user with the given name.
    pub(super) fn choose(asked: Option<&str>) -> anyhow::Result<Step> {
        // On other systems, root stays root.
        if !cfg!(target_os = "linux") || !rustix::process::geteuid().is_root() {
            return Ok(Step::Drop);
        }
        let sudo = ["SUDO_UID", "SUDO_GID"].map(|name| std::env::var(name).ok());
        let is_called = sudo
            .iter()
            .all(|number| number.as_deref().is_some_and(|it| it != "0" && it.parse::<u32>().is_ok()));
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let user = User::choose(asked, sudo, &passwd)?;
        Ok(if asked.is_some() || is_called { Step::Become(user) } else { Step::BecomeNobody(user) })
    }

    /// Drops every privilege that is no longer needed: root's identity, unless it `stays` root, and all capabilities.
    ///
    /// Returns the new user if it changed. Must be called while the program has one thread.
    ///
    /// # Errors
    ///
    /// Fails if a privilege cannot be dropped; then nothing must be read.
    pub(super) fn take(self, stays: bool) -> anyhow::Result<Option<User>> {
        let user = match self {
            Step::Become(user) | Step::BecomeNobody(user) if !stays => Some(user),
            _ => None,
        };
        match &user {
            Some(user) => become_user(user)?,
            None if stays => drop_bounding_set(),
            None => {}
        }
        drop_capabilities()?;
        Ok(user)
    }
}

#[cfg(target_os = "linux")]
fn become_user(user: &User) -> anyhow::Result<()> {
    use rustix::process::{Gid, Uid};
    use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

    use anyhow::Context as _;

    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    let context = || format!("root's rights cannot be given up to become {user}");
    drop_bounding_set();
    set_thread_groups(&[]).with_context(context)?;
    set_thread_res_gid(gid, gid, gid).with_context(context)?;
    set_thread_res_uid(uid, uid, uid).with_context(context)?;
    if !uid.is_root() && set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT).is_ok() {
        anyhow::bail!("root's rights were given up and came back");
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
const fn drop_bounding_set() {}

/// Never called on other systems.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "it fails on Linux")]
fn become_user(_: &User) -> anyhow::Result<()> {
    Ok(())
}

/// Removes all capabilities from the bounding set, so that no program started from here can acquire them.
#[cfg(target_os = "linux")]
fn drop_bounding_set() {
    use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};

    for bit in 0..64 {
        // Numbers that this kernel does not know are rejected.
        let _ = remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << bit));
    }
}

#[cfg(target_os = "linux")]
fn drop_capabilities() -> anyhow::Result<()> {
    use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs};

    use anyhow::Context as _;

    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    set_capabilities(None, sets).context("capabilities cannot be given up")?;
    set_no_new_privs(true).context("new rights cannot be ruled out")
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "it fails on Linux")]
fn drop_capabilities() -> anyhow::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65533:65532::/:/bin/false\nann:x:1000:100::/:\nbad\n";

    fn choose(asked: Option<&str>, uid: Option<&str>, gid: Option<&str>) -> Option<(u32, u32)> {
        let sudo = [uid, gid].map(|text| text.map(str::to_owned));
        User::choose(asked, sudo, PASSWD).ok().map(|user| (user.uid, user.gid))
    }

    #[test]
    fn root_becomes_who_called_sudo_else_nobody() {
        assert_eq!(choose(None, Some("1000"), Some("100")), Some((1000, 100)));
        assert_eq!(choose(None, None, None), Some((65_533, 65_532)));
        assert_eq!(choose(None, Some("0"), Some("0")), Some((65_533, 65_532)), "root called sudo");
        assert_eq!(choose(None, Some("x"), Some("100")), Some((65_533, 65_532)));
        assert_eq!(User::choose(None, [None, None], "").unwrap().uid, NOBODY);
    }

    #[test]
    fn user_asked_for_goes_first() {
        assert_eq!(choose(Some("ann"), Some("5"), Some("5")), Some((1000, 100)));
        assert_eq!(choose(Some("1000"), None, None), Some((1000, 100)));
        assert_eq!(choose(Some("root"), None, None), Some((0, 0)));
        assert_eq!(choose(Some("eve"), None, None), None);
    }
}
