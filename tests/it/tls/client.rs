//! A client of TLS 1.2 or 1.3 that trusts one root and nobody else.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use chrysalis::clock::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};

pub(crate) const TLS12: &SupportedProtocolVersion = &version::TLS12;
pub(crate) const TLS13: &SupportedProtocolVersion = &version::TLS13;

/// The time of today, in seconds.
pub(crate) fn now() -> i64 {
    Clock::system().now_secs()
}

/// A root that is believed.
pub(crate) struct Trust(Arc<RootCertStore>);

impl Trust {
    pub(crate) fn only(root: &[u8]) -> Self {
        let mut store = RootCertStore::empty();
        store.add(CertificateDer::from(root.to_vec())).unwrap();
        Self(Arc::new(store))
    }
}

/// What connects.
pub(crate) struct Client(ClientConfig);

impl Client {
    pub(crate) fn new(trust: &Trust, version: &'static SupportedProtocolVersion) -> Self {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(Arc::clone(&trust.0))
            .with_no_client_auth();
        Self(config)
    }

    /// Offers these protocols inside of TLS.
    pub(crate) fn offer(&mut self, protocols: &[&[u8]]) {
        self.0.alpn_protocols = protocols.iter().map(|it| it.to_vec()).collect();
    }

    /// The protocol that is spoken inside of TLS.
    pub(crate) async fn agreed(&self, to: SocketAddr, name: &str) -> io::Result<Option<Vec<u8>>> {
        let stream = self.connect(to, name).await?;
        Ok(stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec))
    }

    /// Sends a request that ends the connection, and answers all that comes back.
    pub(crate) async fn ask(
        &self,
        to: SocketAddr,
        name: &str,
        request: &[u8],
    ) -> io::Result<String> {
        self.ask_over(TcpStream::connect(to).await?, name, request)
            .await
    }

    /// The same over a connection on which something was said already.
    pub(crate) async fn ask_over(
        &self,
        stream: TcpStream,
        name: &str,
        request: &[u8],
    ) -> io::Result<String> {
        let mut stream = self.over(stream, name).await?;
        stream.write_all(request).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    async fn connect(&self, to: SocketAddr, name: &str) -> io::Result<TlsStream<TcpStream>> {
        self.over(TcpStream::connect(to).await?, name).await
    }

    async fn over(&self, stream: TcpStream, name: &str) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let connector = TlsConnector::from(Arc::new(self.0.clone()));
        connector.connect(name, stream).await
    }
}
