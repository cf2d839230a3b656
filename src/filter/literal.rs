//! Literals in a filter.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while_m_n, take_while1};
use nom::character::complete::{char, digit1, none_of, one_of};
use nom::combinator::{all_consuming, map, map_opt, opt, recognize, success, value, verify};
use nom::multi::{fold_many0, many1};
use nom::sequence::{delimited, pair, preceded, terminated};
use nom::{IResult, Parser};

use super::Kind;
use super::expr::{Meaning, Number, Value};
use super::fault::{Fault, Out, failure};
use crate::event::{Anomaly, Severity, Transport};
use crate::model::{Side, Timestamp};
use crate::text::nearest;
use crate::websocket::Opcode;

/// Parses a value of a kind.
pub(super) fn read(kind: Kind, input: &str) -> Out<'_, Value> {
    let (rest, (written, means)) = match input.chars().next() {
        Some('"' | '\'') => {
            let (rest, text) = string(input)?;
            (rest, (before(input, rest), quoted(kind, &text)))
        }
        _ if input.starts_with("r\"") => {
            let (rest, text) = raw(input)?;
            (rest, (before(input, rest), quoted(kind, text)))
        }
        _ if input.starts_with("x\"") => {
            let (rest, bytes) = hex(input)?;
            (rest, (before(input, rest), (kind == Kind::Bytes).then_some(Meaning::Bytes(bytes.into()))))
        }
        _ => {
            let (rest, word) = word(input);
            (rest, (word, bare(kind, word)))
        }
    };
    match means {
        Some(means) => Ok((rest, Value { written: written.into(), means })),
        None => failure(input, expected(kind, written)),
    }
}

/// Describes what is expected instead of the word or string that is `written`: the value that may have been meant, if
/// that is clear.
fn expected(kind: Kind, written: &str) -> Cow<'static, str> {
    let near = || nearest(written.trim_matches(['"', '\'']), Anomaly::RULES.iter().map(|rule| rule.code));
    match kind {
        Kind::Text | Kind::Bytes if written.starts_with(char::is_alphanumeric) => {
            format!("a string in quotes: \"{written}\"").into()
        }
        Kind::Code => {
            near().map_or(kind.expects().into(), |code| format!("an anomaly such as {code}").into())
        }
        Kind::Count => match written.split_once('.').map(|(conn, stream)| (whole(conn), whole(stream))) {
            Some((Some(conn), Some(stream))) => {
                format!("a whole number; conversation {written} is conn == {conn} and stream == {stream}")
                    .into()
            }
            _ => kind.expects().into(),
        },
        _ => kind.expects().into(),
    }
}

/// Parses a string of either form, for a regular expression.
pub(super) fn text(input: &str) -> Out<'_, (Box<str>, String)> {
    let (rest, text) = if input.starts_with("r\"") {
        raw(input).map(|(rest, text)| (rest, text.to_owned()))?
    } else if input.starts_with(['"', '\'']) {
        string(input)?
    } else {
        return failure(input, "a regular expression in quotes, best as r\"…\"");
    };
    Ok((rest, (before(input, rest).into(), text)))
}

/// Returns the part of `input` before `rest`, its end.
fn before<'a>(input: &'a str, rest: &str) -> &'a str {
    input.get(..input.len().saturating_sub(rest.len())).unwrap_or_default()
}

/// Splits off the word at the start of `input`; it ends before a `..`.
fn word(input: &str) -> (&str, &str) {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '.' | ':' | '/');
    let end = input.find(|c| !is_word(c)).unwrap_or(input.len());
    let end = input.get(..end).and_then(|word| word.find("..")).unwrap_or(end);
    let (word, rest) = input.split_at_checked(end).unwrap_or((input, ""));
    (rest, word)
}

