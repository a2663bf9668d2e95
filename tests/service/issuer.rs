//! Users of an OpenID provider whose keys are found by discovery over HTTPS.

use procura_token::{Algorithm, Signer as _, SigningKey};
use serde_json::json;

use crate::support::{Agent, Answer, KEYS, METADATA, Page, Provider, Service, THIS_MACHINE, World, claims};

struct Scene {
    world: World,
    service: Service,
    planner: Agent,
    provider: Provider,
}

/// A running service that believes `provider`, which answers or does not.
fn scene(provider: Provider) -> Scene {
    let world = World::new();
    provider.trusted_by(&world);
    let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
    Scene { world, service, planner, provider }
}

impl Scene {
    async fn present(&self, token: &str) -> Answer {
        self.service.exchange(&self.planner, &self.planner.delegation(token)).await
    }

    /// A token of the provider's published key.
    fn token(&self) -> String {
        self.provider.token(&self.world, &self.provider.key, None)
    }
}

#[track_caller]
fn unavailable(answer: &Answer) {
    assert_eq!(answer.refusal(), (503, "temporarily_unavailable".to_owned()), "{answer:?}");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
}

#[tokio::test]
async fn keys_are_discovered_over_https_and_kept() {
    let scene = scene(Provider::new().await.start().await);
    for _ in 0..3 {
        assert_eq!(claims(&scene.present(&scene.token()).await.token())["sub"], "idp:alice");
    }
    assert_eq!((scene.provider.asked(METADATA), scene.provider.asked(KEYS)), (1, 1));
    // Its tokens are its own: another issuer's key does not sign for it.
    let dev = scene.world.key("authority/users.jwk");
    let forged = scene.provider.token(&scene.world, &dev, scene.provider.key.public_key().key_id.as_deref());
    assert_eq!(scene.present(&forged).await.refusal(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn a_provider_that_is_down_costs_its_own_users_only() {
    // Bound, so that nobody else takes the port, and closed when the service asks.
    let mut provider = Provider::new().await;
    provider.close();
    let scene = scene(provider);
    assert_eq!(scene.service.get("/readyz").await.status, 200);
    unavailable(&scene.present(&scene.token()).await);
    unavailable(&scene.present(&scene.token()).await);
    assert_eq!(scene.present(&scene.world.user_token(json!({}))).await.status, 200);
    scene.service.logged("keys could not be fetched");
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_is_refused() {
    let provider = Provider::new().await.start().await;
    let world = World::new();
    provider.trusted_by(&world);
    Provider::new().await.trusted_by_certificate_only(&world);
    let service = world.serve();
    let planner = Agent::new(&world, "/agent/planner");
    let token = provider.token(&world, &provider.key, None);
    unavailable(&service.exchange(&planner, &planner.delegation(&token)).await);
    assert_eq!(provider.asked(METADATA), 0);
}

/// F34: its name leads to this machine, and nothing allows that.
#[tokio::test]
async fn a_provider_that_is_not_on_the_public_internet_is_not_asked_unless_that_is_allowed() {
    let (world, provider) = (World::new(), Provider::new().await.start().await);
    provider.trusted_by(&world);
    world.edit(THIS_MACHINE, "private_addresses = [\"10.0.0.0/8\"]");
    let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
    let token = provider.token(&world, &provider.key, None);
    unavailable(&service.exchange(&planner, &planner.delegation(&token)).await);
    service.logged("its address is not a public one, and `private_addresses` does not name it");
    assert_eq!(provider.asked(METADATA), 0);
}

#[tokio::test]
async fn metadata_and_keys_that_break_a_rule_are_not_used() {
    let large = json!({ "keys": [], "x": "y".repeat(256 * 1024) });
    type Spoil<'a> = &'a dyn Fn(&Provider);
    let spoil: [(&str, Spoil<'_>); 10] = [
        ("metadata of another issuer", &|it| it.serve_metadata("https://other.test", &format!("{}{KEYS}", it.url))),
        ("an issuer with one slash more", &|it| it.serve_metadata(&format!("{}/", it.url), &format!("{}{KEYS}", it.url))),
        ("keys without HTTPS", &|it| it.serve_metadata(&it.url, "http://keys.test/keys")),
        ("keys at the metadata service of a cloud", &|it| it.serve_metadata(&it.url, "https://169.254.169.254/keys")),
        ("metadata that is large", &|it| it.serve(METADATA, 200, &large)),
        ("keys that are large", &|it| it.serve(KEYS, 200, &large)),
        ("keys that are none", &|it| it.serve(KEYS, 200, &json!("keys"))),
        ("a provider in trouble", &|it| it.serve(METADATA, 500, &json!({}))),
        ("metadata elsewhere", &|it| redirect(it, METADATA)),
        ("keys elsewhere", &|it| redirect(it, KEYS)),
    ];
    for (what, spoil) in spoil {
        let provider = Provider::new().await;
        spoil(&provider);
        let scene = scene(provider.start().await);
        let answer = scene.present(&scene.token()).await;
        assert_eq!(answer.status, 503, "{what}: {answer:?}");
        unavailable(&answer);
        assert_eq!(scene.provider.asked("/elsewhere"), 0, "{what}");
    }
}

/// Moves what `path` serves to another path and points there.
fn redirect(provider: &Provider, path: &str) {
    provider.put("/elsewhere", provider.page(path));
    let location = Some(format!("{}/elsewhere", provider.url));
    provider.put(path, Page { status: 302, location, body: String::new() });
}

#[tokio::test]
async fn however_many_unknown_keys_are_named_the_provider_is_asked_once_in_ten_seconds() {
    let scene = scene(Provider::new().await.start().await);
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    let began = tokio::time::Instant::now();
    for n in 0..100 {
        let token = scene.provider.token(&scene.world, &stranger, Some(&format!("kid-{n}")));
        assert_eq!(scene.present(&token).await.refusal(), (400, "invalid_request".to_owned()));
    }
    // One at the start, and one in each ten seconds that a slow machine takes.
    let most = 1 + began.elapsed().as_secs() as usize / 10;
    assert!(scene.provider.asked(KEYS) <= most, "{} fetches", scene.provider.asked(KEYS));
    assert_eq!(scene.present(&scene.token()).await.status, 200);
}

#[tokio::test]
async fn a_new_key_is_found_when_a_token_names_it_and_an_old_one_is_forgotten() {
    let scene = scene(Provider::new().await.start().await);
    let old = scene.token();
    assert_eq!(scene.present(&old).await.status, 200);
    let next = SigningKey::generate(Algorithm::Es256).unwrap();
    scene.provider.publish(&[next.public_key()]);
    let new = scene.provider.token(&scene.world, &next, None);
    // Not before the ten seconds between two fetches are over.
    let found = async { while scene.present(&new).await.status != 200 {} };
    tokio::time::timeout(std::time::Duration::from_secs(60), found).await.unwrap();
    assert_eq!(scene.provider.asked(KEYS), 2);
    assert_eq!(scene.present(&old).await.refusal(), (400, "invalid_request".to_owned()));
}
