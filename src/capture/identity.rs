use std::fs::{self, File, Metadata};
use std::os::fd::BorrowedFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

/// Returns the folder that contains a file; for a bare name, the current one.
pub(crate) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The identity of a file, whatever path leads to it: its device and inode numbers.
///
/// Terminals, `/dev/null`, sockets and the like have none: writing to them overwrites nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// Returns the identity of the file at `path`, following links; `None` if there is none.
    pub fn at(path: &Path) -> Option<FileId> {
        FileId::of(&fs::metadata(path).ok()?)
    }

    /// Returns the identity of the file that a descriptor refers to.
    pub fn open(descriptor: BorrowedFd<'_>) -> Option<FileId> {
        FileId::of(&File::from(descriptor.try_clone_to_owned().ok()?).metadata().ok()?)
    }

    pub(super) fn of(metadata: &Metadata) -> Option<FileId> {
        let kind = metadata.file_type();
        let identity = FileId { device: metadata.dev(), inode: metadata.ino() };
        (!kind.is_char_device() && !kind.is_socket()).then_some(identity)
    }
}