/// Interprets a quoted string.
fn quoted(kind: Kind, text: &str) -> Option<Meaning> {
    match kind {
        Kind::Text | Kind::Bytes | Kind::Json => Some(Meaning::Bytes(text.as_bytes().into())),
        Kind::Opcode
        | Kind::Side
        | Kind::Transport
        | Kind::Code
        | Kind::Severity
        | Kind::Moment
        | Kind::Address => bare(kind, text),
        Kind::Count | Kind::Size | Kind::Truth | Kind::Span => None,
    }
}

/// Interprets a word.
fn bare(kind: Kind, word: &str) -> Option<Meaning> {
    match kind {
        Kind::Opcode => opcode(word).map(Meaning::Whole),
        Kind::Side => Side::BOTH.into_iter().find(|side| side.name() == word).map(Meaning::Side),
        Kind::Count => whole(word).map(Meaning::Whole),
        Kind::Size => size(word).map(Meaning::Whole),
        Kind::Truth => truth(word),
        Kind::Text | Kind::Bytes => None,
        Kind::Span => span(word).map(Meaning::Span),
        Kind::Moment => moment(word).map(Meaning::Moment).or_else(|| span(word).map(Meaning::Since)),
        Kind::Code => {
            let known = Anomaly::RULES.iter().any(|rule| rule.code == word);
            known.then(|| Meaning::Bytes(word.as_bytes().into()))
        }
        Kind::Transport => Transport::ALL.into_iter().find(|it| it.name() == word).map(Meaning::Transport),
        Kind::Severity => {
            Severity::ALL.into_iter().find(|severity| severity.name() == word).map(Meaning::Severity)
        }
        Kind::Address => network(word),
        Kind::Json => match word {
            "null" => Some(Meaning::Null),
            _ => truth(word).or_else(|| number(word).map(Meaning::Number)),
        },
    }
}

pub(super) fn opcode(word: &str) -> Option<u64> {
    let named = (0..16).find(|n| Opcode(*n).name() == word).map(u64::from);
    named.or_else(|| whole(word).filter(|n| *n < 16))
}

fn truth(word: &str) -> Option<Meaning> {
    match word {
        "true" => Some(Meaning::Truth(true)),
        "false" => Some(Meaning::Truth(false)),
        _ => None,
    }
}

fn whole(word: &str) -> Option<u64> {
    match word.strip_prefix("0x") {
        Some(digits) if !digits.starts_with('+') => u64::from_str_radix(digits, 16).ok(),
        None if word.bytes().all(|b| b.is_ascii_digit()) => word.parse().ok(),
        _ => None,
    }
}

/// Parses a JSON number.
fn number(word: &str) -> Option<Number> {
    let number = |word| -> IResult<&str, &str> {
        let exponent = (one_of("eE"), opt(one_of("+-")), digit1);
        recognize((opt(char('-')), digit1, opt((char('.'), digit1)), opt(exponent))).parse(word)
    };
    all_consuming(number).parse(word).ok()?;
    let real = || word.parse().ok().filter(|real: &f64| real.is_finite()).map(Number::Real);
    word.parse().map(Number::Whole).ok().or_else(real)
}

/// Parses an address, optionally with a prefix length.
fn network(word: &str) -> Option<Meaning> {
    let (address, length) =
        word.split_once('/').map_or((word, None), |(address, length)| (address, Some(length)));
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        Some(length) => whole(length).and_then(|n| u8::try_from(n).ok()).filter(|n| *n <= most)?,
        None => most,
    };
    Some(Meaning::Network(address, length))
}

/// Parses a size: `k M G` are powers of 1000, `Ki Mi Gi` of 1024, with or without a `B`.
fn size(word: &str) -> Option<u64> {
    let unit = terminated(
        alt((
            value(1 << 10, alt((tag("Ki"), tag("ki")))),
            value(1 << 20, tag("Mi")),
            value(1 << 30, tag("Gi")),
            value(1_000, alt((tag("k"), tag("K")))),
            value(1_000_000, tag("M")),
            value(1_000_000_000, tag("G")),
            success(1_u128),
        )),
        opt(char('B')),
    );
    let (_, size) =
        all_consuming(map_opt(pair(decimal, unit), |(number, unit)| number.times(unit))).parse(word).ok()?;
    u64::try_from(size).ok().or_else(|| whole(word))
}

