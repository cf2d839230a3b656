//! What connections were in which no WebSocket was found, as `explain` says it.

use super::words::{Role, Stretch};
use crate::event::{Event, Kind, Sink as _};
use crate::explain::Explain;
use crate::model::At;
use crate::store::Store;

/// How many connections are told one by one.
const LISTED: usize = 200;

/// Returns a line for each such connection: which, what it was, and what would help.
pub(super) fn lines(store: &Store) -> Vec<Vec<Stretch>> {
    let mut explain = Explain::new();
    for (conn, unshown) in store.unshown().iter().take(LISTED) {
        explain.event(&Event::new(Some(*conn), At::default(), Kind::Unshown(unshown)));
    }
    let rows = explain.explanation().rows.into_iter().filter(|row| !row.is_shown);
    rows.map(|row| {
        let ends = format!("#{} {} → {}  ", row.conn, row.client, row.server);
        let help = row.help.map_or(String::new(), |help| format!("  {help}"));
        [(Role::Quiet, ends), (Role::Plain, row.what), (Role::Good, help)]
            .map(|(role, words)| Stretch { bytes: words.into(), role })
            .into()
    })
    .collect()
}
