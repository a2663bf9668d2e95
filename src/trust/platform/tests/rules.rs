//! Whom rules let in, and which rules cannot be.

use super::*;

/// The identifier, or why there is none.
async fn named(platforms: &Platforms, github: &GitHub, changes: Value) -> Result<String, String> {
    let verified = verify(platforms, &github.token(changes)).await;
    verified.map(|identity| identity.id().path().to_owned()).map_err(|error| error.to_string())
}

/// F13: renamed, recycled and look-alike names.
#[tokio::test]
async fn a_name_that_was_given_away_again_is_not_the_one_it_was() {
    let github = GitHub::new();
    let by_name = PlatformRuleSettings { require: require(&[("repository", &["octo/cat"])]), ..rule("by-name", &github.files) };
    let platforms = github.believed_by(vec![by_name]).await;
    let first = named(&platforms, &github, json!({})).await.unwrap();
    // The owner was renamed and somebody else took the name, with a repository of the old name.
    let recycled = json!({ "repository_id": "900", "repository_owner_id": "901" });
    assert_eq!(named(&platforms, &github, recycled).await.unwrap(), "/github/901/900");
    assert_eq!(first, "/github/65/74");
    // The repository itself was renamed: the rule on its name holds no longer, and says why.
    let renamed = named(&platforms, &github, json!({ "repository": "octo/dog" })).await.unwrap_err();
    assert!(renamed.contains("no rule fits") && renamed.contains("`repository` is `octo/dog`"), "{renamed}");
    for name in ["octo/cat-evil", "OCTO/cat", "octo/cat/", " octo/cat"] {
        assert!(named(&platforms, &github, json!({ "repository": name })).await.is_err(), "{name}");
    }
}

#[tokio::test]
async fn a_rule_that_pins_the_ids_refuses_a_recycled_name() {
    let github = GitHub::new();
    let pinned = PlatformRuleSettings {
        path: Some("/deploy/{environment}".to_owned()),
        require: require(&[("repository_owner_id", &["65"]), ("repository_id", &["74"])]),
        ..rule("pinned", &github.files)
    };
    let platforms = github.believed_by(vec![pinned]).await;
    let in_production = |changes: Value| {
        let mut changes = changes;
        changes["environment"] = json!("production");
        changes
    };
    assert_eq!(named(&platforms, &github, in_production(json!({}))).await.unwrap(), "/deploy/production");
    let refused = named(&platforms, &github, in_production(json!({ "repository_id": "900" }))).await.unwrap_err();
    assert!(refused.contains("`repository_id` is `900`"), "{refused}");
    // What the path needs must be there.
    let refused = named(&platforms, &github, json!({})).await.unwrap_err();
    assert!(refused.contains("`environment`"), "{refused}");
}

#[tokio::test]
async fn the_first_rule_that_fits_decides() {
    let github = GitHub::new();
    let production = PlatformRuleSettings {
        path: Some("/production/{repository_owner_id}/{repository_id}".to_owned()),
        require: require(&[("environment", &["production"]), ("branch", &["main", "release"])]),
        ..rule("production", &github.files)
    };
    let platforms = github.believed_by(vec![production, rule("rest", &github.files)]).await;
    for (changes, path) in [
        (json!({ "environment": "production" }), "/production/65/74"),
        (json!({ "environment": "production", "ref": "refs/heads/release" }), "/production/65/74"),
        (json!({ "environment": "production", "ref": "refs/heads/main-evil" }), "/github/65/74"),
        (json!({ "environment": "staging" }), "/github/65/74"),
        (json!({}), "/github/65/74"),
    ] {
        assert_eq!(named(&platforms, &github, changes.clone()).await.unwrap(), path, "{changes}");
    }
}

/// A pull request is no branch, whatever its `ref_type` says, and nobody runs in the name of one unasked.
#[tokio::test]
async fn pull_requests_are_not_the_branch_they_are_against() {
    let github = GitHub::new();
    let main = PlatformRuleSettings { require: require(&[("branch", &["main"])]), ..rule("main", &github.files) };
    let platforms = github.believed_by(vec![main.clone()]).await;
    let pull_request =
        json!({ "ref": "refs/pull/7/merge", "event_name": "pull_request", "base_ref": "main", "head_ref": "main" });
    assert!(named(&platforms, &github, pull_request).await.unwrap_err().contains("there is no `branch`"));
    assert!(named(&platforms, &github, json!({ "ref": "refs/tags/main", "ref_type": "tag" })).await.is_err());
    let target = json!({ "event_name": "pull_request_target" });
    let refused = named(&platforms, &github, target.clone()).await.unwrap_err();
    assert!(refused.contains("rule `main`") && refused.contains("anybody can cause `pull_request_target`"), "{refused}");
    let mut asked_for = main;
    asked_for.require.insert("event".to_owned(), vec!["pull_request_target".to_owned()]);
    let platforms = github.believed_by(vec![asked_for]).await;
    assert!(named(&platforms, &github, target).await.is_ok());
}

