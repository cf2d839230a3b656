//! Capture filters, and where they are wrong.

use pcap::{Activated, Capture};

use super::Error;

/// What may stand behind the right start of a filter, so that the whole of it is a filter.
const ENDINGS: [&str; 18] = [
    "",
    "tcp",
    "0",
    "port 80",
    "host 1.2.3.4",
    "1.2.3.4",
    "1.2.0.0/16",
    "net 1.2.3.0/24",
    "proto 6",
    "1:2:3:4:5:6",
    "= 0",
    "1 = 0",
    "0] = 0",
    "] = 0",
    "src port 80",
    "and tcp",
    "1-2",
    "ff::1",
];

/// Finds out whether `filter` is one for the packets of `capture`, and if not, where it is wrong.
///
/// libpcap says only that there is a fault. The place is found by asking whether the filter's first words could be
/// the start of one: the word with which that ends is the bad one.
pub(super) fn check<A: Activated + ?Sized>(capture: &Capture<A>, filter: &str) -> Result<(), Error> {
    let Err(error) = capture.compile(filter, true) else { return Ok(()) };
    let problem = message(&error);
    let position = position(filter, &problem, &|text| match capture.compile(text, false) {
        Ok(_) => true,
        Err(error) => !is_syntax(&message(&error)),
    });
    Err(Error::Filter { filter: filter.replace(char::is_control, " "), problem, position })
}

/// Returns what libpcap said, without the crate's own words around it.
pub(super) fn message(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(text) => text.clone(),
        other => other.to_string(),
    }
}

fn is_syntax(problem: &str) -> bool {
    problem.contains("syntax error")
}

/// Returns the character at which `filter` stops being right.
fn position(filter: &str, problem: &str, is_start: &dyn Fn(&str) -> bool) -> usize {
    if !is_syntax(problem) {
        // Most other messages quote what they mean.
        let place = named(problem).and_then(|name| filter.find(name));
        return place.map_or(0, |at| characters(filter, at));
    }
    let mut open = 0_usize;
    for (start, word) in words(filter) {
        open = match word {
            "(" => open.saturating_add(1),
            ")" => open.saturating_sub(1),
            _ => open,
        };
        let end = start.saturating_add(word.len());
        let so_far = filter.get(..end).unwrap_or(filter);
        let closing = ")".repeat(open);
        if !ENDINGS.iter().any(|ending| is_start(&format!("{so_far} {ending} {closing}"))) {
            return characters(filter, start);
        }
    }
    filter.trim_end().chars().count()
}

fn characters(text: &str, bytes: usize) -> usize {
    text.get(..bytes).map_or(0, |before| before.chars().count())
}

/// Returns what a message names: between quotes, or behind its last colon or blank.
fn named(problem: &str) -> Option<&str> {
    let quoted = problem.split(['\'', '"']).nth(1);
    quoted.or_else(|| problem.rsplit([' ', ':']).next()).filter(|name| !name.is_empty())
}

/// Cuts a filter into words, each with the byte it begins at.
fn words(filter: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut start = None;
    let mut end = |from: &mut Option<usize>, at: usize| {
        if let Some(from) = from.take()
            && let Some(word) = filter.get(from..at)
        {
            words.push((from, word));
        }
    };
    for (at, c) in filter.char_indices() {
        if c.is_whitespace() || matches!(c, '(' | ')' | '!') {
            end(&mut start, at);
            if !c.is_whitespace() {
                end(&mut Some(at), at.saturating_add(1));
            }
        } else {
            start.get_or_insert(at);
        }
    }
    end(&mut start, filter.len());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what stands from the wrong place on.
    fn wrong(filter: &str) -> Option<String> {
        if let Err(missing) = libpcap_dl::load() {
            eprintln!("skipped: {missing}");
            return None;
        }
        let capture = Capture::dead(pcap::Linktype::ETHERNET).unwrap();
        match check(&capture, filter) {
            Ok(()) => Some("nothing".to_owned()),
            Err(Error::Filter { position, .. }) => Some(filter.chars().skip(position).collect()),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn place_of_a_fault() {
        for (filter, place) in [
            ("tcp port 80", "nothing"),
            ("", "nothing"),
            ("tcp prot 80", "prot 80"),
            ("tcp port 80 and and udp", "and udp"),
            ("tcp port 80 and", ""),
            ("(tcp or udp", ""),
            ("(tcp or udp)) and ip", ") and ip"),
            ("tcp port eighty", "eighty"),
            ("host 10.0.0.1 or port", ""),
            ("tcp[13] = = 2", "= 2"),
            ("not not (src host 1.2.3.4 and dst prt 5)", "prt 5)"),
        ] {
            let found = wrong(filter);
            assert!(found.is_none() || found.as_deref() == Some(place), "{filter}: {found:?}");
        }
    }

    #[test]
    fn fault_is_shown_with_a_mark_below() {
        let error =
            Error::Filter { filter: "tcp prot 80".into(), problem: "syntax error".into(), position: 4 };
        assert_eq!(error.to_string(), "the capture filter is wrong: syntax error\n  tcp prot 80\n      ^");
    }
}
