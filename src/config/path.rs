//! Relative paths are relative to the file that names them.

use std::path::{Path, PathBuf};

use super::{Config, StoreConfig};

impl Config {
    pub(super) fn resolve(&mut self, base: &Path) {
        let against = |path: &mut PathBuf| {
            if path.is_relative() {
                *path = base.join(&*path);
            }
        };
        for path in self.server.tls.iter_mut().flat_map(|tls| [&mut tls.certificate_file, &mut tls.key_file]) {
            against(path);
        }
        for path in self.mtls.iter_mut().flat_map(|mtls| [&mut mtls.certificate_file, &mut mtls.key_file]) {
            against(path);
        }
        for ring in [&mut self.keys.token, &mut self.keys.wit] {
            std::iter::once(&mut ring.active).chain(&mut ring.next).chain(&mut ring.retired).for_each(against);
        }
        if let StoreConfig::Redis(redis) = &mut self.store {
            redis.files().for_each(against);
        }
        self.dpop.nonce_secret_file.iter_mut().for_each(against);
        self.trust_domain.iter_mut().flat_map(|domain| &mut domain.bundle_file).for_each(against);
        for issuer in &mut self.user_issuer {
            issuer.jwks_file.iter_mut().chain(&mut issuer.ca_file).for_each(against);
        }
        for platform in &mut self.platform {
            let token_file = platform.kubernetes.iter_mut().flat_map(|cluster| &mut cluster.token_file);
            platform.jwks_file.iter_mut().chain(&mut platform.ca_file).chain(token_file).for_each(against);
        }
        self.target_directory.iter_mut().for_each(against);
        against(&mut self.audit.path);
        against(&mut self.policy.directory);
    }
}
