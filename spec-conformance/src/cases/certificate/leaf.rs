//! What an X.509-SVID says, and what it must not.

use super::Row;
use anyhow::Result;
use rcgen::{BasicConstraints, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose as Usage, SanType};

pub(super) const REFUSED: &[Row] = &[
    ("two-uris", "two URI names", &["MTLS-13", "WIT-43", "X509-02"], |d, w| {
        d.parameters.subject_alt_names.push(SanType::URI(w.options.other_agent.clone().try_into()?));
        Ok(())
    }),
    ("two-uris-one-foreign", "a second URI name that is no workload", &["MTLS-13", "WIT-43"], |d, _| {
        d.parameters.subject_alt_names.push(SanType::URI("https://agent.example".try_into()?));
        Ok(())
    }),
    ("no-uri", "only a DNS name", &["MTLS-13", "MTLS-11", "WIT-45", "WID-15"], |d, w| {
        d.parameters.subject_alt_names = vec![SanType::DnsName(w.options.trust_domain.clone().try_into()?)];
        Ok(())
    }),
    ("no-name", "no alternative name at all", &["MTLS-13", "WIT-43", "WID-15"], |d, w| {
        d.parameters.subject_alt_names.clear();
        d.parameters.distinguished_name.push(DnType::CommonName, w.options.agent.clone());
        Ok(())
    }),
    ("other-domain", "a workload of another trust domain", &["MTLS-01", "MTLS-03", "WIT-53", "F17", "W3", "W7"], |d, _| {
        d.name("spiffe://other.example/agent/planner")
    }),
    ("suffix-domain", "a trust domain that begins like ours", &["MTLS-01", "MTLS-12", "WIT-53", "F17", "F13"], |d, w| {
        d.name(&format!("spiffe://{}.evil.example/agent/planner", w.options.trust_domain))
    }),
    ("other-scheme", "the same name under `wimse://`", &["MTLS-12", "MTLS-15", "W2"], |d, w| {
        d.name(&w.options.agent.replacen("spiffe", "wimse", 1))
    }),
    ("https-name", "the same name under `https://`", &["MTLS-11", "MTLS-15"], |d, w| {
        d.name(&w.options.agent.replacen("spiffe", "https", 1))
    }),
    ("domain-only", "the trust domain itself", &["MTLS-12", "WID-02", "W8"], |d, w| {
        d.name(&format!("spiffe://{}", w.options.trust_domain))
    }),
    ("dots", "dot segments in the path", &["MTLS-12", "F13", "W5"], |d, w| {
        d.name(&w.options.agent.replace("/agent/", "/agent/../agent/"))
    }),
    ("percent", "a percent-encoded letter", &["MTLS-12", "F13", "W1"], |d, w| {
        d.name(&w.options.agent.replace("/agent/", "/%61gent/"))
    }),
    ("encoded-dots", "percent-encoded dot segments", &["MTLS-12", "F13", "W6"], |d, w| {
        d.name(&w.options.agent.replace("/agent/", "/agent/%2e%2e/agent/"))
    }),
    ("trailing-slash", "a slash at the end", &["MTLS-12", "F13"], |d, w| d.name(&format!("{}/", w.options.agent))),
    ("root", "only a slash as path", &["MTLS-12", "WID-02", "W8"], |d, w| {
        d.name(&format!("spiffe://{}/", w.options.trust_domain))
    }),
    ("unknown-workload", "a name that only begins like a known agent's", &["MTLS-15", "MTLSB-02", "F13", "W4"], |d, w| {
        d.name(&format!("spiffe://{}/agents/planner", w.options.trust_domain))
    }),
    ("expired", "expired ten minutes ago", &["MTLS-02", "MTLS-17", "WIT-57"], |d, _| lasts(d, -1200, -600)),
    ("not-yet", "not valid for ten minutes", &["MTLS-02"], |d, _| lasts(d, 600, 1200)),
    ("authority", "the certificate of an authority", &["MTLS-14", "MTLS-02"], |d, _| {
        d.parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ok(())
    }),
    ("no-usage", "no key usage", &["MTLS-14"], |d, _| usage(d, vec![])),
    ("no-digital-signature", "a key that may not sign", &["MTLS-14"], |d, _| usage(d, vec![Usage::KeyAgreement])),
    ("certificate-sign", "a key that may sign certificates", &["MTLS-14"], |d, _| {
        usage(d, vec![Usage::DigitalSignature, Usage::KeyCertSign])
    }),
    ("list-sign", "a key that may sign revocation lists", &["MTLS-14"], |d, _| {
        usage(d, vec![Usage::DigitalSignature, Usage::CrlSign])
    }),
    ("server-only", "a certificate for servers only", &["MTLS-05", "MTLS-14"], |d, _| {
        d.parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        Ok(())
    }),
    ("other-purpose", "a certificate for signing code", &["MTLS-05", "MTLS-14"], |d, _| {
        d.parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        Ok(())
    }),
];

pub(super) const ACCEPTED: &[Row] = &[
    ("dns-name-too", "a DNS name beside the one URI", &["MTLS-13", "WIT-45", "WIT-44"], |d, _| {
        d.parameters.subject_alt_names.push(SanType::DnsName("agent.example".try_into()?));
        Ok(())
    }),
    ("subject-too", "a distinguished name decides nothing", &["WIT-45", "MTLS-20"], |d, w| {
        d.parameters.distinguished_name.push(DnType::CommonName, w.options.other_agent.clone());
        Ok(())
    }),
    ("client-only", "a certificate for clients only", &["MTLS-05", "MTLS-14"], |d, _| {
        d.parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        Ok(())
    }),
    ("no-purpose", "no extended key usage", &["MTLS-14"], |d, _| {
        d.parameters.extended_key_usages.clear();
        Ok(())
    }),
    ("other-extension", "an extension nobody knows, not critical", &["MTLS-02"], |d, _| {
        d.parameters.custom_extensions.push(CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]));
        Ok(())
    }),
];

fn lasts(draft: &mut super::CertificateDraft, from: i64, until: i64) -> Result<()> {
    draft.lasts(from, until);
    Ok(())
}

fn usage(draft: &mut super::CertificateDraft, usages: Vec<Usage>) -> Result<()> {
    draft.parameters.key_usages = usages;
    Ok(())
}
