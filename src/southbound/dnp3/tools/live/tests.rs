use super::*;
use crate::southbound::tls::front::{front, server, site};
use crate::southbound::tls::testing::{Authority, Sheet};
use rustls::version::TLS13;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn live(link: &str, options: ProbeOptions) -> Live {
    Live::new(&Link::parse(link).unwrap(), &options, &Maps::builtin(), false)
}

fn quick() -> ProbeOptions {
    let mut options = ProbeOptions::default();
    options.link.response_timeout = Duration::from_millis(200);
    options.link.connect_timeout = Duration::from_millis(500);
    options
}

#[tokio::test]
async fn nobody_there_is_told_as_such() {
    let closed = std::net::TcpListener::bind(crate::testing::own_address()).unwrap().local_addr().unwrap();
    let error = live(&format!("dnp3+tcp://{closed}"), quick()).map().await.unwrap_err();
    assert!(matches!(&error, ProbeError::Silent { reason, .. } if reason.contains("refused")), "{error}");
}

#[tokio::test]
async fn who_is_connected_and_silent_is_told_what_it_may_be() {
    crate::testing::unhurried();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = format!("dnp3+tcp://{}?outstation=10&master=3", listener.local_addr().unwrap());
    let held = tokio::spawn(async move { listener.accept().await.unwrap() });
    let error = live(&link, quick()).map().await.unwrap_err().to_string();
    for part in
        ["connected, but outstation 10 does not answer master 3", "?outstation=1024", "a master already"]
    {
        assert!(error.contains(part), "{error}");
    }
    drop(held.await.unwrap());
}

#[test]
fn indications_are_told_in_words() {
    let bits = Indications { need_time: true, overflow: true, ..Indications::default() };
    let words = told(&News::Indications(bits));
    assert_eq!(words.len(), 2);
    assert!(words[0].contains("IIN1.4") && words[1].contains("IIN2.3"), "{words:?}");
    assert!(told(&News::Indications(Indications::default())).is_empty());
    assert!(told(&News::Restarted)[0].contains("IIN1.7"));
}

#[test]
fn only_whole_numbers_are_marks() {
    assert_eq!((whole(100.0), whole(-5.0), whole(0.5)), (Some(100), Some(-5), None));
    assert_eq!((whole(f64::NAN), whole(f64::INFINITY), whole(1e12)), (None, None, None));
}

/// A web server, a Modbus device, TLS: none takes what a master says.
#[tokio::test]
async fn who_speaks_another_protocol_is_told_from_a_broken_connection() {
    crate::testing::unhurried();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = format!("dnp3+tcp://{}?outstation=10", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 64]).await;
            let _ = stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n").await;
        }
    });
    let error = live(&link, quick()).map().await.unwrap_err();
    assert!(
        matches!(&error, ProbeError::Silent { reason, .. } if reason.contains("does this port speak DNP3")),
        "{error}"
    );
}

/// Our own side is in the way: nothing was asked of a device.
#[tokio::test]
async fn a_serial_port_that_is_not_there_is_no_silence() {
    let error = live("dnp3+serial:///dev/no-such-port?outstation=10", quick()).map().await.unwrap_err();
    assert!(
        matches!(&error, ProbeError::Refused { reason, .. } if reason.contains("is not there")),
        "{error}"
    );
}

fn with_tls(name: &str) -> (ProbeOptions, crate::southbound::tls::front::Site) {
    let site = site();
    let mut options = quick();
    options.tls = Some(site.client(name));
    (options, site)
}

#[tokio::test]
async fn certificates_that_do_not_fit_are_no_silence() {
    let (options, site) = with_tls("inverter.local");
    let stranger = Authority::new("stranger");
    for (devices, trusted) in [(&stranger, &site.own), (&site.devices, &stranger)] {
        let at = front(server(&devices.issue(&Sheet::device(&["inverter.local"])), trusted, &[&TLS13]), None)
            .await;
        let error = live(&format!("dnp3+tls://{at}"), options.clone()).map().await.unwrap_err();
        assert!(
            matches!(&error, ProbeError::Refused { reason, .. } if reason.contains("certificate")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_port_that_is_silent_in_the_handshake_is_said_to_be() {
    crate::testing::unhurried();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = format!("dnp3+tls://{}", listener.local_addr().unwrap());
    let error = live(&link, with_tls("inverter.local").0).map().await.unwrap_err();
    assert!(
        matches!(&error, ProbeError::Silent { reason, .. } if reason.contains("handshake is not answered")),
        "{error}"
    );
}
