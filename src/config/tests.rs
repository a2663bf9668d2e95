use super::*;

fn error(text: &str) -> String {
    let config = Config::parse(text).and_then(|config| config.agree().map(|()| config));
    config.expect_err("the configuration is refused").to_string()
}

/// The example with `from` replaced by `to`.
fn example(from: &str, to: &str) -> String {
    assert!(EXAMPLE.contains(from), "the example no longer says {from}");
    EXAMPLE.replacen(from, to, 1)
}

#[test]
fn the_example_is_accepted() {
    let config = Config::parse(EXAMPLE).unwrap();
    config.agree().unwrap();
}

#[test]
fn every_commented_default_in_the_example_is_a_known_key() {
    let is_setting = |line: &&str| line.starts_with("# ") && line.contains(" = ") && !line.contains(". ") && !line.contains("` ");
    for line in EXAMPLE.lines().filter(is_setting) {
        let text = EXAMPLE.replacen(line, line.trim_start_matches("# "), 1);
        let twice = line.contains("password_file") || line.contains("nonce");
        assert!(twice || Config::parse(&text).is_ok(), "{line}: {:?}", Config::parse(&text).err());
    }
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_nearest_known_one() {
    let message = error(&example("listen = ", "lisen = "));
    assert!(message.contains("line 11") && message.contains("did you mean `listen`?"), "{message}");
}

#[test]
fn a_duration_in_words_is_refused_with_the_notation() {
    let message = error(&example("session = \"8h\"", "session = \"eight hours\""));
    assert!(message.contains("line ") && message.contains("\"5m\""), "{message}");
}

#[test]
fn plain_http_beyond_this_machine_is_refused_with_the_remedy() {
    let tls = "[server.tls]\ncertificate_file = \"tls/chain.pem\"\nkey_file = \"tls/key.pem\"\n";
    let message = error(&example(tls, ""));
    assert!(message.contains("`server.listen`") && message.contains("TLS"), "{message}");
    let message = error(&example("https://sts.example", "http://sts.example"));
    assert!(message.contains("`issuer`"), "{message}");
}

#[test]
fn names_that_occur_twice_are_refused() {
    let again = "[[target]]\nresource = \"https://api.example/calendar\"\nscopes = []\n";
    let message = error(&format!("{EXAMPLE}\n{again}"));
    assert!(message.contains("`target.resource`") && message.contains("twice"), "{message}");
}

#[test]
fn limits_beyond_the_most_are_refused() {
    for (from, to) in [("# skew = \"60s\"", "skew = \"10m\""), ("# max_age = \"60s\"", "max_age = \"1h\"")] {
        let message = error(&example(from, to));
        assert!(message.contains("too long") && message.contains("5m"), "{message}");
    }
}

#[test]
fn secrets_do_not_print() {
    let text = example("nonce_secret_file = \"secrets/nonce\"", "nonce_secret = \"hunter2-hunter2-hunter2-hunter2-\"");
    let config = Config::parse(&text).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    assert_eq!(config.dpop.secret().unwrap().unwrap().expose(), ("hunter2-hunter2-hunter2-hunter2-"));
}

#[test]
fn a_proxy_that_is_everyone_or_nobody_is_refused() {
    let range = |text: &str| error(&example("[\"10.1.0.0/16\", \"10.2.0.7\"]", text));
    for (text, words) in [
        ("[]", "is empty"),
        ("[\"10.0.0.0/8\", \"0.0.0.0/0\"]", "believes everyone"),
        ("[\"::/0\"]", "believes everyone"),
        ("[\"10.0.0.1/8\"]", "did you mean `10.0.0.0/8`?"),
        ("[\"proxy.example\"]", "write it like \"10.0.0.0/8\""),
    ] {
        let message = range(text);
        assert!(message.contains(words), "{message}");
    }
    let message = error(&example("\"client-cert\"", "\"client-certificate\""));
    assert!(message.contains("did you mean `client-cert`?"), "{message}");
}

#[test]
fn listeners_do_not_share_an_address_and_mutual_tls_is_https() {
    let message = error(&example("0.0.0.0:8444", "0.0.0.0:8443"));
    assert!(message.contains("`mtls.listen`") && message.contains("choose another port"), "{message}");
    let message = error(&example("127.0.0.1:9090", "0.0.0.0:8444"));
    assert!(message.contains("`admin.listen`"), "{message}");
    let message = error(&example("https://mtls.sts.example", "http://mtls.sts.example"));
    assert!(message.contains("`mtls.url`") && message.contains("https"), "{message}");
}
