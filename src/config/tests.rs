use super::*;

mod platform;

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
        // `capacity` is of the other kind of store.
        let twice = line.contains("capacity") || line.contains("nonce");
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
fn a_type_of_authorization_details_that_contradicts_itself_is_refused() {
    for (from, to, said) in [
        ("\"guests.most\" = \"at_most\"", "\"guests.most\" = \"at_least\"", "at_least"),
        ("actions = \"subset\"", "actions = \"equal\"", "`actions`"),
        ("required = [\"actions\"]", "required = [\"guests\"]", "not among its fields"),
        ("targets = [\"https://api.example/calendar\"]", "targets = [\"https://api.example/other\"]", "no target"),
    ] {
        let message = error(&example(from, to));
        assert!(message.contains(said), "{message}");
    }
    let again = "[[authorization_details_type]]\nname = \"calendar_invitation\"\nfields = {}\n";
    let message = error(&format!("{EXAMPLE}\n{again}"));
    assert!(message.contains("`authorization_details_type.name`") && message.contains("twice"), "{message}");
}

#[test]
fn no_alias_makes_the_name_of_a_workload() {
    for alias in ["spiffe", "wimse"] {
        let message = error(&example("alias = \"corp\"", &format!("alias = \"{alias}\"")));
        assert!(message.contains("`user_issuer.alias`") && message.contains("workloads"), "{message}");
    }
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
fn an_approver_is_for_users_there_are_and_an_attester_for_workloads() {
    for (from, to, words) in [
        ("user_issuers = [\"corp\"]", "user_issuers = []", "`approver.user_issuers`: is empty for `consent-app`"),
        ("user_issuers = [\"corp\"]", "user_issuers = [\"crop\"]", "names `crop`"),
        ("workloads = [\"spiffe://prod.example/agent/*\"]", "workloads = []", "`attester.workloads`: is empty for `edr`"),
        ("name = \"edr\"", "name = \"Edr 1\"", "`Edr 1` is not a short name"),
        ("issuer = \"https://edr.example\"", "issuer = \"https://sts.example\"", "is this service itself"),
        ("issuer = \"https://edr.example\"", "issuer = \"http://edr.example\"", "use https"),
        ("user_issuers = [\"corp\"]", "user_issuers = [\"corp\"]\nalgorithms = []", "`approver.algorithms`: is empty"),
    ] {
        let message = error(&example(from, to));
        assert!(message.contains(words), "{to}: {message}");
    }
    let again = "[[approver]]\nname = \"b\"\nissuer = \"https://consent.example\"\nuser_issuers = [\"corp\"]\n";
    let message = error(&format!("{EXAMPLE}\n{again}"));
    assert!(message.contains("`approver.issuer`") && message.contains("twice"), "{message}");
}

#[test]
fn secrets_do_not_print() {
    let text = example("nonce_secret_file = \"secrets/nonce\"", "nonce_secret = \"hunter2-hunter2-hunter2-hunter2-\"");
    let config = Config::parse(&text).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    assert_eq!(config.dpop.secret().unwrap().unwrap().expose(), ("hunter2-hunter2-hunter2-hunter2-"));
}

#[test]
fn the_operators_token_is_long_and_fits_into_a_header_field() {
    let token = |text: &str| {
        let config = Config::parse(&example("token_file = \"secrets/admin\"", text)).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        config.admin.unwrap().token()
    };
    let good = "hunter2-hunter2-hunter2-hunter2-";
    assert_eq!(token(&format!("token = \"{good}\"")).unwrap().unwrap().expose(), good);
    assert!(token("").unwrap().is_none());
    for (text, words) in [
        ("token = \"hunter2\"".to_owned(), "fewer than 32"),
        (format!("token = \"{good} {good}\""), "spaces"),
        (format!("token = \"{good}\u{e9}\""), "not ASCII"),
        (format!("token = \"{good}\"\ntoken_file = \"secrets/admin\""), "given twice"),
        ("token_file = \"no/such/file\"".to_owned(), "no/such/file"),
    ] {
        let told = token(&text).unwrap_err().to_string();
        assert!(told.contains(words) && !told.contains("hunter2"), "{told}");
    }
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

/// The example with this `[store]`.
fn store(text: &str) -> String {
    let (before, rest) = EXAMPLE.split_once("[store]").unwrap();
    let (_, after) = rest.split_once("[audit]").unwrap();
    format!("{before}[store]\n{text}\n[audit]{after}")
}

#[test]
fn each_shape_of_redis_is_accepted() {
    for text in [
        "kind = \"memory\"\ncapacity = 10",
        "kind = \"redis\"\nurl = \"redis://h\"",
        "kind = \"redis\"\nurl = \"redis+unix:///run/redis.sock\"",
        "kind = \"redis\"\nurl = \"rediss://u@h:1/2\"\nca_file = \"a\"\ncertificate_file = \"b\"\nkey_file = \"c\"",
        "kind = \"redis\"\nurls = [\"redis://a\", \"redis://b\"]\ncluster = true",
        "kind = \"redis\"\nurls = [\"redis://a\"]\nsentinel = \"m\"\nsentinel_password = \"x\"",
    ] {
        let config = Config::parse(&store(text)).unwrap();
        config.agree().unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}

#[test]
fn settings_of_redis_that_contradict_each_other_are_refused_with_the_remedy() {
    for (text, key, remedy) in [
        ("", "store.url", "redis://host:6379/0"),
        ("urls = [\"redis://a\"]", "store.urls", "cluster = true"),
        ("url = \"redis://a\"\nurls = [\"redis://a\"]", "store.url", "keep one"),
        ("url = \"redis://a\"\ncluster = true", "store.url", "`urls`"),
        ("url = \"redis://a\"\nsentinel = \"m\"", "store.url", "`urls`"),
        ("urls = [\"redis://a\"]\nsentinel = \"m\"\ncluster = true", "store.sentinel", "keep one"),
        ("urls = [\"redis://a\", \"rediss://b\"]\ncluster = true", "store.urls", "for all"),
        ("urls = [\"redis+unix:///s\"]\ncluster = true", "store.urls", "redis://"),
        ("url = \"http://a\"", "store.url", "rediss://"),
        ("url = \"redis://u:secret@a\"", "store.url", "store.password_file"),
        ("url = \"rediss://a/#insecure\"", "store.url", "leave them out"),
        ("url = \"redis://a\"\nca_file = \"a\"", "store.url", "rediss://"),
        ("url = \"rediss://a\"\nkey_file = \"a\"", "store.certificate_file", "both or none"),
        ("url = \"redis://a\"\nsentinel_password = \"x\"", "store.sentinel_password", "`sentinel`"),
        ("url = \"redis://a\"\ntimeout = \"0s\"", "store.timeout", "2s"),
    ] {
        let message = error(&store(&format!("kind = \"redis\"\n{text}")));
        assert!(message.contains(key) && message.contains(remedy) && !message.contains("u:secret"), "{text}: {message}");
    }
}

#[test]
fn an_unknown_key_of_redis_is_refused_with_the_nearest_known_one() {
    let message = error(&store("kind = \"redis\"\nurl = \"redis://a\"\ntimout = \"2s\""));
    assert!(message.contains("did you mean `timeout`?"), "{message}");
}

/// The example with further lines for its issuer.
fn issuer(lines: &str) -> String {
    example("session = \"8h\"", &format!("session = \"8h\"\n{lines}"))
}

#[test]
fn settings_of_an_issuer_that_contradict_each_other_are_refused_with_the_remedy() {
    for (lines, key, remedy) in [
        ("token_kinds = []", "user_issuer.token_kinds", "name a kind"),
        ("token_kinds = [\"id-token\"]", "line ", "did you mean `id_token`?"),
        ("access_token_mark = { typ = \"Bearer\" }", "user_issuer.access_token_mark", "add `access_token`"),
        ("workloads = { web = \"agent/planner\" }", "line ", ""),
        ("introspection = { url = \"http://login.example/i\", client_id = \"a\" }", "user_issuer.introspection.url", "https"),
        ("require = { tenant = 1.5 }", "line ", ""),
        ("private_addresses = [\"10.0.0.1/8\"]", "line ", "did you mean `10.0.0.0/8`?"),
    ] {
        let message = error(&issuer(lines));
        assert!(message.contains(key) && message.contains(remedy), "{lines}: {message}");
    }
    let message = error(&example("url = \"https://login.example\"", "url = \"https://sts.example\""));
    assert!(message.contains("`user_issuer.url`") && message.contains("this service itself"), "{message}");
    let another = |n: usize| {
        let asked = "introspection = { url = \"https://a.example/i\", client_id = \"a\", client_secret = \"b\" }";
        format!("\n[[user_issuer]]\nurl = \"https://{n}.example\"\nalias = \"a{n}\"\n{asked}\n")
    };
    let message = error(&format!("{EXAMPLE}{}", (0..5).map(another).collect::<String>()));
    assert!(message.contains("`user_issuer.introspection`") && message.contains("more than four"), "{message}");
}

#[test]
fn the_secret_of_an_issuer_is_there_once_and_does_not_print() {
    let asked = |secret: &str| {
        let text = issuer(&format!("introspection = {{ url = \"https://a.example/i\", client_id = \"a\"{secret} }}"));
        Config::parse(&text).unwrap()
    };
    let secret = |config: &Config| config.user_issuer[0].introspection.as_ref().unwrap().secret();
    let config = asked(", client_secret = \"hunter2\"");
    assert_eq!(secret(&config).unwrap().expose(), "hunter2");
    assert!(!format!("{config:?}").contains("hunter2"));
    for wrong in
        ["", ", client_secret = \"\"", ", client_secret = \"a\", client_secret_file = \"b\"", ", client_secret_file = \"/none\""]
    {
        assert!(secret(&asked(wrong)).is_err(), "{wrong}");
    }
}