/// Parses a time span: a number of seconds, or a sequence of numbers with units.
fn span(word: &str) -> Option<Duration> {
    let unit = alt((
        value(1_u128, tag("ns")),
        value(1_000, alt((tag("us"), tag("µs"), tag("μs")))),
        value(1_000_000, tag("ms")),
        value(1_000_000_000, tag("s")),
        value(60_000_000_000, alt((tag("min"), tag("m")))),
        value(3_600_000_000_000, tag("h")),
        value(86_400_000_000_000, tag("d")),
    ));
    let part = map_opt(pair(decimal, unit), |(number, unit)| number.times(unit));
    let parts = map_opt(many1(part), |parts| parts.into_iter().try_fold(0, u128::checked_add));
    let seconds = map_opt(decimal, |number| number.times(1_000_000_000));
    let (_, nanos) = alt((all_consuming(seconds), all_consuming(parts))).parse(word).ok()?;
    u64::try_from(nanos).ok().map(Duration::from_nanos)
}

/// A decimal number: its digits without the point, and ten to the power of the number of decimals.
#[derive(Clone, Copy)]
struct Decimal {
    digits: u128,
    over: u128,
}

impl Decimal {
    fn times(self, unit: u128) -> Option<u128> {
        self.digits.checked_mul(unit)?.checked_div(self.over)
    }
}

fn decimal(input: &str) -> IResult<&str, Decimal> {
    let fraction = preceded(char('.'), verify(digit1, |digits: &str| digits.len() <= 12));
    let whole = verify(digit1, |digits: &str| digits.len() <= 20);
    map_opt(pair(whole, opt(fraction)), |(whole, fraction): (&str, Option<&str>)| {
        let fraction = fraction.unwrap_or_default();
        let over = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        let whole = whole.parse::<u128>().ok()?.checked_mul(over)?;
        let fraction = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
        Some(Decimal { digits: whole.checked_add(fraction)?, over })
    })
    .parse(input)
}

/// Parses an RFC 3339 timestamp; a date alone means its start in UTC.
fn moment(word: &str) -> Option<Timestamp> {
    let digits = |n| {
        move |input| -> IResult<&str, i64> {
            map_opt(take_while_m_n(n, n, |c: char| c.is_ascii_digit()), |text: &str| text.parse().ok())
                .parse(input)
        }
    };
    let two = |least: i64, most: i64| verify(digits(2), move |n| (least..=most).contains(n));
    let date = (digits(4), preceded(char('-'), two(1, 12)), preceded(char('-'), two(1, 31)));
    let fraction = map(opt(preceded(char('.'), digit1)), |digits: Option<&str>| {
        let nine = digits.unwrap_or_default().bytes().chain(std::iter::repeat(b'0')).take(9);
        nine.fold(0_i64, |sum, digit| sum.saturating_mul(10).saturating_add(i64::from(digit & 15)))
    });
    let sign = alt((value(1, char('+')), value(-1, char('-'))));
    let offset =
        map((sign, two(0, 23), preceded(char(':'), two(0, 59))), |(sign, hours, minutes): (i64, _, _)| {
            sign.saturating_mul(hours.saturating_mul(3600).saturating_add(minutes.saturating_mul(60)))
        });
    let clock = (
        preceded(one_of("Tt"), two(0, 23)),
        preceded(char(':'), two(0, 59)),
        preceded(char(':'), two(0, 60)),
        fraction,
        alt((value(0, one_of("Zz")), offset)),
    );
    let (_, ((year, month, day), clock)) = all_consuming(pair(date, opt(clock))).parse(word).ok()?;
    let (hour, minute, second, nanos, offset) = clock.unwrap_or_default();
    let seconds = days(year, month, day)?
        .checked_mul(86_400)?
        .checked_add(hour.checked_mul(3600)?)?
        .checked_add(minute.checked_mul(60)?)?
        .checked_add(second)?
        .checked_sub(offset)?;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos).map(Timestamp::from_nanos)
}

