//! What a request says of its AWS signature (Signature Version 4), in `Authorization` or in the query. Only AWS can verify it.

use std::time::Duration;

use procura_token::{ParseError, UnixTime};

/// The one algorithm: HMAC by the secret key of an access key. The asymmetric one, for several regions, is not for STS.
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The most headers a signature may cover.
pub(super) const MAX_SIGNED: usize = 16;

/// Access key, scope, time and coverage of a signature.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signature {
    /// The id of the access key: 16 to 128 upper-case letters and digits. It names a key, not a principal.
    pub(super) access_key: String,
    /// The region of the scope.
    pub(super) region: String,
    /// When it was made, as `X-Amz-Date` says.
    pub(super) made: UnixTime,
    /// The headers it covers, in lower case, ascending, none twice.
    pub(super) covers: Vec<String>,
    /// The signature itself: 64 lower-case hexadecimal digits.
    pub(super) mac: String,
}

/// The parts of a signature as they are written.
pub(super) struct Parts<'a> {
    pub(super) credential: &'a str,
    pub(super) signed_headers: &'a str,
    pub(super) mac: &'a str,
    pub(super) date: &'a str,
}

impl<'a> Parts<'a> {
    /// Of `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`, with the date of its own header.
    pub(super) fn of_authorization(value: &'a str, date: &'a str) -> Result<Self, ParseError> {
        let parts = value.strip_prefix(ALGORITHM).and_then(|rest| rest.strip_prefix(' ')).and_then(|rest| {
            let (credential, rest) = rest.strip_prefix("Credential=")?.split_once(',')?;
            let (signed_headers, rest) = rest.trim_start_matches(' ').strip_prefix("SignedHeaders=")?.split_once(',')?;
            let mac = rest.trim_start_matches(' ').strip_prefix("Signature=")?;
            Some(Self { credential, signed_headers, mac, date })
        });
        parts.ok_or_else(|| fault("`authorization`", "not an AWS4-HMAC-SHA256 signature"))
    }

    /// Reads each part strictly: an own spelling for each thing that can be signed.
    pub(super) fn parse(&self) -> Result<Signature, ParseError> {
        let (access_key, day, region) = scope(self.credential)
            .ok_or_else(|| fault("credential", "not an access key, a day, a region, `sts` and `aws4_request`"))?;
        let made = date(self.date).ok_or_else(|| fault("`x-amz-date`", "not like 20260102T030405Z"))?;
        if !self.date.starts_with(day) {
            return Err(fault("credential", "of another day than `x-amz-date`"));
        }
        if self.mac.len() != 64 || !self.mac.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f')) {
            return Err(fault("signature", "not 64 lower-case hexadecimal digits"));
        }
        let covers: Vec<String> = self.signed_headers.split(';').map(str::to_owned).collect();
        if covers.len() > MAX_SIGNED || !covers.is_sorted_by(|first, second| first < second) {
            return Err(fault("signed headers", "too many, one twice, or not in order"));
        }
        if !covers.iter().all(|name| is_header_name(name)) {
            return Err(fault("signed headers", "one is not a header name in lower case"));
        }
        Ok(Signature { access_key: access_key.to_owned(), region: region.to_owned(), made, covers, mac: self.mac.to_owned() })
    }
}

/// `<access key>/<yyyymmdd>/<region>/sts/aws4_request`.
fn scope(credential: &str) -> Option<(&str, &str, &str)> {
    let mut parts = credential.split('/');
    let (key, day, region) = (parts.next()?, parts.next()?, parts.next()?);
    let is_ours = parts.next() == Some("sts") && parts.next() == Some("aws4_request") && parts.next().is_none();
    let is_key = (16..=128).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    let is_day = day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit());
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_region = (1..=32).contains(&region.len()) && region.bytes().all(fits);
    (is_ours && is_key && is_day && is_region).then_some((key, day, region))
}

pub(super) fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// An instant such as `20260102T030405Z`: ISO 8601's basic format, in UTC, from 1970 to 9999.
pub(super) fn date(text: &str) -> Option<UnixTime> {
    let (day, time) = text.strip_suffix('Z')?.split_once('T')?;
    let fits = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    if !fits(day, 8) || !fits(time, 6) {
        return None;
    }
    let number = |text: &str| text.parse::<u64>().ok();
    let (year, month, day) = (number(day.get(..4)?)?, number(day.get(4..6)?)?, number(day.get(6..)?)?);
    let (hour, minute, second) = (number(time.get(..2)?)?, number(time.get(2..4)?)?, number(time.get(4..)?)?);
    if year < 1970 || !(1..=12).contains(&month) || day == 0 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = |month: u64| match month {
        2 if leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if day > length(month) {
        return None;
    }
    let leap_days = |years: u64| years / 4 - years / 100 + years / 400;
    let years = (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969);
    let days = years + (1..month).map(length).sum::<u64>() + day - 1;
    Some(UnixTime::new(Duration::from_secs(((days * 24 + hour) * 60 + minute) * 60 + second)))
}

pub(super) const fn fault(name: &'static str, reason: &'static str) -> ParseError {
    ParseError::Value { name, reason }
}
