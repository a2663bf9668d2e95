//! Whether a Redis keeps what it is given, by its own account.

/// A line of the answer to `INFO`.
///
/// # Errors
/// What to do when there is none.
pub(super) fn field<'a>(info: &'a str, name: &str) -> Result<&'a str, String> {
    let of_name = |line: &'a str| line.strip_prefix(name)?.strip_prefix(':').map(str::trim);
    info.lines().find_map(of_name).ok_or_else(|| format!("its INFO has no `{name}`: allow this user the INFO command"))
}

/// Reads the answer to `INFO` of a cluster's node, or of another server. An error says the remedy.
pub(super) fn verify(info: &str, cluster: bool) -> Result<(), String> {
    let field = |name| field(info, name);
    let version = field("redis_version")?;
    let major: Option<u32> = version.split('.').next().and_then(|major| major.parse().ok());
    if major.is_none_or(|major| major < 7) {
        return Err(format!("it is version `{version}`: use 7.0 or later, which has SET with NX and GET"));
    }
    let mode = field("redis_mode")?;
    match (mode, cluster) {
        ("standalone", false) | ("cluster", true) => {}
        ("cluster", false) => return Err("it is a node of a cluster: set `cluster = true` and `urls`".into()),
        ("sentinel", _) => return Err("it is a Sentinel: set `sentinel` to the master's name and `urls` to the Sentinels".into()),
        (_, true) => return Err(format!("it runs in `{mode}` mode: leave out `cluster`")),
        (_, false) => return Err(format!("it runs in `{mode}` mode: give the address of a primary")),
    }
    if field("role")? != "master" {
        return Err("it is a replica: give the address of the primary".into());
    }
    let policy = field("maxmemory_policy")?;
    if field("maxmemory")? != "0" && policy != "noeviction" {
        return Err(format!("its maxmemory-policy `{policy}` forgets used proofs: set it to `noeviction`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::verify;

    const FIT: &str = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n# Memory\r\nmaxmemory:0\r\n\
                       maxmemory_human:0B\r\nmaxmemory_policy:allkeys-lru\r\n# Replication\r\nrole:master\r\n";

    #[test]
    fn a_redis_that_forgets_or_cannot_write_is_refused_with_the_remedy() {
        assert_eq!(verify(FIT, false), Ok(()));
        assert_eq!(verify(&FIT.replace("maxmemory:0", "maxmemory:1000").replace("allkeys-lru", "noeviction"), false), Ok(()));
        for (fit, unfit, remedy) in [
            ("7.0.15", "6.2.14", "7.0 or later"),
            ("7.0.15", "unknown", "7.0 or later"),
            ("maxmemory:0", "maxmemory:1000", "noeviction"),
            ("role:master", "role:slave", "primary"),
            ("standalone", "cluster", "cluster = true"),
            ("standalone", "sentinel", "`sentinel`"),
            ("maxmemory_policy:", "x:", "INFO"),
        ] {
            let told = verify(&FIT.replace(fit, unfit), false).unwrap_err();
            assert!(told.contains(remedy), "{told}");
        }
        assert_eq!(verify(&FIT.replace("standalone", "cluster"), true), Ok(()));
        assert!(verify(FIT, true).is_err());
    }
}
