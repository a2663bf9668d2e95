use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use procura_token::{CertificateDer, CertificateError};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer as Signer, KeyPair, KeyUsagePurpose, SanType};
use tempfile::TempDir;

use super::*;

const NOW: u64 = 1_800_000_000;
const PLANNER: &str = "spiffe://prod.example/agent/planner";

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(seconds)
}

struct Authority {
    certificate: CertificateDer<'static>,
    signer: Signer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { certificate, signer: Signer::new(params, key) }
    }

    /// A certificate of `id` that is valid for ten minutes from [`NOW`].
    fn certify(&self, id: &str) -> PeerCertificate {
        let time = |seconds| std::time::UNIX_EPOCH + Duration::from_secs(seconds);
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(id.try_into().unwrap())];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        (params.not_before, params.not_after) = (time(NOW).into(), time(NOW + 600).into());
        let leaf = params.signed_by(&KeyPair::generate().unwrap(), &self.signer).unwrap();
        PeerCertificate::new(vec![leaf.der().clone()]).unwrap()
    }
}

fn write_bundle(path: &Path, authorities: &[&Authority]) {
    let entry =
        |authority: &&Authority| serde_json::json!({"use": "x509-svid", "x5c": [STANDARD.encode(&authority.certificate)]});
    let keys: Vec<_> = authorities.iter().map(entry).collect();
    std::fs::write(path, serde_json::json!({ "keys": keys }).to_string()).unwrap();
}

struct World {
    directory: TempDir,
    trust: Trust,
}

impl World {
    /// Believes `prod` and `other`, each by its authorities.
    async fn new(prod: &[&Authority], other: &[&Authority]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let domain = |name: &str, authorities: &[&Authority]| {
            let bundle_file = directory.path().join(name);
            write_bundle(&bundle_file, authorities);
            TrustDomainSettings {
                name: name.parse().unwrap(),
                bundle: BundleSource::File(bundle_file),
                clients: vec!["/*".parse().unwrap()],
                issue_wit: false,
            }
        };
        let settings = TrustSettings {
            issuer: "https://sts.example".parse().unwrap(),
            domains: vec![domain("prod.example", prod), domain("other.example", other)],
            user_issuers: vec![],
            approvers: vec![],
            attesters: vec![],
            platforms: PlatformRules::default(),
            skew: Duration::from_secs(60),
            disabled_file: None,
        };
        let trust = Trust::open(&settings, &KeySet::default(), Arc::new(|| at(NOW))).await.unwrap();
        Self { directory, trust }
    }

    async fn verify(&self, peer: &PeerCertificate, now: u64) -> Result<Arc<VerifiedX509Svid>, TrustError> {
        self.trust.verify_x509_svid(peer, at(now)).await.map(|(svid, _)| svid)
    }

    async fn refuses(&self, peer: &PeerCertificate, now: u64, why: CertificateError) {
        match self.verify(peer, now).await {
            Err(TrustError::Certificate(error)) if error == why => {}
            verdict => panic!("{verdict:?}, expected {why:?}"),
        }
    }
}

#[tokio::test]
async fn a_chain_seen_before_is_remembered_until_it_ends() {
    let authority = Authority::new("authority");
    let world = World::new(&[&authority], &[]).await;
    let peer = authority.certify(PLANNER);
    let first = world.verify(&peer, NOW).await.unwrap();
    assert_eq!((first.id().as_str(), first.thumbprint()), (PLANNER, peer.thumbprint()));
    assert!(Arc::ptr_eq(&first, &world.verify(&peer.clone(), NOW + 600).await.unwrap()));
    world.refuses(&peer, NOW + 601, CertificateError::Expired { not_after: at(NOW + 600), now: at(NOW + 601) }).await;
    world.refuses(&peer, NOW - 1, CertificateError::NotYetValid { not_before: at(NOW), now: at(NOW - 1) }).await;
}

/// MTLS-01, WIT-53: the name in the certificate picks the bundle, and no other bundle counts.
#[tokio::test]
async fn an_authority_vouches_for_its_own_trust_domain_only() {
    let (prod, other) = (Authority::new("prod"), Authority::new("other"));
    let world = World::new(&[&prod], &[&other]).await;
    world.refuses(&other.certify(PLANNER), NOW, CertificateError::UnknownIssuer).await;
    assert!(world.verify(&other.certify("spiffe://other.example/agent/planner"), NOW).await.is_ok());
    let stranger = prod.certify("spiffe://stranger.example/agent/planner");
    assert!(matches!(world.verify(&stranger, NOW).await, Err(TrustError::UnknownTrustDomain)));
}

#[tokio::test]
async fn an_authority_that_leaves_the_bundle_is_believed_no_longer() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let world = World::new(&[&old], &[]).await;
    let peer = old.certify(PLANNER);
    assert!(world.verify(&peer, NOW).await.is_ok());
    write_bundle(&world.directory.path().join("prod.example"), &[&new]);
    // Somebody with a certificate of the new one makes the bundle be read; the verdict on the old one is void at once.
    assert!(world.verify(&new.certify(PLANNER), NOW + 10).await.is_ok());
    world.refuses(&peer, NOW + 10, CertificateError::UnknownIssuer).await;
}

#[tokio::test]
async fn a_certificate_of_a_stranger_makes_the_bundle_be_read_at_most_every_ten_seconds() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let world = World::new(&[&old], &[]).await;
    let peer = new.certify(PLANNER);
    write_bundle(&world.directory.path().join("prod.example"), &[&old, &new]);
    world.refuses(&peer, NOW + 9, CertificateError::UnknownIssuer).await;
    assert!(world.verify(&peer, NOW + 10).await.is_ok());
    std::fs::remove_file(world.directory.path().join("prod.example")).unwrap();
    world.refuses(&Authority::new("stranger").certify(PLANNER), NOW + 30, CertificateError::UnknownIssuer).await;
    assert!(world.verify(&peer, NOW + 30).await.is_ok(), "the last authorities stay in use");
}

/// X509-17.
#[tokio::test]
async fn a_bundle_without_authorities_believes_no_certificate() {
    let world = World::new(&[], &[]).await;
    world.refuses(&Authority::new("stranger").certify(PLANNER), NOW, CertificateError::UnknownIssuer).await;
}
