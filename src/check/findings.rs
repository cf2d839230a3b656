use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use ahash::RandomState;

use super::rules::known;
use super::{Rules, UnknownRule, security};
use crate::event::{Anomaly, BoundedList, ConnId, CountMap, Event, Gather, Kind, Reason, Severity, Sink};
use crate::model::{At, Side};

/// A sink that collects broken rules.
#[derive(Debug)]
pub struct Check {
    rules: Rules,
    /// The current conversations, and the findings in them.
    live: HashMap<ConnId, ConversationFindings, RandomState>,
    /// The last upgrade that was refused, while its anomalies follow.
    rejected: Option<(ConnId, ConversationFindings)>,
    found: Findings,
}

/// The findings in one conversation.
#[derive(Debug, Default)]
struct ConversationFindings {
    /// How often each rule was broken.
    broken: Vec<(&'static str, u64)>,
    /// Whether something in it was not captured, or could not be decoded.
    is_partial: bool,
}

/// How often a rule is reported in one conversation; further violations are only counted.
const EACH: u64 = 8;

/// One broken rule.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The connection; `None` if it concerns the capture.
    pub conn: Option<ConnId>,
    /// The URL that was requested.
    pub url: Option<Arc<str>>,
    /// The place in the capture.
    pub at: At,
    /// The side whose bytes are concerned.
    pub from: Option<Side>,
    /// The violation.
    pub anomaly: Anomaly,
}

/// The rules that fail a check when broken.
#[derive(Clone, Debug)]
pub struct FailurePolicy {
    least: Severity,
    denied: BTreeSet<&'static str>,
}

impl FailurePolicy {
    /// Creates a bar that fails rules of severity `least` or higher, and those `denied` by name.
    ///
    /// # Errors
    ///
    /// Fails if there is no rule with one of the names.
    pub fn new<'a>(least: Severity, denied: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownRule> {
        Ok(FailurePolicy { least, denied: denied.into_iter().map(known).collect::<Result<_, _>>()? })
    }

    /// Returns whether breaking a rule fails the check.
    pub fn fails(&self, rule: &str, severity: Severity) -> bool {
        severity >= self.least || self.denied.contains(rule)
    }
}

/// The findings of a check.
#[derive(Debug, Default)]
pub struct Findings {
    listed: BoundedList<Finding>,
    /// How often each rule was broken, including violations that are not reported individually.
    rules: BTreeMap<&'static str, (Severity, u64)>,
    conversations: u64,
    refused: u64,
    /// Conversations in which a rule was broken.
    broken: u64,
    /// Connections without output that may be WebSockets, by the names of their reasons.
    unjudged: CountMap<&'static str>,
    /// Conversations in which something was not captured, or could not be decoded.
    judged_in_part: u64,
}

impl Check {
    /// Checks the selected rules.
    pub fn new(rules: Rules) -> Self {
        Check { rules, live: HashMap::default(), rejected: None, found: Findings::default() }
    }

    /// Returns the findings in capture order.
    pub fn findings(mut self) -> Findings {
        self.found.listed.sort_by_key(|finding| (finding.at.packet, finding.conn));
        self.found
    }

    fn anomaly(&mut self, event: &Event<'_>, from: Option<Side>, anomaly: &Anomaly) {
        let code = anomaly.code();
        if !self.rules.includes(code) {
            return;
        }
        let (_, all) = self.found.rules.entry(code).or_insert((anomaly.severity(), 0));
        *all = all.saturating_add(1);
        let rejected = self.rejected.as_mut().filter(|(of, _)| event.conn == Some(*of));
        let judged = event.conn.and_then(|conn| self.live.get_mut(&conn));
        let mut judged = judged.or(rejected.map(|(_, judged)| judged));
        if let Some(judged) = &mut judged {
            if judged.broken.is_empty() {
                self.found.broken = self.found.broken.saturating_add(1);
            }
            if hides(anomaly) {
                judged.hidden(&mut self.found.judged_in_part);
            }
        }
        let url = event.conversation.and_then(|it| it.url.clone());
        let times = judged.map_or(1, |judged| judged.add(code));
        if times <= EACH {
            let bytes = url.as_ref().map_or(0, |url| url.len());
            let finding = Finding { conn: event.conn, url, at: event.at, from, anomaly: anomaly.clone() };
            self.found.listed.push(finding, bytes);
        }
    }
}

/// Returns whether rules may have been broken in the bytes that an anomaly reports as unknown.
const fn hides(anomaly: &Anomaly) -> bool {
    matches!(
        anomaly,
        Anomaly::Gap { .. }
            | Anomaly::LostSync { .. }
            | Anomaly::AmbiguousFraming { .. }
            | Anomaly::MissingHandshake {}
            | Anomaly::HandshakeTruncated { .. }
            | Anomaly::DeflateHistoryLost {}
            | Anomaly::InflateLimit { .. }
            | Anomaly::MessageTruncated { .. }
            | Anomaly::TlsRecordsLost { .. }
            | Anomaly::TlsKeysLate { .. }
    )
}

