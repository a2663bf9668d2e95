//! Values with a notation of their own.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

/// A length of time, written `"30s"`, `"5m"`, `"8h"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(with = "String")]
pub struct HumanDuration(pub Duration);

impl HumanDuration {
    /// `seconds` seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let err =
            || serde::de::Error::custom(format!("`{text}` is not a length of time; write it like \"30s\", \"5m\" or \"8h\""));
        humantime::parse_duration(&text).map(Self).map_err(|_| err())
    }
}

/// Addresses with a common beginning, written `"10.0.0.0/8"`; one address, written `"10.1.2.3"`, is a range too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String")]
pub struct AddressRange(pub IpNet);

impl<'de> Deserialize<'de> for AddressRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let range = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let err = |detail: String| Err(serde::de::Error::custom(format!("`{text}` is not a range of addresses; {detail}")));
        match range {
            Err(_) => err("write it like \"10.0.0.0/8\" or \"fd00::/8\"".to_owned()),
            // More was written than counts: one of the two is a mistake.
            Ok(range) if range.addr() != range.network() => err(format!("did you mean `{}`?", range.trunc())),
            Ok(range) => Ok(Self(range)),
        }
    }
}

/// Whether it can name something in logs and in our `sub`: up to 64 lower-case letters, digits and `-`.
pub(super) fn is_short_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.len() <= 64 && text.bytes().all(fits)
}
