//! Callers that show an X.509-SVID: over mutual TLS, and through a proxy.

mod leaf;
mod path;
mod proxied;

use super::{Case, NotTried};
use crate::certificate::{Authority, CertificateDraft, Certified};
use crate::jose::{Key, thumbprint};
use crate::world::{Answer, Exchange, Granted, Present, World};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::sync::Arc;

pub(super) type Change = fn(&mut CertificateDraft, &World) -> Result<()>;
pub(super) type Row = (&'static str, &'static str, &'static [&'static str], Change);

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new(
            "certificate.good",
            "an X.509-SVID authenticates, and the token is bound to the certificate",
            &[
                "MTLS-01",
                "MTLS-02",
                "MTLS-13",
                "MTLS-14",
                "MTLSB-01",
                "MTLSB-02",
                "MTLSB-05",
                "CNF-01",
                "WIT-47",
                "WIT-53",
                "SPIFFECA-06",
            ],
            good,
        ),
        Case::new(
            "certificate.metadata",
            "the metadata say where, and that tokens can be bound to a certificate",
            &["MTLSB-08", "MTLSB-09"],
            metadata,
        ),
        Case::new("certificate.none", "no handshake without a certificate", &["MTLS-04", "MTLSB-01"], none),
        Case::new(
            "certificate.with-proof",
            "with a DPoP proof the token is bound to the proof's key, and to that alone",
            &["MTLSB-05", "CNF-02", "DPOP-20", "DPOP-25"],
            with_proof,
        ),
    ];
    cases.push(Case::new(
        "certificate.wpt-beside",
        "a WPT over the connection of the same workload, for that listener; the token is bound to the WIT's key",
        &["MTLS-19", "WPT-20", "WIT-25"],
        |w| async move {
            let granted = w.granted(&with_wpt(&w, &svid(&w)?).await?).await?;
            let key = thumbprint(&w.workload().await?.key.public());
            ensure!(granted.claim("cnf") == &json!({"jkt": key}), "`cnf` is {}", granted.claim("cnf"));
            Ok(())
        },
    ));
    cases.push(Case::new(
        "certificate.wpt-of-another",
        "a WPT over the connection of another workload",
        &["MTLS-19", "MTLS-20", "ARCH-03", "MTLSB-02"],
        |w| async move {
            w.granted(&with_wpt(&w, &svid(&w)?).await?).await.context("even without the flaw")?;
            let other = authority(&w)?.sign(&CertificateDraft::svid(&w.options.other_agent)?)?;
            with_wpt(&w, &other).await?.unauthenticated()
        },
    ));
    cases.extend(leaf::REFUSED.iter().map(refused));
    cases.extend(leaf::ACCEPTED.iter().map(accepted));
    cases.extend(path::cases());
    cases.extend(REQUESTS.iter().map(request));
    cases.extend(BESIDE.iter().map(beside));
    cases.extend(proxied::cases());
    cases
}

/// What it takes to try any of this.
pub(super) fn authority(world: &World) -> Result<&Authority> {
    world.options.authority.as_ref().context(NotTried("no --authority given"))
}

/// Sends a request over mutual TLS.
pub(super) async fn send(world: &World, certified: &Certified, mut exchange: Exchange) -> Result<Answer> {
    exchange.url = world.mutual_endpoint().context(NotTried("no listener for mutual TLS"))?.to_owned();
    let client = world.client(Some(certified))?;
    let once = async |exchange: &Exchange| exchange.wire(&exchange.signed_proof(world)).send_over(&client, world).await;
    let answer = once(&exchange).await?;
    if answer.error().as_deref() == Some("use_dpop_nonce") {
        return once(&exchange).await;
    }
    Ok(answer)
}

/// A good X.509-SVID of the agent.
pub(super) fn svid(world: &World) -> Result<Certified> {
    authority(world)?.sign(&CertificateDraft::svid(&world.options.agent)?)
}

/// The request as it would be without a flaw, so that the flaw alone explains what follows.
pub(super) async fn unspoiled(world: &World) -> Result<Granted> {
    let answer = send(world, &svid(world)?, world.bare_exchange()).await?;
    world.granted(&answer).await.context("even without the flaw")
}

fn changed(world: &World, change: Change) -> Result<Certified> {
    let authority = authority(world)?;
    let mut draft = CertificateDraft::svid(&world.options.agent)?;
    change(&mut draft, world)?;
    authority.sign(&draft)
}

fn refused((slug, shows, covers, change): &Row) -> Case {
    let change = *change;
    Case::new(format!("certificate.{slug}"), *shows, covers, move |w| async move {
        unspoiled(&w).await?;
        send(&w, &changed(&w, change)?, w.bare_exchange()).await?.unauthenticated()
    })
}

fn accepted((slug, shows, covers, change): &Row) -> Case {
    let change = *change;
    Case::new(format!("certificate.{slug}"), *shows, covers, move |w| async move {
        let answer = send(&w, &changed(&w, change)?, w.bare_exchange()).await?;
        w.granted(&answer).await.map(drop)
    })
}