impl ConversationFindings {
    /// Notes that part of it is unknown, and counts the conversation the first time.
    fn hidden(&mut self, conversations: &mut u64) {
        *conversations = conversations.saturating_add((!self.is_partial).into());
        self.is_partial = true;
    }

    /// Counts a violation of a rule, and returns how often the rule was broken.
    fn add(&mut self, code: &'static str) -> u64 {
        if let Some((_, times)) = self.broken.iter_mut().find(|(known, _)| *known == code) {
            *times = times.saturating_add(1);
            return *times;
        }
        self.broken.push((code, 1));
        1
    }
}

impl Sink for Check {
    fn event(&mut self, event: &Event<'_>) {
        match (&event.kind, event.conn) {
            (Kind::Opened(opening), Some(conn)) => {
                self.found.conversations = self.found.conversations.saturating_add(1);
                let mut judged = ConversationFindings::default();
                if opening.handshake.as_ref().is_some_and(|it| it.request.is_none() || it.response.is_none())
                {
                    judged.hidden(&mut self.found.judged_in_part);
                }
                self.live.insert(conn, judged);
                security::of_opening(opening, &mut |from, anomaly| self.anomaly(event, from, &anomaly));
            }
            (Kind::Message(message), _) => {
                if let Some(anomaly) = security::of_message(message) {
                    self.anomaly(event, Some(message.from), &anomaly);
                }
            }
            (Kind::Rejected(_), Some(conn)) => {
                self.found.refused = self.found.refused.saturating_add(1);
                self.rejected = Some((conn, ConversationFindings::default()));
            }
            (Kind::Unshown(unshown), _) if unshown.may_be_websocket() => {
                self.found.unjudged.add(unshown.reason.name(), 1);
            }
            (Kind::Anomaly { from, anomaly }, _) => self.anomaly(event, *from, anomaly),
            (Kind::Closed(_), Some(conn)) => {
                self.live.remove(&conn);
            }
            _ => {}
        }
    }
}

impl Gather for Check {
    fn fresh(&self) -> Self {
        Check::new(self.rules.clone())
    }

    fn absorb(&mut self, other: Self) {
        self.found.listed.append(other.found.listed);
        for (code, (severity, times)) in other.found.rules {
            let (_, all) = self.found.rules.entry(code).or_insert((severity, 0));
            *all = all.saturating_add(times);
        }
        self.found.conversations = self.found.conversations.saturating_add(other.found.conversations);
        self.found.refused = self.found.refused.saturating_add(other.found.refused);
        self.found.broken = self.found.broken.saturating_add(other.found.broken);
        self.found.unjudged.absorb(other.found.unjudged);
        self.found.judged_in_part = self.found.judged_in_part.saturating_add(other.found.judged_in_part);
    }
}

impl Findings {
    /// Returns the findings that are reported individually.
    pub fn listed(&self) -> &[Finding] {
        &self.listed
    }

    /// Returns whether a rule was broken that fails the check.
    pub fn fail(&self, bar: &FailurePolicy) -> bool {
        self.rules.iter().any(|(rule, (severity, _))| bar.fails(rule, *severity))
    }

    /// Returns how many connections may be WebSockets and could not be judged.
    pub fn unjudged(&self) -> u64 {
        self.unjudged.values().fold(0, |sum, times| sum.saturating_add(*times))
    }

    /// Returns the reasons in words, each with the number of connections.
    pub(super) fn why_unjudged(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Reason::NAMES.iter().filter_map(|(name, words)| Some((*words, *self.unjudged.get(name)?)))
    }

    /// Returns in how many conversations something was not captured, or could not be decoded.
    pub const fn judged_in_part(&self) -> u64 {
        self.judged_in_part
    }

    /// Returns how often rules of a severity were broken.
    pub fn count(&self, of: Severity) -> u64 {
        let counts = self.rules.values().filter(|(severity, _)| *severity == of);
        counts.fold(0, |sum, (_, times)| sum.saturating_add(*times))
    }

    /// Returns how often each rule was broken, with its severity.
    pub(super) const fn rules(&self) -> &BTreeMap<&'static str, (Severity, u64)> {
        &self.rules
    }

    /// Returns how often rules were broken in total.
    pub(super) fn all(&self) -> u64 {
        self.rules.values().fold(0, |sum, (_, times)| sum.saturating_add(*times))
    }

    /// Returns how many findings are only counted.
    pub(super) fn unlisted(&self) -> u64 {
        self.all().saturating_sub(self.listed.len() as u64)
    }

    /// Returns the number of conversations, of refused upgrades, and of both with a broken rule.
    pub const fn conversations(&self) -> (u64, u64, u64) {
        (self.conversations, self.refused, self.broken)
    }
}
