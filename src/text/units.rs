use std::time::Duration;

/// Formats a number of bytes with four significant digits or fewer: `999 B`, `1.2 kB`, `16.8 MB`; a kilobyte is 1000
/// bytes.
pub fn bytes(count: u64) -> String {
    let (mut whole, mut tenths, mut units) = (count, 0, ["kB", "MB", "GB", "TB", "PB", "EB"].iter());
    let mut unit = "B";
    while whole >= 1000
        && let Some(next) = units.next()
    {
        (whole, tenths, unit) = (whole / 1000, whole % 1000 / 100, next);
    }
    if unit == "B" { format!("{whole} B") } else { format!("{whole}.{tenths} {unit}") }
}

/// Formats a time span in a suitable unit: `412 µs`, `1.204 s`, `3 min 20 s`.
pub fn span(time: Duration) -> String {
    let micros = time.as_micros();
    let seconds = time.as_secs();
    match micros {
        0 if time.is_zero() => "0 s".to_owned(),
        0..1000 => format!("{} µs", thousandths(time.as_nanos())),
        1000..1_000_000 => format!("{} ms", thousandths(micros)),
        1_000_000..60_000_000 => format!("{} s", thousandths(time.as_millis())),
        60_000_000..3_600_000_000 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// Formats `count` and the noun it counts: `1 frame`, `2 frames`.
pub fn count(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Formats a number with thousands separators: `1,234,567`.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && digits.len().saturating_sub(n) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats `count` with thousands separators, and the noun it counts: `1 frame`, `20,000 frames`.
pub fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// Formats a number of thousandths as a decimal, without trailing zeros.
fn thousandths(number: u128) -> String {
    let text = format!("{}.{:03}", number / 1000, number % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_in_the_unit_that_suits() {
        let shown = [0, 1, 999, 1000, 1250, 16_777_216, u64::MAX].map(bytes);
        assert_eq!(shown, ["0 B", "1 B", "999 B", "1.0 kB", "1.2 kB", "16.7 MB", "18.4 EB"]);
    }

    #[test]
    fn thousands_stand_apart() {
        let shown = [0, 1, 999, 20_000, 1_234_567].map(|count| counted(count, "frame"));
        assert_eq!(shown, ["0 frames", "1 frame", "999 frames", "20,000 frames", "1,234,567 frames"]);
    }

    #[test]
    fn spans_in_the_unit_that_suits() {
        let shown = [0, 1, 412_000, 1_500_000, 1_204_000_000, 200_000_000_000, 7_260_000_000_000]
            .map(|nanos| span(Duration::from_nanos(nanos)));
        assert_eq!(shown, ["0 s", "0.001 µs", "412 µs", "1.5 ms", "1.204 s", "3 min 20 s", "2 h 1 min"]);
    }
}
