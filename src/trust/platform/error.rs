//! Why a platform's credential names no workload, and why a rule cannot be.

/// Why a credential of a platform is nobody's here. Texts are for the log; they may repeat attributes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlatformError {
    /// An attribute that the profile reads is missing or malformed.
    #[error("`{name}` {what}")]
    Attribute {
        /// Which.
        name: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
    /// No rule of its issuer fits: each, with the reason.
    #[error("no rule fits: {0}")]
    NoRule(String),
    /// A rule fits, and its template gives no identifier.
    #[error("rule `{rule}`: {what}")]
    NoIdentifier {
        /// The rule.
        rule: String,
        /// Why not.
        what: String,
    },
    /// A rule fits, and the platform's profile knows why the credential must not be believed all the same.
    #[error("rule `{rule}`: {what}")]
    Pitfall {
        /// The rule.
        rule: String,
        /// What it is.
        what: String,
    },
    /// What was presented is not of its syntax, or not believed: for kinds that are no JWTs.
    #[error("{0}")]
    Evidence(String),
}

/// Why a rule cannot be: the key of `[[platform]]`, what is wrong with it, and the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`platform.{key}` of `{rule}` {what}; {remedy}")]
pub struct PlatformRuleError {
    /// The rule's name.
    pub rule: String,
    /// The key.
    pub key: &'static str,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}
