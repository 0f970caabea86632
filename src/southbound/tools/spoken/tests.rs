use super::*;
use crate::testing::{own_address, unhurried};
use tokio::net::TcpListener;

/// A port that says `greeting`, and answers what begins with `begin` with `answer`; closes after anything else.
async fn port(greeting: &'static [u8], begin: &'static [u8], answer: &'static [u8]) -> u16 {
    unhurried();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let _ = stream.write_all(greeting).await;
                let mut bytes = [0; 128];
                while let Ok(count @ 1..) = stream.read(&mut bytes).await {
                    if !bytes[..count].starts_with(begin) {
                        return;
                    }
                    let _ = stream.write_all(answer).await;
                }
            });
        }
    });
    port
}

fn link(scheme: &str, port: u16) -> Link {
    Link::parse(&format!("{scheme}://127.0.0.1:{port}")).unwrap()
}

const OUTSTATION: &[u8] = &[0x05, 0x64, 5, 0x0B, 1, 0, 0x0A, 0, 0, 0];

#[tokio::test]
async fn a_modbus_link_hears_dnp3() {
    for (greeting, begin, answer) in [(OUTSTATION, &b"never"[..], &b""[..]), (b"", &[0x05, 0x64], OUTSTATION)]
    {
        let port = port(greeting, begin, answer).await;
        let said = spoken_instead(&link("modbus+tcp", port)).await.unwrap();
        let right = format!(
            "this port speaks DNP3: outstation 10 answers; try dnp3+tcp://127.0.0.1:{port}?outstation=10"
        );
        assert!(said.starts_with(&right), "{said}");
        assert_eq!(said.contains("built with DNP3"), !SPEAKS_DNP3, "{said}");
    }
}

#[cfg(feature = "dnp3")]
#[tokio::test]
async fn a_dnp3_link_hears_modbus() {
    let port = port(b"", &MARK, &[MARK[0], MARK[1], 0, 0, 0, 3, 1, 0x83, 2]).await;
    let said = spoken_instead(&link("dnp3+tcp", port)).await.unwrap();
    assert!(said.contains(&format!("unit 1 answers; try modbus+tcp://127.0.0.1:{port}?unit=1")), "{said}");
    // Its own protocol is no other.
    assert_eq!(spoken_instead(&link("modbus+tcp", port)).await, None);
}

#[tokio::test]
async fn other_protocols_are_heard() {
    for (greeting, begin, answer, part) in [
        (
            &b""[..],
            &b"GET "[..],
            &b"HTTP/1.1 404 Not Found\r\n"[..],
            "speaks HTTP: it is a web page; Modbus is mostly at port 502",
        ),
        (
            b"",
            &[0x16, 0x03, 0x01],
            &[0x15, 0x03, 0x03, 0, 2, 2, 40],
            "speaks TLS; try modbus+tls://127.0.0.1:",
        ),
        (b"SSH-2.0-x\x1b\r\n", b"never", b"", ""),
        (b"SSH-2.0-OpenSSH\r\n", b"never", b"", "it says \"SSH-2.0-OpenSSH\""),
    ] {
        let port = port(greeting, begin, answer).await;
        let said = spoken_instead(&link("modbus+tcp", port)).await;
        match said {
            Some(said) => assert!(!part.is_empty() && said.contains(part), "{said}"),
            None => assert!(part.is_empty(), "{part} is not heard"),
        }
    }
}

#[tokio::test]
async fn who_is_not_there_speaks_nothing() {
    unhurried();
    let listener = TcpListener::bind(own_address()).await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let link = |text: &str| Link::parse(text).unwrap();
    assert_eq!(spoken_instead(&link(&format!("modbus+tcp://{nobody}"))).await, None);
    assert_eq!(spoken_instead(&link("modbus+rtu:///dev/null")).await, None);
    let usual = usually_spoken(&link("modbus+tcp://h:20000")).unwrap();
    assert!(usual.contains("mostly DNP3: dnp3+tcp://h:20000"), "{usual}");
}

#[test]
fn nothing_that_is_sent_is_a_function_of_modbus() {
    for link in ["modbus+tcp", "modbus+tls"] {
        for question in questions(&link_of(link)) {
            let reads = question.starts_with(&MARK) && question[7] == 3;
            assert!(reads || matches!(question[7], 0 | 0x54), "{question:02X?}");
        }
    }
}

fn link_of(scheme: &str) -> Link {
    link(scheme, 502)
}

#[test]
fn the_checksum_is_that_of_dnp3() {
    // The check value of CRC-16/DNP.
    assert_eq!(checksum(b"123456789"), 0xEA82);
    assert_eq!(link_state(1024).len(), 10);
}
