use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGABRT, SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::capture::StopCondition;

/// A condition of `-a`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Autostop {
    Duration(Duration),
    Idle(Duration),
}

impl FromStr for Autostop {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (what, number) = text.split_once(':').ok_or("duration:SECONDS or idle:SECONDS is needed")?;
        let seconds: f64 = number.parse().map_err(|_| "a number of seconds is needed")?;
        let span = Duration::try_from_secs_f64(seconds).ok().filter(|span| !span.is_zero());
        let span = span.ok_or("a number of seconds above 0 is needed")?;
        match what {
            "duration" => Ok(Autostop::Duration(span)),
            "idle" => Ok(Autostop::Idle(span)),
            _ => Err("duration:SECONDS or idle:SECONDS is needed"),
        }
    }
}

/// The exit code of a failure, as in [`Outcome::code`](super::Outcome::code) and `main`.
const FAILURE: i32 = 2;

/// Makes running out of memory exit like other failures: the standard library has reported it by then, and aborts.
pub(super) fn fail_on_abort() -> io::Result<()> {
    flag::register_conditional_shutdown(SIGABRT, FAILURE, Arc::new(AtomicBool::new(true)))?;
    Ok(())
}

/// Converts `conditions` to a stop condition.
pub(super) fn until(conditions: &[Autostop]) -> StopCondition {
    let mut until = StopCondition::default();
    for condition in conditions {
        match condition {
            Autostop::Duration(span) => until.duration = Some(*span),
            Autostop::Idle(span) => until.idle = Some(*span),
        }
    }
    until
}

/// Sets `until` when a signal requests a stop; a second one ends the program at once, unless a pager shows the output:
/// it has its own use for Ctrl-C.
///
/// On Linux, closing the terminal (SIGHUP) also requests a stop, unless the program was started to outlive it, as by
/// `nohup`. Both the shell and the system send this signal, so a second one is ignored.
///
/// # Errors
///
/// Fails if signal handlers cannot be installed.
pub(super) fn install_handlers(until: &StopCondition, paged: bool) -> anyhow::Result<Heard> {
    let heard = Heard::default();
    for signal in [SIGINT, SIGTERM] {
        // The order matters: the first signal finds the flag cleared, and sets it.
        if !(paged && signal == SIGINT) {
            flag::register_conditional_shutdown(
                signal,
                128_i32.saturating_add(signal),
                Arc::clone(&until.stopped),
            )?;
        }
        flag::register_usize(signal, Arc::clone(&heard.0), usize::try_from(signal).unwrap_or(0))?;
        flag::register(signal, Arc::clone(&until.stopped))?;
    }
    if !is_ignored(SIGHUP, &std::fs::read_to_string("/proc/self/status").unwrap_or_default()) {
        flag::register_usize(SIGHUP, Arc::clone(&heard.0), usize::try_from(SIGHUP).unwrap_or(0))?;
        flag::register(SIGHUP, Arc::clone(&until.stopped))?;
    }
    Ok(heard)
}

/// The last signal received.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<AtomicUsize>);

impl Heard {
    /// Returns its number; `None` before one arrived.
    pub(super) fn signal(&self) -> Option<u8> {
        u8::try_from(self.0.load(Ordering::Relaxed)).ok().filter(|signal| *signal > 0)
    }
}

/// Returns the name of a signal that ends the program.
pub(super) fn signal_name(signal: u8) -> &'static str {
    match i32::from(signal) {
        SIGINT => "SIGINT",
        SIGTERM => "SIGTERM",
        SIGHUP => "SIGHUP",
        _ => "a signal",
    }
}

/// Returns whether a signal was ignored by the parent process, according to Linux's `status` of this process; without
/// that information, the signal is left alone.
fn is_ignored(signal: i32, status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Signals are numbered from one.
    mask.is_none_or(|mask| mask.rotate_right(signal.cast_unsigned()) >> 63 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_ignored_stays_so() {
        let status = "Name:\twirefin\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000000\n";
        assert!(is_ignored(SIGHUP, status) && is_ignored(13, status));
        assert!(!is_ignored(SIGINT, status) && !is_ignored(SIGTERM, status));
        assert!(is_ignored(SIGHUP, ""));
    }

    #[test]
    fn conditions() {
        let ten = Duration::from_secs(10);
        assert_eq!("duration:10".parse(), Ok(Autostop::Duration(ten)));
        assert_eq!("idle:0.5".parse(), Ok(Autostop::Idle(Duration::from_millis(500))));
        for wrong in [
            "",
            "10",
            "duration",
            "duration:",
            "duration:0",
            "duration:-1",
            "idle:x",
            "files:3",
            "idle:1e300",
        ] {
            assert!(wrong.parse::<Autostop>().is_err(), "{wrong}");
        }
    }
}