/// Counts the days from 1970 to a date of the Gregorian calendar; `None` for a day that its month does not have.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    const BEFORE: [i64; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
    let month = usize::try_from(month).ok()?;
    let leap = year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0);
    let (start, end) = (*BEFORE.get(month.checked_sub(1)?)?, *BEFORE.get(month)?);
    let length = end.checked_sub(start)?.checked_add(i64::from(leap && month == 2))?;
    if day > length {
        return None;
    }
    let past = year.checked_sub(1)?;
    let leaps = past.div_euclid(4).checked_sub(past.div_euclid(100))?.checked_add(past.div_euclid(400))?;
    let of_year = start.checked_add(i64::from(leap && month > 2))?.checked_add(day)?;
    // 0001-01-01 is day 1 of this count, and 1970-01-01 is day 719,163.
    past.checked_mul(365)?.checked_add(leaps)?.checked_add(of_year)?.checked_sub(719_163)
}

/// Parses a string with escapes.
fn string(input: &str) -> Out<'_, String> {
    let (mut rest, quote) = alt((char::<_, Fault<'_>>('"'), char('\''))).parse(input)?;
    let mut out = String::new();
    loop {
        let plain = rest.find([quote, '\\']).unwrap_or(rest.len());
        out.push_str(rest.get(..plain).unwrap_or_default());
        rest = rest.get(plain..).unwrap_or_default();
        if let Some(rest) = rest.strip_prefix(quote) {
            return Ok((rest, out));
        }
        if rest.is_empty() {
            return failure(rest, "the string's closing quote");
        }
        match escape(rest) {
            Ok((after, c)) => {
                out.push(c);
                rest = after;
            }
            Err(_) => {
                return failure(
                    rest,
                    r#"an escape: \" \\ \n \r \t \0 \xNN \u{…} (in r"…" a backslash is itself)"#,
                );
            }
        }
    }
}

fn escape(input: &str) -> IResult<&str, char> {
    let digits = |least, most| {
        map_opt(take_while_m_n(least, most, |c: char| c.is_ascii_hexdigit()), |digits: &str| {
            u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)
        })
    };
    let simple = map_opt(none_of("xu"), |c| match c {
        '"' | '\\' | '/' => Some(c),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        '0' => Some('\0'),
        _ => None,
    });
    let kinds = alt((
        preceded(char('x'), verify(digits(2, 2), char::is_ascii)),
        delimited(tag("u{"), digits(1, 6), char('}')),
        preceded(char('u'), digits(4, 4)),
        simple,
    ));
    preceded(char('\\'), kinds).parse(input)
}

/// Parses a string in which backslashes are literal.
fn raw(input: &str) -> Out<'_, &str> {
    let (rest, _) = tag::<_, _, Fault<'_>>("r\"").parse(input)?;
    match rest.split_once('"') {
        Some((text, after)) => Ok((after, text)),
        None => failure(rest.get(rest.len()..).unwrap_or_default(), "the string's closing quote"),
    }
}

/// Parses bytes in hex; spaces and colons between them are skipped.
fn hex(input: &str) -> Out<'_, Vec<u8>> {
    let (start, _) = tag::<_, _, Fault<'_>>("x\"").parse(input)?;
    let blanks = take_while1(|c| matches!(c, ' ' | ':'));
    let byte = map_opt(take_while_m_n(2, 2, |c: char| c.is_ascii_hexdigit()), |digits: &str| {
        u8::from_str_radix(digits, 16).ok()
    });
    let one = alt((map(byte, Some), value(None, blanks)));
    let mut all = fold_many0(one, Vec::new, |mut all: Vec<u8>, byte| {
        all.extend(byte);
        all
    });
    let (rest, bytes): (&str, Vec<u8>) = all.parse(start)?;
    match rest.strip_prefix('"') {
        Some(after) => Ok((after, bytes)),
        None => failure(rest, "two hex digits or the closing quote"),
    }
}
