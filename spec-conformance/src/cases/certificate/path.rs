//! Who signed an X.509-SVID.

use super::{authority, send, unspoiled};
use crate::cases::Case;
use crate::certificate::{Authority, CertificateDraft};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyUsagePurpose};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "certificate.unknown-authority",
            "an authority nobody trusts, of the same name",
            &["MTLS-01", "MTLS-02", "MTLSB-11", "WIT-53", "F17"],
            |w| async move {
                unspoiled(&w).await?;
                let unknown = Authority::unknown(&w.options.trust_domain)?;
                let certified = unknown.sign(&CertificateDraft::svid(&w.options.agent)?)?;
                send(&w, &certified, w.bare_exchange()).await?.unauthenticated()
            },
        ),
        Case::new("certificate.self-signed", "signed with its own key", &["MTLS-02", "MTLSB-04", "MTLSB-11"], |w| async move {
            unspoiled(&w).await?;
            let certified = CertificateDraft::svid(&w.options.agent)?.self_signed()?;
            send(&w, &certified, w.bare_exchange()).await?.unauthenticated()
        }),
        Case::new("certificate.intermediate", "an authority between", &["MTLS-02", "MTLSB-12"], |w| async move {
            let between = authority(&w)?.intermediate(&w.options.trust_domain, |_| ())?;
            let answer = send(&w, &between.sign(&CertificateDraft::svid(&w.options.agent)?)?, w.bare_exchange()).await?;
            w.granted(&answer).await.map(drop)
        }),
        spoiled("intermediate-no-authority", "the one between is no authority", |parameters| {
            parameters.is_ca = IsCa::ExplicitNoCa
        }),
        spoiled("intermediate-no-sign", "the one between may not sign certificates", |parameters| {
            parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        }),
        spoiled("intermediate-expired", "the one between has expired", |parameters| {
            parameters.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }),
        Case::new(
            "certificate.path-too-long",
            "one authority more than the upper one allows",
            &["MTLS-02", "MTLSB-12"],
            |w| async move {
                unspoiled(&w).await?;
                let last = authority(&w)?.intermediate(&w.options.trust_domain, |parameters| {
                    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
                })?;
                let beyond = last.intermediate(&w.options.trust_domain, |_| ())?;
                let certified = beyond.sign(&CertificateDraft::svid(&w.options.agent)?)?;
                send(&w, &certified, w.bare_exchange()).await?.unauthenticated()
            },
        ),
        Case::new(
            "certificate.signed-by-workload",
            "signed by a workload that is no authority",
            &["MTLS-02", "MTLS-14", "MTLSB-12"],
            |w| async move {
                unspoiled(&w).await?;
                let workload = authority(&w)?.intermediate(&w.options.trust_domain, as_workload)?;
                let certified = workload.sign(&CertificateDraft::svid(&w.options.agent)?)?;
                send(&w, &certified, w.bare_exchange()).await?.unauthenticated()
            },
        ),
    ]
}

fn as_workload(parameters: &mut CertificateParams) {
    parameters.is_ca = IsCa::NoCa;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
}

fn spoiled(slug: &'static str, shows: &'static str, change: fn(&mut CertificateParams)) -> Case {
    Case::new(format!("certificate.{slug}"), shows, &["MTLS-02", "MTLSB-12"], move |w| async move {
        unspoiled(&w).await?;
        let between = authority(&w)?.intermediate(&w.options.trust_domain, change)?;
        let certified = between.sign(&CertificateDraft::svid(&w.options.agent)?)?;
        send(&w, &certified, w.bare_exchange()).await?.unauthenticated()
    })
}
