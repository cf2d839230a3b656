//! Restricts access to the file system and the network once packets are read, with Linux's Landlock and seccomp if
//! available.

use std::path::{Path, PathBuf};

use crate::capture::folder;

/// Reported if root would have to stay root to create more files, without being restricted.
pub(super) const ROTATION: &str = "-C and -G make files as root only in the sandbox (Landlock), which is not there: --user root makes them without it";

/// The files and system calls that the program needs after everything is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// Files and folders that are read later.
    pub(super) read: Vec<PathBuf>,
    /// Folders in which outputs are created, renamed and removed.
    pub(super) write: Vec<PathBuf>,
    /// Nothing is to be read without Landlock.
    pub(super) landlock: bool,
    /// Whether the screen is shown: its terminal's signals arrive through a socket pair.
    pub(super) terminal: bool,
}

impl Needs {
    /// Adds the folder in which `file` is created.
    pub(super) fn make(&mut self, file: &Path) {
        self.write.push(folder(file).to_owned());
    }
}

/// Confines the program: from here on, it has access to no files except those needed, to no network, and to no other
/// program.
///
/// What the kernel lacks is skipped and reported, unless the sandbox is `required`. Must be called while the program
/// has one thread.
///
/// # Errors
///
/// Fails if the kernel has Landlock or seccomp and refuses, or lacks what is required.
#[cfg(target_os = "linux")]
pub(super) fn enter(needs: &Needs, required: bool, quiet: bool) -> anyhow::Result<()> {
    let landlock = enter_landlock(needs)?;
    if needs.landlock && !landlock {
        anyhow::bail!("{ROTATION}");
    }
    let seccomp = super::seccomp::enter(needs.terminal)?;
    let lacks = match (landlock, seccomp) {
        (true, true) => return Ok(()),
        (false, true) => "Landlock, so files stay open to this program",
        (true, false) => "seccomp, so other programs could be run, and UDP reached",
        (false, false) => "Landlock and seccomp, so this program is not shut in",
    };
    if required {
        anyhow::bail!("this kernel has no {lacks}, and --require-sandbox was given");
    }
    if !quiet {
        super::report::note(&format!("this kernel has no {lacks}"));
    }
    Ok(())
}

/// Restricts file access to the files needed; returns `false` if the kernel has no Landlock.
#[cfg(target_os = "linux")]
fn enter_landlock(needs: &Needs) -> anyhow::Result<bool> {
    use anyhow::Context as _;
    use landlock::{
        ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
        RulesetStatus, Scope, path_beneath_rules,
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
            // The screen queries the terminal directly; nothing else is read or written there.
            .add_rules(path_beneath_rules(["/dev/tty"], AccessFs::from_all(known)))?
            .restrict_self()
    };
    let status = restrict().context("the sandbox cannot be entered; --no-sandbox leaves it out")?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

/// Other systems have no sandbox.
#[cfg(not(target_os = "linux"))]
pub(super) fn enter(_: &Needs, required: bool, _: bool) -> anyhow::Result<()> {
    if required {
        anyhow::bail!("there is no sandbox on this system, and --require-sandbox was given");
    }
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::File;
    use std::io::{self, Write as _};
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::unix::net::UnixStream;
    use std::process::Command;

    use super::*;

    /// Set for the child process, which runs the test below inside the sandbox.
    const INSIDE: &str = "WIREFIN_TEST_INSIDE";
    const NAME: &str = "cli::sandbox::tests::what_nobody_needs_is_refused_inside";

    /// Tries what must not be possible, and returns what succeeded.
    fn possible(needed: &Path) -> Vec<&'static str> {
        let myself =
            || rustix::process::pidfd_open(rustix::process::getpid(), rustix::process::PidfdFlags::empty());
        let stolen = || {
            let flags = rustix::process::PidfdGetfdFlags::empty();
            Ok(rustix::process::pidfd_getfd(myself()?, 0, flags)?)
        };
        let tries: [(&str, io::Result<()>); 9] = [
            ("a UDP socket", UdpSocket::bind("127.0.0.1:0").map(drop)),
            ("a TCP connection", TcpStream::connect("127.0.0.1:9").map(drop)),
            ("a TCP listener", TcpListener::bind("127.0.0.1:0").map(drop)),
            ("a UNIX socket", UnixStream::connect("/run/nobody").map(drop)),
            ("another program", Command::new("/bin/true").status().map(drop)),
            ("another process's file", stolen().map(drop)),
            ("another file", File::open("/etc/passwd").map(drop)),
            ("a file to write", File::create(needed.with_file_name("new")).map(drop)),
            ("a needed file to write", File::options().write(true).open(needed).map(drop)),
        ];
        let refused = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
        tries.into_iter().filter(|(_, it)| !it.as_ref().is_err_and(refused)).map(|(name, _)| name).collect()
    }

    /// The test's own program is run once more and enters the sandbox, which cannot be left again.
    #[test]
    fn what_nobody_needs_is_refused_inside() {
        if let Some(needed) = std::env::var_os(INSIDE).map(PathBuf::from) {
            let needs = Needs { read: vec![needed.clone()], ..Needs::default() };
            let whole = enter(&needs, true, true).is_ok();
            assert!(File::open(&needed).is_ok());
            let _ = writeln!(io::stderr(), "inside: {whole}, possible: {:?}", possible(&needed));
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let needed = folder.path().join("needed");
        std::fs::write(&needed, "x").unwrap();
        let inside = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME, "--nocapture", "--test-threads", "1"])
            .env(INSIDE, &needed)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&inside.stderr);
        if said.contains("inside: false") {
            eprintln!("skipped: this kernel has no Landlock or no seccomp");
            return;
        }
        assert!(
            said.contains("inside: true, possible: []"),
            "{said}{}",
            String::from_utf8_lossy(&inside.stdout)
        );
    }

    #[test]
    fn outside_it_is_possible() {
        let folder = tempfile::tempdir().unwrap();
        let needed = folder.path().join("needed");
        std::fs::write(&needed, "x").unwrap();
        let all = possible(&needed);
        for name in ["a UDP socket", "a TCP listener", "another program", "another file", "a file to write"] {
            assert!(all.contains(&name), "{name}");
        }
    }
}
