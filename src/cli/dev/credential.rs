//! Credentials of the development world, one at a time, for a client in any language.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::Context as _;
use procura_token::{
    Algorithm, Authentication, Jwk, JwkConfirmation, NewIdToken, NewJwtSvid, NewWit, ScopeSet, Signer as _, SigningKey, TokenId,
    WorkloadId, base64url, random_bytes,
};

use super::super::keys::write_private;
use super::super::{Usage, print};
use super::world::{DEFAULT_DIRECTORY, SERVER_CERTIFICATE, TRUST_DOMAIN, USER_ISSUER, World};
use crate::clock::{Clock as _, SystemClock};
use crate::config::HumanDuration;

/// How long a credential of this world lasts.
const LIFETIME: Duration = Duration::from_secs(3600);

#[derive(Debug, clap::Args)]
pub(super) struct Svid {
    /// Which credential
    #[arg(long, value_enum)]
    kind: Kind,
    /// The path of the workload, such as /agent/planner
    #[arg(long, value_name = "PATH")]
    id: String,
    /// The audience of a JWT-SVID; the service's issuer identifier unless given
    #[arg(long, value_name = "AUD")]
    aud: Option<String>,
    /// The key that a WIT or an X.509-SVID is for: a JWK (public or private), or a private key in PEM
    #[arg(long, value_name = "JWK_OR_PEM_FILE")]
    key: Option<PathBuf>,
    /// Where the world lives
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DIRECTORY)]
    dir: PathBuf,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Kind {
    /// JWT-SVID
    Jwt,
    /// Workload Identity Token
    Wit,
    /// X.509-SVID
    X509,
}

#[derive(Debug, clap::Args)]
pub(super) struct UserToken {
    /// The user, such as alice
    #[arg(long, value_name = "NAME")]
    sub: String,
    /// Scopes the token is limited to
    #[arg(long, value_name = "SCOPES")]
    scope: Option<ScopeSet>,
    /// Groups of the user; alice and bob are in `staff` unless this is given
    #[arg(long, value_name = "GROUP")]
    group: Vec<String>,
    /// The audience; the service's issuer identifier unless given
    #[arg(long, value_name = "AUD")]
    aud: Option<String>,
    /// How long it lasts
    #[arg(long, value_name = "TTL", default_value = "1h", value_parser = duration)]
    ttl: HumanDuration,
    /// Where the world lives
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DIRECTORY)]
    dir: PathBuf,
}

fn duration(text: &str) -> Result<HumanDuration, String> {
    humantime::parse_duration(text).map(HumanDuration).map_err(|_| "write a length of time like 30s, 5m or 1h".to_owned())
}

pub(super) fn print_svid(arguments: &Svid) -> anyhow::Result<()> {
    let world = World::open(&arguments.dir)?;
    let id = format!("spiffe://{TRUST_DOMAIN}{}", arguments.id);
    let id: WorkloadId = id.parse().with_context(|| format!("--id `{}`: write a path such as /agent/planner", arguments.id))?;
    let credential = match arguments.kind {
        Kind::Jwt => jwt_svid(&world, &id, arguments.aud.as_deref())?,
        Kind::Wit => wit(&world, &id, arguments.key.as_ref().ok_or(Usage("a WIT is bound to a key: give --key FILE"))?)?,
        Kind::X509 => x509_svid(&world, &id, arguments.key.as_ref())?,
    };
    print(&credential);
    Ok(())
}

pub(super) fn print_user_token(arguments: &UserToken) -> anyhow::Result<()> {
    let world = World::open(&arguments.dir)?;
    let is_staff = arguments.group.is_empty() && matches!(arguments.sub.as_str(), "alice" | "bob");
    let user = User {
        name: &arguments.sub,
        groups: if is_staff { staff() } else { &arguments.group },
        scope: arguments.scope.as_ref(),
        audience: arguments.aud.as_deref(),
        lifetime: arguments.ttl.0,
    };
    print(&user.token(&world)?);
    Ok(())
}

/// A JWT-SVID, as the trust domain's authority signs it.
pub(super) fn jwt_svid(world: &World, id: &WorkloadId, audience: Option<&str>) -> anyhow::Result<String> {
    let now = SystemClock.now();
    let (aud, jti) = (audience.unwrap_or(world.issuer().as_str()), TokenId::from_random(random_bytes()));
    let svid = NewJwtSvid { sub: id, aud, iat: now, exp: now + LIFETIME, jti };
    Ok(svid.issue(&world.key("authority/svid.jwk")?)?)
}

fn wit(world: &World, id: &WorkloadId, key: &PathBuf) -> anyhow::Result<String> {
    let text = std::fs::read(key).with_context(|| format!("{}: cannot be read", key.display()))?;
    let unusable = || format!("{}: not a P-256 key as JWK or PEM", key.display());
    let public =
        SigningKey::from_text(&text).map(|key| key.public_key().clone()).or_else(|_| Jwk::parse(&text)).with_context(unusable)?;
    let algorithm = public.algorithm.unwrap_or(Algorithm::Es256);
    // What SPIFFE lets a WIT-SVID be bound to: no Ed25519 key.
    anyhow::ensure!(Algorithm::SVID.contains(&algorithm), unusable());
    let bare = public.for_algorithm(algorithm);
    let now = SystemClock.now();
    let wit = NewWit {
        iss: format!("{}/token-service", id.origin()),
        sub: id,
        iat: now,
        exp: now + LIFETIME,
        jti: TokenId::from_random(random_bytes()),
        cnf: &JwkConfirmation::try_from(bare).with_context(unusable)?,
    };
    Ok(wit.issue(&world.key("keys/wit.jwk")?)?)
}

