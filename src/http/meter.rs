//! What is counted. Each handle is looked up once, so that counting costs an atomic addition.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Unit};

use crate::exchange::{ExchangeError, Issued};

/// What a label says where there is nothing to say.
const NONE: &str = "none";

/// The codes of refusals; one that is not here is looked up each time.
const CODES: [&str; 11] = [
    "invalid_authorization_details",
    "invalid_client",
    "invalid_dpop_proof",
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_grant_type",
    "use_dpop_nonce",
];

/// Exchanges: how they ended and how long they took.
pub(super) struct ExchangeMeter {
    granted: Counter,
    refused: [(&'static str, Counter); CODES.len()],
    seconds: Histogram,
}

impl ExchangeMeter {
    pub(super) fn new() -> Self {
        metrics::describe_counter!("procura_exchanges_total", "Token exchanges by outcome and OAuth error code");
        metrics::describe_histogram!(
            "procura_exchange_seconds",
            Unit::Seconds,
            "Time of a token exchange, its audit event included"
        );
        Self {
            granted: counter("granted", NONE),
            refused: CODES.map(|code| (code, counter("refused", code))),
            seconds: metrics::histogram!("procura_exchange_seconds"),
        }
    }

    pub(super) fn count(&self, outcome: &Result<Issued, ExchangeError>, took: Duration) {
        self.seconds.record(took);
        match outcome.as_ref().map_err(ExchangeError::code) {
            Ok(_) => self.granted.increment(1),
            Err(code) => match self.refused.iter().find(|(known, _)| *known == code) {
                Some((_, counter)) => counter.increment(1),
                None => counter("refused", code).increment(1),
            },
        }
    }
}

fn counter(outcome: &'static str, code: &'static str) -> Counter {
    metrics::counter!("procura_exchanges_total", "outcome" => outcome, "code" => code)
}

/// Requests that were not answered for lack of room or time.
pub(super) struct ShedMeter {
    pub(super) busy: Counter,
    pub(super) late: Counter,
}

impl ShedMeter {
    pub(super) fn new() -> Self {
        metrics::describe_counter!("procura_requests_shed_total", "Requests answered 503: too many at once, or too slow");
        let counter = |reason: &'static str| metrics::counter!("procura_requests_shed_total", "reason" => reason);
        Self { busy: counter("busy"), late: counter("late") }
    }
}

/// Connections of one listener.
#[derive(Clone)]
pub(super) struct ConnectionMeter {
    open: Gauge,
    pub(super) handshake_failures: Counter,
}

impl ConnectionMeter {
    pub(super) fn new(listener: &'static str) -> Self {
        metrics::describe_gauge!("procura_connections", "Open connections by listener, those still shaking hands included");
        metrics::describe_counter!("procura_tls_handshake_failures_total", "TLS handshakes that failed or took too long");
        Self {
            open: metrics::gauge!("procura_connections", "listener" => listener),
            handshake_failures: metrics::counter!("procura_tls_handshake_failures_total", "listener" => listener),
        }
    }

    /// Counts a connection for as long as what it returns lives.
    pub(super) fn connected(&self) -> Connected {
        self.open.increment(1);
        Connected(self.open.clone())
    }
}

/// One open connection.
pub(super) struct Connected(Gauge);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}
