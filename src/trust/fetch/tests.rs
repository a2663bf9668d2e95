pub(in crate::trust) mod server;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::io::AsyncWriteExt as _;

use self::server::Server;
use super::*;

fn this_machine() -> PrivateAddresses {
    ["127.0.0.0/8", "::1/128"].into_iter().map(|range| range.parse().unwrap()).collect()
}

fn fetcher(server: &Server) -> Fetcher {
    Fetcher::new(Some(server.pem.path()), &this_machine()).unwrap()
}

fn answer(fields: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{fields}Connection: close\r\n\r\n{body}", body.len())
}

async fn fault_of(server: &Server) -> String {
    fetcher(server).get(&server.url("/keys")).await.err().expect("it is refused").to_string()
}

#[tokio::test]
async fn a_document_is_fetched_with_how_long_it_is_fresh() {
    let server = Server::saying(answer("Cache-Control: public, max-age=90\r\n", "{}")).await;
    let fetched = fetcher(&server).get(&server.url("/keys")).await.unwrap();
    assert_eq!((fetched.body.as_slice(), fetched.max_age()), (b"{}".as_slice(), Some(Duration::from_secs(90))));
}

#[tokio::test]
async fn the_strictest_word_on_freshness_counts() {
    for (fields, age) in [
        ("", None),
        ("Cache-Control: max-age=60\r\nCache-Control: max-age=30\r\n", Some(30)),
        ("Cache-Control: MAX-AGE=\"60\", No-Store\r\n", Some(0)),
        ("Cache-Control: max-age=soon, max-age=-1, s-maxage=5\r\n", None),
    ] {
        let server = Server::saying(answer(fields, "{}")).await;
        let fetched = fetcher(&server).get(&server.url("/keys")).await.unwrap();
        assert_eq!(fetched.max_age().map(|age| age.as_secs()), age, "{fields}");
    }
}

/// F34: a redirect leads nowhere, not even to the same server.
#[tokio::test]
async fn a_redirect_is_no_document_and_is_not_followed() {
    let server =
        Server::saying("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}").await;
    assert!(fault_of(&server).await.ends_with("answered 302 Found"));
    assert_eq!(server.connections(), 1);
}

/// F34, F37: a body of 100 MB ends after 256 KiB, whether its length was announced or not.
#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    for head in ["HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"] {
        let sent = Arc::new(AtomicUsize::new(0));
        let answer = {
            let sent = Arc::clone(&sent);
            move |_: String, mut stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>| {
                let sent = Arc::clone(&sent);
                async move {
                    let _ = stream.write_all(head.as_bytes()).await;
                    let chunk = [b' '; 16 * 1024];
                    while sent.load(Ordering::SeqCst) < 100 << 20 && stream.write_all(&chunk).await.is_ok() {
                        sent.fetch_add(chunk.len(), Ordering::SeqCst);
                    }
                }
            }
        };
        let server = Server::start("127.0.0.1", "localhost", answer).await;
        assert!(fault_of(&server).await.ends_with("larger than 256 KiB"), "{head}");
        // The rest is what fits into the buffers of the connection.
        assert!(sent.load(Ordering::SeqCst) < 20 << 20, "{}", sent.load(Ordering::SeqCst));
    }
}

/// F37: nothing is decompressed, so that nothing grows.
#[tokio::test]
async fn an_answer_that_is_compressed_is_refused() {
    let server = Server::saying(answer("Content-Encoding: gzip\r\n", "{}")).await;
    assert!(fault_of(&server).await.ends_with("has an encoding nobody asked for"));
    let seen = Arc::new(Mutex::new(String::new()));
    let answer = {
        let seen = Arc::clone(&seen);
        move |head: String, mut stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>| {
            seen.lock().unwrap().push_str(&head);
            async move { drop(stream.write_all(answer("", "{}").as_bytes()).await) }
        }
    };
    let server = Server::start("127.0.0.1", "localhost", answer).await;
    fetcher(&server).get(&server.url("/keys")).await.unwrap();
    let head = seen.lock().unwrap().to_lowercase();
    assert!(head.starts_with("get /keys http/1.1\r\n") && !head.contains("accept-encoding"), "{head}");
}

