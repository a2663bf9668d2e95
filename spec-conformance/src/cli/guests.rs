use super::server::jwk;
use crate::hostile::TRAPS;
use crate::jose::Key;
use crate::world::{self, Evidence, Federated, Platform};
use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::{fs, path::PathBuf, process::ExitCode};

/// Whom a node lets in for the cases `federated.*`, `platform.*` and `hostile.*`.
#[derive(Args)]
pub(super) struct Guests {
    /// The directory of the development world: keys go to `guests` in it, and a policy to `policies`
    #[arg(long, value_name = "DIR")]
    directory: PathBuf,
    /// Where the hostile issuers will listen; they need the same port of 127.0.0.2 too
    #[arg(long, value_name = "ADDR")]
    hostile_address: SocketAddr,
}

/// How to reach the node that lets the guests in, and where their keys are.
#[derive(Args)]
pub(super) struct GuestOptions {
    /// The node that trusts the guests
    #[arg(long, value_name = "URL", requires = "guests")]
    guest_url: Option<String>,
    /// The directory in which `guests` put their keys
    #[arg(long, value_name = "DIR", requires = "guest_url")]
    guests: Option<PathBuf>,
    /// Where the hostile issuers among the guests are to listen, as `guests` was told
    #[arg(long, value_name = "ADDR", requires = "guest_url")]
    pub(super) hostile_address: Option<SocketAddr>,
    /// The file in which that node finds whom it believes no longer. It IS REWRITTEN
    #[arg(long, value_name = "FILE", requires = "guest_url")]
    pub(super) disabled_file: Option<PathBuf>,
}

impl GuestOptions {
    /// The guests, if there are any.
    pub(super) fn read(&self) -> Result<Option<world::Guests>> {
        let (Some(directory), Some(node)) = (&self.guests, &self.guest_url) else { return Ok(None) };
        let key = |name: &str| jwk(&directory.join(name));
        let (domain, wit) = (key("domain.jwk")?, key("domain-wit.jwk")?);
        let file = directory.join("platform.der");
        let platform = fs::read(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
        let platform = Key::from_pkcs8(&platform, Platform::KEY)?;
        let (useless, approver, attester) = (key("domain-useless.jwk")?, key("approver.jwk")?, key("attester.jwk")?);
        Ok(Some(world::Guests { node: node.clone(), platform, domain, wit, useless, approver, attester }))
    }
}

/// Where evidence counts.
const TARGETS: &str = r#"
[[target]]
resource = "http://127.0.0.1:8090/evidence"
scopes = ["free", "approved", "healthy"]
"#;

/// What the guests may do, and what evidence opens.
const POLICY: &str = r#"
@id("conformance-guests-calendar")
permit (principal, action == Action::"delegate", resource == Target::"http://127.0.0.1:8090/calendar")
when { ["ci.procura.test", "other.procura.test"].contains(principal.trust_domain) && context.scope == "calendar.read" };

@id("conformance-platform-wit")
permit (principal, action == Action::"issue_wit", resource == TrustDomain::"ci.procura.test")
when { principal.trust_domain == "ci.procura.test" };

@id("conformance-free")
permit (principal, action == Action::"delegate", resource == Target::"http://127.0.0.1:8090/evidence")
when { context.scope == "free" };

@id("conformance-approved")
@approval("required")
permit (principal, action == Action::"delegate", resource == Target::"http://127.0.0.1:8090/evidence")
when { context.scope == "approved" };

@id("conformance-healthy")
permit (principal, action == Action::"delegate", resource == Target::"http://127.0.0.1:8090/evidence")
when {
    context.scope == "healthy" && context has posture && context.posture.attester == "conformance-attester" &&
    context.posture.hasTag("state") && context.posture.getTag("state") == "healthy" &&
    context.posture.hasTag("cves") && context.posture.getTag("cves") == "0" &&
    context.posture.hasTag("signed") && context.posture.getTag("signed") == "true"
};
"#;

impl Guests {
    pub(super) fn go(self) -> Result<ExitCode> {
        fs::create_dir_all(self.directory.join("guests"))?;
        self.write("policies/conformance.cedar", POLICY)?;
        self.write("targets/conformance.toml", TARGETS)?;
        let platform = Key::for_algorithm("RS256")?;
        self.write("guests/platform.der", platform.pkcs8()?)?;
        let platform = named(platform.public(), Platform::KEY, "RS256", Some("sig"));
        self.write("guests/platform.jwks.json", json!({"keys": [platform]}).to_string())?;
        let svid: Value = serde_json::from_str(&fs::read_to_string(self.directory.join("authority/svid.jwk"))?)?;
        let name = svid["kid"].as_str().context("`authority/svid.jwk` has no `kid`")?;
        let keys = [
            self.key("domain", name, Some("jwt-svid"))?,
            self.key("domain-wit", "of-the-domain-wit", Some("wit-svid"))?,
            self.key("domain-useless", "of-the-domain-useless", None)?,
        ];
        self.write("guests/bundle.json", json!({"keys": keys}).to_string())?;
        for name in ["approver", "attester"] {
            let key = self.key(name, name, Some("sig"))?;
            self.write(&format!("guests/{name}.jwks.json"), json!({ "keys": [key] }).to_string())?;
        }
        print!("{}", self.configuration());
        Ok(ExitCode::SUCCESS)
    }

