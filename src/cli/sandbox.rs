//! What is left of the file system and the network once packets are read: Linux's Landlock, where it is.

use std::path::{Path, PathBuf};

use crate::capture::folder;

/// What the program still needs after everything is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// Files and folders that are read later on.
    pub(super) read: Vec<PathBuf>,
    /// Folders in which outputs are made, renamed and taken away.
    pub(super) write: Vec<PathBuf>,
}

impl Needs {
    /// Adds the folder that `file` is made in.
    pub(super) fn make(&mut self, file: &Path) {
        self.write.push(folder(file).to_owned());
    }
}

/// Shuts the program in: from here on it reaches no file but those needed, and no network.
///
/// What the kernel does not know is left out. Call it while the program has one thread.
///
/// # Errors
///
/// When the kernel has Landlock and refuses.
#[cfg(target_os = "linux")]
pub(super) fn enter(needs: &Needs) -> anyhow::Result<()> {
    use anyhow::Context as _;
    use landlock::{
        ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, Scope,
        path_beneath_rules,
    };

    let known = ABI::V6;
    let write = AccessFs::WriteFile | AccessFs::Truncate | AccessFs::MakeReg | AccessFs::RemoveFile;
    let restrict = || -> Result<_, landlock::RulesetError> {
        Ruleset::default()
            .handle_access(AccessFs::from_all(known))?
            .handle_access(AccessNet::from_all(known))?
            .scope(Scope::from_all(known))?
            .create()?
            .add_rules(path_beneath_rules(&needs.read, AccessFs::ReadFile | AccessFs::ReadDir))?
            .add_rules(path_beneath_rules(&needs.write, write))?
            // The screen asks the terminal itself; nothing else is read or written there.
            .add_rules(path_beneath_rules(["/dev/tty"], AccessFs::from_all(known)))?
            .restrict_self()
    };
    restrict().map(drop).context("the sandbox cannot be entered; --no-sandbox leaves it out")
}

/// Elsewhere there is none.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "it fails on Linux")]
pub(super) fn enter(_: &Needs) -> anyhow::Result<()> {
    Ok(())
}
