//! TLS through the proxy: it passes as bytes, and whoever receives spoilt ones notices.

use std::sync::Arc;

use rstest::rstest;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{
    CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, ServerConfig, SignatureScheme,
};
use solthrive_sim::proxy::{Direction, Fault, Plan};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{Rig, stream, within};

const UP: Direction = Direction::Up;
const LENGTH: usize = 1 << 20;

/// What the server made of a megabyte over TLS, with an answer of its own: the bytes, and whether the stream was
/// whole.
async fn received(plan: impl Into<Plan>, sent: &[u8]) -> (Vec<u8>, bool) {
    let rig = Rig::with(plan).await;
    let (client, server) = rig.pair().await;
    let (acceptor, connector) = ends();
    let client = async {
        let name = ServerName::try_from("localhost").unwrap();
        let mut client = connector.connect(name, client).await?;
        client.write_all(sent).await?;
        client.shutdown().await?;
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await?;
        assert_eq!(answer, b"taken");
        std::io::Result::Ok(())
    };
    let server = async {
        let mut got = Vec::new();
        let Ok(mut server) = acceptor.accept(server).await else {
            return (got, false);
        };
        let whole = server.read_to_end(&mut got).await.is_ok();
        if whole {
            server.write_all(b"taken").await.unwrap();
            server.shutdown().await.unwrap();
        }
        (got, whole)
    };
    let (said, (got, whole)) = within(async { tokio::join!(client, server) }).await;
    assert_eq!(said.is_ok(), whole, "the client knows, too: {said:?}");
    (got, whole)
}

#[tokio::test]
async fn tls_passes_as_it_is() {
    let sent = stream(LENGTH, 1);
    assert!(received(Plan::default(), &sent).await == (sent, true));
}

#[rstest]
#[case::corrupt(Fault::Corrupt { direction: UP, every: 300_000 })]
#[case::duplicate(Fault::Duplicate { direction: UP, every: 300_000 })]
#[case::reorder(Fault::Reorder { direction: UP, every: 300_000 })]
#[case::drop(Fault::Drop { direction: UP, after: 300_000 })]
#[case::reset(Fault::Reset { direction: UP, after: 300_000 })]
#[case::handshake(Fault::Corrupt { direction: UP, every: 100 })]
#[tokio::test]
async fn tls_notices_and_hands_out_no_wrong_byte(#[case] fault: Fault) {
    let sent = stream(LENGTH, 2);
    let (got, whole) = received(fault, &sent).await;
    assert!(!whole && got.len() < sent.len() && sent.starts_with(&got));
}

/// A server with a raw public key (RFC 7250), so that no certificate has to be made or kept, and a client that knows it.
fn ends() -> (TlsAcceptor, TlsConnector) {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut key = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
    key.extend([7; 32]);
    let key = PrivatePkcs8KeyDer::from(key);
    let key = provider.key_provider.load_private_key(key.into()).unwrap();
    let public = key.public_key().unwrap().into_owned();
    let shown = CertificateDer::from(public.to_vec());
    let shown = Arc::new(CertifiedKey::new(vec![shown], key));
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(shown)));
    let known = Known {
        public,
        provider: Arc::clone(&provider),
    };
    let client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(known))
        .with_no_client_auth();
    (
        TlsAcceptor::from(Arc::new(server)),
        TlsConnector::from(Arc::new(client)),
    )
}

/// Trusts one public key.
#[derive(Debug)]
struct Known {
    public: SubjectPublicKeyInfoDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if shown.as_ref() == self.public.as_ref() {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        _: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature_with_raw_key(message, &self.public, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let known = &self.provider.signature_verification_algorithms;
        known.supported_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
