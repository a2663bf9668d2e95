//! A service that cannot start says why, where, and what to do, in one line.

use crate::redis::RedisServer;
use crate::support::{World, procura, run};

#[test]
fn wrong_flags_end_with_2() {
    for arguments in [&["serve", "--confg", "x"][..], &["no-such-command"], &["serve"], &["keys", "generate"], &[]] {
        let ended = run(&mut procura(arguments));
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(ended.stderr.contains("Usage"), "{ended:?}");
    }
    let told = run(&mut procura(&["dev", "--listen", "0.0.0.0:0", "--dir", "/nonexistent"]));
    told.says(2, &["--listen", "loopback"]);
}

#[test]
fn a_configuration_that_is_wrong_is_told_by_file_line_and_nearest_key() {
    let world = World::new();
    let line = |world: &World, text: &str| {
        let config = std::fs::read_to_string(world.config()).unwrap();
        format!("line {}", 1 + config.lines().position(|line| line.contains(text)).unwrap())
    };
    world.edit("bundle_file", "bundel_file");
    world.serve_in_vain().says(2, &["config.toml", &line(&world, "bundel_file"), "bundel_file", "did you mean `bundle_file`?"]);
    world.edit("bundel_file", "bundle_file");
    world.edit("kind = \"memory\"", "kind = \"memroy\"");
    world.serve_in_vain().says(2, &["config.toml", &line(&world, "memroy"), "did you mean `memory`?"]);
    world.edit("kind = \"memroy\"", "kind = \"memory\"");
    world.edit("issuer = ", "issuer == ");
    world.serve_in_vain().says(2, &["config.toml", "line 2"]);
    world.edit("issuer == ", "issuer = ");
    world.edit("\"127.0.0.1:0\"", "\"0.0.0.0:0\"");
    world.serve_in_vain().says(2, &["config.toml", "`server.listen`", "set server.tls"]);
    std::fs::remove_file(world.config()).unwrap();
    world.serve_in_vain().says(2, &["config.toml", "cannot be read", "name a file that exists"]);
}

#[test]
fn a_log_level_that_does_not_exist_is_told() {
    let world = World::new();
    world.edit("[server]", "[log]\nlevel = \"loud\"\n\n[server]");
    world.serve_in_vain().says(2, &["unknown variant `loud`", "line ", "`info`"]);
}

#[test]
fn a_key_file_that_cannot_be_used_is_told() {
    let world = World::new();
    std::fs::write(world.path("keys/token.jwk"), "{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}").unwrap();
    let ended = world.serve_in_vain();
    ended.says(1, &["keys/token.jwk", "`procura keys generate`"]);
    assert!(!ended.stderr.contains("c2VjcmV0"));
    std::fs::remove_file(world.path("keys/token.jwk")).unwrap();
    world.serve_in_vain().says(1, &["keys/token.jwk", "cannot be read", "`procura keys generate`"]);
}

#[test]
fn keys_of_an_authority_that_cannot_be_read_are_told() {
    let world = World::new();
    std::fs::write(world.path("trust/users.jwks.json"), "{").unwrap();
    world.serve_in_vain().says(1, &["trust/users.jwks.json", "https://users.dev.procura.test", "not a JWK Set"]);
    std::fs::remove_file(world.path("trust/bundle.json")).unwrap();
    world.serve_in_vain().says(1, &["trust/bundle.json", "dev.procura.test", "cannot be read"]);
}

#[test]
fn policies_that_cannot_be_used_are_told_by_file_and_line() {
    let world = World::new();
    std::fs::write(world.path("policies/mine.cedar"), "// mine\n\npermit (principal, action resource);\n").unwrap();
    world.serve_in_vain().says(1, &["`mine.cedar` line 3"]);
    std::fs::write(world.path("policies/mine.cedar"), "permit (principal, action == Action::\"fly\", resource);\n").unwrap();
    world.serve_in_vain().says(1, &["mine.cedar", "fly"]);
    std::fs::remove_dir_all(world.path("policies")).unwrap();
    world.serve_in_vain().says(1, &["policies", "create it, or correct its path"]);
}

#[test]
fn a_port_in_use_is_told() {
    let (world, other) = (World::new(), World::new());
    let service = other.serve();
    let address = service.url("").replace("http://", "");
    world.edit("127.0.0.1:0", &address);
    world.serve_in_vain().says(1, &[&address, "in use", "choose another port"]);
}

#[test]
fn an_audit_log_that_another_process_writes_is_told() {
    let world = World::new();
    let _service = world.serve();
    world.serve_in_vain().says(1, &["audit/events.jsonl", "another process writes it"]);
    std::fs::remove_dir_all(world.path("audit")).unwrap();
    world.serve_in_vain().says(1, &["audit/events.jsonl", "cannot be opened"]);
}

#[test]
fn a_redis_that_cannot_be_reached_or_used_is_told() {
    let world = World::new();
    let mut redis = RedisServer::start(&["--maxmemory", "10mb", "--maxmemory-policy", "allkeys-lru"]);
    world.use_redis(&redis.url(), "2s");
    world.serve_in_vain().says(1, &["store", "maxmemory-policy", "noeviction"]);
    redis.kill();
    let address = redis.url().replace("redis://", "");
    world.serve_in_vain().says(1, &["store", &address, "start Redis there, or correct `store.url`"]);
}
