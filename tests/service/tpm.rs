//! Machines with a TPM 2.0: swtpm and tpm2-tools, by the commands of docs/platforms/tpm.md.

mod challenge;
mod enrolment;
mod page;
mod refusal;

use procura_token::sha256;
use serde_json::Value;

use crate::support::{CALENDAR, ISSUER, Service, Tpm, World};

const DOMAIN: &str = "devices.test";

/// What lets machines have a WIT, and act for users at the calendar.
const POLICY: &str = r#"
@id("device-wit") @ttl("1h")
permit (principal, action == Action::"issue_wit", resource == TrustDomain::"devices.test")
when { ["tpm", "wit"].contains(context.credential) };
@id("device-calendar") @ttl("10m")
permit (principal, action == Action::"delegate", resource == Target::"http://127.0.0.1:8090/calendar")
when { context.scope == "calendar.read" && principal.trust_domain == "devices.test" && principal has platform
    && principal.platform.rule == "tpm" && principal.hasTag("device") && principal.getTag("device") == "edge-17" };
"#;

/// A service that believes the TPMs in a file.
struct Scene {
    world: World,
    service: Service,
}

impl Scene {
    fn new(devices: &str) -> Self {
        let world = World::new();
        std::fs::write(world.path("trust/devices.toml"), devices).unwrap();
        std::fs::write(world.path("policies/devices.cedar"), POLICY).unwrap();
        let tables = format!(
            "[[trust_domain]]\nname = \"{DOMAIN}\"\nissue_wit = true\n\n[[platform]]\nkind = \"tpm\"\n\
             trust_domain = \"{DOMAIN}\"\n\n[platform.tpm]\ndevices_file = \"trust/devices.toml\"\n\n[[user_issuer]]"
        );
        world.edit("[[user_issuer]]", &tables);
        let service = world.serve();
        Self { world, service }
    }

    /// `script` on the machine with `tpm`, who finds the service and has a user's token.
    fn script(&self, tpm: &Tpm, script: &str) -> String {
        tpm.finds(ISSUER, &self.service.url(""));
        let user_token = self.world.user_token(serde_json::json!({}));
        format!("issuer={ISSUER} resource={CALENDAR} user_token={user_token}\n{script}")
    }

    fn does(&self, tpm: &Tpm, script: &str) -> String {
        tpm.does(&self.script(tpm, script))
    }

    /// The answer to `script`, which must be a refusal: its code, and the reason in the audit log.
    fn refuses(&self, tpm: &Tpm, script: &str) -> (String, String) {
        let before = self.world.audit().len();
        self.does(tpm, script);
        let answer: Value = serde_json::from_slice(&tpm.read("wit.json")).unwrap();
        let code = answer["error"].as_str().unwrap_or_else(|| panic!("granted: {answer}")).to_owned();
        let audit = self.world.audit();
        assert_eq!(audit.len(), before + 1);
        let event = &audit[before];
        assert_eq!((event["outcome"].as_str(), event["error.code"].as_str()), (Some("refused"), Some(code.as_str())));
        // The answer is the same for every reason.
        let reason = event["error.reason"].as_str().unwrap().to_owned();
        assert!(!answer["error_description"].as_str().unwrap().contains(&reason));
        (code, reason)
    }
}

/// A device enrolled by the EK of its TPM.
fn by_ek(name: &str, tpm: &Tpm) -> String {
    let hash = hexadecimal(&sha256(&tpm.read("ek.der")));
    format!("[[device]]\nname = \"{name}\"\nek_public_sha256 = \"{hash}\"\n")
}

/// A device enrolled by the AK that `file` names.
fn by_ak(name: &str, tpm: &Tpm, file: &str) -> String {
    format!("[[device]]\nname = \"{name}\"\nak_name = \"{}\"\n", hexadecimal(&tpm.read(file)))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
