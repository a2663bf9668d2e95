//! Callers that show what their platform gave them: GitHub Actions, in the shape of its Enterprise Server.

use procura_token::{Algorithm, SigningKey};
use serde_json::{Value, json};

use crate::redis::RedisServer;
use crate::support::{Agent, CALENDAR, Form, GitHub, ID_TOKEN, ISSUER, JWT, Service, WIT, World, claims, procura, run};

const CAT: &str = "spiffe://ci.procura.test/github/65/74";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

struct Scene {
    world: World,
    service: Service,
    github: GitHub,
    job: Agent,
}

async fn scene(more: &str) -> Scene {
    let (world, github) = (World::new(), GitHub::new().await);
    github.trusted_by(&world, more);
    let (service, job) = (world.serve(), job());
    Scene { world, service, github, job }
}

/// A job's key; it has no SVID.
fn job() -> Agent {
    Agent { key: SigningKey::generate(Algorithm::Es256).unwrap(), svid: String::new() }
}

fn presenting(token: &str) -> Form {
    Form::default()
        .add("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
        .add("client_assertion_type", JWT_BEARER)
        .add("client_assertion", token)
}

/// Asks for a WIT for who has `token`.
fn wit(token: &str) -> Form {
    presenting(token).add("subject_token", token).add("subject_token_type", JWT).add("requested_token_type", WIT)
}

/// Asks to act for `user` at the calendar.
fn delegation(token: &str, user: &str) -> Form {
    presenting(token).add("subject_token", user).add("subject_token_type", ID_TOKEN).add("resource", CALENDAR)
}

impl Scene {
    async fn refuses(&self, form: &Form, code: (u16, &str), reason: &str) {
        let answer = self.service.exchange(&self.job, form).await;
        assert_eq!(answer.refusal(), (code.0, code.1.to_owned()), "{reason}");
        // The client is told nothing of the reason.
        assert!(!answer.text.contains("octo") && !answer.text.contains("rule"), "{}", answer.text);
        let event = self.last_event();
        assert!(event["error.reason"].as_str().unwrap().contains(reason), "{reason}: {event}");
    }

    fn last_event(&self) -> Value {
        self.world.audit().pop().unwrap()
    }
}

#[tokio::test]
async fn a_job_gets_a_wit_once_and_acts_for_a_user_with_it_and_without() {
    let scene = scene("").await;
    let token = scene.github.token(json!({}));
    let answer = scene.service.exchange(&scene.job, &wit(&token)).await;
    let held = answer.token();
    let said = claims(&held);
    assert_eq!((&said["sub"], &said["exp"]), (&json!(CAT), &claims(&token)["exp"]));
    let event = scene.last_event();
    for (name, text) in [
        ("outcome", "granted"),
        ("caller.id", CAT),
        ("caller.credential", "github-actions"),
        ("caller.platform.kind", "github-actions"),
        ("caller.platform.rule", "deploy"),
        ("caller.platform.repository", "octo/cat"),
        ("caller.platform.ref", "refs/heads/main"),
        ("caller.platform.actor", "alice"),
        ("caller.platform.run_id", "9000"),
        ("caller.platform.run_attempt", "2"),
    ] {
        assert_eq!(event[name], text, "{event}");
    }
    // Once, whoever has it.
    for job in [&scene.job, &job()] {
        assert_eq!(scene.service.exchange(job, &wit(&token)).await.refusal(), (400, "invalid_request".to_owned()));
    }
    // With the job's token alone, and with the WIT as the key's voucher.
    let user = scene.world.user_token(json!({}));
    let alone = claims(&scene.service.exchange(&scene.job, &delegation(&token, &user)).await.token());
    assert_eq!(
        (&alone["act"]["sub"], &alone["scope"], &alone["sub"]),
        (&json!(CAT), &json!("calendar.read"), &json!("dev:alice"))
    );
    assert_eq!(scene.last_event()["caller.platform.run_id"], "9000");
    let with_wit = delegation(&token, &user).add("actor_token", &held).add("actor_token_type", JWT);
    let bound = claims(&scene.service.exchange(&scene.job, &with_wit).await.token());
    assert_eq!((&bound["exp"], &bound["act"]["iss"]), (&said["exp"], &json!("spiffe://ci.procura.test")));
    let event = scene.last_event();
    assert_eq!((&event["caller.credential"], &event["caller.platform.actor"]), (&json!("wit"), &json!("alice")));
    assert_eq!(scene.github.keys_asked(), 1);
}

// The provider answers while a program runs.
#[tokio::test(flavor = "multi_thread")]
async fn the_program_does_all_of_it_for_a_pipeline() {
    let mut scene = scene("").await;
    let base = scene.service.url("");
    scene.world.edit(&format!("issuer = \"{ISSUER}\""), &format!("issuer = \"{base}\""));
    // The service says of itself what the client asks for: it listens where its issuer is.
    let listen = base.trim_start_matches("http://").to_owned();
    scene.world.edit("listen = \"127.0.0.1:0\"", &format!("listen = \"{listen}\""));
    scene.service.signal("-KILL");
    scene.service.wait();
    scene.service = scene.world.serve();
    let path = |name: &str| scene.world.path(name).display().to_string();
    let token = scene.github.token(json!({ "aud": base }));
    std::fs::write(scene.world.path("id-token"), &token).unwrap();
    let key = path("job.jwk");
    assert_eq!(run(&mut procura(&["keys", "generate", "--out", &key])).code, 0);

    let stdin = std::process::Stdio::from(std::fs::File::open(scene.world.path("id-token")).unwrap());
    let common = ["exchange", "--issuer", &base, "--key", &key];
    let made = run(procura(&common).args(["--platform-token", "-", "--request-wit"]).stdin(stdin));
    assert_eq!(made.code, 0, "{made:?}");
    assert_eq!(claims(made.stdout.trim())["sub"], CAT);
    std::fs::write(scene.world.path("wit"), &made.stdout).unwrap();

    std::fs::write(scene.world.path("user"), scene.world.user_token(json!({ "aud": base }))).unwrap();
    let (user, id_token, wit) = (path("user"), path("id-token"), path("wit"));
    for credential in [["--platform-token", &id_token], ["--wit", &wit]] {
        let made = run(procura(&common).args(credential).args(["--user-token", &user, "--resource", CALENDAR]));
        assert_eq!(made.code, 0, "{made:?}");
        assert_eq!(claims(made.stdout.trim())["act"]["sub"], CAT);
    }
    std::fs::write(scene.world.path("empty"), "").unwrap();
    let stdin = std::process::Stdio::from(std::fs::File::open(scene.world.path("empty")).unwrap());
    let empty = run(procura(&common).args(["--platform-token", "-", "--request-wit"]).stdin(stdin));
    empty.says(1, &["standard input is empty"]);
}

#[tokio::test]
async fn tokens_that_are_not_believed_are_refused_coarsely_and_recorded_exactly() {
    let scene = scene("require = { repository = \"octo/cat\", branch = \"main\" }").await;
    let refused = (401, "invalid_client");
    let at = crate::support::now();
    for (changes, reason) in [
        (json!({ "aud": "https://other.example" }), "audience"),
        (json!({ "aud": [ISSUER, "https://other.example"] }), "audience"),
        (json!({ "iss": "https://token.actions.githubusercontent.com" }), "issuer is not one we believe"),
        (json!({ "exp": at - 61, "iat": at - 400 }), "expired"),
        (json!({ "repository": "octo/renamed" }), "`deploy`: `repository` is `octo/renamed`"),
        (json!({ "ref": "refs/pull/7/merge", "event_name": "pull_request" }), "there is no `branch`"),
        (json!({ "event_name": "pull_request_target" }), "anybody can cause `pull_request_target`"),
        (json!({ "repository_id": null }), "`repository_id` is missing"),
    ] {
        scene.refuses(&wit(&scene.github.token(changes)), refused, reason).await;
    }
    scene.refuses(&wit(&scene.github.forged()), refused, "signature").await;
    // Somebody else's repository that has the name now is somebody else, whom no policy knows.
    let recycled = scene.github.token(json!({ "repository_id": "900", "repository_owner_id": "901" }));
    let answer = scene.service.exchange(&scene.job, &wit(&recycled)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(claims(&answer.token())["sub"], "spiffe://ci.procura.test/github/901/900");
    // A user's token is no caller's, nor a job's a user's.
    let user = scene.world.user_token(json!({}));
    scene.refuses(&wit(&user), refused, "issuer is not one we believe").await;
    let job = scene.github.token(json!({}));
    let other = scene.github.token(json!({}));
    for subject in [&job, &other] {
        scene.refuses(&delegation(&job, subject), (400, "invalid_request"), "issuer is not one we believe").await;
    }
}

#[tokio::test]
async fn an_identifier_keeps_its_principal_while_what_was_made_for_it_lives() {
    let (world, github, redis) = (World::new(), GitHub::new().await, RedisServer::start(&[]));
    world.use_redis(&redis.url(), "30s");
    let rule = |owner: &str, id: &str| {
        format!("path = \"/deploy\"\nrequire = {{ repository_owner_id = \"{owner}\", repository_id = \"{id}\" }}")
    };
    github.trusted_by(&world, &rule("65", "74"));
    let mut service = world.serve();
    let first = github.token(json!({}));
    assert_eq!(claims(&service.exchange(&job(), &wit(&first)).await.token())["sub"], "spiffe://ci.procura.test/deploy");

    // The operator gives the name to another repository, and the first one's WIT is still good.
    world.edit(&rule("65", "74"), &rule("65", "75"));
    service.signal("-TERM");
    service.wait();
    let service = world.serve();
    let successor = github.token(json!({ "repository_id": "75" }));
    let scene = Scene { world, service, github, job: job() };
    scene.refuses(&wit(&successor), (401, "invalid_client"), "still belongs to another principal").await;
    let user = scene.world.user_token(json!({}));
    scene.refuses(&delegation(&successor, &user), (401, "invalid_client"), "still belongs to another principal").await;
}

#[tokio::test]
async fn a_job_is_an_actor_beside_its_wit_and_gives_policy_its_evidence() {
    let scene = scene("").await;
    let held = scene.service.exchange(&scene.job, &wit(&scene.github.token(json!({})))).await.token();
    let user = scene.world.user_token(json!({}));
    // Another token of the same job names the same workload; one of another repository does not.
    let with_actor =
        |actor: &str| delegation(&scene.github.token(json!({})), &user).add("actor_token", actor).add("actor_token_type", JWT);
    let own = scene.github.token(json!({ "run_attempt": "3" }));
    assert_eq!(scene.service.exchange(&scene.job, &with_actor(&own)).await.status, 200);
    let another = scene.github.token(json!({ "repository_id": "75" }));
    scene.refuses(&with_actor(&another), (400, "invalid_request"), "names another workload").await;
    // A WIT makes its successor by its own key.
    let renewed = scene
        .service
        .exchange(
            &scene.job,
            &presenting(&scene.github.token(json!({})))
                .add("subject_token", &held)
                .add("subject_token_type", JWT)
                .add("requested_token_type", WIT),
        )
        .await;
    assert_eq!(renewed.refusal(), (400, "unauthorized_client".to_owned()), "policy gives WITs for platform tokens alone");
}

#[tokio::test]
async fn metadata_name_platforms_only_where_there_are_some() {
    let methods = async |service: &Service| {
        service.get("/.well-known/oauth-authorization-server").await.json()["token_endpoint_auth_methods_supported"].to_string()
    };
    let scene = scene("").await;
    assert!(methods(&scene.service).await.contains("\"procura_platform_jwt\""));
    let plain = World::new();
    let service = plain.serve();
    assert!(!methods(&service).await.contains("platform"));
    // And a token of a platform is refused where there is none.
    let form = wit(&scene.github.token(json!({})));
    assert_eq!(service.exchange(&scene.job, &form).await.refusal(), (401, "invalid_client".to_owned()));
}

#[test]
fn a_rule_that_makes_no_sense_stops_the_start_with_its_key() {
    let rule = |edit: &str, trust_domain: &str| {
        format!("[[platform]]\nkind = \"github-actions\"\ntrust_domain = \"{trust_domain}\"\n{edit}\n\n[[user_issuer]]")
    };
    for (edit, domain, words) in [
        ("", "ci.procura.test", ["platform.require", "repository_owner_id"]),
        (
            "path = \"/x/{repository}\"\nrequire = { repository_id = \"74\" }",
            "ci.procura.test",
            ["platform.path", "repository_owner_id"],
        ),
        ("require = { repo = \"octo/cat\" }", "ci.procura.test", ["platform.require", "`repo`"]),
        ("issuer = \"https://github.example\"", "ci.procura.test", ["platform.issuer", "_services/token"]),
        ("", "other.test", ["platform.trust_domain", "not configured"]),
        ("", "dev.procura.test", ["platform.trust_domain", "has a bundle"]),
    ] {
        let world = World::new();
        let domain = rule(edit, domain);
        let tables = format!("[[trust_domain]]\nname = \"ci.procura.test\"\n\n{domain}");
        world.edit("[[user_issuer]]", &tables);
        let ended = world.serve_in_vain();
        ended.says(2, &words);
        run(procura(&["config", "check"]).arg(world.config())).says(2, &words);
    }
}
