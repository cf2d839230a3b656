//! Calls of the system that nobody needs once packets are read.

use std::collections::BTreeMap;

use anyhow::Context as _;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

/// The calls that are refused, besides [`libc::SYS_sendto`]: new sockets and what is sent on the old ones, other programs, other processes, and what
/// changes the system itself. What is not listed stays allowed: a list of what is allowed would break with the next libc.
const REFUSED: &[i64] = &[
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    // It does all of the above, and asks no filter.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
];

/// Marks a call of x86-64's second binary interface, which has the same numbers otherwise.
#[cfg(target_arch = "x86_64")]
const X32: i64 = 0x4000_0000;

/// Has the calls refused from here on, with EPERM; `false` where this kernel or machine has no such filter.
///
/// Where a `terminal` is drawn on, its signals come through pairs of connected sockets, on which something may be sent.
///
/// # Errors
///
/// When the kernel has it and refuses.
pub(super) fn enter(terminal: bool) -> anyhow::Result<bool> {
    let Ok(arch) = TargetArch::try_from(std::env::consts::ARCH) else { return Ok(false) };
    let refuse = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let filter = rules(terminal)
        .and_then(|rules| SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch))
        .and_then(TryInto::try_into);
    let program: BpfProgram = filter.context("the system call filter is wrong")?;
    match seccompiler::apply_filter_all_threads(&program) {
        Ok(()) => Ok(true),
        Err(seccompiler::Error::Seccomp(error)) if is_missing(&error) => Ok(false),
        Err(error) => Err(error).context("the system call filter cannot be set; --no-sandbox leaves it out"),
    }
}

/// Returns the calls that are refused, each with when it is: always, where nothing is said.
fn rules(terminal: bool) -> Result<BTreeMap<i64, Vec<SeccompRule>>, seccompiler::BackendError> {
    /// Which argument of sendto is the address.
    const ADDRESS: u8 = 4;
    let mut sends = Vec::new();
    if terminal {
        let addressed = SeccompCondition::new(ADDRESS, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)?;
        sends.push(SeccompRule::new(vec![addressed])?);
    }
    let mut rules: BTreeMap<_, _> = REFUSED.iter().map(|number| (*number, Vec::new())).collect();
    rules.insert(libc::SYS_sendto, sends);
    #[cfg(target_arch = "x86_64")]
    for (number, rule) in rules.clone() {
        rules.insert(number | X32, rule);
    }
    Ok(rules)
}

/// Returns whether the kernel was built without the filter.
fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL))
}
