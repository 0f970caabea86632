//! A bare HTTP client with one kept connection, for asking group status as fast as the gateway answers.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const QUERY: &str = r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><t:DERGroupStatusQueriesRequestMessage xmlns:t="http://iec.ch/TC57/2017/DERGroupStatusQueriesMessage" xmlns:m="http://iec.ch/TC57/2011/schema/message" xmlns:q="http://iec.ch/TC57/2017/DERGroupStatusQueries#"><t:Header><m:Verb>get</m:Verb><m:Noun>DERGroupStatuses</m:Noun><m:MessageID>load</m:MessageID></t:Header><t:Request><q:DERGroupStatusQueries><q:EndDeviceGroup><q:Names><q:name>ALL</q:name></q:Names></q:EndDeviceGroup></q:DERGroupStatusQueries></t:Request></t:DERGroupStatusQueriesRequestMessage></s:Body></s:Envelope>"#;

fn request(host: SocketAddr) -> String {
    format!(
        "POST /61968-5/get/queryDERGroupStatuses HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: {}\r\n\r\n{QUERY}",
        QUERY.len()
    )
}

/// Asks `count` times over `clients` kept connections at once: a gateway that is asked by one client alone spends most of
/// its time going to sleep and waking up.
pub async fn query_statuses(host: SocketAddr, clients: u32, count: u32) {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..clients {
        tasks.spawn(one_client(host, count / clients));
    }
    tasks.join_all().await;
}

async fn one_client(host: SocketAddr, count: u32) {
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (request, mut buffer) = (request(host), vec![0; 64 * 1024]);
    for _ in 0..count {
        let answer = exchange(&mut stream, &request, &mut buffer).await.unwrap();
        assert!(answer.contains(">OK<"), "{answer}");
    }
}

/// On how many members the group's active power rests; 0 while nothing answers.
pub async fn active_power_rests_on(host: SocketAddr) -> usize {
    let Ok(mut stream) = TcpStream::connect(host).await else { return 0 };
    let mut buffer = vec![0; 64 * 1024];
    let Some(answer) = exchange(&mut stream, &request(host), &mut buffer).await else { return 0 };
    let words = answer.split("rests on ").nth(1).and_then(|text| text.split(' ').next());
    words.and_then(|n| n.parse().ok()).unwrap_or(0)
}

async fn exchange(stream: &mut TcpStream, request: &str, buffer: &mut [u8]) -> Option<String> {
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut have = 0;
    loop {
        have += match stream.read(&mut buffer[have..]).await {
            Ok(n) if n > 0 => n,
            _ => return None,
        };
        let text = std::str::from_utf8(&buffer[..have]).ok()?;
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|l| {
            let (name, value) = l.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        })?;
        if body.len() >= length {
            return Some(body.to_owned());
        }
    }
}
