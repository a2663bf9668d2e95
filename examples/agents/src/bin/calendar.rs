//! A calendar that knows who is calling, for whom: a resource server behind `procura-guard`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Json, Router};
use clap::Parser;
use procura_guard::{Caller, Delegation, Guard, GuardLayer, Issuer, JwkSet, Keys, Resource, Subject, WorkloadId, random_bytes};
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
    /// Ask for a nonce in every proof
    #[arg(long)]
    nonces: bool,
}

#[derive(Clone, Serialize, Deserialize)]
struct Event {
    title: String,
    start: String,
}

/// Every user's events.
type Events = Arc<Mutex<HashMap<Subject, Vec<Event>>>>;

/// What the calendar answers: who asked for whom, and the events.
#[derive(Serialize)]
struct Answer {
    subject: Subject,
    actor: Option<WorkloadId>,
    delegation: Option<Delegation>,
    events: Vec<Event>,
}

impl Answer {
    fn new(caller: Caller, events: Vec<Event>) -> Json<Self> {
        let actor = caller.actors.map(|actors| actors.current().id.clone());
        Json(Self { subject: caller.subject, actor, delegation: caller.delegation, events })
    }
}

async fn list(State(events): State<Events>, Extension(caller): Extension<Caller>) -> Result<Json<Answer>, Response> {
    caller.require(&scope("calendar.read"))?;
    let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
    let events = events.entry(caller.subject.clone()).or_insert_with(first_events).clone();
    Ok(Answer::new(caller, events))
}

async fn add(
    State(events): State<Events>,
    Extension(caller): Extension<Caller>,
    Json(event): Json<Event>,
) -> Result<(StatusCode, Json<Answer>), Response> {
    caller.require(&scope("calendar.write"))?;
    let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
    events.entry(caller.subject.clone()).or_insert_with(first_events).push(event.clone());
    Ok((StatusCode::CREATED, Answer::new(caller, vec![event])))
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
        let text = std::fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?;
        let set = JwkSet::parse(&text).with_context(|| format!("no JWK Set in `{}`", file.display()))?;
        builder = builder.keys(Keys::fixed(&set));
    }
    if settings.nonces {
        builder = builder.nonces(random_bytes());
    }
    Ok(builder.build()?)
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
