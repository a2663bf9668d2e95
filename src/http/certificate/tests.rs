use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair};

use super::*;

const PROXY: &str = "10.1.2.3:4711";
const ELSEWHERE: &str = "10.2.0.1:4711";

/// Some certificates. Nothing here looks into them.
struct Certificates(Vec<rcgen::Certificate>);

impl Certificates {
    fn new(count: usize) -> Self {
        let certificate = |_| {
            let parameters = CertificateParams::new(["localhost".to_owned()]).unwrap();
            parameters.self_signed(&KeyPair::generate().unwrap()).unwrap()
        };
        Self((0..count).map(certificate).collect())
    }

    /// A byte sequence (RFC 9651 section 3.3.5).
    fn item(&self, index: usize) -> String {
        format!(":{}:", STANDARD.encode(self.0[index].der()))
    }

    /// PEM in the percent-encoding that Envoy applies.
    fn encoded(&self, indices: &[usize]) -> String {
        let pem = indices.iter().map(|index| self.0[*index].pem().replace("\r\n", "\n")).collect::<String>();
        let escapes = [("\n", "%0A"), (" ", "%20"), ("+", "%2B"), ("/", "%2F"), ("=", "%3D")];
        escapes.iter().fold(pem, |pem, (from, to)| pem.replace(from, to))
    }

    fn chain(&self, indices: &[usize]) -> Vec<CertificateDer<'static>> {
        indices.iter().map(|index| self.0[*index].der().clone()).collect()
    }
}

type Told = Result<Option<Vec<CertificateDer<'static>>>, CertificateFieldError>;

