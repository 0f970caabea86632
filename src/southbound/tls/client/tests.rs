use super::*;
use crate::southbound::tls::front::{Site, server, site};
use crate::southbound::tls::testing::{Authority, Issued, Sheet, self_signed};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{HandshakeKind, ServerConfig, SupportedProtocolVersion, version};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

const LIMIT: Duration = Duration::from_mins(1);

fn pinned(site: &Site, name: &str, pin: &Issued) -> Client {
    let pin = Fingerprint::of(&CertificateDer::from(pin.der.clone()));
    site.identity.client(name, Some(pin)).unwrap()
}

/// One handshake and one echo of `ping`; the version and kind of handshake, or why not.
async fn meet(
    client: &Client,
    server: &Arc<ServerConfig>,
) -> Result<(ProtocolVersion, HandshakeKind), Fault> {
    let (near, far) = duplex(64 * 1024);
    let acceptor = tokio_rustls::TlsAcceptor::from(server.clone());
    let serving = tokio::spawn(async move {
        let mut stream = acceptor.accept(far).await?;
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).await?;
        stream.write_all(&bytes).await?;
        stream.flush().await
    });
    let mut stream = client.secure(near, LIMIT).await?;
    let version = stream.get_ref().1.protocol_version();
    let mut echo = [0; 4];
    let asked = async {
        stream.write_all(b"ping").await?;
        stream.flush().await?;
        stream.read_exact(&mut echo).await
    };
    if let Err(error) = asked.await {
        return Err(client.first_request_failed(&error, version).unwrap());
    }
    serving.await.unwrap().unwrap();
    Ok((version.unwrap(), stream.get_ref().1.handshake_kind().unwrap()))
}

const BOTH: [&SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];

#[tokio::test]
async fn both_versions_are_spoken_and_sessions_are_resumed() {
    for version in BOTH {
        let site = site();
        let device = site.devices.issue(&Sheet::device(&["inv07.local", "192.0.2.7"]));
        let server = server(&device, &site.own, &[version]);
        for name in ["inv07.local", "192.0.2.7"] {
            let client = site.client(name);
            let first = meet(&client, &server).await.unwrap();
            let second = meet(&site.client(name), &server).await.unwrap();
            assert_eq!(first.0, version.version);
            assert_eq!(second.1, HandshakeKind::Resumed, "{name} {version:?}, first {:?}", first.1);
        }
    }
}

#[tokio::test]
async fn each_wrong_certificate_has_words_of_its_own() {
    let site = site();
    let good = Sheet::device(&["inv07.local"]);
    let issue = |sheet: Sheet| site.devices.issue(&sheet);
    let cases = [
        (
            Authority::new("other CA").issue(&good),
            Kind::UntrustedIssuer,
            "is signed by \"CN=other CA\", which is not in authorities",
        ),
        (
            Authority::new("device CA").issue(&good),
            Kind::UntrustedIssuer,
            "another authority of the same name",
        ),
        (self_signed(&good), Kind::UntrustedIssuer, "is self-signed and not in authorities"),
        (
            issue(Sheet { until: (2021, 5, 6), ..good.clone() }),
            Kind::Expired,
            "expired at 2021-05-06T00:00:00Z; the clock here says 2",
        ),
        (
            issue(Sheet { from: (2110, 5, 6), ..good.clone() }),
            Kind::NotYetValid,
            "is valid only from 2110-05-06T00:00:00Z; the clock here says",
        ),
        (
            issue(Sheet::device(&["inverter-1130012345"])),
            Kind::WrongName,
            "is valid, but name \"inv07.local\" is not in it (SAN: DNS inverter-1130012345); set server_name",
        ),
        (issue(Sheet::device(&[])), Kind::WrongName, "has no subjectAltName"),
        (
            issue(Sheet { usage: Some(rcgen::ExtendedKeyUsagePurpose::ClientAuth), ..good }),
            Kind::BadCertificate,
            "is not for servers",
        ),
    ];
    let client = site.client("inv07.local");
    for (device, kind, words) in cases {
        for version in BOTH {
            let fault = meet(&client, &server(&device, &site.own, &[version])).await.unwrap_err();
            assert_eq!(fault.kind, kind, "{fault}");
            assert!(fault.to_string().contains(words), "{fault}");
            assert!(fault.kind.lasts());
        }
    }
}

