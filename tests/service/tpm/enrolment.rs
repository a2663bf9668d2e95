//! The file of devices while the service runs, and what the design rests on.

use serde_json::Value;

use super::{Scene, by_ek};
use crate::support::Tpm;

fn answer(tpm: &Tpm) -> Value {
    serde_json::from_slice(&tpm.read("wit.json")).unwrap()
}

impl Scene {
    /// Replaces the file of devices, and waits until the service has read it.
    fn enrol(&self, tpm: &Tpm, devices: &str) {
        let loaded = || self.service.log().matches("devices loaded").count();
        let before = loaded();
        std::fs::write(self.world.path("trust/devices.toml"), devices).unwrap();
        while loaded() == before {
            // The file is looked at when somebody asks for a device.
            self.does(tpm, &(tpm.functions(false) + "ask"));
        }
    }
}

/// W9, W10.
#[test]
fn a_device_taken_from_the_file_is_refused_and_its_name_is_not_another_tpms_while_its_wit_lives() {
    let (tpm, other) = (Tpm::provisioned(&[]), Tpm::provisioned(&[]));
    let scene = Scene::new(&by_ek("edge-17", &tpm));
    scene.does(&tpm, &tpm.wit(false));
    assert!(answer(&tpm)["access_token"].is_string());

    scene.enrol(&tpm, "");
    let (code, reason) = scene
        .refuses(&tpm, &tpm.wit(false).replace("ask; answer", "nonce=$(curl -sS $issuer/tpm/challenge -d '' | jq -r .nonce)"));
    assert_eq!(code, "invalid_client");
    assert!(reason.contains("no device is enrolled by this endorsement key"), "{reason}");

    scene.enrol(&tpm, &by_ek("edge-17", &other));
    let (code, reason) = scene.refuses(&other, &other.wit(false));
    assert!(reason.contains("another principal"), "{code}: {reason}");

    // A name of its own is free, and the first machine can have its own back.
    scene.enrol(&tpm, &(by_ek("edge-17", &tpm) + &by_ek("edge-18", &other)));
    for tpm in [&tpm, &other] {
        scene.does(tpm, &tpm.wit(false));
        assert!(answer(tpm)["access_token"].is_string(), "{}", answer(tpm));
    }
}

#[test]
fn a_broken_file_stops_the_start_and_changes_nothing_later() {
    let tpm = Tpm::provisioned(&[]);
    let scene = Scene::new(&by_ek("edge-17", &tpm));
    std::fs::write(scene.world.path("trust/devices.toml"), "[[device]]\nname = \"edge-17\"\n").unwrap();
    scene.world.serve_in_vain().says(1, &["devices.toml", "`edge-17` needs either `ek_public_sha256` or `ak_name`"]);
    scene.does(&tpm, &tpm.wit(false));
    assert!(answer(&tpm)["access_token"].is_string());
    scene.world.edit("[platform.tpm]\ndevices_file = \"trust/devices.toml\"\n", "");
    scene.world.serve_in_vain().says(2, &["platform.tpm", "devices_file"]);
}

/// A program can write any public area, and have a TPM load it. What all this rests on is that the TPM then neither certifies
/// that key nor opens a secret for it, because it has not the private part.
#[test]
fn a_tpm_says_nothing_of_a_key_whose_private_part_it_lacks() {
    let (tpm, other) = (Tpm::provisioned(&[]), Tpm::provisioned(&[]));
    let scene = Scene::new(&by_ek("edge-17", &tpm));
    tpm.does(&format!(
        "cp {0}/ak.pub foreign-ak.pub; cp {0}/key.pub foreign.pub
         for name in foreign-ak foreign; do tpm2_loadexternal -C e -u $name.pub -c $name.ctx; done",
        other.path("").display()
    ));
    let fails = |script: &str| {
        let ended = tpm.run(&scene.script(&tpm, &(tpm.functions(false) + script)));
        assert!(ended.code != 0 && ended.stderr.contains("not available for selected entity"), "{ended:?}");
    };
    fails("tpm2_certify -C 0x81010002 -c foreign.ctx -g sha256 -o info -s sig");
    fails(
        "cp foreign-ak.pub ak.pub; ask; tpm2_evictcontrol -C o -c 0x81010002; tpm2_activatecredential() { command tpm2_activatecredential \"${@/0x81010002/foreign-ak.ctx}\"; }; answer",
    );
}
