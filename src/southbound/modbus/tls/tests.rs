use super::*;
use crate::southbound::modbus::{BusError, SharedBus};
use crate::southbound::testing::{Answer, Server, legacy, peer};
use crate::southbound::tls::front::{Site, front, server, site, site_as};
use crate::southbound::tls::testing::Sheet;
use std::net::SocketAddr;
use tokio::time::Instant;
use tokio_rustls::rustls::SupportedProtocolVersion;
use tokio_rustls::rustls::version::{TLS12, TLS13};

/// A bus over TLS through a front.
async fn bus(site: &Site, version: &'static SupportedProtocolVersion, to: Option<SocketAddr>) -> SharedBus {
    let device = site.devices.issue(&Sheet::device(&["127.0.0.1"]));
    let address = front(server(&device, &site.own, &[version]), to).await;
    let (host, port) = (address.ip().to_string(), address.port());
    let client = Some(site.client(&host));
    SharedBus::new(Endpoint::Tls { host, port, client })
}

#[tokio::test]
async fn registers_are_read_and_written_inside_tls() {
    let (site, device) = (site(), Server::start(&[(1, &legacy())]).await);
    for version in [&TLS12, &TLS13] {
        let bus = bus(&site, version, Some(device.address)).await;
        let line = bus.line(peer(1));
        assert_eq!(line.role().and_then(Role::name), Some("GridServiceSunSpec"));
        assert_eq!(line.read(40000, 2).await.unwrap(), [0x5375, 0x6E53]);
        line.write(40187, &[600, 0]).await.unwrap();
        assert_eq!(line.read(40187, 2).await.unwrap(), [600, 0]);
    }
    let plain = Endpoint::Tcp { host: "127.0.0.1".into(), port: device.address.port() };
    assert_eq!(SharedBus::new(plain).line(peer(1)).role(), None);
}

#[tokio::test]
async fn a_device_that_hangs_up_on_a_new_session_most_likely_does_not_accept_us() {
    let site = site();
    let error = bus(&site, &TLS13, None).await.line(peer(1)).read(40000, 2).await.unwrap_err();
    let BusError::Connect(ConnectFault::Tls(fault)) = &error else { panic!("{error:?}") };
    assert_eq!(fault.kind, Kind::ClosedAfterHandshake);
    assert!(fault.to_string().contains("client certificate not accepted (issuer CN=utility CA, "), "{fault}");
    // With TLS 1.2 our certificate was judged before: it is something else.
    let error = bus(&site, &TLS12, None).await.line(peer(1)).read(40000, 2).await;
    assert_eq!(error, Err(BusError::Connect(ConnectFault::AcceptedThenReset)));
}

#[tokio::test]
async fn what_is_no_answer_is_not_taken_for_a_refusal() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, &[0; 64]).await;
        }
    });
    for version in [&TLS12, &TLS13] {
        let error =
            bus(&site(), version, Some(address)).await.line(peer(1)).read(40000, 2).await.unwrap_err();
        assert!(matches!(error, BusError::BadAnswer(_)), "{error:?}");
    }
}

#[tokio::test]
async fn exception_1_to_a_read_is_about_the_role_if_there_is_none_and_an_answer_otherwise() {
    let device = Server::start(&[(1, &legacy())]).await;
    device.script(|_, _| Answer::Exception(1));
    let (good, none) = (site(), site_as(&Sheet { roles: vec![], ..Sheet::gateway("") }));
    let answer = bus(&good, &TLS13, Some(device.address)).await.line(peer(1)).read(40000, 2).await;
    assert_eq!(answer, Err(BusError::Refused(Exception::ILLEGAL_FUNCTION)));
    let bus = bus(&none, &TLS13, Some(device.address)).await;
    let line = bus.line(peer(1));
    let error = line.read(40000, 2).await.unwrap_err();
    assert!(error.lasts() && error.to_string().contains("the client certificate has no role ("), "{error}");
    assert!(line.retry_at().await.unwrap() - Instant::now() > Duration::from_secs(29));
    let before = device.state().connections;
    assert_eq!(line.read(40000, 2).await.unwrap_err(), error, "not asked again");
    assert_eq!(device.state().connections, before);
}

#[tokio::test]
async fn exception_1_is_not_about_the_role_once_something_else_was_answered() {
    let device = Server::start(&[(1, &legacy())]).await;
    device.script(|seen, _| if seen.address == 40070 { Answer::Exception(1) } else { Answer::Good });
    let maker = site_as(&Sheet::gateway("MakersOwnRole"));
    let bus = bus(&maker, &TLS13, Some(device.address)).await;
    let line = bus.line(peer(1));
    assert!(line.read(40000, 2).await.is_ok());
    assert_eq!(line.read(40070, 2).await, Err(BusError::Refused(Exception::ILLEGAL_FUNCTION)));
    assert!(line.read(40000, 2).await.is_ok(), "at once");
    assert_eq!(device.state().connections, 1, "over the same session");
}

#[tokio::test]
async fn a_request_that_is_given_up_takes_its_session_with_it() {
    let (site, device) = (site(), Server::start(&[(1, &legacy())]).await);
    let bus = bus(&site, &TLS13, Some(device.address)).await;
    let line = bus.line(peer(1));
    assert!(line.read(40000, 2).await.is_ok());
    device.script(|seen, _| if seen.quantity == 9 { Answer::Late } else { Answer::Good });
    assert!(tokio::time::timeout(Duration::from_millis(20), line.read(40000, 9)).await.is_err());
    assert_eq!(line.read(40070, 1).await.unwrap(), [103]);
    assert_eq!(device.state().connections, 2);
}
