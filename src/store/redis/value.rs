//! A delegation as Redis keeps it: a head of 18 bytes, which scripts decide on, and lines, which only we read.
//!
//! `1`, the version of the format; `A` while it goes on, `R` once it was revoked; 16 hexadecimal digits, the epoch in which
//! it was begun, or begun once more. When it was revoked, until when it lasts, when it began, each `<seconds>.<nanoseconds>`;
//! user, agent, target. None of these can hold a line feed, and the longest are 2,048 bytes.

use core::fmt::{self, Write as _};
use core::time::Duration;

use procura_token::UnixTime;

use crate::store::DelegationRecord;
use crate::store::delegation::{DelegationKey, id_of};

/// The bytes of a usual record.
const USUAL: usize = 256;

/// The head of what goes on in an epoch.
pub(super) fn head(epoch: u64) -> String {
    format!("1A{epoch:016x}")
}

/// Whether a value says by its head that it was revoked.
pub(super) fn is_revoked(value: &[u8]) -> bool {
    value.starts_with(b"1R")
}

/// An instant as it is written.
pub(super) struct Written(pub(super) UnixTime);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.0.since_epoch();
        write!(f, "{}.{:09}", time.as_secs(), time.subsec_nanos())
    }
}

fn read_time(text: &str) -> Option<UnixTime> {
    let (seconds, nanos) = text.split_once('.')?;
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_as_written =
        is_number(seconds) && (seconds == "0" || !seconds.starts_with('0')) && is_number(nanos) && nanos.len() == 9;
    if !is_as_written {
        return None;
    }
    Some(UnixTime::new(Duration::new(seconds.parse().ok()?, nanos.parse().ok()?)))
}

/// What a delegation that begins is written as.
pub(super) fn write(record: &DelegationRecord, epoch: u64) -> String {
    let DelegationRecord { until, began, subject, agent, target, revoked, id: _ } = record;
    let mut text = String::with_capacity(USUAL);
    text.push_str(&head(epoch));
    // A text takes whatever is written, so that writing cannot fail.
    if let Some(revoked) = revoked {
        text.replace_range(1..2, "R");
        let _ = write!(text, "{}", Written(*revoked));
    }
    let _ = write!(text, "\n{}\n{}\n{subject}\n{agent}\n{target}", Written(*until), Written(*began));
    text
}

/// Reads what [`write`] made, and nothing that it would not have.
pub(super) fn read(key: &DelegationKey, value: &[u8]) -> Option<DelegationRecord> {
    let text = core::str::from_utf8(value).ok()?;
    let [head, until, began, subject, agent, target] = text.split('\n').collect::<Vec<_>>().try_into().ok()?;
    let (head, revoked) = head.split_at_checked(18)?;
    let (state, epoch) = head.split_at_checked(2)?;
    let is_epoch = epoch.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let revoked = match state {
        "1A" if is_epoch && revoked.is_empty() => None,
        "1R" if is_epoch => Some(read_time(revoked)?),
        _ => return None,
    };
    Some(DelegationRecord {
        id: id_of(key),
        until: read_time(until)?,
        began: read_time(began)?,
        subject: subject.parse().ok()?,
        agent: agent.parse().ok()?,
        target: target.parse().ok()?,
        revoked,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> DelegationRecord {
        DelegationRecord {
            id: id_of(&[7; 16]),
            until: UnixTime::new(Duration::new(1_770_000_000, 7)),
            began: UnixTime::from_secs(1_760_000_000),
            subject: "corp:Zoë with spaces".parse().unwrap(),
            agent: "spiffe://prod.example/agent/planner".parse().unwrap(),
            target: "https://api.example/calendar".parse().unwrap(),
            revoked: None,
        }
    }

    #[test]
    fn a_record_is_read_back_as_it_was_written() {
        let revoked = DelegationRecord { revoked: Some(UnixTime::from_secs(5)), ..record() };
        for record in [record(), revoked] {
            let value = write(&record, 0xab);
            assert_eq!(is_revoked(value.as_bytes()), record.revoked.is_some());
            assert_eq!(value.starts_with(&head(0xab)), record.revoked.is_none());
            assert_eq!(read(&[7; 16], value.as_bytes()), Some(record));
        }
    }

    #[test]
    fn what_was_not_written_so_is_not_read() {
        let value = write(&record(), 0xab);
        for text in [
            String::new(),
            "1770000000.000000007 an id of an older format".into(),
            value.replacen('1', "2", 1),
            value.replacen('A', "R", 1),
            value.replacen('A', "B", 1),
            value.replacen("ab", "AB", 1),
            value.replacen("ab", "ab5.000000000", 1),
            value.replacen(".000000007", ".7", 1),
            value.replacen("1770000000", "+1770000000", 1),
            value.replacen("1770000000", "01770000000", 1),
            value.replacen(".000000007", ".+00000007", 1),
            value.replacen('\n', "5.000000000\n", 1),
            format!("{value}\n"),
            format!("{value}#"),
            value.replace('\n', "\r\n"),
        ] {
            assert_eq!(read(&[7; 16], text.as_bytes()), None, "{text}");
        }
        assert_eq!(read(&[7; 16], b"1A\xff"), None);
    }
}
