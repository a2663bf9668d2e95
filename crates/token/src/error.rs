//! Why something could not be read, or was read and not believed.

use crate::{Algorithm, UnixTime};

/// Why bytes are not a value of their type: syntax, shape and limits.
///
/// Texts are for logs: they name places and rules and never repeat a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// More bytes than this kind of value may have.
    #[error("longer than {limit} bytes")]
    TooLong {
        /// The most it may have.
        limit: usize,
    },
    /// Not three base64url parts joined by dots (RFC 7515 section 7.1).
    #[error("not a JWS in compact serialization")]
    NotCompact,
    /// Not canonical base64url without padding.
    #[error("not canonical base64url")]
    Base64url,
    /// Not the JSON expected.
    #[error("{0}")]
    Json(String),
    /// A header parameter that is refused wherever it appears, such as `crit`, `jku` or `x5c`.
    #[error("header parameter `{0}` is not accepted")]
    HeaderParameter(&'static str),
    /// The `typ` header does not name this kind of token.
    #[error("`typ` does not name this kind of token")]
    Typ,
    /// An `alg` that is `none`, symmetric, unknown or spelled otherwise.
    #[error("`alg` is not an accepted signature algorithm")]
    Algorithm,
    /// A key that carries private or symmetric material where a public one belongs.
    #[error("the key carries private or symmetric key material")]
    PrivateKey,
    /// A key of an unsupported type or curve, or with missing, malformed or weak parameters.
    #[error("the key is not a supported public key: {0}")]
    Key(&'static str),
    /// A claim, parameter or name that breaks its own rules.
    #[error("{name}: {reason}")]
    Value {
        /// What it is: a claim such as `` `sub` `` or a noun such as `workload identifier`.
        name: &'static str,
        /// The rule it breaks.
        reason: &'static str,
    },
}

impl ParseError {
    pub(crate) const fn value(name: &'static str, reason: &'static str) -> Self {
        Self::Value { name, reason }
    }
}

/// Why a well-formed token or proof is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// It could not be read.
    #[error(transparent)]
    Malformed(#[from] ParseError),
    /// The algorithm is known but not allowed here.
    #[error("algorithm {0} is not allowed here")]
    AlgorithmNotAllowed(Algorithm),
    /// No trusted key fits: unknown `kid`, or no `kid` and not exactly one key.
    #[error("no trusted key fits the token")]
    UnknownKey,
    /// The key found cannot be used with the algorithm of the header.
    #[error("the key does not fit algorithm {0}")]
    KeyMismatch(Algorithm),
    /// The signature is not by that key over these bytes.
    #[error("the signature does not verify")]
    Signature,
    /// At or after `exp` plus the allowed skew.
    #[error("expired at {exp}, now is {now}")]
    Expired {
        /// When it expired.
        exp: UnixTime,
        /// The instant it was judged at.
        now: UnixTime,
    },
    /// Before `nbf` (or `iat`) minus the allowed skew.
    #[error("not valid before {from}, now is {now}")]
    NotYetValid {
        /// When its validity begins.
        from: UnixTime,
        /// The instant it was judged at.
        now: UnixTime,
    },
    /// A proof made too long ago to be fresh.
    #[error("made at {iat}, too old at {now}")]
    Stale {
        /// When it says it was made.
        iat: UnixTime,
        /// The instant it was judged at.
        now: UnixTime,
    },
    /// `iss` is not the expected issuer.
    #[error("the issuer is not the expected one")]
    Issuer,
    /// `aud` does not name us, or names others where we must be alone.
    #[error("the audience is not acceptable")]
    Audience,
    /// A claim that is required by configuration is missing, or has another value. It is named as configured.
    #[error("claim `{0}` is missing or is not what is required")]
    Claim(String),
    /// What the token says shows it to be of another kind.
    #[error("the token is of another kind")]
    OtherKind,
    /// `htm` is not the method of the request.
    #[error("`htm` is not the method of this request")]
    Method,
    /// `htu` is not one of our URLs for this request.
    #[error("`htu` is not the URI of this request")]
    Uri,
    /// `ath` is missing, or is not the hash of the token presented.
    #[error("`ath` is not the hash of the access token")]
    AccessTokenHash,
    /// What was proved, a key or a certificate, is not what the token is bound to.
    #[error("the token is bound to another key or certificate than the one that was proved")]
    Binding,
    /// A proof by another algorithm than `cnf.jwk.alg` names, letter for letter.
    #[error("algorithm {0} is not the one the confirmed key is for")]
    ConfirmedAlgorithm(Algorithm),
    /// A proof that would be valid for longer than any proof may be.
    #[error("valid until {exp}, too far ahead of {now}")]
    LifetimeTooLong {
        /// When it ends.
        exp: UnixTime,
        /// The instant it was judged at.
        now: UnixTime,
    },
    /// `wth` is not the hash of the WIT, or the message was signed beside another WIT.
    #[error("the proof is for another WIT")]
    WitHash,
    /// `tth` is missing, is not the hash of the transaction token, or there is none.
    #[error("`tth` is not the hash of the transaction token")]
    TransactionTokenHash,
    /// `oth` and the other tokens of the request differ: one is not covered, not the one covered, or not there.
    #[error("`oth` does not cover exactly the other tokens of the request")]
    OtherTokenHash,
    /// The signature leaves out a component that the profile demands.
    #[error("the signature does not cover `{0}`")]
    NotCovered(&'static str),
    /// The signature covers a component that the message does not have.
    #[error("the signature covers a component that the message does not have")]
    NoSuchComponent,
    /// There is a body and no usable `Content-Digest`, or the digest is of another body.
    #[error("the body is not the one that was signed")]
    ContentDigest,
    /// `wimse-req-nonce` is missing, or is not the nonce of our request.
    #[error("the response is not to this request")]
    RequestNonce,
}
