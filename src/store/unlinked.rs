use std::fs::{File, OpenOptions};
use std::io;
use std::path::PathBuf;

/// Makes a file that has no name any more, so that it is gone when we are, however we end.
///
/// `/var/tmp` comes before `/tmp`, which often is memory.
pub fn unlinked_file() -> io::Result<File> {
    let chosen = std::env::var_os("TMPDIR").map(PathBuf::from);
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for folder in chosen.into_iter().chain([PathBuf::from("/var/tmp"), std::env::temp_dir()]) {
        for attempt in 0..16_u32 {
            let clock = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.subsec_nanos());
            let path = folder.join(format!("wirefin-{}-{clock}-{attempt}", std::process::id()));
            let mut options = OpenOptions::new();
            options.read(true).write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            match options.open(&path) {
                Ok(file) => {
                    std::fs::remove_file(&path)?;
                    return Ok(file);
                }
                Err(e) => last = e,
            }
        }
    }
    Err(last)
}
