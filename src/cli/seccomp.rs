//! Refuses system calls that are not needed once packets are read.

use std::collections::BTreeMap;

use anyhow::Context as _;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

/// The calls that are refused, besides [`libc::SYS_sendto`]: new sockets and sending on existing ones, other programs,
/// other processes, and changes to the system itself. All others stay allowed: a list of allowed calls would break with
/// the next libc.
const REFUSED: &[i64] = &[
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    // It can do all of the above, bypassing the filter.
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

/// Marks a call of x86-64's second binary interface, x32, which otherwise has the same numbers.
#[cfg(target_arch = "x86_64")]
const X32: i64 = 0x4000_0000;

/// Refuses the calls from here on, with EPERM; returns `false` if this kernel or machine has no such filter.
///
/// If a `terminal` is drawn on, its signals arrive through pairs of connected sockets, on which sending is allowed.
///
/// # Errors
///
/// Fails if the kernel supports the filter and refuses it.
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

/// Returns the refused calls, each with the conditions under which it is refused; none means always.
fn rules(terminal: bool) -> Result<BTreeMap<i64, Vec<SeccompRule>>, seccompiler::BackendError> {
    /// The index of sendto's address argument.
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
