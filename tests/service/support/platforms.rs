//! Every platform of the table in `tests/platforms`: one file each, with a token as the platform documents it, the rule that
//! lets it in, and what has to come of it. Issuers whose URL is the customer's answer here, over HTTPS; of those whose URL is
//! the platform's the keys are in a file.

use std::fmt::Write as _;

use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use procura_token::base64url;
use serde_json::{Value, json};

use super::{ISSUER, Provider, World, now, public, sign_rs256};

/// One platform of the table.
pub(crate) struct Row {
    pub(crate) kind: String,
    pub(crate) is: Value,
}

/// The table, in the order of the kinds' names.
pub(crate) fn rows() -> Vec<Row> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/platforms");
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut rows: Vec<Row> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| Row {
            kind: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            is: serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap_or_else(|error| panic!("{path:?}: {error}")),
        })
        .collect();
    rows.sort_by(|one, other| one.kind.cmp(&other.kind));
    rows
}

impl Row {
    /// The members of an object of the row.
    pub(crate) fn each(&self, name: &str) -> impl Iterator<Item = (&str, &Value)> {
        self.is[name].as_object().unwrap().iter().map(|(what, value)| (what.as_str(), value))
    }

    pub(crate) fn id(path: &Value) -> String {
        format!("spiffe://ci.procura.test{}", path.as_str().unwrap())
    }

    /// The table of the configuration, with `more` in it.
    pub(crate) fn rule(&self, issuer: &str, more: &str) -> String {
        let mut table = format!("[[platform]]\nkind = \"{}\"\ntrust_domain = \"ci.procura.test\"\n{more}\n", self.kind);
        writeln!(table, "issuer = \"{issuer}\"").unwrap();
        if let Some(audience) = self.is["audience"].as_str() {
            writeln!(table, "audiences = [\"{audience}\"]").unwrap();
        }
        if let Some(require) = self.is["rule"]["require"].as_object() {
            let pairs: Vec<String> = require.iter().map(|(name, value)| format!("{name} = {value}")).collect();
            writeln!(table, "require = {{ {} }}", pairs.join(", ")).unwrap();
        }
        table
    }

    fn audience(&self) -> &str {
        self.is["audience"].as_str().unwrap_or(ISSUER)
    }
}

/// All platforms at once, each with a key of its own.
pub(crate) struct Platforms {
    provider: Provider,
    pub(crate) rows: Vec<(Row, RsaKeyPair)>,
}

impl Platforms {
    pub(crate) async fn new() -> Self {
        let rows = rows().into_iter().map(|row| (row, RsaKeyPair::generate(KeySize::Rsa2048).unwrap())).collect();
        let platforms = Self { provider: Provider::new().await, rows };
        for (row, key) in platforms.rows.iter().filter(|(row, _)| row.is["issuer"].is_null()) {
            let (issuer, path) = (platforms.issuer(row), row.is["issuer_path"].as_str().unwrap());
            let metadata = json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/jwks") });
            platforms.provider.serve(&format!("{path}/.well-known/openid-configuration"), 200, &metadata);
            platforms.provider.serve(&format!("{path}/jwks"), 200, &published(row, key));
        }
        Self { provider: platforms.provider.start().await, rows: platforms.rows }
    }

    pub(crate) fn issuer(&self, row: &Row) -> String {
        let own = || format!("{}{}", self.provider.url, row.is["issuer_path"].as_str().unwrap());
        row.is["issuer"].as_str().map_or_else(own, str::to_owned)
    }

    /// Makes `world` let all of them into the trust domain `ci.procura.test`. Policy gives whoever has a platform WITs, and the
    /// calendar to read.
    pub(crate) fn trusted_by(&self, world: &World) {
        self.provider.trusted_for_tls_by(world, "trust/platforms-ca.pem");
        let mut tables = "[[trust_domain]]\nname = \"ci.procura.test\"\nissue_wit = true\n\n".to_owned();
        for (row, key) in &self.rows {
            let source = if row.is["issuer"].is_null() {
                "ca_file = \"trust/platforms-ca.pem\"\nprivate_addresses = [\"127.0.0.0/8\", \"::1/128\"]".to_owned()
            } else {
                let file = format!("trust/{}.jwks.json", row.kind);
                std::fs::write(world.path(&file), published(row, key).to_string()).unwrap();
                format!("jwks_file = \"{file}\"")
            };
            writeln!(tables, "{}", row.rule(&self.issuer(row), &source)).unwrap();
        }
        world.edit("[[user_issuer]]", &format!("{tables}[[user_issuer]]"));
        std::fs::write(world.path("policies/ci.cedar"), POLICY).unwrap();
    }

    /// A token of the row's platform, of which `changes` override claims, and `null` removes one.
    pub(crate) fn token(&self, row: &Row, changes: &Value) -> String {
        let key = self.rows.iter().find(|(known, _)| known.kind == row.kind).map(|(_, key)| key);
        self.token_by(key.unwrap(), row, changes)
    }

    pub(crate) fn token_by(&self, key: &RsaKeyPair, row: &Row, changes: &Value) -> String {
        let (mut claims, now) = (row.is["claims"].clone(), now());
        let is_dated = claims.get("nbf").is_some();
        claims["iss"] = self.issuer(row).into();
        claims["aud"] = row.audience().into();
        claims["jti"] = base64url::encode(procura_token::random_bytes::<12>()).into();
        claims["iat"] = now.into();
        claims["exp"] = (now + 300).into();
        claims["nbf"] = if is_dated { (now - 5).into() } else { Value::Null };
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        sign_rs256(key, &claims)
    }
}

/// The key as the platform publishes it: with a sign, where it does so.
fn published(row: &Row, key: &RsaKeyPair) -> Value {
    let mut jwk = public(key);
    if row.is["signed_integers"] == true {
        let modulus = base64url::decode(jwk["n"].as_str().unwrap()).unwrap();
        jwk["n"] = base64url::encode([vec![0], modulus].concat()).into();
    }
    json!({ "keys": [jwk] })
}

const POLICY: &str = r#"
@id("platform-wit")
permit (principal, action == Action::"issue_wit", resource == TrustDomain::"ci.procura.test")
when { principal has platform && context.credential == principal.platform.kind };

@id("platform-calendar")
permit (principal, action == Action::"delegate", resource == Target::"http://127.0.0.1:8090/calendar")
when { principal has platform && principal.trust_domain == "ci.procura.test" && context.scope == "calendar.read" };
"#;
