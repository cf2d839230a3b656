use super::needle::Needle;
use crate::store::Store;

/// Decides which messages the timeline shows.
#[derive(Debug)]
pub(super) struct Matcher {
    needle: Needle,
}

/// Says where a filter cannot be understood, and what was expected there.
#[derive(Clone, Debug)]
pub(super) struct Mistake {
    /// The column, from 0.
    pub(super) column: usize,
    pub(super) expected: String,
}

impl Matcher {
    /// Reads what was typed.
    pub(super) fn parse(text: &str) -> Result<Matcher, Mistake> {
        let needle = Needle::parse(text).map_err(|expected| Mistake { column: 0, expected })?;
        Ok(Matcher { needle })
    }

    /// Tells whether an entry is shown.
    pub(super) fn matches(&self, store: &mut Store, number: u32) -> bool {
        store.payload(number, usize::MAX).is_some_and(|payload| self.needle.is_in(payload))
    }
}
