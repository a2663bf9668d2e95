//! Decisions as the audit log has them.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;

use crate::config::Config;
use crate::policy::{RecordedDecision, RecordedRequest};

/// Which audit log.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Log {
    /// The audit log; else that of the configuration
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
}

/// What an event says of a decision; everything else in it is left alone.
#[derive(Deserialize)]
pub(super) struct Event {
    #[serde(rename = "event.id")]
    pub(super) id: String,
    #[serde(rename = "event.time")]
    pub(super) time: String,
    #[serde(rename = "policy.input")]
    input: Option<Value>,
    #[serde(rename = "policy.decision")]
    decision: Option<Value>,
}

impl Event {
    /// The request that was decided, if the event has it whole.
    pub(super) fn request(&self) -> Option<anyhow::Result<RecordedRequest<'static>>> {
        read(self.input.as_ref(), "policy.input")
    }

    /// What was decided of it.
    pub(super) fn decision(&self) -> Option<anyhow::Result<RecordedDecision>> {
        read(self.decision.as_ref(), "policy.decision")
    }
}

/// Text in place of a request says that it was too long to be written down.
fn read<T: serde::de::DeserializeOwned>(value: Option<&Value>, name: &str) -> Option<anyhow::Result<T>> {
    let value = value.filter(|value| !value.is_string())?;
    Some(T::deserialize(value).with_context(|| format!("`{name}`")))
}

impl Log {
    /// Shows every event to `look`, in order, until it says that it has seen enough.
    pub(super) fn each(&self, config: &Config, mut look: impl FnMut(Event) -> anyhow::Result<bool>) -> anyhow::Result<()> {
        let path = self.audit.as_ref().unwrap_or(&config.audit.path);
        let file = File::open(path).with_context(|| format!("{}: cannot be read", path.display()))?;
        for (line, number) in BufReader::new(file).lines().zip(1..) {
            let line = line.with_context(|| format!("{}: cannot be read", path.display()))?;
            // What is no decision, such as a checkpoint, is passed over.
            let place = || format!("{} line {number}", path.display());
            let value: Value = serde_json::from_str(&line).with_context(place)?;
            if value.get("event.id").is_none() {
                continue;
            }
            if !look(Event::deserialize(value).with_context(place)?).with_context(place)? {
                break;
            }
        }
        Ok(())
    }

    /// The event with this id.
    pub(super) fn find(&self, config: &Config, id: &str) -> anyhow::Result<Event> {
        let mut found = None;
        self.each(config, |event| {
            found = (event.id == id).then_some(event);
            Ok(found.is_none())
        })?;
        found.with_context(|| format!("the audit log has no event `{}`", id.escape_debug()))
    }
}
