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
        self.server.tls.iter_mut().flat_map(|tls| [&mut tls.certificate_file, &mut tls.key_file]).flatten().for_each(against);
        self.mtls.iter_mut().flat_map(|mtls| [&mut mtls.certificate_file, &mut mtls.key_file]).flatten().for_each(against);
        self.admin.iter_mut().flat_map(|admin| &mut admin.token_file).for_each(against);
        for ring in [&mut self.keys.token, &mut self.keys.wit] {
            std::iter::once(&mut ring.active).chain(&mut ring.next).chain(&mut ring.retired).for_each(against);
        }
        if let StoreConfig::Redis(redis) = &mut self.store {
            redis.files().for_each(against);
        }
        self.dpop.nonce_secret_file.iter_mut().for_each(against);
        for domain in &mut self.trust_domain {
            let ca_file = domain.federation.as_mut().and_then(|federation| federation.ca_file.as_mut());
            domain.bundle_file.iter_mut().chain(ca_file).for_each(against);
        }
        self.trust.disabled_file.iter_mut().for_each(against);
        for issuer in &mut self.user_issuer {
            issuer.jwks_file.iter_mut().chain(&mut issuer.ca_file).for_each(against);
            issuer.introspection.iter_mut().filter_map(|asked| asked.client_secret_file.as_mut()).for_each(against);
        }
        for approver in &mut self.approver {
            approver.jwks_file.iter_mut().chain(&mut approver.ca_file).for_each(against);
        }
        for attester in &mut self.attester {
            attester.jwks_file.iter_mut().chain(&mut attester.ca_file).for_each(against);
        }
        for platform in &mut self.platform {
            let token_file = platform.kubernetes.iter_mut().flat_map(|cluster| &mut cluster.token_file);
            platform.jwks_file.iter_mut().chain(&mut platform.ca_file).chain(token_file).for_each(against);
            platform.tpm.iter_mut().for_each(|tpm| against(&mut tpm.devices_file));
        }
        self.target_directory.iter_mut().for_each(against);
        against(&mut self.audit.path);
        against(&mut self.policy.directory);
        self.policy.entities.iter_mut().chain(&mut self.policy.country_database).for_each(against);
    }
}
