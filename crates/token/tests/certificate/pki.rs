//! Authorities and leaves, right until somebody bends them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use procura_token::{
    CertificateDer, CertificateError, PeerCertificate, UnixTime, UnverifiedX509Svid, VerifiedX509Svid, X509Authorities,
};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const AGENT: &str = "spiffe://prod.example/agent/planner";

/// Who signs: a certificate and its key.
pub(crate) struct Authority {
    pub(crate) certificate: CertificateDer<'static>,
    params: CertificateParams,
    key: KeyPair,
}

pub(crate) fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(seconds)
}

/// Sets the validity, in seconds around [`NOW`].
pub(crate) fn valid(params: &mut CertificateParams, from: i64, until: i64) {
    let time = |offset: i64| std::time::UNIX_EPOCH + std::time::Duration::from_secs(NOW.strict_add_signed(offset));
    (params.not_before, params.not_after) = (time(from).into(), time(until).into());
}

pub(crate) fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// What the certificate of an authority called `name` says.
pub(crate) fn authority_params(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    valid(&mut params, -86_400, 86_400);
    params
}

/// What the certificate of the planner says.
pub(crate) fn leaf_params() -> CertificateParams {
    let mut params = named("planner");
    params.subject_alt_names = vec![uri(AGENT)];
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    valid(&mut params, -60, 3600);
    params
}

impl Authority {
    pub(crate) fn root(name: &str) -> Self {
        Self::self_signed(authority_params(name))
    }

    pub(crate) fn self_signed(params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self { certificate: params.self_signed(&key).unwrap().der().clone(), params, key }
    }

    /// The key of `self` under other words.
    pub(crate) fn with_same_key(&self, params: CertificateParams) -> Self {
        let key = KeyPair::try_from(self.key.serialize_der()).unwrap();
        Self { certificate: params.self_signed(&key).unwrap().der().clone(), params, key }
    }

    pub(crate) fn sign(&self, params: &CertificateParams, key: &KeyPair) -> CertificateDer<'static> {
        let issuer = Issuer::from_params(&self.params, &self.key);
        params.signed_by(key, &issuer).unwrap().der().clone()
    }

    pub(crate) fn intermediate(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self { certificate: self.sign(&params, &key), params, key }
    }

    pub(crate) fn leaf(&self, params: &CertificateParams) -> CertificateDer<'static> {
        self.sign(params, &KeyPair::generate().unwrap())
    }
}

/// A bundle in which each of `authorities` has its entry.
pub(crate) fn bundle(authorities: &[&CertificateDer<'_>]) -> X509Authorities {
    let entry = |der: &&CertificateDer<'_>| serde_json::json!({"use": "x509-svid", "kty": "EC", "x5c": [STANDARD.encode(der)]});
    let keys: Vec<_> = authorities.iter().map(entry).collect();
    X509Authorities::parse_bundle(serde_json::json!({"keys": keys}).to_string().as_bytes()).unwrap().0
}

pub(crate) fn judge_at(
    chain: &[&CertificateDer<'static>],
    authorities: &[&CertificateDer<'_>],
    now: UnixTime,
) -> Result<VerifiedX509Svid, CertificateError> {
    let peer = PeerCertificate::new(chain.iter().map(|certificate| (*certificate).clone()).collect())?;
    UnverifiedX509Svid::parse(&peer)?.verify(&bundle(authorities), now)
}

pub(crate) fn judge(
    chain: &[&CertificateDer<'static>],
    authorities: &[&CertificateDer<'_>],
) -> Result<VerifiedX509Svid, CertificateError> {
    judge_at(chain, authorities, at(NOW))
}

pub(crate) fn refusal(chain: &[&CertificateDer<'static>], authorities: &[&CertificateDer<'_>]) -> CertificateError {
    judge(chain, authorities).unwrap_err()
}

/// The verdict on a leaf that is right but for `bend`, and issued by the right authority.
pub(crate) fn bent(bend: impl FnOnce(&mut CertificateParams)) -> Result<VerifiedX509Svid, CertificateError> {
    let root = Authority::root("root");
    let mut params = leaf_params();
    bend(&mut params);
    judge(&[&root.leaf(&params)], &[&root.certificate])
}