#[tokio::test]
async fn a_rule_is_for_its_own_audiences() {
    let github = GitHub::new();
    let audiences = |name: &str| vec![name.to_owned()];
    let one = PlatformRuleSettings {
        audiences: audiences("one"),
        path: Some("/one/{repository_owner_id}/{repository_id}".to_owned()),
        ..rule("one", &github.files)
    };
    let two = PlatformRuleSettings { audiences: audiences("two"), ..rule("two", &github.files) };
    let platforms = github.believed_by(vec![one, two]).await;
    assert_eq!(named(&platforms, &github, json!({ "aud": "one" })).await.unwrap(), "/one/65/74");
    assert_eq!(named(&platforms, &github, json!({ "aud": ["two"] })).await.unwrap(), "/github/65/74");
    assert!(named(&platforms, &github, json!({ "aud": US })).await.is_err());
}

#[tokio::test]
async fn one_principal_is_one_by_its_ids_and_its_issuer() {
    let github = GitHub::new();
    let platforms = github.believed_by(vec![rule("all", &github.files)]).await;
    let principal = async |changes| *verify(&platforms, &github.token(changes)).await.unwrap().principal();
    let first = principal(json!({})).await;
    assert_eq!(first, principal(json!({ "repository": "octo/renamed", "ref": "refs/heads/x", "run_id": "1" })).await);
    assert_ne!(first, principal(json!({ "repository_id": "7", "repository_owner_id": "465" })).await);
    assert_ne!(first, principal(json!({ "repository_owner_id": "66" })).await);

    const ACME: &str = "https://token.actions.githubusercontent.com/acme";
    let enterprise = PlatformRuleSettings { issuer: Some(ACME.parse().unwrap()), ..rule("e", &github.files) };
    let platforms = github.believed_by(vec![enterprise]).await;
    let token = github.token(json!({ "iss": ACME }));
    assert_ne!(first, *verify(&platforms, &token).await.unwrap().principal());
}

#[test]
fn rules_that_make_no_sense_are_refused_with_key_and_remedy() {
    let files = tempfile::tempdir().unwrap();
    let good = || rule("x", &files);
    let issuer = |url: &str| Some(url.parse().unwrap());
    let path = |text: &str| Some(text.to_owned());
    for (rule, key, words) in [
        (PlatformRuleSettings { kind: "github".into(), ..good() }, "kind", "github-actions"),
        (PlatformRuleSettings { issuer: issuer("https://github.example"), ..good() }, "issuer", "{}/_services/token"),
        (PlatformRuleSettings { path: path("github/{repository_id}"), ..good() }, "path", "begin with `/`"),
        (PlatformRuleSettings { path: path("/github/{repo}"), ..good() }, "path", "`repo`"),
        (PlatformRuleSettings { path: path("/github/{repository}"), ..good() }, "path", "`repository_owner_id`"),
        (PlatformRuleSettings { path: path("/github/{repository_id}"), ..good() }, "path", "`repository_owner_id`"),
        (
            PlatformRuleSettings {
                path: path("/github/{repository_id}"),
                require: require(&[("repository_owner_id", &["1", "2"])]),
                ..good()
            },
            "path",
            "one value of `repository_owner_id`",
        ),
        (PlatformRuleSettings { require: require(&[("repo", &["x"])]), ..good() }, "require", "repository"),
        // Of github.com everybody has tokens.
        (PlatformRuleSettings { issuer: None, ..good() }, "require", "repository_owner_id"),
        (PlatformRuleSettings { require: require(&[("repository", &[])]), ..good() }, "require", "`repository`"),
    ] {
        let error = PlatformRules::new([rule]).unwrap_err();
        assert!(error.key == key && error.to_string().contains(words), "{error}");
    }
    for issuer in ["https://token.actions.githubusercontent.com/acme", "https://ghes.example/_services/token"] {
        PlatformRules::new([PlatformRuleSettings { issuer: Some(issuer.parse().unwrap()), ..good() }]).unwrap();
    }
}

/// W9: no two rules of a trust domain give one identifier.
#[test]
fn rules_that_could_give_one_identifier_are_refused() {
    let files = tempfile::tempdir().unwrap();
    let owner =
        |name, id: &str| PlatformRuleSettings { require: require(&[("repository_owner_id", &[id])]), ..rule(name, &files) };
    let error = PlatformRules::new([rule("one", &files), rule("two", &files)]).unwrap_err();
    assert!(error.key == "path" && error.rule == "two" && error.to_string().contains("`one`"), "{error}");
    assert!(PlatformRules::new([owner("one", "1"), rule("two", &files)]).is_err());
    PlatformRules::new([owner("one", "1"), owner("two", "2")]).unwrap();
    let elsewhere = PlatformRuleSettings { trust_domain: "other.example".parse().unwrap(), ..rule("two", &files) };
    PlatformRules::new([rule("one", &files), elsewhere]).unwrap();
}

#[test]
fn rules_of_one_issuer_do_not_contradict_each_other() {
    let files = tempfile::tempdir().unwrap();
    let one = rule("one", &files);
    let mut two = PlatformRuleSettings { trust_domain: "other.example".parse().unwrap(), ..rule("two", &files) };
    two.jwks_file = Some("another.json".into());
    assert_eq!(PlatformRules::new([one.clone(), two.clone()]).unwrap_err().key, "jwks_file");
    two.jwks_file = None;
    PlatformRules::new([one, two]).unwrap();
}
