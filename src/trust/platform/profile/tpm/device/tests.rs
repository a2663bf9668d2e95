use super::*;

const EK: &str = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";
const AK: &str = "000bb616f3f5d06e6b70f08f1d4024e74a2564a21eae26d1d1af4c73e460ed34e296";

fn device(name: &str, key: &str, value: &str) -> String {
    format!("[[device]]\nname = \"{name}\"\n{key} = \"{value}\"\n")
}

#[test]
fn a_device_is_found_by_the_key_it_was_enrolled_with_and_by_no_other() {
    let text = device("edge-17", "ek_public_sha256", EK) + &device("edge-18", "ak_name", AK);
    let list = DeviceList::parse(&text).unwrap();
    let (ek, ak) = (parse_hash(EK).unwrap(), AK.parse().unwrap());
    assert_eq!((list.by_ek(&ek), list.by_ak(&ak), list.len()), (Some("edge-17"), Some("edge-18"), 2));
    assert_eq!(list.by_ek(&[0; 32]), None);
    assert_eq!(DeviceList::parse("").unwrap().len(), 0);
}

#[test]
fn what_could_be_two_devices_under_one_name_or_one_under_two_is_refused() {
    let other = EK.replace('5', "6");
    for text in [
        device("a", "ek_public_sha256", EK) + &device("a", "ek_public_sha256", &other),
        device("a", "ek_public_sha256", EK) + &device("b", "ek_public_sha256", EK),
        device("a", "ak_name", AK) + &device("b", "ak_name", AK),
        device("a", "ak_name", AK) + &format!("ek_public_sha256 = \"{EK}\"\n"),
        "[[device]]\nname = \"a\"\n".to_owned(),
        device("a", "ak_nam", AK),
        device("a", "ak_name", &AK.to_uppercase()),
        device("a", "ak_name", EK),
        device("a", "ek_public_sha256", AK),
        device("a", "ek_public_sha256", &EK.to_uppercase()),
        device("", "ek_public_sha256", EK),
        device("a b", "ek_public_sha256", EK),
        device("a/b", "ek_public_sha256", EK),
        device(&"a".repeat(65), "ek_public_sha256", EK),
        "devices = []".to_owned(),
        "not toml".to_owned(),
    ] {
        assert!(DeviceList::parse(&text).is_err(), "{text}");
    }
}

#[test]
fn a_changed_file_counts_a_second_later_and_a_broken_one_never() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("devices.toml");
    let (ek, at) = (parse_hash(EK).unwrap(), UnixTime::from_secs);
    assert!(Devices::open(&path).is_err());
    std::fs::write(&path, device("a", "ek_public_sha256", EK)).unwrap();
    let devices = Devices::open(&path).unwrap();
    assert_eq!(devices.list(at(100)).by_ek(&ek), Some("a"));
    std::fs::write(&path, device("another", "ek_public_sha256", EK)).unwrap();
    assert_eq!(devices.list(at(100)).by_ek(&ek), Some("a"));
    assert_eq!(devices.list(at(101)).by_ek(&ek), Some("another"));
    std::fs::write(&path, "broken").unwrap();
    assert_eq!(devices.list(at(102)).by_ek(&ek), Some("another"));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(devices.list(at(103)).by_ek(&ek), Some("another"));
    std::fs::write(&path, "").unwrap();
    assert_eq!(devices.list(at(104)).by_ek(&ek), None);
}
