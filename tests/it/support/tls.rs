//! A private CA and certificates for `localhost`, made anew for each test.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// Files of a CA and of a server certificate it signed.
#[derive(Debug)]
pub struct Certificates {
    /// The CA's certificate, PEM.
    pub ca: PathBuf,
    /// The server's certificate, PEM.
    pub certificate: PathBuf,
    /// The server's key, PEM.
    pub key: PathBuf,
}

impl Certificates {
    /// Makes them below `dir`.
    pub fn make(dir: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names, no trouble");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_key = KeyPair::generate().expect("a key");
        let ca_certificate = params.self_signed(&ca_key).expect("a CA");
        let issuer = Issuer::new(params, ca_key);
        let key = KeyPair::generate().expect("a key");
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).expect("names").signed_by(&key, &issuer).expect("a certificate");
        let made = Certificates { ca: dir.join("ca.pem"), certificate: dir.join("server.pem"), key: dir.join("server.key") };
        std::fs::write(&made.ca, ca_certificate.pem()).expect("the folder can be written");
        std::fs::write(&made.certificate, certificate.pem()).expect("the folder can be written");
        std::fs::write(&made.key, key.serialize_pem()).expect("the folder can be written");
        made
    }
}