/// What is told by a request with `fields` from `peer`, on a connection without certificate.
fn told(field: CertificateField, peer: &str, fields: &[(&'static str, &str)]) -> Told {
    let proxy = ProxySettings { addresses: vec!["10.1.0.0/16".parse().unwrap(), "fd00::/8".parse().unwrap()], field };
    let connection = Connection { peer: peer.parse().unwrap(), certificate: None };
    let certificate = of_request(&connection, &headers(fields), Some(&proxy))?;
    Ok(certificate.map(|certificate| [&[certificate.leaf().clone()][..], certificate.others()].concat()))
}

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

#[test]
fn client_cert_is_the_leaf_and_client_cert_chain_what_follows() {
    let certificates = Certificates::new(3);
    let told = |fields: &[_]| told(CertificateField::ClientCert, PROXY, fields);
    let (leaf, others) = (certificates.item(0), format!("{}, {}", certificates.item(1), certificates.item(2)));
    assert_eq!(told(&[]), Ok(None));
    assert_eq!(told(&[("client-cert", &leaf)]), Ok(Some(certificates.chain(&[0]))));
    let all = told(&[("client-cert", &leaf), ("client-cert-chain", &others)]);
    assert_eq!(all, Ok(Some(certificates.chain(&[0, 1, 2]))));
    let lines = [1, 2].map(|index| certificates.item(index));
    let split = told(&[("client-cert", &leaf), ("client-cert-chain", &lines[0]), ("client-cert-chain", &lines[1])]);
    assert_eq!(split, all);
}

#[test]
fn client_cert_that_is_not_one_byte_sequence_is_refused() {
    let certificates = Certificates::new(2);
    let told = |fields: &[_]| told(CertificateField::ClientCert, PROXY, fields);
    let (leaf, other) = (certificates.item(0), certificates.item(1));
    let parameter = format!("{leaf};a=1");
    let list = format!("{leaf}, {other}");
    let pem = certificates.encoded(&[0]);
    for malformed in ["", "::", "\"text\"", ":%%%:", "?1", leaf.trim_end_matches(':'), &parameter, &list, &pem] {
        assert_eq!(told(&[("client-cert", malformed)]), Err(CertificateFieldError::Malformed), "{malformed}");
    }
    for malformed in ["(:AA==:)", ":AA==:, \"text\"", ":AA==:,", ":AA==:;a", "::"] {
        let fields = [("client-cert", leaf.as_str()), ("client-cert-chain", malformed)];
        assert_eq!(told(&fields), Err(CertificateFieldError::Malformed), "{malformed}");
    }
    assert_eq!(told(&[("client-cert-chain", &other)]), Err(CertificateFieldError::Malformed));
    let many = [other.as_str(); 8].join(", ");
    assert_eq!(told(&[("client-cert", &leaf), ("client-cert-chain", &many)]), Err(CertificateFieldError::Malformed));
}

#[test]
fn a_certificate_field_that_occurs_twice_is_refused() {
    let certificates = Certificates::new(1);
    let (leaf, element) = (certificates.item(0), format!("Cert=\"{}\"", certificates.encoded(&[0])));
    let twice = told(CertificateField::ClientCert, PROXY, &[("client-cert", &leaf), ("client-cert", &leaf)]);
    assert_eq!(twice, Err(CertificateFieldError::Several));
    let fields = [("x-forwarded-client-cert", element.as_str()), ("x-forwarded-client-cert", &element)];
    assert_eq!(told(CertificateField::XForwardedClientCert, PROXY, &fields), Err(CertificateFieldError::Several));
}

/// RFC 8705 section 6.5, RFC 9440 section 4.
#[test]
fn a_certificate_field_from_elsewhere_is_refused_whichever_it_is() {
    let leaf = Certificates::new(1).item(0);
    for name in ["client-cert", "client-cert-chain", "x-forwarded-client-cert"] {
        for field in [CertificateField::ClientCert, CertificateField::XForwardedClientCert] {
            for peer in [ELSEWHERE, "[::1]:1", "[::ffff:10.2.0.1]:1", "127.0.0.1:1"] {
                assert_eq!(told(field, peer, &[(name, &leaf)]), Err(CertificateFieldError::NotFromProxy), "{name} {peer}");
            }
        }
        let connection = Connection { peer: PROXY.parse().unwrap(), certificate: None };
        let without_proxies = of_request(&connection, &headers(&[(name, &leaf)]), None);
        assert_eq!(without_proxies.err(), Some(CertificateFieldError::NotFromProxy));
    }
}

#[test]
fn a_proxy_is_known_by_either_form_of_its_address() {
    let certificates = Certificates::new(1);
    for peer in [PROXY, "[::ffff:10.1.2.3]:1", "[fd00::1]:1"] {
        let told = told(CertificateField::ClientCert, peer, &[("client-cert", &certificates.item(0))]);
        assert_eq!(told, Ok(Some(certificates.chain(&[0]))), "{peer}");
    }
}

#[test]
fn the_field_that_is_not_configured_is_refused_from_a_proxy_too() {
    let certificates = Certificates::new(1);
    let (item, element) = (certificates.item(0), format!("Cert=\"{}\"", certificates.encoded(&[0])));
    let both = [("client-cert", item.as_str()), ("x-forwarded-client-cert", &element)];
    for field in [CertificateField::ClientCert, CertificateField::XForwardedClientCert] {
        assert_eq!(told(field, PROXY, &both), Err(CertificateFieldError::NotConfigured));
    }
    let other = told(CertificateField::ClientCert, PROXY, &both[1..]);
    assert_eq!(other, Err(CertificateFieldError::NotConfigured));
    let other = told(CertificateField::XForwardedClientCert, PROXY, &[("client-cert-chain", &item)]);
    assert_eq!(other, Err(CertificateFieldError::NotConfigured));
}

/// MTLS-20: header assertions do not override the connection, nor the connection of a proxy what it asserts.
#[test]
fn the_certificate_of_a_connection_counts_unless_it_is_a_proxys() {
    let certificates = Certificates::new(2);
    let own = Arc::new(PeerCertificate::new(certificates.chain(&[0])).unwrap());
    let proxy = ProxySettings { addresses: vec!["10.1.0.0/16".parse().unwrap()], field: CertificateField::ClientCert };
    let leaf = |peer: &str, fields: &[_]| {
        let connection = Connection { peer: peer.parse().unwrap(), certificate: Some(Arc::clone(&own)) };
        let certificate = of_request(&connection, &headers(fields), Some(&proxy));
        certificate.map(|certificate| certificate.map(|certificate| certificate.leaf().clone()))
    };
    let item = certificates.item(1);
    assert_eq!(leaf(ELSEWHERE, &[]), Ok(Some(own.leaf().clone())));
    assert_eq!(leaf(ELSEWHERE, &[("client-cert", &item)]), Err(CertificateFieldError::NotFromProxy));
    assert_eq!(leaf(PROXY, &[]), Ok(None));
    assert_eq!(leaf(PROXY, &[("client-cert", &item)]), Ok(Some(certificates.chain(&[1]).remove(0))));
}

#[test]
fn an_element_as_envoy_writes_it_tells_its_cert_or_chain_and_nothing_else() {
    let certificates = Certificates::new(2);
    let told = |element: &str| told(CertificateField::XForwardedClientCert, PROXY, &[("x-forwarded-client-cert", element)]);
    let (leaf, both) = (certificates.encoded(&[0]), certificates.encoded(&[0, 1]));
    let told_by = |indices: &[usize]| Ok(Some(certificates.chain(indices)));
    let about = "By=spiffe://a.test/front;Hash=468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";
    let subject = r#"Subject="/C=US/CN=Test, \"Client\"; Cert=x";URI=spiffe://a.test/agent;DNS=a.test;DNS=b.test"#;
    for (element, expected) in [
        (format!("Cert=\"{leaf}\""), &[0][..]),
        (format!("Cert={leaf}"), &[0]),
        (format!("{about};Cert=\"{leaf}\";{subject}"), &[0]),
        (format!("{about};{subject};Chain=\"{both}\""), &[0, 1]),
        (format!("{about};Cert=\"{leaf}\";Chain=\"{both}\";{subject}"), &[0, 1]),
        (format!("cHaIn=\"{both}\""), &[0, 1]),
    ] {
        assert_eq!(told(&element), told_by(expected), "{element}");
    }
    // An empty URI is what Envoy writes for a certificate without one.
    assert_eq!(told(&format!("URI=;Cert=\"{leaf}\"")), told_by(&[0]));
}

#[test]
fn an_element_that_shows_no_certificate_is_refused() {
    for element in ["Hash=468ed33b;URI=spiffe://a.test/agent", "By=spiffe://a.test/front", "Subject=\"Cert=\\\"x\\\"\""] {
        let told = told(CertificateField::XForwardedClientCert, PROXY, &[("x-forwarded-client-cert", element)]);
        assert_eq!(told, Err(CertificateFieldError::NoCertificate), "{element}");
    }
}

#[test]
fn several_elements_or_certificates_are_refused() {
    let certificates = Certificates::new(2);
    let [first, second, both] = [&[0][..], &[1], &[0, 1]].map(|indices| certificates.encoded(indices));
    for element in [
        format!("Cert=\"{first}\",Cert=\"{first}\""),
        format!("By=a;URI=spiffe://a.test/x,By=b;Cert=\"{first}\""),
        format!("Cert=\"{first}\",By=a"),
        format!("Cert=\"{first}\","),
        format!("Cert=\"{first}\";Cert=\"{second}\""),
        format!("Cert=\"{first}\";cert=\"{first}\""),
        format!("Chain=\"{both}\";Chain=\"{both}\""),
        format!("Cert=\"{both}\""),
        format!("Cert=\"{second}\";Chain=\"{both}\""),
    ] {
        let told = told(CertificateField::XForwardedClientCert, PROXY, &[("x-forwarded-client-cert", &element)]);
        assert_eq!(told, Err(CertificateFieldError::Several), "{element}");
    }
}

#[test]
fn an_element_that_is_malformed_is_refused() {
    let certificates = Certificates::new(1);
    let leaf = certificates.encoded(&[0]);
    for element in [
        String::new(),
        "Cert".to_owned(),
        ";".to_owned(),
        "Cert=".to_owned(),
        "Cert=\"\"".to_owned(),
        "Cert=\"%0\"".to_owned(),
        "Cert=\"%zz\"".to_owned(),
        format!("Cert=\"{leaf}"),
        format!("Cert=\"{leaf}\" "),
        format!("Cert=\"{leaf}\"x"),
        format!("Cert=\"{leaf}\";"),
        format!("Cert=x\"{leaf}\""),
        format!(" Cert=\"{leaf}\""),
        format!("=\"{leaf}\""),
        format!("Cert=\"{}\"", leaf.replace("%2B", "%2").replace("%0A", "")),
        format!("Cert=\"{}\"", &leaf[..leaf.len() / 2]),
        format!("Cert=\"{}\"", certificates.item(0)),
    ] {
        let told = told(CertificateField::XForwardedClientCert, PROXY, &[("x-forwarded-client-cert", &element)]);
        assert_eq!(told, Err(CertificateFieldError::Malformed), "{element}");
    }
}

proptest::proptest! {
    /// Whatever a proxy lets through, it is a certificate or a refusal.
    #[test]
    fn no_field_does_harm(field in "[ -~\\t]{0,200}", key in "Cert=\"|Chain=\"|:|%|,|;|\\\\\"|") {
        let field = format!("{key}{field}");
        for (name, kind) in [("client-cert", CertificateField::ClientCert), (FORWARDED, CertificateField::XForwardedClientCert)] {
            let told = told(kind, PROXY, &[(name, &field)]);
            proptest::prop_assert!(told.is_err() || name == "client-cert", "{field}");
        }
    }
}
