use std::fs::File;
use std::io;

/// Makes a file that has no name, so that it is gone when we are, however we end.
///
/// It lies in the folder that `TMPDIR` names; else in `/var/tmp` rather than `/tmp`, which often is memory.
pub fn unlinked_file() -> io::Result<File> {
    match std::env::var_os("TMPDIR") {
        Some(chosen) => tempfile::tempfile_in(chosen),
        None => tempfile::tempfile_in("/var/tmp").or_else(|_| tempfile::tempfile()),
    }
}
