use super::{Answer, World};
use anyhow::Result;

/// A request as it goes over the wire, so that a case can sign it, and then change it.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) url: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Wire {
    /// Adds a header field, even a second time.
    pub(crate) fn add(&mut self, name: &str, value: &str) {
        self.fields.push((name.to_owned(), value.to_owned()));
    }

    /// Sets a header field, once.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.add(name, value);
    }

    /// Takes a header field away.
    pub(crate) fn remove(&mut self, name: &str) {
        self.fields.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// The value of a field as a signature covers it: all of that name, in order.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let named = self.fields.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let values: Vec<&str> = named.map(|(_, value)| value.trim()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// Path and query.
    pub(crate) fn target(&self) -> &str {
        let rest = self.url.split_once("://").map_or(&*self.url, |(_, rest)| rest);
        rest.find('/').map_or("/", |at| &rest[at..])
    }

    /// POSTs it.
    pub(crate) async fn send(&self, world: &World) -> Result<Answer> {
        self.send_over(&world.http, world).await
    }

    /// POSTs it over a connection of another kind.
    pub(crate) async fn send_over(&self, http: &reqwest::Client, world: &World) -> Result<Answer> {
        let mut request = http.post(&self.url).body(self.body.clone());
        for (name, value) in &self.fields {
            request = request.header(name, value);
        }
        let answer = Answer::of(request).await?;
        world.learn(&answer);
        Ok(answer)
    }
}
