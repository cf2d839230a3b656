use std::collections::BTreeMap;
use std::ops::Deref;

/// A saturating counter for each key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountMap<K>(BTreeMap<K, u64>);

impl<K> Default for CountMap<K> {
    fn default() -> Self {
        CountMap(BTreeMap::new())
    }
}

impl<K: Ord> CountMap<K> {
    /// Adds `times` to the count of a key.
    pub fn add(&mut self, key: K, times: u64) {
        let count = self.0.entry(key).or_default();
        *count = count.saturating_add(times);
    }

    /// Adds the counts of another map.
    pub fn absorb(&mut self, other: Self) {
        other.0.into_iter().for_each(|(key, times)| self.add(key, times));
    }

    /// Returns the counts as a map.
    pub fn into_map(self) -> BTreeMap<K, u64> {
        self.0
    }
}

impl<K> Deref for CountMap<K> {
    type Target = BTreeMap<K, u64>;

    fn deref(&self) -> &BTreeMap<K, u64> {
        &self.0
    }
}
