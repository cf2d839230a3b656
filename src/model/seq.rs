/// The sequence number of a byte of a TCP stream, modulo 2³² (RFC 9293 §3.4).
///
/// It does not implement `Ord` because sequence space wraps: compare two numbers within 2³¹ of each other with
/// [`Seq::distance`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seq(pub u32);

impl Seq {
    /// Returns the sequence number advanced by `bytes`, wrapping around.
    #[must_use]
    pub const fn plus(self, bytes: u32) -> Seq {
        Seq(self.0.wrapping_add(bytes))
    }

    /// Returns how far `self` is after `earlier`; negative if it is before.
    pub const fn distance(self, earlier: Seq) -> i32 {
        self.0.wrapping_sub(earlier.0).cast_signed()
    }

    /// Returns whether `self` is before `other` in modular order.
    pub const fn before(self, other: Seq) -> bool {
        self.distance(other) < 0
    }
}

#[cfg(test)]
mod tests {
    use super::Seq;

    #[test]
    fn order_goes_around_the_circle() {
        let end = Seq(u32::MAX - 1);
        assert_eq!(end.plus(4), Seq(2));
        assert_eq!(Seq(2).distance(end), 4);
        assert_eq!(end.distance(Seq(2)), -4);
        assert!(end.before(Seq(2)) && !Seq(2).before(end) && !end.before(end));
    }
}
