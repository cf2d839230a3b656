//! What all users of libpcap need: the library itself, its filters, its messages.

use pcap::{Activated, Capture};

use super::Error;

/// Loads libpcap.
pub(super) fn load() -> Result<(), Error> {
    libpcap_dl::load().map_err(|missing| Error::NoLibrary { problem: missing.to_string() })
}

/// Checks whether `filter` is valid for the packets of `capture`; if not, the error is libpcap's.
pub(super) fn check_filter<A: Activated + ?Sized>(capture: &Capture<A>, filter: &str) -> Result<(), Error> {
    let Err(error) = capture.compile(filter, true) else { return Ok(()) };
    Err(Error::Filter { filter: filter.replace(char::is_control, " "), problem: message(&error) })
}

/// Returns libpcap's message, without the words that the crate adds.
pub(super) fn message(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Returns whether libpcap refused because a privilege is missing.
pub(super) fn is_about_rights(problem: &str) -> bool {
    ["permission", "Permission", "not permitted", "CAP_NET"].iter().any(|words| problem.contains(words))
}

#[cfg(test)]
mod tests {
    use pcap::{Capture, Linktype};

    use super::*;

    #[test]
    fn a_wrong_filter_is_shown_with_what_libpcap_says() {
        if load().is_err() {
            eprintln!("skipped: no libpcap");
            return;
        }
        let capture = Capture::dead(Linktype::ETHERNET).unwrap();
        assert!(check_filter(&capture, "tcp port 80").is_ok());
        let error = check_filter(&capture, "tcp prot 80").unwrap_err().to_string();
        assert!(error.contains("syntax error") && error.ends_with("\n  tcp prot 80"), "{error}");
    }
}
