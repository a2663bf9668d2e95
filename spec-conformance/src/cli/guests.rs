use crate::hostile::TRAPS;
use crate::jose::Key;
use crate::world::Platform;
use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;
use std::net::SocketAddr;
use std::{fs, path::PathBuf, process::ExitCode};

/// Whom a node lets in for the cases `platform.*` and `hostile.*`.
#[derive(Args)]
pub(super) struct Guests {
    /// The directory of the development world: `guest.jwk` and `guest.jwks.json` are put there, and a policy
    #[arg(long, value_name = "DIR")]
    directory: PathBuf,
    /// Where the hostile issuers will listen; they need the same port of 127.0.0.2 too
    #[arg(long, value_name = "ADDR")]
    hostile_address: SocketAddr,
}

/// What jobs of the platform may do.
const POLICY: &str = r#"
@id("conformance-platform-calendar")
permit (principal, action == Action::"delegate", resource == Target::"http://127.0.0.1:8090/calendar")
when { principal.trust_domain == "ci.procura.test" && context.scope == "calendar.read" };

@id("conformance-platform-wit")
permit (principal, action == Action::"issue_wit", resource == TrustDomain::"ci.procura.test")
when { principal.trust_domain == "ci.procura.test" };
"#;

impl Guests {
    pub(super) fn go(self) -> Result<ExitCode> {
        let key = Key::generate();
        let named = |mut jwk: serde_json::Value| {
            for (name, value) in [("kid", "of-the-platform"), ("use", "sig"), ("alg", "ES256")] {
                jwk[name] = value.into();
            }
            jwk
        };
        self.write("guest.jwk", &named(key.private()).to_string())?;
        self.write("guest.jwks.json", &json!({ "keys": [named(key.public())] }).to_string())?;
        self.write("policies/conformance.cedar", POLICY)?;
        print!("{}", self.configuration());
        Ok(ExitCode::SUCCESS)
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let file = self.directory.join(name);
        fs::write(&file, text).with_context(|| format!("cannot write `{}`", file.display()))
    }

    fn configuration(&self) -> String {
        let (domain, owner) = (Platform::TRUST_DOMAIN, Platform::OWNER);
        let mut text = format!("\n[[trust_domain]]\nname = \"{domain}\"\nissue_wit = true\n");
        let release = r#", environment = "production""#;
        let rules = [
            ("release", "/release/{repository_owner_id}/{repository_id}/{environment}", release),
            ("ci", "/ci/{repository_owner_id}/{repository_id}", ""),
        ];
        for (name, path, more) in rules {
            text.push_str(&format!(
                "\n[[platform]]\nkind = \"github-actions\"\nname = \"{name}\"\ntrust_domain = \"{domain}\"\npath = \"{path}\"\n\
                 jwks_file = \"guest.jwks.json\"\nrequire = {{ repository_owner_id = \"{owner}\"{more} }}\n"
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
