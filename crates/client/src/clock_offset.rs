//! How far this machine's clock is from a server's.

use core::fmt;
use core::time::Duration;

use http::HeaderMap;
use procura_token::UnixTime;

/// Clocks that differ by more than a minute: the usual reason why a good proof is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockOffset {
    /// Whether this machine's clock is ahead of the server's; otherwise it is behind.
    pub is_ahead: bool,
    /// By how much.
    pub by: Duration,
}

impl ClockOffset {
    /// Compares `now` with the `Date` of an answer (RFC 9110 section 6.6.1). `None` for a minute or less, or without `Date`.
    pub fn of(headers: &HeaderMap, now: UnixTime) -> Option<Self> {
        let server = parse_date(headers.get("date")?.to_str().ok()?)?;
        let is_ahead = now > server;
        let by = if is_ahead { now.since(server) } else { server.since(now) };
        (by > Duration::from_secs(60)).then_some(Self { is_ahead, by })
    }
}

impl fmt::Display for ClockOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = (self.by.as_secs() + 30) / 60;
        let side = if self.is_ahead { "ahead of" } else { "behind" };
        write!(f, "this machine's clock is {minutes} min {side} the server")
    }
}

/// An IMF-fixdate, the one form that servers may send (RFC 9110 section 5.6.7).
fn parse_date(text: &str) -> Option<UnixTime> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, date) = text.split_once(", ")?;
    let mut words = date.split(' ');
    let day: u64 = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = 1 + u64::try_from(MONTHS.iter().position(|month| *month == name)?).ok()?;
    let year: u64 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let is_date = (1970..=9999).contains(&year) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    (is_date && words.next() == Some("GMT"))
        .then(|| UnixTime::from_secs(days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second))
}

/// Years begin in March, so that the leap day is the last day of a year.
const fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_the_one_form_servers_send() {
        for (text, seconds) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Tue, 29 Feb 2000 23:59:59 GMT", Some(951_868_799)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 UTC", None),
            ("", None),
        ] {
            assert_eq!(parse_date(text).map(UnixTime::as_secs), seconds, "{text}");
        }
    }

    #[test]
    fn an_offset_says_which_clock_is_ahead() {
        let mut headers = HeaderMap::new();
        headers.insert("date", "Thu, 01 Jan 1970 01:00:00 GMT".parse().unwrap());
        let said = |now| ClockOffset::of(&headers, UnixTime::from_secs(now)).map(|offset| offset.to_string());
        assert_eq!(said(4200).unwrap(), "this machine's clock is 10 min ahead of the server");
        assert_eq!(said(3480).unwrap(), "this machine's clock is 2 min behind the server");
        assert_eq!((said(3660), said(3540)), (None, None));
    }
}