#[tokio::test]
async fn a_pinned_certificate_is_taken_whatever_it_says_and_no_other() {
    let site = site();
    let odd = self_signed(&Sheet { until: (2021, 1, 1), ..Sheet::device(&[]) });
    let other = site.devices.issue(&Sheet::device(&["inv07.local"]));
    let client = pinned(&site, "inv07.local", &odd);
    for version in BOTH {
        meet(&client, &server(&odd, &site.own, &[version])).await.unwrap();
        let fault = meet(&client, &server(&other, &site.own, &[version])).await.unwrap_err();
        assert_eq!(fault.kind, Kind::WrongPin);
        for issued in [&odd, &other] {
            let shown = Fingerprint::of(&CertificateDer::from(issued.der.clone())).to_string();
            assert!(fault.to_string().contains(&shown), "both are shown: {fault}");
        }
    }
    // The certificate of another, without its key: rustls checks what the handshake is signed with.
    let stolen = Issued { key: other.key, ..odd };
    let mut config = ServerConfig::clone(&server(
        &Issued { chain: other.chain, leaf: other.leaf, key: stolen.key.clone(), der: other.der },
        &site.own,
        &BOTH,
    ));
    let chain = CertificateDer::pem_slice_iter(stolen.chain.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(stolen.key.as_bytes()).unwrap();
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap();
    config.cert_resolver =
        Arc::new(rustls::sign::SingleCertAndKey::from(rustls::sign::CertifiedKey::new(chain, key)));
    let fault = meet(&client, &Arc::new(config)).await.unwrap_err();
    assert!(fault.to_string().contains("did not prove that it has the key"), "{fault}");
}

#[tokio::test]
async fn a_device_that_does_not_accept_us_is_heard_in_either_version() {
    let site = site();
    let device = site.devices.issue(&Sheet::device(&["inv07.local"]));
    let stranger = Authority::new("the maker's CA");
    for (version, when) in
        [(&version::TLS12, "during the TLS handshake"), (&version::TLS13, "after TLS handshake")]
    {
        let client = site.client("inv07.local");
        let fault = meet(&client, &server(&device, &stranger, &[version])).await.unwrap_err();
        assert_eq!(fault.kind, Kind::NotAccepted, "{fault}");
        let words = fault.to_string();
        assert!(words.contains(when) && words.contains("client certificate not accepted (issuer CN=utility CA, expires 2120-01-01T00:00:00Z, role GridServiceSunSpec)"), "{words}");
        assert!(words.contains("UnknownCA") && words.contains("install it in the device"), "{words}");
    }
}

#[tokio::test]
async fn what_is_no_tls_or_nothing_in_common_is_told_apart() {
    let client = site().client("inv07.local");
    for (answer, kind) in [
        (&b"\0\x01\0\0\0\x03\x01\x83\x01"[..], Kind::NoTls),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Kind::NoTls),
        (b"\x15\x03\x01\0\x02\x02\x28", Kind::NothingInCommon),
        (b"\x15\x03\x01\0\x02\x02\x46", Kind::NothingInCommon),
        (b"", Kind::Silent),
    ] {
        let (near, mut far) = duplex(64 * 1024);
        far.write_all(answer).await.unwrap();
        far.shutdown().await.unwrap();
        let fault = client.secure(near, LIMIT).await.unwrap_err();
        assert_eq!(fault.kind, kind, "{answer:?}: {fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_port_that_never_answers_is_given_up() {
    let (near, _far) = duplex(64 * 1024);
    let fault = site().client("inv07.local").secure(near, LIMIT).await.unwrap_err();
    assert_eq!(fault.kind, Kind::Silent);
    assert!(fault.to_string().contains("is not answered"), "{fault}");
}
