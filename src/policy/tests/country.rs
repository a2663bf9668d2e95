//! Where an address is.

use super::*;

#[path = "../../../tests/support/country_database.rs"]
mod country_database;

use country_database::country_database;

fn with_database(bytes: &[u8]) -> (TempDir, Result<Policy, PolicyError>) {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("countries.mmdb");
    fs::write(&file, bytes).unwrap();
    let settings = PolicySettings { directory: directory.path().to_owned(), entities: None, country_database: Some(file) };
    let policy = Policy::load(&settings, targets());
    (directory, policy)
}

fn country(policy: &Policy, address: &str) -> Option<String> {
    policy.country(address.parse().unwrap()).map(|country| country.to_string())
}

#[test]
fn an_address_is_where_the_database_says() {
    let bytes = country_database(&[
        ([192, 0, 2, 0].into(), 25, "DE"),
        ([192, 0, 2, 128].into(), 25, "FR"),
        ([198, 51, 100, 7].into(), 32, "US"),
        ([203, 0, 113, 0].into(), 24, "??"),
    ]);
    let (_directory, policy) = with_database(&bytes);
    let policy = policy.unwrap();
    for (address, expected) in [
        ("192.0.2.7", Some("DE")),
        ("192.0.2.200", Some("FR")),
        ("::ffff:192.0.2.7", Some("DE")),
        ("198.51.100.7", Some("US")),
        ("198.51.100.8", None),
        ("203.0.113.1", None),
        ("2001:db8::1", None),
        ("127.0.0.1", None),
    ] {
        assert_eq!(country(&policy, address).as_deref(), expected, "{address}");
    }
    assert_eq!(country(&super::policy(""), "192.0.2.7"), None, "no database, no country");
}

#[test]
fn a_new_database_is_read_with_the_policies_and_a_broken_one_changes_nothing() {
    let of = |code| country_database(&[([192, 0, 2, 0].into(), 24, code)]);
    let (directory, policy) = with_database(&of("DE"));
    let (policy, file) = (policy.unwrap(), directory.path().join("countries.mmdb"));
    fs::write(&file, of("FR")).unwrap();
    policy.reload().unwrap();
    assert_eq!(country(&policy, "192.0.2.7").as_deref(), Some("FR"));
    fs::write(&file, b"no database").unwrap();
    assert!(matches!(policy.reload(), Err(PolicyError::Country { .. })));
    assert_eq!(country(&policy, "192.0.2.7").as_deref(), Some("FR"));
}

#[test]
fn what_is_no_database_is_refused_with_its_name() {
    for bytes in [b"".as_slice(), b"text", &country_database(&[])[..40]] {
        let message = with_database(bytes).1.err().unwrap().to_string();
        assert!(message.contains("countries.mmdb") && message.contains("MaxMind"), "{message}");
    }
}

proptest::proptest! {
    /// Whatever is in the file, it gives a country, none, or an error.
    #[test]
    fn a_damaged_database_harms_nobody(at in 0_usize..1 << 16, byte: u8, address: u32) {
        let mut bytes = country_database(&[([192, 0, 2, 0].into(), 24, "DE"), ([10, 0, 0, 0].into(), 8, "FR")]);
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(policy) = with_database(&bytes).1 {
            let _ = policy.country(IpAddr::V4(address.into()));
            let _ = policy.country(IpAddr::V4([192, 0, 2, 7].into()));
        }
    }
}
