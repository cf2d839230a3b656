use std::str::FromStr;

/// A number of bytes as a user writes it: `4096`, `64k`, `16M` or `1G`, of 1000, `64KiB`, `16MiB` or `1GiB`, of 1024.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size(pub(super) usize);

/// The reason why a text is not a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SizeError {
    #[error("a number is needed, with k, M or G (of 1000) or KiB, MiB or GiB (of 1024) where it is large")]
    NotANumber,
    #[error("it must be more than 0")]
    Zero,
    #[error("that is more than this machine can address")]
    TooLarge,
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = match text.get(digits.len()..).unwrap_or_default().to_ascii_uppercase().as_str() {
            "" | "B" => 1,
            "K" | "KB" => 1_000,
            "M" | "MB" => 1_000_000,
            "G" | "GB" => 1_000_000_000,
            "KI" | "KIB" => 1 << 10,
            "MI" | "MIB" => 1 << 20,
            "GI" | "GIB" => 1 << 30,
            _ => return Err(SizeError::NotANumber),
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(SizeError::NotANumber);
        }
        let number: usize = digits.parse().map_err(|_| SizeError::TooLarge)?;
        match number.checked_mul(unit) {
            Some(0) => Err(SizeError::Zero),
            Some(size) => Ok(Size(size)),
            None => Err(SizeError::TooLarge),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, want) in [
            ("1", Ok(Size(1))),
            ("4096", Ok(Size(4096))),
            ("64k", Ok(Size(64_000))),
            ("64Ki", Ok(Size(64 << 10))),
            ("16M", Ok(Size(16_000_000))),
            ("16MiB", Ok(Size(16 << 20))),
            ("2GiB", Ok(Size(2 << 30))),
            ("", Err(SizeError::NotANumber)),
            ("M", Err(SizeError::NotANumber)),
            ("1.5M", Err(SizeError::NotANumber)),
            ("-1", Err(SizeError::NotANumber)),
            ("1 M", Err(SizeError::NotANumber)),
            ("16T", Err(SizeError::NotANumber)),
            ("0K", Err(SizeError::Zero)),
            ("99999999999999999999", Err(SizeError::TooLarge)),
            ("99999999999999999G", Err(SizeError::TooLarge)),
        ] {
            assert_eq!(text.parse::<Size>(), want, "{text}");
        }
    }
}
