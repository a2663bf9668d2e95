//! The development world on disk: authorities, keys, trust, policies, targets and the configuration that joins them.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use procura_token::{Algorithm, CertificateDer, Issuer, JwkSet, Signer as _, SigningKey, base64url, random_bytes};
use rcgen::KeyPair;
use rustls::pki_types::pem::PemObject as _;

use super::super::keys::{write_key, write_private};
use super::super::print;
use crate::config::Config;
use crate::keys::read_key;

pub(super) const DEFAULT_DIRECTORY: &str = ".procura";
pub(super) const DEFAULT_LISTEN: &str = "127.0.0.1:8080";
/// The trust domain of every workload of this world.
pub(super) const TRUST_DOMAIN: &str = "dev.procura.test";
/// The issuer of every user of this world. Nothing is served there: its keys are in a file.
pub(super) const USER_ISSUER: &str = "https://users.dev.procura.test";

/// Certificate and key of the listener for mutual TLS.
pub(super) const SERVER_CERTIFICATE: [&str; 2] = ["keys/mtls.pem", "keys/mtls-key.pem"];

/// What operators of this world show.
const ADMIN_TOKEN: &str = "keys/admin";

const TARGETS: &str = include_str!("targets.toml");
const POLICY: &str = include_str!("policy.cedar");

/// What is served beside the clients' listener, and with what.
#[derive(Default)]
pub(super) struct Beside<'a> {
    /// The address of the listener for mutual TLS.
    pub(super) mtls: Option<SocketAddr>,
    /// The address of the operators' listener.
    pub(super) admin: Option<SocketAddr>,
    /// The Redis that is shared.
    pub(super) redis: Option<&'a str>,
}

/// One world, in one directory.
pub(super) struct World {
    directory: PathBuf,
    issuer: Issuer,
}

impl World {
    /// Makes the world in `directory`, keeping what is there. The configuration is not written yet.
    pub(super) fn create(directory: &Path, listen: SocketAddr) -> anyhow::Result<Self> {
        if !listen.ip().is_loopback() {
            bail!(super::super::Usage("the development world has no secrets to keep it safe: --listen takes a loopback address"));
        }
        let world = Self { directory: directory.to_owned(), issuer: format!("http://{listen}").parse()? };
        for room in ["keys", "authority", "trust", "policies", "targets", "audit"] {
            let room = directory.join(room);
            fs::create_dir_all(&room).with_context(|| format!("{}: cannot be made", room.display()))?;
        }
        for key in ["keys/token.jwk", "keys/wit.jwk", "authority/svid.jwk", "authority/users.jwk"] {
            let path = directory.join(key);
            if !path.exists() {
                write_key(&path, &SigningKey::generate(Algorithm::Es256)?)?;
            }
        }
        for secret in ["keys/nonce", ADMIN_TOKEN] {
            let secret = directory.join(secret);
            if !secret.exists() {
                write_private(&secret, base64url::encode(random_bytes::<32>()).as_bytes())?;
            }
        }
        world.authority()?;
        world.write("trust/bundle.json", &world.bundle()?)?;
        world.publish("authority/users.jwk", "sig", "trust/users.jwks.json")?;
        world.write_once("trust/disabled.toml", "# Whom to believe no longer: `procura trust disable`.")?;
        world.write_once("targets/dev.toml", TARGETS)?;
        world.write_once("policies/dev.cedar", POLICY)?;
        Ok(world)
    }

    /// The world that is in `directory`; made with the defaults if there is none.
    pub(super) fn open(directory: &Path) -> anyhow::Result<Self> {
        let config = directory.join("config.toml");
        if !config.exists() {
            let listen = DEFAULT_LISTEN.parse()?;
            let world = Self::create(directory, listen)?;
            world.keep_configuration(&world.configuration(listen, &Beside::default()))?;
            return Ok(world);
        }
        Ok(Self { directory: directory.to_owned(), issuer: Config::load(&config)?.issuer })
    }

