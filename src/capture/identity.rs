use std::fs::{self, File, Metadata};
use std::os::fd::BorrowedFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

/// Returns the folder in which a file lies: that of a bare name is the one we are in.
pub(crate) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Name of a file, whatever path leads to it: the device that it lies on, and its number there.
///
/// Terminals, `/dev/null`, sockets and their like have none: what is written there takes nothing away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// Returns the identity of what lies at `path`, links followed; `None` where nothing does.
    pub fn at(path: &Path) -> Option<FileId> {
        FileId::of(&fs::metadata(path).ok()?)
    }

    /// Returns the identity of what a descriptor is open on.
    pub fn open(descriptor: BorrowedFd<'_>) -> Option<FileId> {
        FileId::of(&File::from(descriptor.try_clone_to_owned().ok()?).metadata().ok()?)
    }

    pub(super) fn of(metadata: &Metadata) -> Option<FileId> {
        let kind = metadata.file_type();
        let identity = FileId { device: metadata.dev(), inode: metadata.ino() };
        (!kind.is_char_device() && !kind.is_socket()).then_some(identity)
    }
}
