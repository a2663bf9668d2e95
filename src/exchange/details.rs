//! Authorization details (RFC 9396): what is asked for is held against its types, the target and the subject token, and each
//! object is decided on its own.

use std::collections::{HashMap, HashSet};

use procura_token::{AuthorizationDetail, AuthorizationDetails, DetailError, DetailTypes, Resource};

use super::authority::Authority;
use super::request::Form;
use super::{Exchange, ExchangeError};
use crate::policy::Decision;

/// The types of authorization details, and the targets that know them.
#[derive(Clone, Debug, Default)]
pub struct DetailSettings {
    /// The types.
    pub types: DetailTypes,
    /// Of types that not every target knows: the targets that do.
    pub targets: HashMap<String, HashSet<Resource>>,
}

impl DetailSettings {
    fn is_known_at(&self, target: &Resource, kind: &str) -> bool {
        self.targets.get(kind).is_none_or(|targets| targets.contains(target))
    }
}

/// The parameter `authorization_details`.
pub(super) fn parse(form: &Form<'_>) -> Result<Option<AuthorizationDetails>, ExchangeError> {
    let text = form.get("authorization_details");
    text.map(|text| AuthorizationDetails::parse(text).map_err(ExchangeError::DetailSyntax)).transpose()
}

impl Exchange {
    /// What `asked` says of `target`, if its types have such objects, the target knows them, and the authority of the subject
    /// token permits all of it.
    pub(super) fn narrow_details(
        &self,
        asked: &AuthorizationDetails,
        target: &Resource,
        authority: &Authority,
    ) -> Result<AuthorizationDetails, ExchangeError> {
        let DetailSettings { types, .. } = &self.settings.details;
        types.judge(asked).map_err(ExchangeError::Detail)?;
        if !asked.iter().all(|detail| self.settings.details.is_known_at(target, detail.kind())) {
            return Err(ExchangeError::Detail(DetailError::UnknownType));
        }
        let here: Option<Vec<_>> = asked.iter().map(|detail| detail.at(target)).collect();
        let here = here.and_then(AuthorizationDetails::new).ok_or(ExchangeError::DetailElsewhere)?;
        // An ID token says who the user is and leaves what he may to policy; a token that permits permits what it says.
        let within = |limit| types.verify_within(&here, limit);
        match authority {
            Authority::User(user) => user.token.authorization_details().map_or(Ok(()), within),
            Authority::Parent(parent) => parent.details.as_ref().map_or(Err(DetailError::Wider), within),
        }
        .map_err(ExchangeError::Detail)?;
        Ok(here)
    }

    /// All of `details`, or nothing (RFC 9396 section 6). The limits of every permit count.
    pub(super) fn decide_details<'a>(
        details: &'a AuthorizationDetails,
        decide: impl Fn(&'a AuthorizationDetail) -> Decision,
    ) -> Option<Decision> {
        details.iter().map(decide).reduce(Decision::and)
    }
}
