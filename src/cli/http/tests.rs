use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A server of one connection: it answers with these bytes when a head has come, and gives back the head.
async fn server_of(answer: &'static [u8]) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(answer).await.unwrap();
        String::from_utf8(head).unwrap()
    });
    (url, served)
}

#[tokio::test]
async fn an_answer_comes_with_status_and_body() {
    let (url, served) = server_of(b"HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nlater").await;
    let answer = get(&format!("{url}/"), "/readyz", 5).await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (503, &b"later"[..]));
    let head = served.await.unwrap();
    assert!(head.starts_with("GET /readyz HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("host: {}\r\n", url.trim_start_matches("http://"))), "{head}");
}

#[tokio::test]
async fn a_body_that_ends_with_the_connection_is_whole() {
    let (url, _served) = server_of(b"HTTP/1.1 200 OK\r\n\r\nall of it").await;
    assert_eq!(get(&url, "/", 100).await.unwrap().body, "all of it");
}

#[tokio::test]
async fn bounds_are_kept() {
    let (url, _served) = server_of(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsix of").await;
    assert!(matches!(get(&url, "/", 5).await, Err(GetError::TooLarge { limit: 5, .. })));
    let (url, _served) = server_of(b"HTTP/1.1 200 OK\r\n\r\nwithout length").await;
    assert!(matches!(get(&url, "/", 5).await, Err(GetError::TooLarge { .. })));
}

#[tokio::test]
async fn no_answer_is_told_apart() {
    let closed = TcpListener::bind(crate::testing::own_address()).await.unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let said = get(&url, "/", 5).await.unwrap_err().to_string();
    assert!(said.starts_with(&format!("nothing answers at {url}: ")), "{said}");
    for answer in [&b"SSH-2.0-x\r\n"[..], b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut"] {
        let (url, _served) = server_of(answer).await;
        assert!(matches!(get(&url, "/", 50).await, Err(GetError::NoAnswer { .. })), "{answer:?}");
    }
    // Connects, and then says nothing: a listener that nobody accepts from. Only time can tell.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    tokio::time::pause();
    let said = get(&url, "/", 5).await.unwrap_err().to_string();
    assert!(said.contains("no answer within"), "{said}");
}

#[test]
fn a_url_is_host_and_port() {
    assert_eq!(server("http://127.0.0.1:8062").unwrap(), ("127.0.0.1".to_owned(), 8062));
    assert_eq!(server("http://gw.example/").unwrap(), ("gw.example".to_owned(), 80));
    assert_eq!(server("http://[::1]:8062").unwrap(), ("[::1]".to_owned(), 8062));
    for (url, why) in [
        ("https://x:1", "speaks plain HTTP"),
        ("127.0.0.1:8062", "does not begin with http://"),
        ("http://x:1/status.json", "only host and port"),
        ("http://me@x:1", "knows no users"),
        ("http://", "write it like http://127.0.0.1:8062"),
    ] {
        let said = server(url).unwrap_err().to_string();
        assert!(said.contains(why), "{url}: {said}");
    }
}
