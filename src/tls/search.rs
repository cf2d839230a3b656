use std::ops::RangeInclusive;

use super::cipher::Cipher;
use super::protection::Record;

/// The cost of a candidate, relative to one of TLS 1.3's AES-GCM.
const TRIAL: u64 = 128;

/// Returns the sequence number in `range` under which the record is authentic; deducts the cost from `budget`, which
/// bounds the search.
pub(super) fn find(
    cipher: &Cipher,
    record: &Record<'_>,
    range: RangeInclusive<u64>,
    budget: &mut u64,
) -> Option<u64> {
    let (first, last) = range.into_inner();
    let cost = if matches!(cipher, Cipher::Gcm(_)) { 1 } else { TRIAL };
    let affordable = budget.checked_div(cost)?.checked_sub(1)?;
    let last = last.min(first.saturating_add(affordable));
    let found = match cipher {
        Cipher::Gcm(gcm) => gcm.find(record, first..=last),
        Cipher::Cbc(cbc) => cbc.find(record, first..=last),
        Cipher::Ccm(_) | Cipher::Chacha(_) => {
            let mut plain = Vec::new();
            (first..=last).find(|number| cipher.protection().open(record, *number, &mut plain))
        }
    };
    let tried = found.unwrap_or(last).saturating_sub(first).saturating_add(1);
    *budget = budget.saturating_sub(tried.saturating_mul(cost));
    found
}
