//! The floor: the cryptography of one exchange and nothing else, on as many threads as there are cores, as under load.

use std::hint::black_box;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, ParsedPublicKey,
};
use procura_token::{
    AccessToken, Actor, ActorChain, Algorithm, Authentication, Delegation, DpopProof, DpopRules, Freshness, Htu, NewDpopProof,
    Signer as _, SigningKey, TokenId, Unverified, random_bytes,
};

use crate::client::now;

/// Of each measurement.
const ROUNDS: u32 = 400;

/// Microseconds of processor time.
pub(crate) struct Floor {
    /// One ES256 signature verified, one made.
    pub(crate) raw: f64,
    /// One ES256 signature made.
    pub(crate) sign: f64,
    /// A DPoP proof parsed and verified, and an access token signed, by `procura-token`.
    pub(crate) token: f64,
}

impl Floor {
    /// The mean of `floors`.
    pub(crate) fn mean(floors: &[Self]) -> Self {
        let mean = |of: fn(&Self) -> f64| floors.iter().map(of).sum::<f64>() / floors.len() as f64;
        Self { raw: mean(|floor| floor.raw), sign: mean(|floor| floor.sign), token: mean(|floor| floor.token) }
    }
}

/// The mean of all threads.
pub(crate) fn measure() -> Floor {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let floors: Vec<Floor> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(|| Floor { raw: raw(), sign: sign(), token: token() })).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    Floor::mean(&floors)
}

fn raw() -> f64 {
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let (proof, token) = ([7; 420], [7; 780]);
    let signature = pair.sign(&random, &proof).unwrap();
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref()).unwrap();
    each(|| {
        key.verify_sig(black_box(&proof), signature.as_ref()).unwrap();
        black_box(pair.sign(&random, black_box(&token)).unwrap());
    })
}

fn sign() -> f64 {
    let (random, pair) = (SystemRandom::new(), EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());
    each(|| {
        black_box(pair.sign(&random, black_box(&[7; 780])).unwrap());
    })
}

fn token() -> f64 {
    let (now, signer) = (now(), SigningKey::generate(Algorithm::Es256).unwrap());
    let uris = ["https://sts.example/token".parse::<Htu>().unwrap()];
    let id = || TokenId::from_random(random_bytes());
    let proof = NewDpopProof { jti: id(), htm: "POST", htu: &uris[0], iat: now, ath: None, nonce: Some("nonce") };
    let proof = proof.sign(&signer).unwrap();
    let freshness = Freshness::default();
    let rules = DpopRules { method: "POST", uris: &uris, access_token: None, algorithms: &[Algorithm::Es256], freshness };
    let agent = "spiffe://prod.example/agent/planner".parse::<procura_token::WorkloadId>().unwrap();
    let token = AccessToken {
        iss: "https://sts.example".parse().unwrap(),
        sub: "corp:alice".parse().unwrap(),
        aud: "https://api.example/calendar".parse().unwrap(),
        client_id: agent.clone(),
        iat: now,
        exp: now + Duration::from_secs(1800),
        jti: id(),
        scope: "calendar.read calendar.write".parse().unwrap(),
        authorization_details: None,
        act: Some(ActorChain::new(Actor { id: agent, profile: None })),
        cnf: signer.public_key().thumbprint().into(),
        delegation: Some(Delegation { id: id(), until: now, parent: None }),
        authentication: Authentication::default(),
        groups: Some(Vec::new()),
    };
    each(|| {
        Unverified::<DpopProof>::parse(black_box(&proof)).unwrap().verify(&rules, now).unwrap();
        black_box(black_box(&token).issue(&signer).unwrap());
    })
}

/// Microseconds of this thread's processor time for one `work`.
fn each(mut work: impl FnMut()) -> f64 {
    for _ in 0..ROUNDS / 10 {
        work();
    }
    let before = thread_cpu();
    for _ in 0..ROUNDS {
        work();
    }
    (thread_cpu() - before).as_secs_f64() * 1e6 / f64::from(ROUNDS)
}

fn thread_cpu() -> Duration {
    // Until a thread is put aside, what it has used is some milliseconds old.
    std::thread::yield_now();
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}
