//! Whom the check believes: the roots of this system, and those that the operator names.
//!
//! Clients have roots of their own, so what is believed here says little about them. It says
//! whether a stranger in between could pass for the server now, while the check sends passwords.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
};

use crate::clock::Clock;

/// Names the file of roots, where it is not a usual one. OpenSSL and curl know it, too.
const VARIABLE: &str = "SSL_CERT_FILE";
/// Where systems keep their roots; the first one that is there counts.
const BUNDLES: [&str; 6] = [
    // Debian, Ubuntu, Arch, Gentoo.
    "/etc/ssl/certs/ca-certificates.crt",
    // Fedora and its relatives.
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    // SUSE.
    "/etc/ssl/ca-bundle.pem",
    // Alpine, macOS, OpenBSD.
    "/etc/ssl/cert.pem",
    // FreeBSD.
    "/usr/local/share/certs/ca-root-nss.crt",
];

/// The roots that are believed.
#[derive(Debug)]
pub(super) struct Trust {
    /// Nothing where there is no root at all.
    verifier: Option<Arc<WebPkiServerVerifier>>,
}

/// Why a certificate is not believed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Doubt {
    /// There is nothing to judge by.
    #[error("there are no root certificates on this system")]
    NoRoots,
    /// It leads to no root, or is wrong in another way.
    #[error(transparent)]
    Rejected(#[from] TlsError),
}

impl Trust {
    /// Believes the roots of this system and these, in DER. What is no certificate is left out.
    pub(super) fn new(named: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(system_roots());
        roots.add_parsable_certificates(named.into_iter().map(CertificateDer::from));
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        Self {
            // It fails without any root, and for no other reason as long as nothing is revoked.
            verifier: verifier.build().ok(),
        }
    }

    /// Settings that insist on a believed certificate, if this one is.
    pub(super) fn verify(
        &self,
        chain: &[CertificateDer<'_>],
        server: &ServerName<'_>,
    ) -> Result<Arc<ClientConfig>, Doubt> {
        let verifier = self.verifier.as_ref().ok_or(Doubt::NoRoots)?;
        let (first, rest) = chain
            .split_first()
            .ok_or(TlsError::NoCertificatesPresented)?;
        let now = u64::try_from(Clock::system().now_secs()).unwrap_or_default();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        verifier.verify_server_cert(first, rest, server, &[], now)?;
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let settings = builder
            .with_safe_default_protocol_versions()?
            .with_webpki_verifier(Arc::clone(verifier))
            .with_no_client_auth();
        Ok(Arc::new(settings))
    }
}

fn system_roots() -> Vec<CertificateDer<'static>> {
    let named = env::var_os(VARIABLE).map(PathBuf::from);
    let usual = || {
        let mut usual = BUNDLES.iter().map(PathBuf::from);
        usual.find(|path| path.exists())
    };
    let pem = named.or_else(usual).and_then(|path| fs::read(path).ok());
    let pem = pem.unwrap_or_default();
    // One that cannot be read does not stand for the others.
    CertificateDer::pem_slice_iter(&pem).flatten().collect()
}

/// Settings that take every certificate: to look at one, and to find out what is behind one that
/// is not believed.
pub(super) fn without_verification() -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let builder = ClientConfig::builder_with_provider(Arc::<CryptoProvider>::clone(&provider));
    let settings = builder
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Looker(algorithms)))
        .with_no_client_auth();
    Ok(Arc::new(settings))
}

/// Takes every certificate. Whoever uses it sends nothing that is worth anything to a stranger.
#[derive(Debug)]
struct Looker(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Looker {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
