//! Checks that inputs and outputs are distinct, before anything is opened.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use super::args::Input;
use crate::capture::{FileId, Follow, Target, folder};

/// Refuses to overwrite an input, a followed file, or the output with packets.
///
/// # Errors
///
/// Fails if that would happen; the error names the file that would be lost.
pub(super) fn check(input: &Input, output: Option<&Path>) -> anyhow::Result<()> {
    let output = output.filter(|path| !is_dash(path));
    if let (Some(path), true, [followed]) = (output, input.follow, input.files.as_slice())
        && [path, &resolved(path)].iter().any(|path| Follow::is_of_family(followed, path))
    {
        let (given, followed) = (path.display(), followed.display());
        anyhow::bail!("cannot write {given}: it would be one of the files that follow {followed}");
    }
    let Some(target) = input.target() else { return Ok(()) };
    if target.is_stdout() && (target.is_rotated() || target.files.is_some()) {
        anyhow::bail!("standard output is one stream: -C, -G and -W need the name of a file with -w");
    }
    let written = Written::by(&target);
    let name =
        |path: &Path| if is_dash(path) { "standard input".to_owned() } else { path.display().to_string() };
    if let (true, [followed]) = (input.follow, input.files.as_slice())
        && let Some(next) = written.next_of(followed)
    {
        let followed = followed.display();
        anyhow::bail!(
            "{next} would be read as the next file of {followed}, and what is saved would be followed for ever: \
             save it in another folder, or under a name that differs in more than its numbers"
        );
    }
    for file in &input.files {
        let place = Place::read(file);
        // A missing file is reported when it is opened.
        if place.identity.is_some() && written.holds(&place) {
            anyhow::bail!("{} is an input: it would be lost", name(file));
        }
    }
    if written.holds(&Place::written(output.unwrap_or(Path::new("-")))) {
        const BOTH: &str = "the packets and the output cannot both be written to";
        match output {
            Some(path) => anyhow::bail!("{BOTH} {}", path.display()),
            None => anyhow::bail!("{BOTH} standard output: -o names a file for the output"),
        }
    }
    if target.is_stdout() && io::stdout().is_terminal() {
        anyhow::bail!(
            "a capture file cannot be written to a terminal: redirect standard output, or name a file with -w"
        );
    }
    Ok(())
}

/// Returns whether one of the inputs is the file at `path`.
pub(super) fn is_input(path: &Path, inputs: &[PathBuf]) -> bool {
    let place = Place::of(path);
    place.identity.is_some() && inputs.iter().any(|input| Place::read(input).is(&place))
}

/// Lists the existing files among the inputs, so that they are spared whatever happens meanwhile.
pub(super) fn spared(inputs: &[PathBuf]) -> Vec<FileId> {
    inputs.iter().filter_map(|path| Place::read(path).identity).collect()
}

fn is_dash(path: &Path) -> bool {
    path == Path::new("-")
}

/// The names of standard input and output. Resolved paths never equal them, because these are links.
const STDIN: &str = "/dev/stdin";
const STDOUT: &str = "/dev/stdout";

/// A file that can be read or written, identified as far as possible.
struct Place {
    /// The path of the file, with links resolved.
    path: PathBuf,
    /// `None` if there is no file yet, or if it can be shared.
    identity: Option<FileId>,
}

impl Place {
    fn read(path: &Path) -> Place {
        if is_dash(path) {
            return Place { path: STDIN.into(), identity: FileId::open(io::stdin().as_fd()) };
        }
        Place::of(path)
    }

    fn written(path: &Path) -> Place {
        if is_dash(path) {
            return Place { path: STDOUT.into(), identity: FileId::open(io::stdout().as_fd()) };
        }
        Place::of(path)
    }

    fn of(path: &Path) -> Place {
        Place { path: resolved(path), identity: FileId::at(path) }
    }

    fn is(&self, other: &Place) -> bool {
        match (self.identity, other.identity) {
            (Some(one), Some(other)) => one == other,
            // An existing file never equals a missing one; missing files are compared by name.
            (None, None) => {
                self.path == other.path && (self.path == Path::new(STDOUT) || !self.path.exists())
            }
            _ => false,
        }
    }
}

/// Every file that packets are saved to.
struct Written<'a> {
    target: &'a Target,
    /// The first file, if there are several.
    first: Place,
    /// Existing files with one of the names, whatever the number.
    there: Vec<FileId>,
}

impl Written<'_> {
    fn by(target: &Target) -> Written<'_> {
        let first = Place::written(&target.name(1));
        let mut there = Vec::from_iter(first.identity);
        if target.is_rotated() {
            let entries = fs::read_dir(folder(&target.file)).into_iter().flatten().flatten();
            let named = entries.filter(|entry| target.makes(&entry.file_name()));
            there.extend(named.filter_map(|entry| FileId::at(&entry.path())));
        }
        Written { target, first, there }
    }

    /// Returns the name of the file that would be read if `followed` is followed.
    fn next_of(&self, followed: &Path) -> Option<String> {
        let name = self.target.name(1);
        let is_named = [&name, &self.first.path].iter().any(|name| Follow::is_of_family(followed, name));
        let is_there = || Follow::family(followed).iter().any(|it| self.holds(&Place::of(it)));
        let said =
            if self.target.is_stdout() { "standard output".into() } else { name.display().to_string() };
        (is_named || is_there()).then_some(said)
    }

    fn holds(&self, place: &Place) -> bool {
        let is_named = || {
            self.target.is_rotated()
                && place.path.parent() == self.first.path.parent()
                && self.target.makes(place.path.file_name().unwrap_or(OsStr::new("")))
        };
        self.first.is(place) || place.identity.is_some_and(|it| self.there.contains(&it)) || is_named()
    }
}

/// Resolves links as far as possible, also to a path where nothing exists yet.
pub(super) fn resolved(path: &Path) -> PathBuf {
    /// As many as the kernel follows.
    const LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        if let Ok(whole) = path.canonicalize() {
            return whole;
        }
        match fs::read_link(&path) {
            Ok(link) => path = folder(&path).join(link),
            Err(_) => break,
        }
    }
    match (folder(&path).canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}