/// A certificate and, when it was made here, its key.
fn x509_svid(world: &World, id: &WorkloadId, key_file: Option<&PathBuf>) -> anyhow::Result<String> {
    let authority = authority(world)?;
    let (key, made_here) = match key_file {
        Some(path) => (CertificateKey::read(path)?, String::new()),
        None => {
            let key = rcgen::KeyPair::generate()?;
            (CertificateKey::of(&key), key.serialize_pem())
        }
    };
    let mut parameters = rcgen::CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.subject_alt_names = vec![rcgen::SanType::URI(id.as_str().to_owned().try_into()?)];
    parameters.is_ca = rcgen::IsCa::ExplicitNoCa;
    parameters.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth, rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let now = std::time::UNIX_EPOCH + SystemClock.now().since_epoch();
    parameters.not_before = (now - Duration::from_secs(60)).into();
    parameters.not_after = (now + LIFETIME).into();
    let certificate = parameters.signed_by(&key, &authority)?.pem();
    Ok(format!("{certificate}{made_here}").trim_end().to_owned())
}

/// The public key a certificate is for.
struct CertificateKey {
    bytes: Vec<u8>,
    algorithm: &'static rcgen::SignatureAlgorithm,
}

impl CertificateKey {
    fn of(key: &rcgen::KeyPair) -> Self {
        Self { bytes: key.public_key_raw().to_vec(), algorithm: key.algorithm() }
    }

    /// Reads a P-256 key as JWK, public or private, or any private key in PEM.
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = read(path)?;
        let unusable = || format!("{}: not a P-256 key as JWK, or a private key in PEM", path.display());
        if !text.trim_start().starts_with('{') {
            return Ok(Self::of(&rcgen::KeyPair::from_pem(&text).with_context(unusable)?));
        }
        let public = SigningKey::from_text(text.as_bytes()).map(|key| key.public_key().clone());
        let public = serde_json::to_value(public.or_else(|_| Jwk::parse(text.as_bytes())).with_context(unusable)?)?;
        anyhow::ensure!(public["crv"] == "P-256", unusable());
        let mut bytes = vec![4];
        for coordinate in ["x", "y"] {
            bytes.extend(base64url::decode(public[coordinate].as_str().with_context(unusable)?)?);
        }
        Ok(Self { bytes, algorithm: &rcgen::PKCS_ECDSA_P256_SHA256 })
    }
}

impl rcgen::PublicKeyData for CertificateKey {
    fn der_bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.algorithm
    }
}

/// Writes a new certificate for `localhost` and `address`, and its key, for the listener that wants client certificates.
pub(super) fn certify_server(world: &World, address: IpAddr) -> anyhow::Result<()> {
    let key = rcgen::KeyPair::generate()?;
    let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned(), address.to_string()])?;
    parameters.is_ca = rcgen::IsCa::ExplicitNoCa;
    parameters.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let [certificate_file, key_file] = SERVER_CERTIFICATE;
    world.write(certificate_file, &parameters.signed_by(&key, &authority(world)?)?.pem())?;
    // A new file, so that nobody else could have opened it.
    let _ = std::fs::remove_file(world.path(key_file));
    write_private(&world.path(key_file), key.serialize_pem().trim_end().as_bytes())
}

/// The authority of X.509-SVIDs.
fn authority(world: &World) -> anyhow::Result<rcgen::Issuer<'static, rcgen::KeyPair>> {
    let key = rcgen::KeyPair::from_pem(&read(&world.path("authority/ca-key.pem"))?)?;
    Ok(rcgen::Issuer::new(World::authority_parameters()?, key))
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{}: cannot be read", path.display()))
}

/// The group that alice and bob are in.
fn staff() -> &'static [String] {
    static STAFF: LazyLock<[String; 1]> = LazyLock::new(|| ["staff".to_owned()]);
    &*STAFF
}

/// A user of the development issuer.
pub(super) struct User<'a> {
    pub(super) name: &'a str,
    pub(super) groups: &'a [String],
    pub(super) scope: Option<&'a ScopeSet>,
    pub(super) audience: Option<&'a str>,
    pub(super) lifetime: Duration,
}

impl<'a> User<'a> {
    /// `alice` or `bob`, as this world describes them.
    pub(super) fn of_this_world(name: &'a str) -> Self {
        Self { name, groups: staff(), scope: None, audience: None, lifetime: LIFETIME }
    }

    /// The user's ID token, as an OpenID provider would sign it.
    pub(super) fn token(&self, world: &World) -> anyhow::Result<String> {
        let now = SystemClock.now();
        let token = NewIdToken {
            iss: &USER_ISSUER.parse()?,
            sub: &self.name.parse().context("--sub")?,
            aud: self.audience.unwrap_or(world.issuer().as_str()),
            iat: now,
            exp: now + self.lifetime,
            jti: TokenId::from_random(random_bytes()),
            authentication: Authentication { auth_time: Some(now), acr: None, amr: Some(vec!["pwd".to_owned()]) },
            groups: self.groups,
            scope: self.scope,
        };
        Ok(token.issue(&world.key("authority/users.jwk")?)?)
    }
}
