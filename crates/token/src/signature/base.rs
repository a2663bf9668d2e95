//! The signature base (RFC 9421 section 2.5): the very bytes that are signed.

use super::Message;
use super::component::Component;
use crate::VerifyError;

/// One line for each component, and the parameters, as they are serialized, for the last.
pub(super) fn base(message: &Message<'_>, covered: &[Component], parameters: &str) -> Result<String, VerifyError> {
    let mut base = String::new();
    for component in covered {
        base.push_str(&format!("{component}: {}\n", component.value(message)?));
    }
    base.push_str("\"@signature-params\": ");
    base.push_str(parameters);
    Ok(base)
}
