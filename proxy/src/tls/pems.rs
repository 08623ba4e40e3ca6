//! Certificates and private keys as they stand in PEM files. Whatever is wrong is a sentence, and nothing of a key is in it.

use crate::contents;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;

/// How large a file may be: all authorities of a system fit.
const MAX_BYTES: usize = 1024 * 1024;

/// What is in a file; the sentence names it.
pub(crate) fn content(path: &Path) -> Result<Vec<u8>, String> {
    contents::read(path, MAX_BYTES).map_err(|error| format!("{}: {error}", path.display()))
}

/// All certificates in what was read from this file.
pub(crate) fn certificates(
    path: &Path,
    content: &[u8],
) -> Result<Vec<CertificateDer<'static>>, String> {
    let shown = path.display();
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(content).collect();
    match all {
        Ok(all) if all.is_empty() => Err(format!(
            "{shown}: there is no certificate in it: it must have PEM lines, -----BEGIN CERTIFICATE-----"
        )),
        Ok(all) => Ok(all),
        Err(error) => Err(format!("{shown}: it is no PEM: {}", what(&error))),
    }
}

/// What is wrong with a PEM. The error itself would show the lines that it is about, and there may be a key in them.
const fn what(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::IllegalSectionStart { .. } => "its line -----BEGIN … has something else in it",
        pem::Error::MissingSectionEnd { .. } => {
            "its line -----END … is missing, or is no line of its own"
        }
        pem::Error::Base64Decode(_) => "there is no Base64 between its lines",
        _ => "it cannot be read",
    }
}

/// The private key in what was read from this file.
pub(crate) fn key(path: &Path, content: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    let shown = path.display();
    PrivateKeyDer::from_pem_slice(content).map_err(|error| match error {
        pem::Error::NoItemsFound if content.windows(9).any(|part| part == b"ENCRYPTED") => format!(
            "{shown}: its key has a password, which nobody could type at a restart: take it off with 'openssl pkey -in {shown}'"
        ),
        pem::Error::NoItemsFound => format!(
            "{shown}: there is no private key in it: it must have PEM lines, -----BEGIN PRIVATE KEY-----"
        ),
        error => format!("{shown}: it is no PEM: {}", what(&error)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_said() {
        let path = Path::new("some.pem");
        let encrypted =
            b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        for (said, part) in [
            (certificates(path, b"").unwrap_err(), "no certificate"),
            (certificates(path, encrypted).unwrap_err(), "no certificate"),
            (
                certificates(path, b"-----BEGIN CERTIFICATE-----\nAAAA\n").unwrap_err(),
                "no PEM",
            ),
            (key(path, b"hello").unwrap_err(), "no private key"),
            (
                key(
                    path,
                    b"-----BEGIN PRIVATE KEY-----\n*\n-----END PRIVATE KEY-----\n",
                )
                .unwrap_err(),
                "no Base64",
            ),
            (key(path, encrypted).unwrap_err(), "has a password"),
        ] {
            assert!(
                said.starts_with("some.pem: ") && said.contains(part),
                "{said}"
            );
        }
    }
    /// As it comes out of a variable or a form that has made one line of it.
    #[test]
    fn nothing_of_a_key_is_said() {
        for content in [
            "-----BEGIN PRIVATE KEY----- MIIEsecret -----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY----- MIIEsecret",
            "-----BEGIN PRIVATE KEY-----\nMIIEsecret",
            "-----BEGIN PRIVATE KEY-----\nMII*secret\n-----END PRIVATE KEY-----\n",
        ] {
            let path = Path::new("some.key");
            let said = [
                key(path, content.as_bytes()).unwrap_err(),
                certificates(path, content.as_bytes()).unwrap_err(),
            ];
            for said in said {
                // As text, or as numbers.
                assert!(!said.contains("secret") && !said.contains("115"), "{said}");
                assert!(said.contains("no PEM"), "{said}");
            }
        }
    }
}
