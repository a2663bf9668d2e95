//! Signals to a service that runs.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::json;

use crate::support::{Agent, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_is_answered_before_the_service_ends() {
    for signal in ["-TERM", "-INT"] {
        let world = World::new();
        let (mut service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
        let form = planner.delegation(&world.user_token(json!({})));
        let proof = planner.proof(Some(&service.nonce(&planner, &form).await));
        let body = form.encode();
        let mut stream = TcpStream::connect(service.url("").trim_start_matches("http://")).unwrap();
        let head = format!(
            "POST /token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ndpop: {proof}\r\n\
             expect: 100-continue\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // The request is under way once the service asks for its body.
        let mut interim = [0; 25];
        stream.read_exact(&mut interim).unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        service.signal(signal);
        service.logged("stopping");
        stream.write_all(body.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("access_token"), "{answer}");
        assert_eq!(service.wait().code(), Some(0));
        assert_eq!(world.audit().last().unwrap()["outcome"], "granted");
    }
}

#[tokio::test]
async fn policies_are_loaded_again_and_broken_ones_change_nothing() {
    let world = World::new();
    let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
    let form = planner.delegation(&world.user_token(json!({})));
    let scope = async || service.exchange(&planner, &form).await.json()["scope"].clone();
    assert_eq!(scope().await, "calendar.read calendar.write");

    let mine = world.path("policies/mine.cedar");
    std::fs::write(&mine, "forbid (principal, action, resource) when { context.scope }").unwrap();
    service.signal("-HUP");
    assert!(service.logged("policies could not be loaded").contains("mine.cedar"));
    assert_eq!(scope().await, "calendar.read calendar.write");

    let forbid = "forbid (principal, action == Action::\"delegate\", resource) when { context.scope == \"calendar.write\" };";
    std::fs::write(&mine, forbid).unwrap();
    service.signal("-HUP");
    service.logged("policies loaded");
    assert_eq!(scope().await, "calendar.read");
}
