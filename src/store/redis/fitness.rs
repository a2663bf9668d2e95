//! Whether a Redis keeps what it is given, by its own account.

/// Reads the answer to `INFO`. An error says the remedy.
pub(super) fn verify(info: &str) -> Result<(), String> {
    let field = |name: &str| {
        let of_name = |line: &str| line.strip_prefix(name)?.strip_prefix(':').map(|value| value.trim().to_owned());
        info.lines().find_map(of_name).ok_or_else(|| format!("its INFO has no `{name}`: allow this user the INFO command"))
    };
    let version = field("redis_version")?;
    let major: Option<u32> = version.split('.').next().and_then(|major| major.parse().ok());
    if major.is_none_or(|major| major < 7) {
        return Err(format!("it is version `{version}`: use 7.0 or later, which has SET with NX and GET"));
    }
    let mode = field("redis_mode")?;
    if mode != "standalone" {
        return Err(format!("it runs in `{mode}` mode: give the address of a standalone primary"));
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
        assert_eq!(verify(FIT), Ok(()));
        assert_eq!(verify(&FIT.replace("maxmemory:0", "maxmemory:1000").replace("allkeys-lru", "noeviction")), Ok(()));
        for (fit, unfit, remedy) in [
            ("7.0.15", "6.2.14", "7.0 or later"),
            ("7.0.15", "unknown", "7.0 or later"),
            ("maxmemory:0", "maxmemory:1000", "noeviction"),
            ("role:master", "role:slave", "primary"),
            ("standalone", "cluster", "standalone"),
            ("maxmemory_policy:", "x:", "INFO"),
        ] {
            let told = verify(&FIT.replace(fit, unfit)).unwrap_err();
            assert!(told.contains(remedy), "{told}");
        }
    }
}
