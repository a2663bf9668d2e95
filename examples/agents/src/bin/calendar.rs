//! A calendar that knows who is calling, for whom: a resource server behind `procura-guard`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Json, Router};
use clap::Parser;
use procura_guard::{
    Bundle, Caller, Delegation, Grant, Guard, GuardBuilder, GuardLayer, HeaderName, Identity, Issuer, JwkSet, Keys, Proved,
    Resource, SigningKey, Subject, TrustDomain, WorkloadId, random_bytes,
};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// A calendar for agents, guarded by Procura.
#[derive(Parser)]
struct Settings {
    /// The issuer whose tokens are believed
    #[arg(long, value_name = "URL")]
    issuer: Issuer,
    /// The resource this calendar is: what a token's `aud` must be. Its origin is where clients reach the calendar
    #[arg(long, value_name = "URL")]
    resource: Resource,
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// A JWK Set with the issuer's keys; without it they are fetched from the issuer
    #[arg(long, value_name = "FILE")]
    issuer_jwks: Option<PathBuf>,
    /// Ask for a nonce in every DPoP proof
    #[arg(long)]
    nonces: bool,
    /// Take WITs of this trust domain too, proved by a WPT or by a message signature
    #[arg(long, value_name = "NAME", requires = "bundle")]
    trust_domain: Option<TrustDomain>,
    /// The trust domain's SPIFFE bundle: a file, or the URL where it is published
    #[arg(long, value_name = "FILE|URL", requires = "trust_domain")]
    bundle: Option<String>,
    /// The header field that carries the delegation token beside a WPT
    #[arg(long, value_name = "NAME", default_value = "delegation-token")]
    delegation_header: HeaderName,
    /// A file with the calendar's own WIT, to sign responses to signed requests that ask for it. It is read again when they do
    #[arg(long, value_name = "FILE", requires = "key", requires = "trust_domain")]
    wit: Option<PathBuf>,
    /// The private JWK that this WIT is bound to
    #[arg(long, value_name = "FILE", requires = "wit")]
    key: Option<PathBuf>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Event {
    title: String,
    start: String,
}

/// Every user's events.
type Events = Arc<Mutex<HashMap<Subject, Vec<Event>>>>;

/// What the calendar answers: who asked for whom, how that was proved, and the events.
#[derive(Serialize)]
struct Answer {
    subject: Subject,
    actor: Option<WorkloadId>,
    delegation: Option<Delegation>,
    proved: &'static str,
    events: Vec<Event>,
}

impl Answer {
    fn new(caller: &Caller, grant: &Grant, events: Vec<Event>) -> Json<Self> {
        Json(Self {
            subject: grant.subject().clone(),
            actor: grant.actors().map(|actors| actors.current().id.clone()),
            delegation: grant.delegation().cloned(),
            proved: match caller.proved {
                Proved::Dpop(_) => "dpop",
                Proved::Certificate(_) => "certificate",
                Proved::Wpt(_) => "wpt",
                Proved::Signature(_) => "signature",
                _ => "otherwise",
            },
            events,
        })
    }
}

async fn list(State(events): State<Events>, Extension(caller): Extension<Caller>) -> Result<Json<Answer>, Response> {
    let grant = caller.require(&scope("calendar.read"))?;
    let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
    let events = events.entry(grant.subject().clone()).or_insert_with(first_events).clone();
    Ok(Answer::new(&caller, grant, events))
}

async fn add(
    State(events): State<Events>,
    Extension(caller): Extension<Caller>,
    Json(event): Json<Event>,
) -> Result<(StatusCode, Json<Answer>), Response> {
    let grant = caller.require(&scope("calendar.write"))?;
    let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
    events.entry(grant.subject().clone()).or_insert_with(first_events).push(event.clone());
    Ok((StatusCode::CREATED, Answer::new(&caller, grant, vec![event])))
}

fn scope(name: &str) -> procura_guard::Scope {
    name.parse().expect("the names above are scope-tokens")
}

fn first_events() -> Vec<Event> {
    [("Stand-up", "2026-11-23T09:00:00Z"), ("Lunch with Bob", "2026-11-23T12:30:00Z")]
        .map(|(title, start)| Event { title: title.to_owned(), start: start.to_owned() })
        .to_vec()
}

fn guard(settings: &Settings) -> anyhow::Result<Guard> {
    let resource = settings.resource.as_str();
    let origin: String = resource.split_inclusive('/').take(3).collect();
    let mut builder = Guard::builder(settings.issuer.clone(), settings.resource.clone()).public_url(&origin);
    if let Some(file) = &settings.issuer_jwks {
        builder = builder.keys(Keys::fixed(&key_set(file)?));
    }
    if settings.nonces {
        builder = builder.nonces(random_bytes());
    }
    if let (Some(name), Some(bundle)) = (&settings.trust_domain, &settings.bundle) {
        let bundle = match bundle.contains("://") {
            true => Bundle::at(bundle)?,
            false => Bundle::fixed(&key_set(Path::new(bundle))?),
        };
        builder = builder
            .trust_domain(name, bundle)
            .workload_proof_tokens()
            .message_signatures()
            .delegation_header(settings.delegation_header.clone());
    }
    Ok(with_signed_responses(builder, settings)?.build()?)
}

fn key_set(file: &Path) -> anyhow::Result<JwkSet> {
    let text = std::fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    JwkSet::parse(&text).with_context(|| format!("no JWK Set in `{}`", file.display()))
}

/// WITs are short-lived: whoever renews it writes the file anew. Files of this size are read in no time.
fn with_signed_responses(builder: GuardBuilder, settings: &Settings) -> anyhow::Result<GuardBuilder> {
    let (Some(wit), Some(key)) = (settings.wit.clone(), settings.key.clone()) else { return Ok(builder) };
    let identity = move || -> anyhow::Result<Identity> {
        let wit = std::fs::read_to_string(&wit).with_context(|| format!("cannot read `{}`", wit.display()))?;
        let key = std::fs::read(&key).with_context(|| format!("cannot read `{}`", key.display()))?;
        Ok(Identity::new(wit.trim(), SigningKey::from_jwk(&key)?)?)
    };
    identity()?;
    Ok(builder.sign_responses(move || identity().map(Arc::new).map_err(|error| eprintln!("calendar: {error:#}")).ok()))
}

async fn run(settings: Settings) -> anyhow::Result<()> {
    let router = Router::new()
        .route("/calendar", get(list).post(add))
        .layer(GuardLayer::new(guard(&settings)?))
        .with_state(Events::default());
    let listen = settings.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let mut terminate = signal(SignalKind::terminate())?;
    println!("ready http://{}/calendar", listener.local_addr()?);
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    axum::serve(listener, router).with_graceful_shutdown(stop).await?;
    Ok(())
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    match run(Settings::parse()).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("calendar: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
