//! One token of each kind, as like each other as the kinds permit, and the means to judge and to forge them.

#![allow(dead_code, reason = "each test binary uses its part")]

use core::time::Duration;

use procura_token::{
    AccessToken, AccessTokenRules, Actor, ActorChain, Algorithm, ApprovalToken, Authentication, ClaimRules, Delegation,
    DpopProof, DpopRules, Freshness, Htu, IdToken, IdTokenRules, Issuer, JwkConfirmation, JwkSet, JwtSvid, JwtSvidRules, KeySet,
    NewDpopProof, NewIdToken, NewJwtSvid, NewWit, PostureToken, Resource, Signer, SigningKey, StatementRules, TokenId, UnixTime,
    Unverified, UserName, VerifyError, Wit, base64url,
};

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const EXP: u64 = NOW + 600;
pub(crate) const SKEW: Duration = Duration::from_secs(60);
/// Issuer, audience and URI of everything here, so that nothing but its kind tells one token from another.
pub(crate) const URI: &str = "https://sts.example/";
pub(crate) const AGENT: &str = "spiffe://prod.example/agent/planner";

pub(crate) fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(seconds)
}

pub(crate) fn key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm).unwrap()
}

pub(crate) fn keys_of(signer: &dyn Signer) -> KeySet {
    KeySet::new(&JwkSet { keys: vec![signer.public_key().clone()] }, &[None])
}

/// Signs any header and claims at all.
pub(crate) fn forge(signer: &dyn Signer, header: &str, claims: &str) -> String {
    let input = format!("{}.{}", base64url::encode(header), base64url::encode(claims));
    let signature = base64url::encode(signer.sign(input.as_bytes()).unwrap());
    format!("{input}.{signature}")
}

pub(crate) fn id(text: &str) -> TokenId {
    text.parse().unwrap()
}

pub(crate) fn access_token(signer: &SigningKey) -> AccessToken {
    AccessToken {
        iss: URI.parse().unwrap(),
        sub: "corp:alice".parse().unwrap(),
        aud: URI.parse().unwrap(),
        client_id: AGENT.parse().unwrap(),
        iat: at(NOW),
        exp: at(EXP),
        jti: id("token-1"),
        scope: "calendar.read calendar.write".parse().unwrap(),
        authorization_details: None,
        act: Some(ActorChain::new(Actor { id: AGENT.parse().unwrap(), profile: Some("ai_agent".into()) })),
        cnf: signer.public_key().thumbprint().into(),
        delegation: Some(Delegation { id: id("delegation-1"), until: at(EXP), parent: Some(id("token-0")) }),
        authentication: Authentication::default(),
        groups: Some(Vec::new()),
    }
}

pub(crate) fn approval() -> ApprovalToken {
    ApprovalToken {
        iss: URI.parse().unwrap(),
        aud: URI.into(),
        sub: "alice@corp.example".parse().unwrap(),
        user: UserName { iss: URI.parse().unwrap(), sub: "alice".parse().unwrap() },
        agent: AGENT.parse().unwrap(),
        target: URI.parse().unwrap(),
        scope: Some("calendar.read".parse().unwrap()),
        jti: id("approval-1"),
        iat: at(NOW),
        exp: at(EXP),
    }
}

pub(crate) fn posture() -> PostureToken {
    PostureToken {
        iss: URI.parse().unwrap(),
        aud: URI.into(),
        sub: AGENT.parse().unwrap(),
        posture: [("edr", "healthy"), ("image_signed", "true")].map(|(name, value)| (name.into(), value.into())).into(),
        jti: id("posture-1"),
        iat: at(NOW),
        exp: at(EXP),
    }
}

