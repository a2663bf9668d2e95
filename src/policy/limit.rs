//! The annotations that mean something: `@id`, `@ttl`, `@depth`, `@repeats`, `@approval`. Others are the author's own.

use core::time::Duration;

use procura_token::MAX_ACTORS;

/// The most bytes of an id.
const MAX_ID: usize = 256;

/// Why an annotation means nothing: what was expected, with an example.
pub(super) type Expected = &'static str;

/// `@id("planner-calendar")`.
pub(super) fn id(text: &str) -> Result<&str, Expected> {
    if text.is_empty() || text.len() > MAX_ID || text.chars().any(char::is_control) {
        return Err("a name of 1 to 256 bytes without control characters: write one such as `planner-calendar`");
    }
    Ok(text)
}

/// `@ttl("30m")`: at least one second.
pub(super) fn ttl(text: &str) -> Result<Duration, Expected> {
    match humantime::parse_duration(text) {
        Ok(ttl) if ttl >= Duration::from_secs(1) => Ok(ttl),
        _ => Err("a duration of a second or more: write one such as `30m` or `1h 30m`"),
    }
}

/// `@depth("3")`: from 1 to the most actors any token names.
pub(super) fn depth(text: &str) -> Result<u32, Expected> {
    const { assert!(MAX_ACTORS == 8, "the message below says 8") };
    match text.parse::<u32>() {
        Ok(depth @ 1..=8) => Ok(depth),
        _ => Err("a number of actors from 1 to 8: write one such as `3`"),
    }
}

/// `@repeats("allowed")`: a workload may act again in a chain that names it already.
pub(super) fn repeats(text: &str) -> Result<bool, Expected> {
    one_word(text, "allowed").ok_or("the word `allowed`: write that, or leave the annotation out")
}

/// `@approval("required")`: the user must have agreed.
pub(super) fn approval(text: &str) -> Result<bool, Expected> {
    one_word(text, "required").ok_or("the word `required`: write that, or leave the annotation out")
}

fn one_word(text: &str, word: &str) -> Option<bool> {
    (text == word).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_second_or_more() {
        assert_eq!(ttl("1h 30m"), Ok(Duration::from_secs(5400)));
        for text in ["", "30", "0s", "500ms", "-1m", "30 parsecs", "99999999999999999999y"] {
            assert!(ttl(text).is_err(), "{text}");
        }
    }

    #[test]
    fn depths_are_small_numbers() {
        assert_eq!(depth("8"), Ok(8));
        for text in ["", "0", "9", "-1", "three", "1.0"] {
            assert!(depth(text).is_err(), "{text}");
        }
    }

    #[test]
    fn words_are_exact() {
        assert_eq!((repeats("allowed"), approval("required")), (Ok(true), Ok(true)));
        for text in ["", "true", "Allowed", "required ", "no"] {
            assert!(repeats(text).is_err() && approval(text).is_err(), "{text}");
        }
    }
}
