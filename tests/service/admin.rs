//! What operators see.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::{Agent, Door, Service, World};

/// A service with an admin listener, and with `more` in `[server]`.
fn scene(more: &str) -> (World, Service, Door) {
    let world = World::new();
    world.edit("[server]", &format!("[server]\n{more}"));
    world.edit("[keys.token]", "[admin]\nlisten = \"127.0.0.1:0\"\n\n[keys.token]");
    let service = world.serve();
    let door = service.door("serving operators", "http://127.0.0.1", reqwest::Client::new());
    (world, service, door)
}

/// Samples by name and labels, of a text in the format of Prometheus; each belongs to a described metric.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let (mut samples, mut metric) = (BTreeMap::new(), "");
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(comment) = line.strip_prefix("# ") {
            let words: Vec<&str> = comment.splitn(3, ' ').collect();
            assert!(matches!(words[0], "HELP" | "TYPE") && words.len() == 3, "{line}");
            metric = words[1];
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with(metric) && metric.starts_with("procura_"), "{line}");
        let labels = name.find('{').map_or("", |from| &name[from..]);
        assert!(labels.is_empty() || labels.ends_with("\"}"), "{line}");
        assert!(samples.insert(name.to_owned(), value.parse().unwrap()).is_none(), "twice: {line}");
    }
    samples
}

#[tokio::test]
async fn metrics_count_exchanges_by_outcome_and_code() {
    let (world, service, door) = scene("");
    let planner = Agent::new(&world, "/agent/planner");
    let form = planner.delegation(&world.user_token(json!({})));
    let nonce = service.nonce(&planner, &form).await;
    let proof = planner.proof(Some(&nonce));
    for expected in [200, 400, 400] {
        assert_eq!(service.post(&proof, &form).await.status, expected);
    }
    let other = form.clone().set("grant_type", "password");
    assert_eq!(service.post(&planner.proof(Some(&nonce)), &other).await.status, 400);

    let answer = door.get("/metrics").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain; version=0.0.4; charset=utf-8")));
    let samples = samples(&answer.text);
    let exchanges =
        |outcome: &str, code: &str| samples[&format!("procura_exchanges_total{{outcome=\"{outcome}\",code=\"{code}\"}}")];
    assert_eq!(exchanges("granted", "none"), 1.0);
    assert_eq!(exchanges("refused", "use_dpop_nonce"), 1.0);
    assert_eq!(exchanges("refused", "invalid_dpop_proof"), 2.0);
    assert_eq!(exchanges("refused", "unsupported_grant_type"), 1.0);
    assert_eq!(exchanges("refused", "invalid_client"), 0.0);
    assert_eq!(samples["procura_exchange_seconds_count"], 5.0);
    assert_eq!(samples["procura_exchange_seconds_bucket{le=\"+Inf\"}"], 5.0);
    assert!(samples["procura_exchange_seconds_sum"] > 0.0);
    assert!(samples["procura_connections{listener=\"public\"}"] >= 1.0);
    assert_eq!(samples["procura_connections{listener=\"admin\"}"], 1.0);
}

#[tokio::test]
async fn operators_see_health_and_metrics_and_clients_no_metrics() {
    let (_world, service, door) = scene("");
    for path in ["/healthz", "/readyz"] {
        assert_eq!((door.get(path).await.status, service.get(path).await.status), (200, 200), "{path}");
    }
    assert_eq!((door.get("/token").await.status, service.get("/metrics").await.status), (404, 404));
}

#[tokio::test]
async fn a_service_too_busy_for_clients_answers_operators_and_counts_what_it_turned_away() {
    let (_world, service, door) = scene("max_requests = 0");
    for _ in 0..2 {
        assert_eq!(service.get("/healthz").await.status, 503);
    }
    assert_eq!(door.get("/healthz").await.status, 200);
    let samples = samples(&door.get("/metrics").await.text);
    assert_eq!(samples["procura_requests_shed_total{reason=\"busy\"}"], 2.0);
    assert_eq!(samples["procura_requests_shed_total{reason=\"late\"}"], 0.0);
}
