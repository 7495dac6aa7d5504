//! The files that show who this server is.
//!
//! Files are read whole, bounded, and used only if certificate and key belong together: a server
//! that starts is one that clients can talk to. Every mistake names the file that it is in.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error as RustlsError, ServerConfig, version};

/// No certificate with its chain is larger.
const LARGEST_FILE: u64 = 1024 * 1024;

/// Certificate and key of a listener, in PEM. The chain follows the certificate in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The certificate of the server, then those that lead to the root.
    pub certificate: PathBuf,
    /// The private key that belongs to the first of them.
    pub key: PathBuf,
}

/// Certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file is not there, or not for this user to read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Whatever it is, it is no certificate.
    #[error("{} is larger than a megabyte; name a PEM file", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Nothing in the file is a certificate in PEM.
    #[error(
        "{} has no certificate in it; expected PEM, with a line -----BEGIN CERTIFICATE-----",
        path.display()
    )]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// Nothing in the file is a key in PEM, or it is under a password.
    #[error(
        "{} has no private key in it that is readable without a password; expected PEM, with a \
         line -----BEGIN PRIVATE KEY-----",
        path.display()
    )]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The key is of a kind or a length that cannot be used.
    #[error("{} holds a key that cannot be used: {reason}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What the library says.
        reason: String,
    },
    /// The certificate cannot be understood.
    #[error("{} holds a certificate that cannot be used: {reason}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What the library says.
        reason: String,
    },
    /// Two files of different pairs.
    #[error(
        "the key in {} is not that of the first certificate in {}; the certificate of the server \
         has to come first, its chain after it",
        key.display(), certificate.display()
    )]
    Mismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
}

impl Files {
    /// What changes when one of the files does. A file that is not there has none.
    pub(super) fn stamp(&self) -> impl PartialEq + Send + use<> {
        [&self.certificate, &self.key].map(|path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
    }

    /// The settings of a listener that shows this certificate: TLS 1.2 and 1.3, and HTTP/1.1 as
    /// the only protocol inside.
    pub(super) fn server_config(&self) -> Result<ServerConfig, IdentityError> {
        let provider = Arc::new(ring::default_provider());
        let pem = read(&self.certificate)?;
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<_, _>>()
            .unwrap_or_default();
        if chain.is_empty() {
            let path = self.certificate.clone();
            return Err(IdentityError::NoCertificate { path });
        }
        let key = PrivateKeyDer::from_pem_slice(&read(&self.key)?).map_err(|_| {
            let path = self.key.clone();
            IdentityError::NoKey { path }
        })?;
        let key = provider.key_provider.load_private_key(key).map_err(|it| {
            let path = self.key.clone();
            let reason = it.to_string();
            IdentityError::Key { path, reason }
        })?;
        let identity = CertifiedKey::new(chain, key);
        identity.keys_match().map_err(|error| match error {
            RustlsError::InconsistentKeys(_) => IdentityError::Mismatch {
                certificate: self.certificate.clone(),
                key: self.key.clone(),
            },
            other => self.unusable(&other),
        })?;
        let resolver = Arc::new(tokio_rustls::rustls::sign::SingleCertAndKey::from(identity));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(|error| self.unusable(&error))?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Says what is wrong with the files, if anything is.
    pub fn check(&self) -> Result<(), IdentityError> {
        self.server_config().map(drop)
    }

    fn unusable(&self, error: &RustlsError) -> IdentityError {
        IdentityError::Certificate {
            path: self.certificate.clone(),
            reason: error.to_string(),
        }
    }
}

/// A root certificate as browsers install it (DER), from a file that holds it in PEM or DER.
pub fn read_root(path: &Path) -> Result<Vec<u8>, IdentityError> {
    let bytes = read(path)?;
    if let Ok(root) = CertificateDer::from_pem_slice(&bytes) {
        return Ok(root.to_vec());
    }
    // The outermost element of a certificate is a sequence of between 256 bytes and 64 KiB.
    let declared = match bytes.as_slice() {
        &[0x30, 0x82, high, low, ..] => Some(usize::from(u16::from_be_bytes([high, low])) + 4),
        _ => None,
    };
    if declared == Some(bytes.len()) {
        return Ok(bytes);
    }
    Err(IdentityError::NoCertificate {
        path: path.to_owned(),
    })
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, IdentityError> {
    let failed = |source| IdentityError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > LARGEST_FILE {
        let path = path.to_owned();
        return Err(IdentityError::TooLarge { path });
    }
    Ok(bytes)
}
