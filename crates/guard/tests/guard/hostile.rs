//! Whatever is in the headers: never a panic, never an answer without a reason.

use http::{HeaderName, HeaderValue, Request};
use procura_guard::{Guard, PeerCertificate};
use proptest::prelude::*;

use crate::world::{DELEGATION, NOW, Proof, Signature, World, Wpt, parts, wpt_request};

const NAMES: [&str; 11] = [
    "authorization",
    "dpop",
    "workload-identity-token",
    "workload-proof-token",
    "txn-token",
    "signature",
    "signature-input",
    "content-digest",
    "content-type",
    DELEGATION,
    "proxy-authorization",
];

fn everything(world: &World) -> Guard {
    world.workloads().certificate_bound_tokens().legacy_workload_proof_header().nonces([1; 32]).build().unwrap()
}

/// Pieces of good credentials, to be put together in bad ways.
fn pieces(world: &World) -> Vec<String> {
    let (wit, token) = (world.wit(), world.token());
    let wpt = Wpt::of(&wit).sign(&world.agent_key);
    let request = parts(wpt_request(&wit, &wpt));
    let signed = Signature::new().sign(request, b"", &world.agent_key);
    let mut pieces: Vec<_> =
        ["signature", "signature-input"].map(|name| signed.headers[name].to_str().unwrap().to_owned()).into();
    for text in [Proof::for_token(&token).sign(&world.agent_key), wit, token, wpt] {
        pieces.extend(["DPoP ", "Bearer ", "WPT ", "", "wpt  "].map(|scheme| format!("{scheme}{text}")));
        pieces.push(text.replace('.', ","));
        pieces.push(text.get(..40).unwrap().to_owned());
    }
    pieces.extend(
        ["", " ", "\t", "=", "wimse=()", "wimse=:AA==:", "sha-256=:AA==:", "x;tag=\"wimse-workload-to-workload\""]
            .map(Into::into),
    );
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_headers_make_the_guard_panic_or_forget_to_answer(
        fields in prop::collection::vec((0..NAMES.len(), any::<prop::sample::Index>(), prop::option::of(prop::collection::vec(any::<u8>(), 0..40))), 0..9),
        path in "(/|\\*|)[a-z%./?=&_]{0,20}",
        has_certificate: bool,
    ) {
        thread_local! {
            static PREPARED: (World, Guard, Vec<String>) = {
                let world = World::new();
                let (guard, pieces) = (everything(&world), pieces(&world));
                (world, guard, pieces)
            };
        }
        let response = PREPARED.with(|(_, guard, pieces)| {
            let mut request = Request::new(());
            if let Ok(uri) = path.parse() {
                *request.uri_mut() = uri;
            }
            if has_certificate {
                request.extensions_mut().insert(PeerCertificate::new(b"der"));
            }
            for (name, piece, noise) in &fields {
                let value = noise.clone().unwrap_or_else(|| piece.get(pieces).clone().into_bytes());
                if let Ok(value) = HeaderValue::from_bytes(&value) {
                    request.headers_mut().append(HeaderName::from_static(NAMES[*name]), value);
                }
            }
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(guard.verify(&request.into_parts().0, NOW)).map_err(|refusal| Box::new(refusal.to_response::<String>()))
        });
        if let Err(response) = response {
            let status = response.status().as_u16();
            prop_assert!(matches!(status, 400 | 401 | 501), "{}", status);
            // RFC 9110 section 15.5.2.
            prop_assert!(status != 401 || response.headers().contains_key("www-authenticate"));
            let problem: serde_json::Value = serde_json::from_str(response.body()).unwrap();
            prop_assert!(problem["type"].as_str().unwrap().starts_with("urn:procura:problem:"));
            prop_assert!(!response.body().contains("eyJ"));
        }
    }
}
