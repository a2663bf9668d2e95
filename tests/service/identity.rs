//! A listener whose certificate the SPIFFE Workload API gives.

use reqwest::tls::Version;

use crate::support::{Authority, Service, WorkloadApi, World, X509_SVID, eventually};

const ID: &str = "spiffe://dev.procura.test/procura";

struct Scene {
    world: World,
    api: WorkloadApi,
}

impl Scene {
    fn new() -> Self {
        let (world, api) = (World::new(), WorkloadApi::new());
        let tls = format!("[server.tls]\nworkload_api = \"{}\"\n\n[keys.token]", api.address);
        world.edit("[keys.token]", &tls);
        Self { world, api }
    }

    /// The certificate that the listener shows to somebody who asks now, in DER; none if the handshake fails.
    async fn shown(&self, service: &Service) -> Option<Vec<u8>> {
        // Who it is the SPIFFE ID says, and no host's name: any client of the web would have to be told not to look.
        let client = reqwest::Client::builder().no_proxy().tls_danger_accept_invalid_certs(true).tls_info(true);
        let client = client.tls_version_min(Version::TLS_1_3).build().unwrap();
        let answer = client.get(service.url("/healthz").replace("http://", "https://")).send().await.ok()?;
        answer.extensions().get::<reqwest::tls::TlsInfo>().unwrap().peer_certificate().map(<[u8]>::to_vec)
    }
}

fn der(pem: &str) -> Vec<u8> {
    use rustls::pki_types::pem::PemObject as _;
    rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}

/// WAPI-19: the first identity counts. WAPI-06: one that is incomplete is discarded. WAPI-11: one that is denied is not shown.
#[tokio::test]
async fn the_certificate_of_a_listener_rotates_without_a_restart() {
    let scene = Scene::new();
    let authority = Authority::of(&scene.world);
    let certify = || authority.certify_workload(ID, 600);
    let (first, second, third) = (certify(), certify(), certify());
    scene.api.tell_identity(ID, &first);
    scene.api.serve();
    let service = scene.world.serve();
    assert_eq!(scene.shown(&service).await, Some(der(&first)));
    scene.api.tell_identity(ID, &second);
    eventually(async || scene.shown(&service).await == Some(der(&second))).await;

    for (id, pem) in [("", &third), ("spiffe://dev.procura.test/other", &third)] {
        scene.api.tell_identity(id, pem);
        service.logged("no newer identity could be had");
        assert_eq!(scene.shown(&service).await, Some(der(&second)), "{id}");
    }
    scene.api.tell_status(X509_SVID, "PERMISSION_DENIED");
    eventually(async || scene.shown(&service).await.is_none()).await;
    scene.api.tell_identity(ID, &third);
    eventually(async || scene.shown(&service).await == Some(der(&third))).await;
    scene.api.stop();
    assert_eq!(scene.shown(&service).await, Some(der(&third)), "what was given stays");
}

#[tokio::test]
async fn a_listener_without_a_certificate_yet_is_not_ready_and_becomes_so() {
    let scene = Scene::new();
    scene.world.edit("[keys.token]", "[admin]\nlisten = \"127.0.0.1:0\"\n\n[keys.token]");
    let service = scene.world.serve();
    let operators = service.door("serving operators", "http://127.0.0.1", reqwest::Client::new());
    assert_eq!((operators.get("/readyz").await.status, scene.shown(&service).await), (503, None));
    let pem = Authority::of(&scene.world).certify_workload(ID, 600);
    scene.api.tell_identity(ID, &pem);
    scene.api.serve();
    eventually(async || operators.get("/readyz").await.status == 200).await;
    assert_eq!(scene.shown(&service).await, Some(der(&pem)));
}

#[test]
fn a_listener_has_its_certificate_from_one_place() {
    let scene = Scene::new();
    scene.world.edit("[server.tls]", "[server.tls]\nkey_file = \"key.pem\"");
    scene.world.serve_in_vain().says(2, &["`server.tls`", "`workload_api` alone"]);
    scene.world.edit("key_file = \"key.pem\"", "");
    scene.world.edit(&scene.api.address, &scene.api.address.replace("unix://", "unix:"));
    scene.world.serve_in_vain().says(2, &["`server.tls.workload_api`", "unix:///run/spire/agent.sock"]);
}
