//! Certificates that a proxy tells of: `Client-Cert` (RFC 9440) and Envoy's `x-forwarded-client-cert`.

use super::{authority, svid};
use crate::cases::{Case, NotTried};
use crate::certificate::{CertificateDraft, Certified};
use crate::world::{Answer, World};
use anyhow::{Context, Result, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use rcgen::CustomExtension;
use serde_json::json;
use std::{net::IpAddr, sync::Arc};

/// The two fields, and at which node each is taken.
#[derive(Clone, Copy, PartialEq)]
enum Field {
    ClientCert,
    Forwarded,
}

type Row = (&'static str, &'static str, Field, Tell);
/// What the proxy tells of a certificate: fields of the request.
type Tell = fn(&Certified, &World) -> Vec<(&'static str, String)>;

const COVERS: &[&str] = &["MTLSB-10", "MTLS-20", "BCP-26"];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![believed("proxied.client-cert", Field::ClientCert), believed("proxied.forwarded", Field::Forwarded)];
    cases.push(from_elsewhere("proxied.client-cert-from-elsewhere", Field::ClientCert));
    cases.push(from_elsewhere("proxied.forwarded-from-elsewhere", Field::Forwarded));
    cases.extend(REFUSED.iter().map(|(slug, shows, field, tell)| {
        let (field, tell) = (*field, *tell);
        Case::new(format!("proxied.{slug}"), *shows, COVERS, move |w| async move {
            let certified = svid(&w)?;
            w.granted(&told(&w, field, good(field), &certified, true).await?).await.context("even without the flaw")?;
            told(&w, field, tell, &certified, true).await?.unauthenticated()
        })
    }));
    cases.push(Case::new(
        "proxied.unknown-authority",
        "what a proxy tells is judged as any certificate",
        COVERS,
        |w| async move {
            authority(&w)?;
            let certified = CertificateDraft::svid(&w.options.agent)?.self_signed()?;
            told(&w, Field::ClientCert, good(Field::ClientCert), &certified, true).await?.unauthenticated()
        },
    ));
    cases.push(Case::new("proxied.nothing-told", "a proxy that tells nothing is like anybody", COVERS, |w| async move {
        let (proxy, node) = node(&w, Field::ClientCert)?;
        let mut exchange = w.exchange();
        exchange.url = w.endpoint_below(node);
        w.granted(&w.exchange().send(&w).await?).await?;
        let wire = exchange.wire(&exchange.signed_proof(&w));
        w.granted(&wire.send_over(&w.client_at(proxy)?, &w).await?).await.map(drop)
    }));
    cases.push(Case::new("proxied.chain", "an authority between, in `Client-Cert-Chain`", COVERS, |w| async move {
        let between = authority(&w)?.intermediate(&w.options.trust_domain, |_| ())?;
        let certified = between.sign(&CertificateDraft::svid(&w.options.agent)?)?;
        let with_chain: Tell = |certified, _| {
            let between: String = certified.chain().split("-----END CERTIFICATE-----").skip(1).collect();
            let between: String = between.lines().filter(|line| !line.starts_with("-----")).collect();
            vec![("client-cert", byte_sequence(certified)), ("client-cert-chain", format!(":{between}:"))]
        };
        told(&w, Field::ClientCert, good(Field::ClientCert), &certified, true).await?.unauthenticated()?;
        w.granted(&told(&w, Field::ClientCert, with_chain, &certified, true).await?).await.map(drop)
    }));
    let covers = [COVERS, &["MTLS-02"]].concat();
    cases.push(Case::new("proxied.critical-extension", "a critical extension nobody knows", &covers, |w| async move {
        let mut draft = CertificateDraft::svid(&w.options.agent)?;
        for (critical, wanted) in [(false, 200), (true, 401)] {
            // A TLS client refuses to show such a certificate; a proxy tells what it got.
            let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
            extension.set_criticality(critical);
            draft.parameters.custom_extensions = vec![extension];
            let certified = authority(&w)?.sign(&draft)?;
            let answer = told(&w, Field::ClientCert, good(Field::ClientCert), &certified, true).await?;
            ensure!(answer.status == wanted, "critical: {critical}, and the answer is {}", answer.status);
        }
        Ok(())
    }));
    cases
}

fn believed(id: &'static str, field: Field) -> Case {
    let covers = [COVERS, &["MTLSB-05", "MTLS-19"]].concat();
    Case::new(id, "a certificate from a proxy that is known is the caller's", &covers, move |w| async move {
        let certified = svid(&w)?;
        let granted = w.granted(&told(&w, field, good(field), &certified, true).await?).await?;
        ensure!(granted.claim("cnf") == &json!({"x5t#S256": certified.thumbprint()}), "`cnf` is {}", granted.claim("cnf"));
        Ok(())
    })
}

fn from_elsewhere(id: &'static str, field: Field) -> Case {
    Case::new(id, "the same from an address that is no proxy's", COVERS, move |w| async move {
        let certified = svid(&w)?;
        w.granted(&told(&w, field, good(field), &certified, true).await?).await.context("even without the flaw")?;
        told(&w, field, good(field), &certified, false).await?.unauthenticated()
    })
}

const fn good(field: Field) -> Tell {
    match field {
        Field::ClientCert => |certified, _| vec![("client-cert", byte_sequence(certified))],
        Field::Forwarded => |certified, _| vec![("x-forwarded-client-cert", format!("Cert=\"{}\"", encoded(certified)))],
    }
}

const REFUSED: &[Row] = &[
    ("client-cert-twice", "`Client-Cert` twice", Field::ClientCert, |certified, _| {
        vec![("client-cert", byte_sequence(certified)), ("client-cert", byte_sequence(certified))]
    }),
    ("client-cert-garbage", "`Client-Cert` that is no certificate", Field::ClientCert, |_, _| {
        vec![("client-cert", ":AAAA:".to_owned())]
    }),
    ("client-cert-pem", "`Client-Cert` in PEM", Field::ClientCert, |certified, _| vec![("client-cert", encoded(certified))]),
    ("other-field", "the field of the other kind of proxy", Field::ClientCert, |certified, _| {
        vec![("x-forwarded-client-cert", format!("Cert=\"{}\"", encoded(certified)))]
    }),
    ("both-fields", "the fields of both kinds of proxy", Field::ClientCert, |certified, _| {
        vec![("client-cert", byte_sequence(certified)), ("x-forwarded-client-cert", format!("Cert=\"{}\"", encoded(certified)))]
    }),
    ("forwarded-two", "two elements in `x-forwarded-client-cert`", Field::Forwarded, |certified, _| {
        vec![("x-forwarded-client-cert", format!("Cert=\"{0}\",Cert=\"{0}\"", encoded(certified)))]
    }),
    ("forwarded-name-only", "only a name in `x-forwarded-client-cert`", Field::Forwarded, |_, world| {
        vec![("x-forwarded-client-cert", format!("By=spiffe://x/proxy;URI={}", world.options.agent))]
    }),
];

/// RFC 9440: a structured-field byte sequence of the DER.
fn byte_sequence(certified: &Certified) -> String {
    format!(":{}:", BASE64_STANDARD.encode(&certified.der))
}

/// Envoy's: PEM, percent-encoded.
fn encoded(certified: &Certified) -> String {
    let keep = |octet: u8| octet.is_ascii_alphanumeric();
    certified
        .chain()
        .bytes()
        .map(|octet| if keep(octet) { char::from(octet).to_string() } else { format!("%{octet:02X}") })
        .collect()
}

/// The proxy's address, and the node that takes this field from it.
fn node(world: &World, field: Field) -> Result<(IpAddr, &str)> {
    let proxy = world.options.proxy.as_ref().context(NotTried("no --proxy-address given"))?;
    let node = if field == Field::ClientCert { &proxy.client_cert } else { &proxy.forwarded };
    Ok((proxy.address, node.as_deref().context(NotTried("no node takes this field"))?))
}

async fn told(world: &Arc<World>, field: Field, tell: Tell, certified: &Certified, by_proxy: bool) -> Result<Answer> {
    let (proxy, node) = node(world, field)?;
    let mut exchange = world.bare_exchange();
    exchange.url = world.endpoint_below(node);
    for (name, value) in tell(certified, world) {
        exchange.header(name, &value);
    }
    let wire = exchange.wire("");
    match by_proxy {
        true => wire.send_over(&world.client_at(proxy)?, world).await,
        false => wire.send(world).await,
    }
}
