//! The certificate that the listener shows, with its private key. Both files are looked at again and again; a pair that cannot
//! be used is told once, and the last good one stays.

use super::pems;
use super::provider::provider;
use crate::contents::is_read_once;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::crypto::ring::Ticketer;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tracing::{info, warn};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is in both files, or why they cannot be read.
type Contents = Result<(Vec<u8>, Vec<u8>), String>;

/// See the top of the file.
#[derive(Debug)]
pub(crate) struct Shown {
    cert: PathBuf,
    key: PathBuf,
    current: Mutex<Arc<CertifiedKey>>,
    /// As it was read last, good or not.
    seen: Mutex<Seen>,
}

struct Seen(Contents);

impl std::fmt::Debug for Seen {
    /// There is a private key in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seen")
    }
}

impl Shown {
    /// Reads both files.
    ///
    /// # Errors
    /// With a sentence, if they cannot be used.
    pub(crate) fn open(cert: &Path, key: &Path) -> Result<Self, String> {
        let (cert, key) = (cert.to_owned(), key.to_owned());
        let contents = read(&cert, &key);
        let pair = pair(&cert, &key, &contents)?;
        Ok(Self {
            current: Mutex::new(Arc::new(pair)),
            seen: Mutex::new(Seen(contents)),
            cert,
            key,
        })
    }

    /// Looks at the files, for ever.
    pub(crate) async fn watch(self: Arc<Self>) {
        loop {
            sleep(LOOK_EVERY).await;
            // A disk that does not answer holds nobody up.
            let this = self.clone();
            let _ = spawn_blocking(move || this.look()).await;
        }
    }

    fn look(&self) {
        if is_read_once(&self.cert) || is_read_once(&self.key) {
            return;
        }
        let contents = read(&self.cert, &self.key);
        let mut seen = self.seen.lock();
        if seen.0 == contents {
            return;
        }
        let place = self.cert.display();
        match pair(&self.cert, &self.key, &contents) {
            Ok(pair) => {
                *self.current.lock() = Arc::new(pair);
                info!(%place, "another certificate is shown from now on");
            }
            Err(why) => warn!(why, "a certificate could not be read: the last one stays"),
        }
        *seen = Seen(contents);
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.lock().clone())
    }
}

fn read(cert: &Path, key: &Path) -> Contents {
    Ok((pems::content(cert)?, pems::content(key)?))
}

/// The pair, if its halves belong together.
fn pair(cert: &Path, key: &Path, contents: &Contents) -> Result<CertifiedKey, String> {
    let (of_cert, of_key) = contents.as_ref().map_err(Clone::clone)?;
    let chain = pems::certificates(cert, of_cert)?;
    let private = pems::key(key, of_key)?;
    CertifiedKey::from_der(chain, private, &provider()).map_err(|error| {
        let (cert, key) = (cert.display(), key.display());
        match error {
            rustls::Error::InconsistentKeys(_) => {
                format!("the key in {key} is not that of the first certificate in {cert}")
            }
            error => format!("{cert} and {key} cannot be used: {error}"),
        }
    })
}

/// How the listener speaks TLS.
///
/// # Errors
/// If the system has no randomness.
pub(crate) fn server(shown: Arc<Shown>) -> Result<Arc<ServerConfig>, String> {
    let wrong = |error: rustls::Error| format!("TLS cannot be used: {error}");
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(wrong)?;
    let mut config = config.with_no_client_auth().with_cert_resolver(shown);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Who comes back skips the costly half of the handshake, and what it needs for that is kept by the client.
    config.ticketer = Ticketer::new().map_err(wrong)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 1;
    Ok(Arc::new(config))
}
