//! An authority of a test's own, and certificates by it, in files.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// See the top of the file.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
    folder: TempDir,
}

/// A certificate and its key, as files.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The certificate.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Pair {
    /// Both as options.
    pub fn options<'a>(&'a self, cert: &'a str, key: &'a str) -> [&'a str; 4] {
        [cert, text(&self.cert), key, text(&self.key)]
    }

    /// How a server speaks TLS that has it.
    ///
    /// # Panics
    /// If it cannot be read.
    pub fn server(&self) -> Arc<ServerConfig> {
        let chain = CertificateDer::pem_file_iter(&self.cert).expect("a certificate");
        let chain = chain.collect::<Result<Vec<_>, _>>().expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(&self.key).expect("a key");
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ServerConfig::builder_with_provider(ring).with_safe_default_protocol_versions();
        let config = config.expect("versions of TLS").with_no_client_auth();
        Arc::new(config.with_single_cert(chain, key).expect("a pair"))
    }

    /// Puts another pair in its place.
    ///
    /// # Panics
    /// If that fails.
    pub fn replace_by(&self, other: &Self) {
        std::fs::copy(&other.cert, &self.cert).expect("a copy");
        std::fs::copy(&other.key, &self.key).expect("a copy");
    }
}

/// A path as an option.
///
/// # Panics
/// If it is not UTF-8.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

impl Authority {
    /// A new one, which nobody else trusts.
    ///
    /// # Panics
    /// If the files cannot be written.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("roomcast-").tempdir();
        let folder = folder.expect("a folder");
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "Roomcast's tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).expect("a file");
        Self {
            der: certificate.der().clone(),
            issuer: Issuer::new(params, key),
            folder,
        }
    }

    /// Its own certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// One for this host.
    pub fn certify(&self, host: &str) -> Pair {
        self.certify_until(host, 2100)
    }

    /// One for this host that ends with the beginning of a year.
    ///
    /// # Panics
    /// If the files cannot be written.
    pub fn certify_until(&self, host: &str, year: i32) -> Pair {
        let mut params = CertificateParams::new(vec![host.to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, host);
        params.not_after = date_time_ymd(year, 1, 1);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let name = format!("{host}-{year}-{}", crate::random::Random::seed());
        let path = |end: &str| self.folder.path().join(format!("{name}{end}"));
        let pair = Pair {
            cert: path(".pem"),
            key: path(".key"),
        };
        std::fs::write(&pair.cert, certificate.pem()).expect("a file");
        std::fs::write(&pair.key, key.serialize_pem()).expect("a file");
        pair
    }

    /// How somebody speaks TLS who trusts this authority only.
    ///
    /// # Panics
    /// If it cannot be trusted.
    pub fn client(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).expect("an authority");
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions();
        let config = config.expect("versions of TLS");
        Arc::new(config.with_root_certificates(roots).with_no_client_auth())
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