/// F34: slow bodies and servers that say nothing cost five seconds, not more.
#[tokio::test]
async fn who_takes_his_time_is_left_behind() {
    let drip = |head: &'static str| {
        move |_: String, mut stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>| async move {
            let _ = stream.write_all(head.as_bytes()).await;
            while stream.write_all(b" ").await.is_ok() {
                let _ = stream.flush().await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    };
    let body = Server::start("127.0.0.1", "localhost", drip("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")).await;
    let head = Server::start("127.0.0.1", "localhost", drip("HTTP/1.1 200 OK\r\nX-Slow:")).await;
    let began = tokio::time::Instant::now();
    let (body, head) = tokio::join!(fault_of(&body), fault_of(&head));
    for fault in [body, head] {
        assert!(fault.ends_with("took longer than 5 seconds"), "{fault}");
    }
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

/// F34: what is not public is not connected to, by address or by name, unless it is allowed.
#[tokio::test]
async fn private_addresses_are_not_connected_to() {
    let server = Server::saying(answer("", "{}")).await;
    let port = server.address.port();
    let fetcher = Fetcher::new(Some(server.pem.path()), &PrivateAddresses::default()).unwrap();
    let hosts = [
        "localhost",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::1]",
        "0.0.0.0",
        "[::]",
        "LOCALHOST",
        "127.0.0.1.",
    ];
    for host in hosts {
        let fault = fetcher.get(&format!("https://{host}:{port}/keys")).await.err().expect(host).to_string();
        assert!(fault.contains("`private_addresses`"), "{fault}");
    }
    for url in ["https://169.254.169.254/latest/meta-data/", "https://[fd00:ec2::254]/", "https://10.0.0.1/"] {
        assert!(fetcher.get(url).await.is_err_and(|fault| fault.to_string().contains("`private_addresses`")), "{url}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn only_https_or_http_on_this_machine_is_spoken() {
    let fetcher = Fetcher::new(None, &["0.0.0.0/0".parse().unwrap()].into_iter().collect()).unwrap();
    for url in [
        "http://idp.example/keys",
        "http://10.0.0.1/keys",
        "http://localhost.example/",
        "ftp://localhost/keys",
        "file:///etc/hosts",
        "https://user@localhost/",
        "https://:secret@localhost/",
        "keys",
        "",
        "https://",
        "http://localhost@10.0.0.1/",
    ] {
        let fault = fetcher.get(url).await.err().expect(url).to_string();
        assert!(fault.ends_with("is not an https URL"), "{fault}");
    }
    let long = format!("https://localhost/{}", "a".repeat(MAX_URL));
    assert!(fetcher.get(&long).await.is_err_and(|fault| fault.to_string().ends_with("is not an https URL")));
}

/// Gives each look-up the next address.
struct Changing(Mutex<Vec<&'static str>>);

impl Resolve for Changing {
    fn resolve(&self, _: Name) -> Resolving {
        let address = SocketAddr::new(self.0.lock().unwrap().remove(0).parse().unwrap(), 0);
        Box::pin(async move { Ok(Box::new([address].into_iter()) as Addrs) })
    }
}

/// F34: rebinding. The second address is judged as the first one was.
#[tokio::test]
async fn a_name_that_changes_its_address_is_judged_each_time() {
    let respond = |_: String, mut stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>| async move {
        let _ = stream.write_all(answer("", "{}").as_bytes()).await;
        let _ = stream.shutdown().await;
    };
    let server = Server::start("0.0.0.0", "idp.example", respond).await;
    let certificate = std::fs::read(server.pem.path()).unwrap();
    let names = Arc::new(Changing(Mutex::new(vec!["127.0.0.2", "127.0.0.1"])));
    let guard = Guarded::over(names, ["127.0.0.2/32".parse().unwrap()].into_iter().collect());
    let builder = Client::builder().tls_certs_only(reqwest::Certificate::from_pem_bundle(&certificate).unwrap());
    let fetcher = Fetcher::build(builder, guard).unwrap();
    let url = format!("https://idp.example:{}/keys", server.address.port());
    assert!(fetcher.get(&url).await.is_ok());
    let fault = fetcher.get(&url).await.err().unwrap().to_string();
    assert!(fault.contains("`private_addresses`"), "{fault}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_ends_the_connection() {
    let (server, other) = (Server::saying(answer("", "{}")).await, Server::saying("").await);
    assert!(fetcher(&other).get(&server.url("/keys")).await.is_err());
    let by_address = format!("https://127.0.0.1:{}/keys", server.address.port());
    assert!(fetcher(&server).get(&by_address).await.is_err(), "the certificate is for another name");
}

#[tokio::test]
async fn a_file_without_certificates_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for text in ["", "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n"] {
        std::fs::write(file.path(), text).unwrap();
        assert!(Fetcher::new(Some(file.path()), &PrivateAddresses::default()).is_err(), "{text}");
    }
    assert!(Fetcher::new(Some(Path::new("/nowhere.pem")), &PrivateAddresses::default()).is_err());
}
