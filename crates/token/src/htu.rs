//! The URI of a request as DPoP compares it.

use core::fmt;
use core::str::FromStr;
use std::borrow::Cow;

use crate::ParseError;
use crate::text::is_uri_text;

/// The most bytes of an `htu`.
const MAX_HTU: usize = 2048;

/// An `http` or `https` URI in normal form, without query and fragment (RFC 9449 section 4.3, RFC 3986 sections 6.2.2
/// and 6.2.3): scheme and host in lower case, no default port, unreserved characters not percent-encoded, other
/// percent-encodings in upper case, dot segments removed, the empty path written `/`.
///
/// User information is refused. Two that are equal name the same target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Htu(Box<str>);

impl Htu {
    /// The normal form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Htu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for Htu {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl FromStr for Htu {
    type Err = ParseError;

    fn from_str(uri: &str) -> Result<Self, ParseError> {
        let err = |reason| ParseError::value("`htu`", reason);
        if uri.len() > MAX_HTU {
            return Err(err("longer than 2048 bytes"));
        }
        let target = uri.split(['?', '#']).next().unwrap_or_default();
        let (scheme, rest) = target.split_once("://").ok_or(err("not an absolute URI"))?;
        let scheme = scheme.to_ascii_lowercase();
        let default_port = match scheme.as_str() {
            "https" => ":443",
            "http" => ":80",
            _ => return Err(err("not an http or https URI")),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') || !is_uri_text(target) {
            return Err(err("user information or a character that no URL has"));
        }
        let mut authority = normal_encoding(authority).into_owned();
        authority.make_ascii_lowercase();
        let (host, port) = split_port(&authority).ok_or(err("the host is missing or the port is not a number"))?;
        let port = if port == default_port { "" } else { port };
        Ok(Self(format!("{scheme}://{host}{port}{}", without_dot_segments(&normal_encoding(path))).into()))
    }
}

/// The host, and the port with its colon or nothing (RFC 3986 section 3.2).
fn split_port(authority: &str) -> Option<(&str, &str)> {
    let end = match authority.strip_prefix('[') {
        Some(_) => authority.find(']')? + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at_checked(end)?;
    let digits = if port.is_empty() { "" } else { port.strip_prefix(':')? };
    let is_number = digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
    (!host.is_empty() && is_number).then_some((host, if digits.is_empty() { "" } else { port }))
}

/// RFC 3986 sections 6.2.2.1 and 6.2.2.2. The text has well-formed percent-encoding.
fn normal_encoding(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return text.into();
    }
    let mut normal = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        normal.push_str(before);
        let (hex, tail) = after.split_at_checked(2).unwrap_or((after, ""));
        match u8::from_str_radix(hex, 16) {
            Ok(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => normal.push(char::from(byte)),
            _ => {
                normal.push('%');
                normal.push_str(&hex.to_ascii_uppercase());
            }
        }
        rest = tail;
    }
    normal.push_str(rest);
    normal.into()
}

/// RFC 3986 section 5.2.4, for a path that is empty or begins with `/`.
fn without_dot_segments(path: &str) -> Cow<'_, str> {
    if !path.is_empty() && !path.contains("/.") {
        return path.into();
    }
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    for (index, segment) in segments.iter().enumerate() {
        let is_last = index + 1 == segments.len();
        match *segment {
            "." | ".." => {
                if *segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    format!("/{}", kept.join("/")).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_target_are_equal() {
        let normal = "https://as.example/token";
        for uri in [
            "https://as.example/token",
            "HTTPS://AS.Example:443/token",
            "https://as.example:/token",
            "https://as.example/%74oken",
            "https://as.example/a/../token",
            "https://as.example/./token",
            "https://as.example/token?x=1",
            "https://as.example/token#f",
        ] {
            assert_eq!(uri.parse::<Htu>().unwrap().as_str(), normal, "{uri}");
        }
        assert_eq!("http://as.example:80".parse::<Htu>().unwrap().as_str(), "http://as.example/");
        assert_eq!("http://[::1]:80/".parse::<Htu>().unwrap().as_str(), "http://[::1]/");
        assert_eq!("https://h/a/b/..".parse::<Htu>().unwrap().as_str(), "https://h/a/");
    }

    #[test]
    fn other_targets_stay_other() {
        let target: Htu = "https://as.example/token".parse().unwrap();
        for uri in [
            "http://as.example/token",
            "https://as.example:8443/token",
            "https://as.example/token/",
            "https://as.example/Token",
            "https://as.example//token",
            "https://as.example/%2Ftoken",
            "https://as.example.evil/token",
            "https://as.example/tok%65n/..",
        ] {
            assert_ne!(uri.parse::<Htu>().unwrap(), target, "{uri}");
        }
        for uri in [
            "",
            "/token",
            "as.example/token",
            "ftp://as.example/token",
            "https:///token",
            "https://u@as.example/token",
            "https://as.example/to ken",
            "https://as.example/%zz",
            "https://as.example:443:443/token",
            "https://as.example:x/token",
            "https://:443/token",
            "https://[::1",
            "https://[::1]x/token",
        ] {
            assert!(uri.parse::<Htu>().is_err(), "{uri}");
        }
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(uri in "(http|HTTPS)://[aA.:%0-9]{1,8}[/a.%2eEfF~?#]{0,20}") {
            if let Ok(once) = uri.parse::<Htu>() {
                prop_assert_eq!(once.as_str().parse::<Htu>().unwrap(), once);
            }
        }
    }
}
