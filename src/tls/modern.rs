//! TLS 1.2 and 1.3 with rustls, on the addresses of the web side.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{ProtocolVersion, ServerConfig, ServerConnection};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::LOOK_EVERY;
use super::identity::{Files, IdentityError};
use super::rate::{HandshakeRate, Throttle};
use crate::live::Live;
use crate::metrics::Metrics;

/// What a connection with TLS begins with: the type of a record that holds a handshake. No method
/// of HTTP begins with it.
pub const HANDSHAKE: u8 = 0x16;

/// The word for this listener in metrics.
const LISTENER: &str = "modern";

/// Takes handshakes with a certificate that follows its files; clones share it.
#[derive(Clone)]
pub struct Modern(Arc<Inner>);

struct Inner {
    /// The names of the files, which may change too.
    files: Live<Files>,
    /// Replaced as a whole when the files change.
    current: Live<ServerConfig>,
    throttle: Throttle,
    metrics: Metrics,
}

/// A handshake did not come about.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The network has asked for too many.
    #[error("too many handshakes")]
    Throttled,
    /// The client left, spoke something else, or does not trust the certificate.
    #[error("the handshake failed")]
    Failed(#[source] io::Error),
}

impl fmt::Debug for Modern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Modern").field(&self.0.files).finish()
    }
}

impl Modern {
    /// Reads certificate and key.
    pub fn load(
        files: Files,
        rate: HandshakeRate,
        metrics: Metrics,
    ) -> Result<Self, IdentityError> {
        let current = Live::new(files.server_config()?);
        Ok(Self(Arc::new(Inner {
            files: Live::new(files),
            current,
            throttle: Throttle::new(rate),
            metrics,
        })))
    }

    /// Follows the files until the stop. What cannot be used is logged once and leaves the old
    /// certificate in force; files that change one after the other therefore do no harm.
    pub async fn follow_files(&self, stop: &CancellationToken) {
        let mut seen = self.0.files.now().stamp();
        let mut looks = tokio::time::interval(LOOK_EVERY);
        while stop.run_until_cancelled(looks.tick()).await.is_some() {
            let files = self.0.files.now();
            let now = files.stamp();
            if now == seen {
                continue;
            }
            seen = now;
            match files.server_config() {
                Ok(config) => {
                    self.0.current.replace(config);
                    tracing::info!(certificate = %files.certificate.display(), "new certificate");
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "the new certificate is not used; the old one stays");
                }
            }
        }
    }

    /// Takes what these files hold now, without waiting for the next look at them. If they cannot
    /// be used, everything stays as it is.
    pub fn change(&self, files: Files, rate: HandshakeRate) -> Result<(), IdentityError> {
        self.0.current.replace(files.server_config()?);
        self.0.files.replace(files);
        self.0.throttle.change(rate);
        Ok(())
    }

    /// Does the handshake that a peer has begun. The caller sets the deadline, and tells of it by
    /// [`Modern::timed_out`].
    pub async fn accept<S>(&self, stream: S, peer: IpAddr) -> Result<TlsStream<S>, Refused>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let metrics = &self.0.metrics;
        if !self.0.throttle.admits(peer) {
            metrics.tls_failure(LISTENER, "throttled");
            return Err(Refused::Throttled);
        }
        let config = self.0.current.now();
        match TlsAcceptor::from(config).accept(stream).await {
            Ok(stream) => {
                let (protocol, cipher) = agreed(stream.get_ref().1);
                metrics.tls_handshake(LISTENER, protocol, cipher);
                Ok(stream)
            }
            Err(error) => {
                metrics.tls_failure(LISTENER, "failed");
                Err(Refused::Failed(error))
            }
        }
    }

    /// Counts a handshake that took too long.
    pub fn timed_out(&self) {
        self.0.metrics.tls_failure(LISTENER, "timeout");
    }
}

/// What was agreed on, as words for metrics.
fn agreed(connection: &ServerConnection) -> (&'static str, &'static str) {
    let protocol = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        _ => "other",
    };
    let cipher = connection
        .negotiated_cipher_suite()
        .and_then(|suite| suite.suite().as_str());
    (protocol, cipher.unwrap_or("other"))
}