/// What can be issued, and so what can be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    AccessToken,
    Approval,
    Dpop,
    IdToken,
    JwtSvid,
    Posture,
    Wit,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] =
        [Self::AccessToken, Self::Approval, Self::Dpop, Self::IdToken, Self::JwtSvid, Self::Posture, Self::Wit];

    /// A good token of this kind.
    pub(crate) fn issue(self, signer: &SigningKey) -> String {
        let agent = AGENT.parse().unwrap();
        let (iat, exp) = (at(NOW), at(EXP));
        match self {
            Self::AccessToken => access_token(signer).issue(signer),
            Self::Approval => approval().issue(signer),
            Self::Posture => posture().issue(signer),
            Self::Dpop => {
                let htu: Htu = URI.parse().unwrap();
                NewDpopProof { jti: id("proof-1"), htm: "POST", htu: &htu, iat, ath: None, nonce: Some("nonce-1") }.sign(signer)
            }
            Self::IdToken => {
                let (iss, sub) = (URI.parse().unwrap(), "alice".parse().unwrap());
                let groups = ["staff".to_owned()];
                let authentication = Authentication { auth_time: Some(iat), acr: Some("1".into()), amr: None };
                NewIdToken {
                    iss: &iss,
                    sub: &sub,
                    aud: URI,
                    iat,
                    exp,
                    jti: id("id-1"),
                    authentication,
                    groups: &groups,
                    scope: None,
                }
                .issue(signer)
            }
            Self::JwtSvid => NewJwtSvid { sub: &agent, aud: URI, iat, exp, jti: id("svid-1") }.issue(signer),
            Self::Wit => {
                let cnf = JwkConfirmation::try_from(signer.public_key().clone()).unwrap();
                NewWit { iss: "spiffe://prod.example/sts".into(), sub: &agent, iat, exp, jti: id("wit-1"), cnf: &cnf }
                    .issue(signer)
            }
        }
        .unwrap()
    }

    /// Judges `token` as one of this kind; gives its fingerprint.
    pub(crate) fn judge(self, token: &str, keys: &KeySet, now: u64) -> Result<[u8; 32], VerifyError> {
        self.judge_as_for(token, keys, URI, URI, now)
    }

    pub(crate) fn judge_as_for(
        self,
        token: &str,
        keys: &KeySet,
        issuer: &str,
        audience: &str,
        now: u64,
    ) -> Result<[u8; 32], VerifyError> {
        let algorithms = Algorithm::DEFAULT;
        let now = at(now);
        let issuer: Issuer = issuer.parse().unwrap();
        Ok(match self {
            Self::AccessToken => {
                let aud: Resource = audience.parse().unwrap();
                let rules = AccessTokenRules { issuer: &issuer, audience: &aud, algorithms, skew: SKEW };
                *Unverified::<AccessToken>::parse(token)?.verify(keys, &rules, now)?.fingerprint()
            }
            Self::Approval | Self::Posture => {
                let us: Issuer = audience.parse().map_err(|_| VerifyError::Audience)?;
                let rules = StatementRules { issuer: &issuer, audience: &us, algorithms, skew: SKEW };
                match self {
                    Self::Approval => *Unverified::<ApprovalToken>::parse(token)?.verify(keys, &rules, now)?.fingerprint(),
                    _ => *Unverified::<PostureToken>::parse(token)?.verify(keys, &rules, now)?.fingerprint(),
                }
            }
            Self::Dpop => {
                let uris = [audience.parse::<Htu>().unwrap()];
                let freshness = Freshness::default();
                let rules = DpopRules { method: "POST", uris: &uris, access_token: None, algorithms, freshness };
                Unverified::<DpopProof>::parse(token)?.verify(&rules, now)?.replay_key()
            }
            Self::IdToken => {
                let rules = IdTokenRules {
                    issuer: &issuer,
                    audiences: &[audience],
                    algorithms,
                    claims: ClaimRules::default(),
                    not: &[],
                    skew: SKEW,
                };
                *Unverified::<IdToken>::parse(token)?.verify(keys, &rules, now)?.fingerprint()
            }
            Self::JwtSvid => {
                let rules = JwtSvidRules { audience, skew: SKEW };
                *Unverified::<JwtSvid>::parse(token)?.verify(keys, &rules, now)?.fingerprint()
            }
            Self::Wit => *Unverified::<Wit>::parse(token)?.verify(keys, SKEW, now)?.fingerprint(),
        })
    }
}
