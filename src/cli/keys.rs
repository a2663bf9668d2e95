//! `procura keys`

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use procura_token::{Algorithm, Signer as _, SigningKey};

use super::print;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a signing key and write it to a new file, readable by this user alone
    Generate {
        /// The file to write; it must not exist
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// ES256, or EdDSA
        #[arg(long, default_value = "ES256")]
        algorithm: Algorithm,
    },
}

pub(super) fn run(command: &Command) -> anyhow::Result<()> {
    let Command::Generate { out, algorithm } = command;
    let key = SigningKey::generate(*algorithm).context("only ES256 and EdDSA keys can be made")?;
    write_key(out, &key)?;
    print(&format!("{}: {} key, kid {}", out.display(), algorithm, key.public_key().thumbprint()));
    Ok(())
}

/// Writes the private JWK to a file that did not exist.
pub(super) fn write_key(path: &Path, key: &SigningKey) -> anyhow::Result<()> {
    write_private(path, key.to_private_jwk()?.as_bytes())
}

/// Writes a new file that only this user can read.
pub(super) fn write_private(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(0o600).open(path);
    let mut file =
        opened.with_context(|| format!("{}: cannot be written; name a new file in a directory that exists", path.display()))?;
    file.write_all(content).and_then(|()| file.write_all(b"\n")).with_context(|| format!("{}: cannot be written", path.display()))
}
