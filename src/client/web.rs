//! Where web services are, and the stream that leads there: in the clear, or through TLS.
//!
//! Whom to believe is the business of whoever asks: the settings of TLS come from outside.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

/// A web server, and how it is spoken to.
#[derive(Debug, Clone)]
pub struct WebServer {
    address: SocketAddr,
    /// Whom requests are for, as they say in `Host`.
    host: String,
    tls: Option<Tls>,
}

/// What a handshake needs.
#[derive(Debug, Clone)]
struct Tls {
    /// Whose certificate is wanted.
    name: ServerName<'static>,
    settings: Arc<ClientConfig>,
}

/// Bytes both ways.
pub(super) trait Stream: AsyncRead + AsyncWrite + fmt::Debug + Send + Sync + Unpin {}

impl<S: AsyncRead + AsyncWrite + fmt::Debug + Send + Sync + Unpin> Stream for S {}

impl From<SocketAddr> for WebServer {
    /// In the clear, by its address.
    fn from(address: SocketAddr) -> Self {
        Self::plain(address, address.to_string())
    }
}

impl WebServer {
    /// In the clear. `host` is its name, with the port where that is not the usual one.
    pub fn plain(address: SocketAddr, host: String) -> Self {
        Self {
            address,
            host,
            tls: None,
        }
    }

    /// Through TLS, with a server that shows a certificate for `name`.
    pub fn secure(
        address: SocketAddr,
        host: String,
        name: ServerName<'static>,
        settings: Arc<ClientConfig>,
    ) -> Self {
        Self {
            address,
            host,
            tls: Some(Tls { name, settings }),
        }
    }

    /// Whether nobody on the way can listen.
    pub fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// Whom requests are for.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Connects. The caller sets the deadline.
    pub(super) async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let Some(Tls { name, settings }) = &self.tls else {
            return Ok(Box::new(stream));
        };
        let connector = TlsConnector::from(Arc::clone(settings));
        Ok(Box::new(connector.connect(name.clone(), stream).await?))
    }
}
