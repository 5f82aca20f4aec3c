//! Whom we trust when a server shows its certificate: the host's own store, as every mail program there, or one private
//! CA that the operator names. One place, so that no connection is ever made with other rules.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// A TLS 1.2/1.3 client that trusts `ca_file` (PEM, one or several certificates) and nothing else, or without one the
/// system's store. Read anew at each call, so that a renewed CA needs no restart.
///
/// # Errors
/// When the file cannot be read or holds no certificate, or the system has no store.
pub fn client_config(ca_file: Option<&Path>) -> anyhow::Result<Arc<ClientConfig>> {
    let roots = match ca_file {
        Some(path) => private_roots(path)?,
        None => system_roots()?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS cannot be set up")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn private_roots(path: &Path) -> anyhow::Result<RootCertStore> {
    let cannot = || format!("cannot read the CA certificate in {}", path.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).with_context(cannot)? {
        roots.add(certificate.with_context(cannot)?).with_context(cannot)?;
    }
    anyhow::ensure!(!roots.is_empty(), "{} holds no certificate (PEM)", path.display());
    Ok(roots)
}

/// Certificates of the store that cannot be parsed are passed over, as every other program does.
fn system_roots() -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    anyhow::ensure!(!roots.is_empty(), "the system has no CA certificates (install ca-certificates, or name a ca_file)");
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_without_a_certificate_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("empty.pem");
        std::fs::write(&path, "no certificate here\n").unwrap();
        let error = client_config(Some(&path)).unwrap_err().to_string();
        assert!(error.contains("empty.pem"), "{error}");
        let missing = client_config(Some(&dir.path().join("gone.pem"))).unwrap_err().to_string();
        assert!(missing.contains("gone.pem"), "{missing}");
    }

    #[test]
    fn a_private_ca_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        let ca = rcgen::generate_simple_self_signed(["ca.example.org".to_owned()]).unwrap();
        std::fs::write(&path, ca.cert.pem()).unwrap();
        assert!(client_config(Some(&path)).is_ok());
    }
}
