//! What a job is called.

use super::answered;
use crate::cases::Case;
use crate::jose::Draft;
use crate::world::{Platform, World};
use anyhow::{Result, ensure};
use std::collections::HashMap;
use std::sync::Arc;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "platform.first-rule",
            "the first rule that fits gives the identifier",
            &["PRAC-08", "WID-07"],
            |w| async move {
                let caller = named(&w, |token| token.claim("environment", "production")).await?;
                ensure!(caller == Platform::release_id("2002"), "the caller is {caller}");
                let caller = named(&w, |token| token.claim("environment", "production2")).await?;
                ensure!(caller == Platform::id("2002"), "the caller is {caller}");
                Ok(())
            },
        ),
        Case::new(
            "platform.recycled-name",
            "a repository that took the name of another is another workload",
            &["WID-10", "WID-12", "PRAC-06", "F13", "W10"],
            |w| async move {
                let (old, new) = (named(&w, |_| ()).await?, named(&w, |token| token.claim("repository_id", "2003")).await?);
                ensure!(old != new, "both are {old}");
                Ok(())
            },
        ),
        Case::new(
            "platform.strange-names",
            "whatever an attribute is, it is one segment of its own, or nothing",
            &["WIT-01", "WID-01", "WID-05", "SID-04", "SID-06", "F13", "W1", "W5", "W6", "W8"],
            strange,
        ),
    ]
}

async fn named(world: &World, change: impl FnOnce(&mut Draft)) -> Result<String> {
    world.platform_caller(&answered(world, change).await?).await
}

/// Names that try to be several segments, another's, none, or one that a consumer would decode into another.
async fn strange(world: Arc<World>) -> Result<()> {
    let long = "9".repeat(2100);
    let names = [
        "5",
        "5/6",
        "5_2f6",
        "5%2f6",
        "5%2F6",
        ".",
        "..",
        "_2e_2e",
        "%2e%2e",
        "../../release/1001",
        "../2002",
        "2002/",
        "/2002",
        "a b",
        "A",
        "a",
        "\u{430}",
        "_d0_b0",
        "2002\u{0}",
        "2002?x=1",
        "2002#x",
        "2002\n",
        "\u{202e}2002",
        "*",
        "_",
        "__",
        "_5f",
        "{environment}",
        &long,
    ];
    let mut seen = HashMap::new();
    for name in names {
        let answer = answered(&world, |token| token.claim("repository_id", name)).await?;
        if answer.status != 200 {
            answer.unauthenticated()?;
            continue;
        }
        let caller = world.platform_caller(&answer).await?;
        let below = caller.strip_prefix(&Platform::id(""));
        let fits = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        let whole = below.is_some_and(|name| !["", ".", ".."].contains(&name) && name.chars().all(fits));
        ensure!(whole && caller.len() <= 2048, "`{}` became {caller}", name.escape_debug());
        if let Some(other) = seen.insert(caller.clone(), name) {
            anyhow::bail!("`{}` and `{}` are both {caller}", name.escape_debug(), other.escape_debug());
        }
    }
    ensure!(seen.contains_key(&Platform::id("5")), "not even a good name was accepted");
    Ok(())
}
