//! One listener of a service, and a client that knocks there.

use super::{Agent, Answer, Form};

pub(crate) struct Door {
    http: reqwest::Client,
    base: String,
}

impl Door {
    pub(crate) fn new(http: reqwest::Client, base: &str) -> Self {
        Self { http, base: base.to_owned() }
    }

    /// Such as `http://127.0.0.1:4711/path`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request("GET", path)).await
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method.parse().unwrap(), self.url(path))
    }

    /// One presentation of `proof` with `form`.
    pub(crate) async fn post(&self, proof: &str, form: &Form) -> Answer {
        Answer::of(self.presentation(proof, form)).await
    }

    pub(crate) fn presentation(&self, proof: &str, form: &Form) -> reqwest::RequestBuilder {
        let request = self.request("POST", "/token").header("DPoP", proof);
        request.header("content-type", "application/x-www-form-urlencoded").body(form.encode())
    }

    /// One presentation of `form` without a proof.
    pub(crate) async fn post_bare(&self, form: &Form) -> Answer {
        let request = self.request("POST", "/token").header("content-type", "application/x-www-form-urlencoded");
        Answer::of(request.body(form.encode())).await
    }

    /// The nonce of the moment: learnt as everyone does, by a request without one.
    pub(crate) async fn nonce(&self, agent: &Agent, form: &Form) -> String {
        let answer = self.post(&agent.proof(None), form).await;
        answer.header("dpop-nonce").unwrap_or_else(|| panic!("no nonce: {answer:?}")).to_owned()
    }

    /// Sends `form` with a new proof that has this nonce.
    pub(crate) async fn exchange_with(&self, agent: &Agent, form: &Form, nonce: &str) -> Answer {
        self.post(&agent.proof(Some(nonce)), form).await
    }

    /// Sends `form` with a proof, and, asked for a nonce, once more.
    pub(crate) async fn exchange(&self, agent: &Agent, form: &Form) -> Answer {
        let first = self.post(&agent.proof(None), form).await;
        if first.text.contains("use_dpop_nonce") {
            return self.post(&agent.proof(first.header("dpop-nonce")), form).await;
        }
        first
    }
}
