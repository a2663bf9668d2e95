//! What a platform says of the workload that asks.

use super::*;

const CAT: &str = r#"
@id("cat")
permit (principal, action == Action::"delegate", resource)
when {
    principal has platform && principal.platform has branch && principal.platform.branch == "main" &&
    principal.hasTag("run_attempt") && principal.getTag("run_attempt") == "1" && context.credential == "github-actions"
};
"#;

#[test]
fn what_a_platform_says_are_attributes_and_tags() {
    let policy = policy(CAT);
    let ask = Ask { credential: Credential::Platform("github-actions"), ..Ask::default() };
    let decide = |attributes: &[(&'static str, &str)]| {
        let attributes = attributes.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
        let digest = procura_token::sha256(format!("{attributes:?}").as_bytes());
        let platform = Platform { kind: "github-actions", rule: "deploy", attributes: &attributes, digest: &digest };
        ask.with(&policy, |request| policy.decide(&Request { platform: Some(platform), ..*request })).allowed
    };
    // Each answer is remembered for what was asked, and for nothing else.
    for _ in 0..2 {
        assert!(decide(&[("branch", "main"), ("run_attempt", "1"), ("run_id", "9000")]));
        assert!(!decide(&[("branch", "main"), ("run_attempt", "2")]));
        assert!(!decide(&[("branch", "release"), ("run_attempt", "1")]));
        assert!(!decide(&[("run_attempt", "1")]));
        assert!(!ask.decide(&policy).allowed);
    }
}

/// The record that Cedar is given and the one that policies are held against are the same.
#[test]
fn the_schema_has_every_member_that_a_platform_may_have() {
    for name in super::super::platform::MEMBERS {
        assert!(SCHEMA.contains(&format!("    {name}?: String,\n")), "{name}");
    }
    let record = SCHEMA.split_once("type Platform = {").unwrap().1.split_once('}').unwrap().0;
    assert_eq!(record.matches("?: String").count(), super::super::platform::MEMBERS.len());
}
