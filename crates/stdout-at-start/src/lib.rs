//! Determines whether standard output was open when the program started.
//!
//! Before `main`, Rust's standard library opens `/dev/null` in place of a closed standard stream, and output to it is
//! lost without an error. To report that, the check has to happen earlier: constructors run first.

use std::sync::atomic::{AtomicBool, Ordering};

static CLOSED: AtomicBool = AtomicBool::new(false);

/// Returns whether standard output was closed when the program started, as by `>&-`; `false` if that cannot be
/// determined.
pub fn was_closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
mod constructor {
    use super::{CLOSED, Ordering};

    extern "C" fn look() {
        // SAFETY: querying the flags of a descriptor changes nothing, whatever it is.
        let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
        if flags == -1 {
            CLOSED.store(true, Ordering::Relaxed);
        }
    }

    // SAFETY: the section contains pointers to functions of this type, which are called before `main`; this one relies
    // on nothing that is initialised there.
    #[used]
    #[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
    #[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
    static LOOK: extern "C" fn() = look;
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_open_here() {
        assert!(!super::was_closed());
    }
}
