//! `[[platform]]`, and trust domains whose workloads platforms name.

use super::*;

#[test]
fn what_is_required_is_one_text_or_several() {
    let config = Config::parse(EXAMPLE).unwrap();
    let rule = &config.platform[0];
    assert_eq!((rule.name(), rule.audiences.len()), ("deploy", 0));
    assert_eq!(rule.require["repository_owner_id"].iter().collect::<Vec<_>>(), ["65"]);
    assert_eq!(rule.require["environment"].iter().collect::<Vec<_>>(), ["staging", "production"]);
    let message = error(&example("repository_owner_id = \"65\"", "repository_owner_id = 65"));
    assert!(message.contains("a text, or a list of them"), "{message}");
}

/// W9: one authority for the names of a trust domain.
#[test]
fn a_trust_domain_has_a_bundle_or_platforms_and_never_both_or_none() {
    let bundle = "issue_wit = true\n\n# Rules of one issuer";
    let both = error(&example(bundle, "bundle_file = \"x\"\nclients = [\"/*\"]\n\n# Rules of one issuer"));
    assert!(both.contains("`platform.trust_domain`") && both.contains("has a bundle"), "{both}");
    let none = error(&format!("{EXAMPLE}\n[[trust_domain]]\nname = \"empty.example\"\n"));
    assert!(none.contains("`trust_domain.bundle_file`") && none.contains("`empty.example`"), "{none}");
    let unknown = error(&example("trust_domain = \"ci.example\"", "trust_domain = \"other.example\""));
    assert!(unknown.contains("`platform.trust_domain`") && unknown.contains("not configured"), "{unknown}");
}

#[test]
fn clients_may_be_left_out_where_rules_say_who_gets_in() {
    let config = Config::parse(EXAMPLE).unwrap();
    assert!(config.trust_domain.iter().any(|domain| domain.name.as_str() == "ci.example" && domain.clients.is_none()));
    let message = error(&example("clients = [\"/agent/*\"]\n", ""));
    assert!(message.contains("`trust_domain.clients`") && message.contains("`prod.example`"), "{message}");
}

#[test]
fn a_rule_that_contradicts_itself_or_others_is_refused() {
    let issuer = |line: &str| example("# issuer = \"https://github.example/_services/token\"", line);
    let message = error(&issuer("issuer = \"https://login.example\""));
    assert!(message.contains("`platform.issuer`") && message.contains("for users or for workloads"), "{message}");
    let message = error(&issuer("issuer = \"http://github.example/_services/token\""));
    assert!(message.contains("`platform.issuer`") && message.contains("use https"), "{message}");
    let message = error(&example("name = \"deploy\"", "name = \"De ploy\""));
    assert!(message.contains("`platform.name`") && message.contains("short name"), "{message}");
    let again = "[[platform]]\nkind = \"github-actions\"\nname = \"deploy\"\ntrust_domain = \"ci.example\"\n";
    let message = error(&format!("{EXAMPLE}\n{again}"));
    assert!(message.contains("`platform.name`") && message.contains("twice"), "{message}");
    let message = error(&example("# audiences = [\"https://sts.example\"]", "audiences = [\"\"]"));
    assert!(message.contains("`platform.audiences`"), "{message}");
    let message = error(&example(
        "[platform.tpm]\n# The TPMs that are believed. It is read again when it changes.\ndevices_file = \"trust/devices.toml\"\n",
        "",
    ));
    assert!(message.contains("`platform.tpm`: of `tpm` is missing"), "{message}");
    let message = error(&example("kind = \"tpm\"", "kind = \"azure\""));
    assert!(message.contains("`platform.tpm`: of `azure` means nothing for this kind"), "{message}");
    let message = error(&example("kind = \"github-actions\"\n", "kind = \"github-actions\"\ntoken_review = true\n"));
    assert!(message.contains("unknown field") && message.contains("line "), "{message}");
}

#[test]
fn the_tables_of_clouds_are_for_their_kinds_and_name_servers() {
    let sts = "endpoints = [\"https://sts.eu-central-1.amazonaws.com\"]";
    let server = "api_server = \"https://10.96.0.1\"";
    let token = "token_file = \"trust/reviewer\"\n";
    for (from, to, words) in [
        ("kind = \"aws-sts\"", "kind = \"aws-jwt\"", "`platform.aws_sts`: of `aws` is for the kind `aws-sts` alone"),
        (&*format!("[platform.aws_sts]\n{sts}\n"), "", "`platform.aws_sts`: of `aws` is missing"),
        (sts, "endpoints = []", "`platform.aws_sts.endpoints`"),
        (sts, "endpoints = [\"https://sts.eu-central-1.amazonaws.com/x\"]", "without a path"),
        (sts, "endpoints = [\"http://sts.eu-central-1.amazonaws.com\"]", "`platform.aws_sts.endpoints`"),
        ("kind = \"kubernetes\"", "kind = \"oidc\"", "is for the kind `kubernetes` alone"),
        (server, "api_server = \"https://10.96.0.1/openid\"", "`platform.kubernetes.api_server`"),
        (server, "api_server = \"http://10.96.0.1\"", "`platform.kubernetes.api_server`"),
        (token, "", "`platform.kubernetes.token_file`"),
        ("private_addresses = [\"10.96.0.0/12\"]", "jwks_file = \"x\"", "`platform.jwks_file`"),
    ] {
        let message = error(&example(from, to));
        assert!(message.contains(words), "{words}: {message}");
    }
}