    pub(super) const fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    pub(super) fn config_file(&self) -> PathBuf {
        self.directory.join("config.toml")
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub(super) fn key(&self, name: &str) -> anyhow::Result<SigningKey> {
        Ok(read_key(&self.path(name))?)
    }

    /// Says where everything is.
    pub(super) fn announce(&self, mtls: Option<SocketAddr>, admin: SocketAddr) {
        let mtls = mtls.map_or_else(String::new, |address| format!("\n  mutual TLS    https://{address}"));
        print(&format!(
            "Procura development world in {directory}\n  issuer        {issuer}{mtls}\n  trust domain  {TRUST_DOMAIN}   agents: /agent/planner /agent/researcher /agent/archivist\n  user issuer   {USER_ISSUER}   users: alice bob\n  operators     http://{admin}   procura delegation list --config {config}\n  audit         {audit}\n  These keys protect nothing: for development only.",
            directory = self.directory.display(),
            issuer = self.issuer,
            config = self.config_file().display(),
            audit = self.path("audit/events.jsonl").display(),
        ));
    }

    /// Writes the public part of a key as a set of one.
    fn publish(&self, key: &str, public_key_use: &str, set: &str) -> anyhow::Result<()> {
        let key = self.key(key)?.public_key().for_use(public_key_use);
        self.write(set, &serde_json::to_string_pretty(&JwkSet { keys: vec![key] })?)
    }

    /// The SPIFFE bundle: the key of JWT-SVIDs, and the certificate of the authority of X.509-SVIDs (X.509-SVID section 6.1).
    fn bundle(&self) -> anyhow::Result<String> {
        let jwt = self.key("authority/svid.jwk")?.public_key().for_use("jwt-svid");
        let pem = self.path("authority/ca.pem");
        let unreadable = || format!("{}: not a certificate of a P-256 key in PEM", pem.display());
        let der = CertificateDer::from_pem_file(&pem).with_context(unreadable)?;
        let key = KeyPair::from_pem(&fs::read_to_string(self.path("authority/ca-key.pem"))?).with_context(unreadable)?;
        let (x, y) =
            key.public_key_raw().strip_prefix(&[4]).and_then(|point| point.split_at_checked(32)).with_context(unreadable)?;
        let x509 = serde_json::json!({
            "use": "x509-svid", "kty": "EC", "crv": "P-256", "x": base64url::encode(x), "y": base64url::encode(y),
            "x5c": [STANDARD.encode(der)],
        });
        Ok(serde_json::to_string_pretty(&serde_json::json!({ "keys": [jwt, x509] }))?)
    }

    /// The certificate authority of X.509-SVIDs: a certificate that names the trust domain and may sign.
    fn authority(&self) -> anyhow::Result<()> {
        let (certificate, key_file) = (self.path("authority/ca.pem"), self.path("authority/ca-key.pem"));
        if certificate.exists() && key_file.exists() {
            return Ok(());
        }
        let key = KeyPair::generate()?;
        let parameters = Self::authority_parameters()?;
        self.write("authority/ca.pem", parameters.self_signed(&key)?.pem().trim_end())?;
        write_private(&key_file, key.serialize_pem().trim_end().as_bytes())
    }

    /// What the authority's certificate says: the same at every start, so that certificates chain to it.
    pub(super) fn authority_parameters() -> anyhow::Result<rcgen::CertificateParams> {
        let mut parameters = rcgen::CertificateParams::default();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        parameters.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
        parameters.subject_alt_names = vec![rcgen::SanType::URI(format!("spiffe://{TRUST_DOMAIN}").try_into()?)];
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "Procura development authority");
        Ok(parameters)
    }

    /// Writes the configuration for whoever opens this world from now on.
    pub(super) fn keep_configuration(&self, text: &str) -> anyhow::Result<()> {
        self.write("config.toml", text)
    }

    /// What this world's configuration says when it is served at `listen`.
    pub(super) fn configuration(&self, listen: SocketAddr, beside: &Beside<'_>) -> String {
        let mtls = beside.mtls.map_or_else(String::new, |address| {
            let [certificate, key] = SERVER_CERTIFICATE;
            format!(
                "[mtls]\nlisten = \"{address}\"\nurl = \"https://{address}\"\ncertificate_file = \"{certificate}\"\nkey_file = \"{key}\"\n\n"
            )
        });
        let admin = beside
            .admin
            .map_or_else(String::new, |address| format!("[admin]\nlisten = \"{address}\"\ntoken_file = \"{ADMIN_TOKEN}\"\n\n"));
        let store = match beside.redis {
            Some(url) => format!("kind = \"redis\"\nurl = \"{url}\""),
            None => "kind = \"memory\"".to_owned(),
        };
        format!(
            include_str!("config.toml"),
            issuer = self.issuer,
            listen = listen,
            mtls = mtls,
            admin = admin,
            store = store,
            trust_domain = TRUST_DOMAIN,
            user_issuer = USER_ISSUER
        )
    }

    fn write_once(&self, name: &str, content: &str) -> anyhow::Result<()> {
        if self.path(name).exists() { Ok(()) } else { self.write(name, content) }
    }

    /// Writes a file of this world, or writes it anew.
    pub(super) fn write(&self, name: &str, content: &str) -> anyhow::Result<()> {
        let path = self.path(name);
        fs::write(&path, format!("{}\n", content.trim_end())).with_context(|| format!("{}: cannot be written", path.display()))
    }
}
