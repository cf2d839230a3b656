//! Which rows of a capture are shown.

use crate::filter::Filter;

/// The arguments that select what is shown.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Selection {
    /// Show only messages that match: 'opcode == text and len > 1k', 'json.type == "trade"', '"a text"'
    ///
    /// `wirefin help filter` explains the language. With -w, only the packets of conversations with a match are saved.
    #[arg(
        short = 'Y',
        long = "only",
        visible_alias = "display-filter",
        value_name = "FILTER",
        value_parser = only,
        help_heading = "Selection"
    )]
    only: Option<Only>,

    /// Show only this conversation: 4, or 4.3 for one of its streams; may be repeated
    #[arg(long, value_name = "N", value_parser = conversation, help_heading = "Selection")]
    conn: Vec<Conversation>,

    /// Show only events from this time on: 1.5s since the first packet, or 2026-11-21T06:20:00Z
    #[arg(long, value_name = "TIME", value_parser = moment, help_heading = "Selection")]
    since: Option<String>,

    /// Show only events before this time
    #[arg(long, value_name = "TIME", value_parser = moment, help_heading = "Selection")]
    until: Option<String>,
}

/// A filter, and how it was written.
#[derive(Clone, Debug)]
struct Only {
    text: String,
    filter: Filter,
}

/// The name of a conversation.
#[derive(Clone, Copy, Debug)]
struct Conversation {
    conn: u64,
    stream: Option<u64>,
}

impl Selection {
    /// Returns the equivalent filter.
    pub(super) fn filter(&self) -> anyhow::Result<Option<Filter>> {
        match (&self.only, self.text()) {
            (Some(Only { text, filter }), Some(whole)) if *text == whole => Ok(Some(filter.clone())),
            (_, Some(whole)) => Ok(Some(Filter::parse(&whole)?)),
            (_, None) => Ok(None),
        }
    }

    /// Returns the filter as text: that of -Y as it was written, if it is the only condition.
    pub(super) fn text(&self) -> Option<String> {
        let mut parts = Vec::new();
        let conns: Vec<String> = self.conn.iter().map(Conversation::test).collect();
        match conns.as_slice() {
            [] => {}
            [one] => parts.push(one.clone()),
            several => parts.push(format!("({})", several.join(" or "))),
        }
        parts.extend(self.since.as_ref().map(|since| format!("time >= {since}")));
        parts.extend(self.until.as_ref().map(|until| format!("time < {until}")));
        match (&self.only, parts.is_empty()) {
            (Some(only), true) => return Some(only.text.clone()),
            (Some(only), false) => parts.push(format!("({})", only.text)),
            (None, _) => {}
        }
        (!parts.is_empty()).then(|| parts.join(" and "))
    }
}

impl Conversation {
    fn test(&self) -> String {
        match self.stream {
            Some(stream) => format!("(conn == {} and stream == {stream})", self.conn),
            None => format!("conn == {}", self.conn),
        }
    }
}

fn only(text: &str) -> Result<Only, String> {
    let filter = Filter::parse(text).map_err(|error| format!("{error}\n{}", error.caret()))?;
    Ok(Only { text: text.to_owned(), filter })
}

/// Parses the name of a conversation, as shown in the output: `4`, `#4` or `4.3`.
fn conversation(text: &str) -> Result<Conversation, String> {
    let wanted = || "the number of a conversation is wanted, as in 4 or 4.3".to_owned();
    let number = |text: &str| text.parse().map_err(|_| wanted());
    let name = text.strip_prefix('#').unwrap_or(text);
    match name.split_once('.') {
        Some((conn, stream)) => Ok(Conversation { conn: number(conn)?, stream: Some(number(stream)?) }),
        None => Ok(Conversation { conn: number(name)?, stream: None }),
    }
}

/// Parses a time that a filter understands.
fn moment(text: &str) -> Result<String, String> {
    let is_word =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.:".contains(&byte));
    match Filter::parse(&format!("time >= {text}")) {
        Ok(_) if is_word => Ok(text.to_owned()),
        _ => {
            Err("a time is wanted, such as 1.5s (since the capture began) or 2026-11-21T06:20:00Z".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(only: Option<&str>, conns: &[&str], since: Option<&str>, until: Option<&str>) -> Selection {
        Selection {
            only: only.map(|text| super::only(text).unwrap()),
            conn: conns.iter().map(|text| conversation(text).unwrap()).collect(),
            since: since.map(|text| moment(text).unwrap()),
            until: until.map(|text| moment(text).unwrap()),
        }
    }

    #[test]
    fn a_selection_is_one_filter() {
        for (given, text) in [
            (selection(None, &[], None, None), None),
            (selection(Some("len > 1k"), &[], None, None), Some("len > 1k")),
            (selection(None, &["4"], None, None), Some("conn == 4")),
            (selection(None, &["#4.3"], None, None), Some("(conn == 4 and stream == 3)")),
        ] {
            assert_eq!(given.text().as_deref(), text);
            assert_eq!(given.filter().unwrap().is_some(), text.is_some());
        }
        let all = selection(
            Some("opcode == ping or opcode == pong"),
            &["4", "9"],
            Some("1.5s"),
            Some("2026-11-21"),
        );
        let text = "(conn == 4 or conn == 9) and time >= 1.5s and time < 2026-11-21 and (opcode == ping or opcode == pong)";
        assert_eq!(all.text().as_deref(), Some(text));
        assert!(all.filter().unwrap().is_some());
    }

    #[test]
    fn what_is_no_conversation_or_time_is_refused() {
        assert!(["", "x", "4.", ".3", "-1", "4.3.2"].into_iter().all(|text| conversation(text).is_err()));
        assert!(["", "soon", "1s or rtt", "12:00", "\"1s\""].into_iter().all(|text| moment(text).is_err()));
    }
}
