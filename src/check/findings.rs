use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use ahash::RandomState;
use serde_json::{Map, Value};

use super::{Form, Rules};
use crate::event::{Anomaly, ConnId, Event, Evidence, Gather, Kind, Severity, Sink};
use crate::model::{At, Side};
use crate::view::{Rfc3339, count, printable_string, write_json};

/// Gathers broken rules.
#[derive(Debug)]
pub struct Check {
    rules: Rules,
    /// The conversations at hand, and what was found in them.
    live: HashMap<ConnId, Counts, RandomState>,
    /// The last upgrade that was refused, while its anomalies follow.
    rejected: Option<(ConnId, Counts)>,
    found: Findings,
}

/// How often each rule was broken in one conversation.
#[derive(Debug, Default)]
struct Counts(Vec<(&'static str, u64)>);

/// Bounds how often one rule's breaking is told in one conversation; beyond it, it is counted.
const EACH: u64 = 8;
/// Bounds the findings of a lane that are told; beyond it, they are counted.
const TOLD: usize = 8192;

/// One broken rule.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The connection; `None` where it concerns the capture.
    pub conn: Option<ConnId>,
    /// What the conversation asked for.
    pub url: Option<Box<str>>,
    /// Where.
    pub at: At,
    /// Whose bytes it is about.
    pub from: Option<Side>,
    /// What was wrong.
    pub anomaly: Anomaly,
}

/// What a check comes to.
#[derive(Debug, Default)]
pub struct Findings {
    told: Vec<Finding>,
    /// How often each rule was broken, those that are not told included.
    rules: BTreeMap<&'static str, (Severity, u64)>,
    conversations: u64,
    refused: u64,
    /// Conversations in which a rule was broken.
    broken: u64,
}

impl Check {
    /// Checks the rules that count.
    pub fn new(rules: Rules) -> Self {
        Check { rules, live: HashMap::default(), rejected: None, found: Findings::default() }
    }

    /// Returns what was found, in the order of the capture.
    pub fn findings(mut self) -> Findings {
        self.found.told.sort_by_key(|finding| (finding.at.packet, finding.conn));
        self.found
    }

    fn anomaly(&mut self, event: &Event<'_>, from: Option<Side>, anomaly: &Anomaly) {
        let code = anomaly.code();
        if !self.rules.count(code) {
            return;
        }
        let (_, all) = self.found.rules.entry(code).or_insert((anomaly.severity(), 0));
        *all = all.saturating_add(1);
        let rejected = self.rejected.as_mut().filter(|(of, _)| event.conn == Some(*of));
        let counts = event.conn.and_then(|conn| self.live.get_mut(&conn));
        let counts = counts.or(rejected.map(|(_, counts)| counts));
        if counts.as_ref().is_some_and(|counts| counts.0.is_empty()) {
            self.found.broken = self.found.broken.saturating_add(1);
        }
        let url = event.conversation.and_then(|it| it.url.clone());
        let times = counts.map_or(1, |counts| counts.add(code));
        if times <= EACH && self.found.told.len() < TOLD {
            self.found.told.push(Finding {
                conn: event.conn,
                url,
                at: event.at,
                from,
                anomaly: anomaly.clone(),
            });
        }
    }
}

impl Counts {
    /// Counts a rule broken, and tells how often it was.
    fn add(&mut self, code: &'static str) -> u64 {
        if let Some((_, times)) = self.0.iter_mut().find(|(known, _)| *known == code) {
            *times = times.saturating_add(1);
            return *times;
        }
        self.0.push((code, 1));
        1
    }
}

impl Sink for Check {
    fn event(&mut self, event: &Event<'_>) {
        match (&event.kind, event.conn) {
            (Kind::Opened(_), Some(conn)) => {
                self.found.conversations = self.found.conversations.saturating_add(1);
                self.live.insert(conn, Counts::default());
            }
            (Kind::Rejected(_), Some(conn)) => {
                self.found.refused = self.found.refused.saturating_add(1);
                self.rejected = Some((conn, Counts::default()));
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
        self.found.told.extend(other.found.told);
        for (code, (severity, times)) in other.found.rules {
            let (_, all) = self.found.rules.entry(code).or_insert((severity, 0));
            *all = all.saturating_add(times);
        }
        self.found.conversations = self.found.conversations.saturating_add(other.found.conversations);
        self.found.refused = self.found.refused.saturating_add(other.found.refused);
        self.found.broken = self.found.broken.saturating_add(other.found.broken);
    }
}

impl Findings {
    /// Returns the findings that are told one by one.
    pub fn told(&self) -> &[Finding] {
        &self.told
    }

    /// Tells whether a rule was broken whose severity is `least` or worse.
    pub fn fails(&self, least: Severity) -> bool {
        self.rules.values().any(|(severity, _)| *severity >= least)
    }

    /// Returns how often rules of a severity were broken.
    pub fn count(&self, of: Severity) -> u64 {
        let counts = self.rules.values().filter(|(severity, _)| *severity == of);
        counts.fold(0, |sum, (_, times)| sum.saturating_add(*times))
    }

    /// Writes them, and a summary.
    pub fn write(&self, form: Form, to: &mut dyn Write) -> io::Result<()> {
        match form {
            Form::Text => self.text(to),
            Form::Json => {
                write_json(&self.json(), &mut *to)?;
                to.write_all(b"\n")
            }
        }
    }

    fn all(&self) -> u64 {
        self.rules.values().fold(0, |sum, (_, times)| sum.saturating_add(*times))
    }

    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        for finding in &self.told {
            finding.text(to)?;
        }
        if !self.told.is_empty() {
            writeln!(to)?;
        }
        let more = self.all().saturating_sub(self.told.len() as u64);
        if more > 0 {
            writeln!(to, "{} more of the same kinds not shown", count(more, "finding"))?;
        }
        for (code, (severity, times)) in &self.rules {
            writeln!(to, "{times:>8}  {:7}  {code}", severity.name())?;
        }
        let [notes, warnings, errors] =
            Severity::ALL.map(|severity| count(self.count(severity), severity.name()));
        let broken = self.broken;
        let conversations = count(self.conversations.saturating_add(self.refused), "conversation");
        if self.rules.is_empty() {
            writeln!(to, "no rule broken in {conversations}")
        } else {
            writeln!(to, "{errors}, {warnings}, {notes} in {broken} of {conversations}")
        }
    }

    fn json(&self) -> Value {
        let findings: Vec<_> = self.told.iter().map(|finding| Value::from(finding.json())).collect();
        let rules: Map<_, _> =
            self.rules.iter().map(|(code, (_, times))| ((*code).to_owned(), (*times).into())).collect();
        serde_json::json!({
            "v": 1,
            "findings": findings,
            "rules": rules,
            "errors": self.count(Severity::Error),
            "warnings": self.count(Severity::Warning),
            "notes": self.count(Severity::Note),
            "conversations": self.conversations,
            "refused": self.refused,
            "broken": self.broken,
        })
    }
}

impl Finding {
    /// Writes it as a paragraph.
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        let Finding { conn, url, at, from, anomaly } = self;
        write!(to, "{}: {}", anomaly.severity().name(), anomaly.code())?;
        if let Some(from) = from {
            write!(to, ", {}", from.name())?;
        }
        if let Some(conn) = conn {
            write!(to, ", conn {conn}")?;
        }
        if at.packet != 0 {
            write!(to, ", packet {}", at.packet)?;
        }
        if let Some(url) = url {
            write!(to, ", {}", printable_string(url.as_bytes()))?;
        }
        write!(to, "\n  {anomaly}")?;
        if let Some(spec) = anomaly.spec() {
            write!(to, " ({spec})")?;
        }
        let mut evidence = Vec::new();
        anomaly.evidence(|name, value| evidence.push(shown(name, &value)));
        if !evidence.is_empty() {
            write!(to, "\n  {}", evidence.join(", "))?;
        }
        writeln!(to)
    }

    /// Makes it an object; what it does not have is left out.
    fn json(&self) -> Map<String, Value> {
        let Finding { conn, url, at, from, anomaly } = self;
        let mut evidence = Map::new();
        anomaly.evidence(|name, value| {
            let value = match value {
                Evidence::Number(number) => Value::from(number),
                Evidence::Text(text) => Value::from(&*text),
            };
            evidence.insert(name.to_owned(), value);
        });
        let mut time = Vec::new();
        Rfc3339::default().write(at.time, &mut time);
        let known = at.packet != 0;
        let time = known.then(|| String::from_utf8_lossy(&time).into_owned());
        let fields = [
            ("code", Some(Value::from(anomaly.code()))),
            ("severity", Some(anomaly.severity().name().into())),
            ("conn", conn.map(|conn| conn.packet.get().into())),
            ("stream", conn.and_then(ConnId::stream).map(Value::from)),
            ("url", url.as_deref().map(Value::from)),
            ("packet", known.then(|| at.packet.into())),
            ("time", time.map(Value::from)),
            ("from", from.map(|from| from.name().into())),
            ("text", Some(anomaly.to_string().into())),
            ("spec", anomaly.spec().map(Value::from)),
            ("evidence", Some(Value::from(evidence))),
        ];
        fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

/// Writes a piece of evidence; text may come from the wire.
fn shown(name: &str, value: &Evidence<'_>) -> String {
    match value {
        Evidence::Number(number) => format!("{name} {number}"),
        Evidence::Text(text) => format!("{name} \"{}\"", printable_string(text.as_bytes())),
    }
}
