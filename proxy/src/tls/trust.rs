//! Whom we trust as a client, who we are to a server, and what is wrong with one, as a sentence.

use super::pems;
use super::provider::provider;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, ClientConfig, Error, RootCertStore};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Files about TLS, each of which may be absent. They are read anew for each connection, so that they may change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    /// Authorities; the system's if not given.
    pub(crate) ca: Option<PathBuf>,
    /// Our own certificate, and its key.
    pub(crate) own: Option<(PathBuf, PathBuf)>,
}

impl Files {
    /// How we speak TLS.
    ///
    /// # Errors
    /// With a sentence about a file.
    pub(crate) fn client(&self) -> Result<Arc<ClientConfig>, String> {
        let roots = match &self.ca {
            Some(path) => roots_of(path)?,
            None => roots_of_system()?,
        };
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS cannot be used: {error}"))?
            .with_root_certificates(roots);
        let Some((cert, key)) = &self.own else {
            return Ok(Arc::new(config.with_no_client_auth()));
        };
        let chain = pems::certificates(cert, &pems::content(cert)?)?;
        let private = pems::key(key, &pems::content(key)?)?;
        let config = config.with_client_auth_cert(chain, private);
        config.map(Arc::new).map_err(|error| {
            format!(
                "{} and {} cannot be used together: {error}",
                cert.display(),
                key.display()
            )
        })
    }
}

fn roots_of(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in pems::certificates(path, &pems::content(path)?)? {
        roots.add(certificate).map_err(|error| {
            format!("{}: a certificate cannot be used: {error}", path.display())
        })?;
    }
    Ok(roots)
}

/// Those that the system trusts (`SSL_CERT_FILE` and `SSL_CERT_DIR` name others). One of them that is odd hurts nobody.
fn roots_of_system() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found
            .errors
            .first()
            .map_or_else(String::new, |error| format!(" ({error})"));
        return Err(format!(
            "this system trusts no authority of TLS{why}: install ca-certificates, or name a file"
        ));
    }
    Ok(roots)
}

/// Why TLS failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// As a sentence.
    pub(crate) why: String,
    /// It will be the same the next time.
    pub(crate) lasts: bool,
}

/// Speaks TLS with `host` over a connection.
///
/// # Errors
/// With what is wrong.
pub(crate) async fn speak(
    config: Arc<ClientConfig>,
    host: &str,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, Wrong> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| Wrong {
        why: format!("'{host}' is no name that a certificate could be for"),
        lasts: true,
    })?;
    let said = TlsConnector::from(config).connect(name, stream).await;
    said.map_err(|error| wrong(&error, host))
}

/// What is wrong, as far as it has to do with TLS; else what the error says.
fn wrong(error: &io::Error, host: &str) -> Wrong {
    let of_tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    let why = match of_tls {
        Some(of_tls) => why(of_tls, host),
        None if error.kind() == io::ErrorKind::UnexpectedEof
            || error.kind() == io::ErrorKind::ConnectionReset =>
        {
            "the connection ended within the handshake of TLS: does this port speak TLS?".to_owned()
        }
        None => error.to_string(),
    };
    Wrong {
        why,
        lasts: of_tls.is_some(),
    }
}

fn why(error: &Error, host: &str) -> String {
    use AlertDescription as Alert;
    use CertificateError as Bad;
    match error {
        Error::InvalidCertificate(Bad::UnknownIssuer | Bad::BadSignature) => {
            "its certificate is of an authority that is not trusted".to_owned()
        }
        Error::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
            format!("its certificate is for another name than '{host}'")
        }
        Error::InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. }) => {
            "its certificate has expired".to_owned()
        }
        Error::InvalidCertificate(Bad::NotValidYet | Bad::NotValidYetContext { .. }) => {
            "its certificate is not valid yet: is a clock wrong?".to_owned()
        }
        Error::InvalidCertificate(bad) => format!("its certificate cannot be used: {bad}"),
        Error::InvalidMessage(_) => {
            "what it answers is no TLS: does this port speak TLS?".to_owned()
        }
        Error::AlertReceived(Alert::CertificateRequired) => {
            "it wants a certificate of ours, and none is given".to_owned()
        }
        Error::AlertReceived(
            alert @ (Alert::BadCertificate
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::UnsupportedCertificate
            | Alert::HandshakeFailure
            | Alert::AccessDenied),
        ) => format!("it does not take our certificate, or wants one: it says {alert:?}"),
        error => format!("TLS failed: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mistake_has_its_sentence() {
        let tls = |error: Error| {
            let found = wrong(&io::Error::new(io::ErrorKind::InvalidData, error), "db");
            assert!(found.lasts);
            found.why
        };
        let cert = |bad| tls(Error::InvalidCertificate(bad));
        for (said, part) in [
            (cert(CertificateError::UnknownIssuer), "not trusted"),
            (cert(CertificateError::NotValidForName), "than 'db'"),
            (cert(CertificateError::Expired), "expired"),
            (cert(CertificateError::NotValidYet), "not valid yet"),
            (cert(CertificateError::Revoked), "cannot be used"),
            (
                tls(Error::InvalidMessage(
                    rustls::InvalidMessage::InvalidContentType,
                )),
                "no TLS",
            ),
            (
                tls(Error::AlertReceived(AlertDescription::CertificateRequired)),
                "a certificate of ours",
            ),
            (
                tls(Error::AlertReceived(AlertDescription::UnknownCA)),
                "our certificate",
            ),
            (
                wrong(&io::ErrorKind::UnexpectedEof.into(), "db").why,
                "does this port speak TLS?",
            ),
            (wrong(&io::Error::other("cable"), "db").why, "cable"),
        ] {
            assert!(said.contains(part), "{said}, not {part}");
        }
    }
}
