//! A credential that somebody wants to know about: from the command line, a file, or standard input.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use procura_token::{CertificateDer, PeerCertificate};
use rustls::pki_types::pem::PemObject as _;

use super::super::Usage;

/// The most bytes of one that are read.
const MAX_BYTES: u64 = 128 * 1024;
/// How PEM begins.
const BEGIN: &str = "-----BEGIN ";

/// What was given. It is read into memory and never printed.
pub(super) enum Credential {
    /// A chain of certificates in PEM, leaf first.
    Certificate(PeerCertificate),
    /// Anything else.
    Token(String),
}

impl Credential {
    /// What `given` is: `-` for standard input, the name of a file that exists, or the credential itself.
    pub(super) fn read(given: &str) -> anyhow::Result<Self> {
        let text = if given == "-" {
            bounded(std::io::stdin()).context("standard input cannot be read")?
        } else if Path::new(given).exists() {
            let file = std::fs::File::open(given).with_context(|| format!("{given}: cannot be read"))?;
            bounded(file).with_context(|| format!("{given}: cannot be read"))?
        } else if given.contains('/') && !given.contains(BEGIN) {
            // Not echoed: it may be a credential all the same.
            bail!(Usage("there is no such file, and it is no token: give a file, `-` or a token"));
        } else {
            given.to_owned()
        };
        Self::parse(&text)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        if !text.contains(BEGIN) {
            return Ok(Self::Token(text.trim().to_owned()));
        }
        let chain = CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<Vec<_>, _>>().ok();
        let chain = chain.context("the credential is not certificates in PEM")?;
        Ok(Self::Certificate(PeerCertificate::new(chain).context("the credential cannot be used")?))
    }
}

fn bounded(from: impl std::io::Read) -> anyhow::Result<String> {
    let mut text = String::new();
    from.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    anyhow::ensure!(text.len() as u64 <= MAX_BYTES, "it is larger than 128 KiB");
    Ok(text)
}