async fn good(world: Arc<World>) -> Result<()> {
    let certified = svid(&world)?;
    let granted = world.granted(&send(&world, &certified, world.bare_exchange()).await?).await?;
    ensure!(granted.claim("cnf") == &json!({"x5t#S256": certified.thumbprint()}), "`cnf` is {}", granted.claim("cnf"));
    ensure!(granted.body["token_type"] == "Bearer", "`token_type` is {}", granted.body["token_type"]);
    ensure!(granted.claim("client_id") == &*world.options.agent, "`client_id` is {}", granted.claim("client_id"));
    ensure!(granted.claim("act")["sub"] == *world.options.agent, "`act` is {}", granted.claim("act"));
    Ok(())
}

async fn metadata(world: Arc<World>) -> Result<()> {
    let url = world.mutual_endpoint().context(NotTried("no listener for mutual TLS"))?;
    ensure!(url.starts_with("https://") && url != world.token_endpoint, "the alias is `{url}`");
    let bound = &world.metadata["tls_client_certificate_bound_access_tokens"];
    ensure!(bound == true, "`tls_client_certificate_bound_access_tokens` is {bound}");
    Ok(())
}

async fn with_wpt(world: &World, certified: &Certified) -> Result<Answer> {
    let endpoint = world.mutual_endpoint().context(NotTried("no listener for mutual TLS"))?;
    let mut call = world.wpt_call(&*world.workload().await?);
    call.exchange.url = endpoint.to_owned();
    call.wpt.claim("aud", endpoint);
    call.wire(world).send_over(&world.client(Some(certified))?, world).await
}

async fn none(world: Arc<World>) -> Result<()> {
    unspoiled(&world).await?;
    let url = world.mutual_endpoint().context(NotTried("no listener for mutual TLS"))?;
    let outcome = world.client(None)?.get(url).send().await;
    ensure!(outcome.is_err(), "it was answered with {:?}", outcome.map(|answer| answer.status()));
    Ok(())
}

async fn with_proof(world: Arc<World>) -> Result<()> {
    let key = Key::generate();
    let mut exchange = world.exchange_with(&key);
    exchange.remove("client_assertion");
    exchange.remove("client_assertion_type");
    let granted = world.granted(&send(&world, &svid(&world)?, exchange).await?).await?;
    ensure!(granted.body["token_type"] == "DPoP", "`token_type` is {}", granted.body["token_type"]);
    ensure!(granted.claim("cnf") == &json!({"jkt": thumbprint(&key.public())}), "`cnf` is {}", granted.claim("cnf"));
    Ok(())
}

type ExchangeRow = (&'static str, &'static str, &'static [&'static str], fn(&mut Exchange, &World));

const REQUESTS: &[ExchangeRow] = &[
    ("client-id-other", "`client_id` names another workload", &["MTLSB-01", "MTLSB-02", "SPIFFECA-06"], |e, w| {
        e.set("client_id", &w.options.other_agent);
    }),
    (
        "assertion-of-another",
        "a client assertion of another workload beside the certificate",
        &["MTLSB-02", "MTLS-20", "ARCH-03"],
        |e, w| {
            let mut svid = w.svid();
            svid.claim("sub", w.options.other_agent.clone());
            e.remove("client_id");
            e.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe");
            e.set("client_assertion", &svid.sign());
            e.present = Present::Once;
        },
    ),
    ("header-of-another", "a certificate field beside the certificate", &["MTLS-20", "MTLSB-10", "BCP-26"], |e, _| {
        e.header("client-cert", ":MIIB:");
    }),
    ("forwarded-of-another", "a forwarded certificate beside the certificate", &["MTLS-20", "MTLSB-10", "BCP-26"], |e, w| {
        e.header("x-forwarded-client-cert", &format!("URI={}", w.options.other_agent));
    }),
];

fn request((slug, shows, covers, change): &ExchangeRow) -> Case {
    let change = *change;
    Case::new(format!("certificate.{slug}"), *shows, covers, move |w| async move {
        unspoiled(&w).await?;
        let mut exchange = w.bare_exchange();
        change(&mut exchange, &w);
        send(&w, &svid(&w)?, exchange).await?.unauthenticated()
    })
}

const BESIDE: &[ExchangeRow] = &[
    ("without-client-id", "`client_id` may be absent: the certificate names the caller", &["MTLSB-01"], |e, _| {
        e.remove("client_id")
    }),
    ("assertion-beside", "a client assertion of the same workload beside the certificate", &["MTLSB-02", "MTLS-19"], |e, w| {
        e.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe");
        e.set("client_assertion", &w.svid().sign());
        e.present = Present::Once;
    }),
];

fn beside((slug, shows, covers, change): &ExchangeRow) -> Case {
    let change = *change;
    Case::new(format!("certificate.{slug}"), *shows, covers, move |w| async move {
        let mut exchange = w.bare_exchange();
        change(&mut exchange, &w);
        w.granted(&send(&w, &svid(&w)?, exchange).await?).await.map(drop)
    })
}
