//! Decimal numbers of any length, compared exactly.

use core::cmp::Ordering;

/// The most digits.
const MAX_DIGITS: usize = 40;

/// A number that is not negative: `0`, `12`, `12.50`. No sign, no exponent, no zero in front.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decimal<'a> {
    whole: &'a str,
    /// Without zeros at its end.
    fraction: &'a str,
}

impl<'a> Decimal<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let is_whole = is_number(whole) && (whole.len() == 1 || !whole.starts_with('0'));
        let fits = text.len() <= MAX_DIGITS && is_whole && fraction.is_none_or(is_number);
        fits.then(|| Self { whole, fraction: fraction.unwrap_or_default().trim_end_matches('0') })
    }
}

impl PartialEq for Decimal<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal<'_> {}

impl PartialOrd for Decimal<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal<'_> {
    /// Of whole numbers without zeros in front the longer is greater; digits behind the point compare as text does.
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |number: &Self| number.whole.len();
        key(self).cmp(&key(other)).then_with(|| self.whole.cmp(other.whole)).then_with(|| self.fraction.cmp(other.fraction))
    }
}

#[cfg(test)]
mod tests {
    use super::Decimal;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_compared_by_value() {
        let rising = ["0", "0.05", "0.5", "1", "1.05", "1.5", "9.99", "10", "99", "100", "100.01", "12345678901234567890123"];
        for pair in rising.windows(2) {
            assert!(Decimal::parse(pair[0]).unwrap() < Decimal::parse(pair[1]).unwrap(), "{pair:?}");
        }
        assert_eq!(Decimal::parse("1.50"), Decimal::parse("1.5"));
        assert_eq!(Decimal::parse("2.0"), Decimal::parse("2"));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_no_number() {
        for text in ["", "-1", "+1", "01", "1.", ".5", "1e3", "1,5", " 1", "0x1", "NaN", "\u{661}", &"9".repeat(41)] {
            assert!(Decimal::parse(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_the_numbers(a in 0..100_000_u32, b in 0..100_000_u32) {
            let text = |hundredths: u32| format!("{}.{:02}", hundredths / 100, hundredths % 100);
            let (one, other) = (text(a), text(b));
            prop_assert_eq!(Decimal::parse(&one).unwrap().cmp(&Decimal::parse(&other).unwrap()), a.cmp(&b));
        }
    }
}
