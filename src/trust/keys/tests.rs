use std::sync::Mutex as StdMutex;

use procura_token::{Algorithm, Issuer, Signer as _, SigningKey};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::server::TlsStream;

use super::*;
use crate::trust::fetch::PrivateAddresses;
use crate::trust::fetch::tests::server::Server;

const NOW: u64 = 1_800_000_000;
const DAY: u64 = 24 * 3600;

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(seconds)
}

/// What an issuer's `jwks_uri` answers.
struct Answer {
    status: &'static str,
    fields: &'static str,
    body: String,
}

/// An issuer over TLS, whose keys a test may change at any time.
struct Publisher {
    server: Server,
    answer: Arc<StdMutex<Answer>>,
    /// How often its keys were asked for.
    asked: Arc<AtomicU64>,
    /// Each answer takes one of these.
    leave: Arc<Semaphore>,
    store: Arc<KeyStore>,
}

impl Publisher {
    async fn new(fields: &'static str) -> Self {
        let answer = Arc::new(StdMutex::new(Answer { status: "200 OK", fields, body: r#"{"keys":[]}"#.to_owned() }));
        let (asked, leave) = (Arc::new(AtomicU64::new(0)), Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)));
        let respond = {
            let (answer, asked, leave) = (Arc::clone(&answer), Arc::clone(&asked), Arc::clone(&leave));
            move |head: String, mut stream: TlsStream<TcpStream>| {
                let (answer, asked, leave) = (Arc::clone(&answer), Arc::clone(&asked), Arc::clone(&leave));
                async move {
                    let text = if head.starts_with("GET /keys ") {
                        asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        leave.acquire().await.unwrap().forget();
                        let answer = answer.lock().unwrap();
                        respond(answer.status, answer.fields, &answer.body)
                    } else {
                        let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
                        let url = format!("https://{host}");
                        respond("200 OK", "", &format!(r#"{{"issuer":"{url}","jwks_uri":"{url}/keys"}}"#))
                    };
                    let _ = stream.write_all(text.as_bytes()).await;
                    let _ = stream.shutdown().await;
                }
            }
        };
        let server = Server::start("127.0.0.1", "localhost", respond).await;
        let issuer: Issuer = server.url("").parse().unwrap();
        let private: PrivateAddresses = ["127.0.0.0/8".parse().unwrap()].into_iter().collect();
        let source = KeySource::Discovery(Discovery::new(issuer, Some(&server.pem.path().to_owned()), &private).unwrap());
        let store = KeyStore::new("issuer".to_owned(), source, KeySet::default(), at(NOW)).open(at(NOW)).await.unwrap();
        Self { server, answer, asked, leave, store }
    }

    /// Publishes a new key, and gives its name.
    fn rotate(&self) -> String {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let jwk = serde_json::to_string(key.public_key()).unwrap();
        self.answer.lock().unwrap().body = format!(r#"{{"keys":[{jwk}]}}"#);
        key.public_key().key_id.clone().unwrap()
    }

    fn fail(&self) {
        self.answer.lock().unwrap().status = "500 Internal Server Error";
    }

    fn asked(&self) -> u64 {
        self.asked.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// Whether a key of that name is known at `now`.
    async fn knows(&self, kid: &str, now: u64) -> Result<bool, TrustError> {
        Ok(self.store.keys(Some(kid), at(now)).await?.set.knows(Some(kid)))
    }
}

fn respond(status: &str, fields: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{fields}Connection: close\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn keys_are_fetched_when_needed_and_again_after_ten_minutes() {
    let issuer = Publisher::new("").await;
    assert_eq!(issuer.asked(), 0);
    let kid = issuer.rotate();
    for (now, asked) in [(NOW, 1), (NOW + 599, 1), (NOW + 600, 2), (NOW + 1199, 2), (NOW + 1200, 3)] {
        assert!(issuer.knows(&kid, now).await.unwrap());
        assert_eq!(issuer.asked(), asked, "{}", now - NOW);
    }
}

/// A shorter `max-age` counts, but not below ten seconds; a longer one does not.
#[tokio::test]
async fn an_issuer_may_have_its_keys_fetched_sooner() {
    for (fields, fresh_for) in [
        ("Cache-Control: max-age=90\r\n", 90),
        ("Cache-Control: no-cache\r\n", 10),
        ("Cache-Control: max-age=1\r\n", 10),
        ("Cache-Control: max-age=86400\r\n", 600),
    ] {
        let issuer = Publisher::new(fields).await;
        let kid = issuer.rotate();
        for (now, asked) in [(NOW, 1), (NOW + fresh_for - 1, 1), (NOW + fresh_for, 2)] {
            assert!(issuer.knows(&kid, now).await.unwrap());
            assert_eq!(issuer.asked(), asked, "{fields}");
        }
    }
}

/// F33: a flood of random `kid`s.
#[tokio::test]
async fn unknown_keys_make_one_fetch_in_ten_seconds() {
    let issuer = Publisher::new("").await;
    let old = issuer.rotate();
    assert!(issuer.knows(&old, NOW).await.unwrap());
    let new = issuer.rotate();
    for n in 0..1000 {
        assert!(!issuer.knows(&format!("kid-{n}"), NOW + n / 101).await.unwrap());
    }
    assert!(!issuer.knows(&new, NOW + 9).await.unwrap());
    assert_eq!(issuer.asked(), 1);
    assert!(issuer.knows(&new, NOW + 10).await.unwrap(), "nobody remembers that it was unknown");
    assert!(!issuer.knows(&old, NOW + 10).await.unwrap());
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn who_comes_while_keys_are_fetched_waits_for_the_same_fetch() {
    let issuer = Arc::new(Publisher::new("").await);
    let kid: Arc<str> = issuer.rotate().into();
    let readers: Vec<_> = (0..100)
        .map(|_| {
            let (issuer, kid) = (Arc::clone(&issuer), Arc::clone(&kid));
            tokio::spawn(async move { issuer.knows(&kid, NOW).await.unwrap() })
        })
        .collect();
    for reader in readers {
        assert!(reader.await.unwrap());
    }
    assert_eq!(issuer.asked(), 1);
}

/// A client that goes away neither ends the attempt nor has another made.
#[tokio::test]
async fn an_attempt_survives_whoever_asked_for_it() {
    let issuer = Publisher::new("").await;
    issuer.leave.forget_permits(Semaphore::MAX_PERMITS);
    let kid = issuer.rotate();
    for _ in 0..5 {
        let waits = issuer.knows(&kid, NOW);
        tokio::pin!(waits);
        // Gone once the question is on its way, or another's was.
        let gone = async {
            while issuer.asked() == 0 {
                tokio::task::yield_now().await
            }
        };
        tokio::select! { biased; _ = &mut waits => panic!("nobody answered"), () = gone => {} }
    }
    issuer.leave.add_permits(1);
    assert!(issuer.knows(&kid, NOW + 5).await.unwrap());
    assert_eq!(issuer.asked(), 1);
}

/// Stale while error, and not for ever.
#[tokio::test]
async fn the_last_keys_serve_for_a_day_while_there_are_no_others() {
    let issuer = Publisher::new("").await;
    let kid = issuer.rotate();
    assert!(issuer.knows(&kid, NOW).await.unwrap());
    issuer.fail();
    for now in [NOW + 600, NOW + 605, NOW + DAY - 1] {
        assert!(issuer.knows(&kid, now).await.unwrap());
    }
    assert_eq!(issuer.asked(), 3);
    // Neither right after an attempt that failed.
    for now in [NOW + DAY, NOW + DAY + 1, NOW + DAY + 9, NOW + DAY + 10] {
        assert!(matches!(issuer.knows(&kid, now).await, Err(TrustError::Keys { .. })), "{}", now - NOW);
    }
    issuer.answer.lock().unwrap().status = "200 OK";
    assert!(issuer.knows(&kid, NOW + DAY + 20).await.unwrap());
}

#[tokio::test]
async fn a_new_answer_that_cannot_be_used_leaves_the_last_keys() {
    let issuer = Publisher::new("").await;
    let kid = issuer.rotate();
    assert!(issuer.knows(&kid, NOW).await.unwrap());
    // F33: a key set of ten thousand.
    let many = format!(r#"{{"keys":[{}]}}"#, vec!["{}"; 10_000].join(","));
    for (n, body) in [many.as_str(), "", "[]", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#].into_iter().enumerate() {
        issuer.answer.lock().unwrap().body = body.to_owned();
        assert!(issuer.knows(&kid, NOW + 600 + 10 * n as u64).await.unwrap(), "{n}");
    }
    assert_eq!(issuer.asked(), 6);
}

/// F35: leaps of the clock.
#[tokio::test]
async fn a_clock_that_was_set_back_makes_nothing_fresh() {
    let issuer = Publisher::new("").await;
    let old = issuer.rotate();
    assert!(issuer.knows(&old, NOW + DAY).await.unwrap());
    let new = issuer.rotate();
    assert!(issuer.knows(&new, NOW).await.unwrap());
    assert!(!issuer.knows(&old, NOW).await.unwrap());
    assert!(issuer.server.connections() >= 4);
}