    /// Makes a key, keeps the private one in a file and gives back the public one.
    fn key(&self, file: &str, name: &str, public_key_use: Option<&str>) -> Result<Value> {
        let key = Key::generate();
        self.write(&format!("guests/{file}.jwk"), named(key.private(), name, "ES256", public_key_use).to_string())?;
        Ok(named(key.public(), name, "ES256", public_key_use))
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<()> {
        let file = self.directory.join(name);
        fs::write(&file, content).with_context(|| format!("cannot write `{}`", file.display()))
    }

    fn configuration(&self) -> String {
        let (domain, owner) = (Platform::TRUST_DOMAIN, Platform::OWNER);
        let mut text = format!("\n[[trust_domain]]\nname = \"{domain}\"\nissue_wit = true\n");
        text.push_str(&format!(
            "\n[[trust_domain]]\nname = \"{}\"\nbundle_file = \"guests/bundle.json\"\nclients = [\"/agent/*\"]\n",
            Federated::TRUST_DOMAIN
        ));
        let release = r#", environment = "production""#;
        let rules = [
            ("release", "/release/{repository_owner_id}/{repository_id}/{environment}", release),
            ("ci", "/ci/{repository_owner_id}/{repository_id}", ""),
        ];
        for (name, path, more) in rules {
            text.push_str(&format!(
                "\n[[platform]]\nkind = \"github-actions\"\nname = \"{name}\"\ntrust_domain = \"{domain}\"\npath = \"{path}\"\n\
                 jwks_file = \"guests/platform.jwks.json\"\nrequire = {{ repository_owner_id = \"{owner}\"{more} }}\n"
            ));
        }
        let vouching = [
            ("approver", Evidence::APPROVER, "user_issuers = [\"dev\"]"),
            ("attester", Evidence::ATTESTER, "workloads = [\"spiffe://dev.procura.test/agent/*\"]"),
        ];
        for (table, issuer, speaks_of) in vouching {
            text.push_str(&format!(
                "\n[[{table}]]\nname = \"conformance-{table}\"\nissuer = \"{issuer}\"\n\
                 jwks_file = \"guests/{table}.jwks.json\"\n{speaks_of}\n"
            ));
        }
        for trap in TRAPS {
            text.push_str(&format!(
                "\n[[user_issuer]]\nurl = \"http://{}/{slug}\"\nalias = \"{slug}\"\nalgorithms = [\"ES256\"]\n\
                 private_addresses = [\"{}/32\"]\n",
                self.hostile_address,
                self.hostile_address.ip(),
                slug = trap.slug
            ));
        }
        text
    }
}

fn named(mut jwk: Value, name: &str, algorithm: &str, public_key_use: Option<&str>) -> Value {
    jwk["kid"] = name.into();
    jwk["alg"] = algorithm.into();
    if let Some(public_key_use) = public_key_use {
        jwk["use"] = public_key_use.into();
    }
    jwk
}
