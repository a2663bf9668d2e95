//! `Signature-Input` and `Signature` (RFC 9421 section 4): the one signature of the profile, taken apart.

use http::HeaderMap;
use sfv::ListSerializer;

use super::TAG;
use super::component::Component;
use super::dictionary::{self, Member};
use crate::{MAX_PROOF_AHEAD, MAX_PROOF_LIFETIME, ParseError, TokenId, UnixTime};

const INPUT: &str = "`Signature-Input`";

/// What a signature says of itself. Nothing of it is believed yet.
pub(super) struct Input {
    pub(super) covered: Vec<Component>,
    /// Components and parameters in the one serialization that is signed.
    pub(super) parameters: String,
    pub(super) signature: Vec<u8>,
    pub(super) created: UnixTime,
    pub(super) expires: UnixTime,
    pub(super) nonce: TokenId,
    pub(super) audience: Option<String>,
    pub(super) sign_response: bool,
    pub(super) request_nonce: Option<String>,
}

impl Input {
    /// The signature of `headers` with the profile's tag, under whatever label; `None` if nothing is signed at all.
    ///
    /// There must be exactly one (WIMSE HTTP signature section 3, choosing by tag).
    pub(super) fn parse(headers: &HeaderMap) -> Result<Option<Self>, ParseError> {
        let (inputs, signatures) = match (dictionary::text(headers, "signature-input")?, dictionary::text(headers, "signature")?)
        {
            (None, None) => return Ok(None),
            (Some(inputs), Some(signatures)) => (inputs, signatures),
            _ => return Err(ParseError::value(INPUT, "one of `Signature` and `Signature-Input` without the other")),
        };
        let inputs = dictionary::parse(INPUT, &inputs)?;
        let signatures = dictionary::parse("`Signature`", &signatures)?;
        let same_labels = inputs.len() == signatures.len() && inputs.iter().all(|input| named(&signatures, input).is_some());
        if !same_labels || !inputs.iter().all(|input| input.is_list) {
            return Err(ParseError::value(INPUT, "not one list of components for each label of `Signature`"));
        }
        let mut ours = inputs.iter().filter(|input| string(input, "tag") == Some(TAG));
        let (Some(input), None) = (ours.next(), ours.next()) else {
            return Err(ParseError::value("signature", "not exactly one with the tag `wimse-workload-to-workload`"));
        };
        let signature = named(&signatures, input).and_then(octets).ok_or(ParseError::value("`Signature`", "not octets alone"))?;
        Self::refine(input, signature).map(Some)
    }

    fn refine(input: &Member<'_>, signature: Vec<u8>) -> Result<Self, ParseError> {
        for (name, quoted) in [("keyid", "`keyid`"), ("alg", "`alg`")] {
            if input.parameter(name).is_some() {
                return Err(ParseError::value(quoted, "must not be there: the WIT names key and algorithm"));
            }
        }
        let covered = components(input)?;
        let (created, expires) = (time(input, "created", "`created`")?, time(input, "expires", "`expires`")?);
        // The draft's own example of a response is valid for 302 seconds.
        if expires <= created || expires.since(created) > MAX_PROOF_LIFETIME + MAX_PROOF_AHEAD {
            return Err(ParseError::value("`expires`", "not after `created`, or more than 330 s after it"));
        }
        Ok(Self {
            parameters: serialized(input)?,
            signature,
            created,
            expires,
            nonce: text(input, "nonce", "`nonce`")?.ok_or(ParseError::value("`nonce`", "missing"))?.parse()?,
            audience: text(input, "wimse-aud", "`wimse-aud`")?.map(str::to_owned),
            sign_response: boolean(input, "wimse-sign-response", "`wimse-sign-response`")?.unwrap_or(false),
            request_nonce: text(input, "wimse-req-nonce", "`wimse-req-nonce`")?.map(str::to_owned),
            covered,
        })
    }
}

/// What is covered, in order.
pub(super) fn components(input: &Member<'_>) -> Result<Vec<Component>, ParseError> {
    let covered = input.items.iter().map(Component::parse).collect::<Result<Vec<_>, _>>()?;
    if covered.iter().enumerate().any(|(at, component)| covered.iter().take(at).any(|before| before == component)) {
        return Err(ParseError::value("signature component", "twice"));
    }
    Ok(covered)
}

/// The member of the same label.
fn named<'m, 'a>(members: &'m [Member<'a>], like: &Member<'a>) -> Option<&'m Member<'a>> {
    members.iter().find(|member| member.key == like.key)
}

/// The octets a member is, if it is octets and nothing else.
fn octets(member: &Member<'_>) -> Option<Vec<u8>> {
    let item = member.items.first().filter(|item| !member.is_list && item.parameters.is_empty())?;
    item.value.as_byte_sequence().map(<[u8]>::to_vec)
}

fn string<'m>(input: &'m Member<'_>, name: &str) -> Option<&'m str> {
    Some(input.parameter(name)?.as_string()?.as_str())
}

fn text<'m>(input: &'m Member<'_>, name: &str, quoted: &'static str) -> Result<Option<&'m str>, ParseError> {
    let value = input.parameter(name);
    value.map(|value| value.as_string().map(|text| text.as_str()).ok_or(ParseError::value(quoted, "not a string"))).transpose()
}

fn boolean(input: &Member<'_>, name: &str, quoted: &'static str) -> Result<Option<bool>, ParseError> {
    let value = input.parameter(name);
    value.map(|value| value.as_boolean().ok_or(ParseError::value(quoted, "not a Boolean"))).transpose()
}

fn time(input: &Member<'_>, name: &str, quoted: &'static str) -> Result<UnixTime, ParseError> {
    let value = input.parameter(name).ok_or(ParseError::value(quoted, "missing"))?;
    let seconds = value.as_integer().and_then(|integer| u64::try_from(integer).ok());
    seconds.map(UnixTime::from_secs).ok_or(ParseError::value(quoted, "not a time in whole seconds"))
}

/// The value of `@signature-params`: the list as it was parsed, in its one serialization (RFC 9421 section 2.3).
pub(super) fn serialized(input: &Member<'_>) -> Result<String, ParseError> {
    let mut list = ListSerializer::new();
    let mut items = list.inner_list();
    for item in &input.items {
        let _ = items.bare_item(&item.value).parameters(item.parameters.iter().map(|(key, value)| (*key, value)));
    }
    let _ = items.finish().parameters(input.parameters.iter().map(|(key, value)| (*key, value)));
    list.finish().ok_or(ParseError::value(INPUT, "empty"))
}
