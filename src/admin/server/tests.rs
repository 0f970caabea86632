use super::*;
use crate::core::service::DeviceView;
use crate::der::{DeviceState, Mrid};
use arc_swap::ArcSwap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

struct Running {
    at: SocketAddr,
    health: Health,
    writable: Arc<AtomicBool>,
    snapshot: Arc<ArcSwap<Snapshot>>,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

async fn start() -> Running {
    crate::testing::unhurried();
    let listener = TcpListener::bind(crate::testing::own_address()).await.unwrap();
    let at = listener.local_addr().unwrap();
    let writable = Arc::new(AtomicBool::new(true));
    let health = Health::new(writable.clone());
    let (service, _requests, snapshot) = Service::new(1);
    let stop = CancellationToken::new();
    let served = tokio::spawn(serve(listener, service, health.clone(), stop.clone()));
    Running { at, health, writable, snapshot, stop, served }
}

/// One request on a connection of its own, and everything that comes back.
async fn ask(at: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn get_page(at: SocketAddr, path: &str) -> (u16, String) {
    let answer = ask(at, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

fn devices(count: usize) -> Snapshot {
    let device = |n| {
        Arc::new(DeviceView {
            mrid: Mrid::parse(&format!("D-{n}")).unwrap(),
            name: "x".repeat(100),
            link: "modbus+tcp://192.0.2.21:502?unit=1".into(),
            map: Some("sunspec".into()),
            state: DeviceState::Online,
            reason: String::new(),
            since: None,
            nameplate: None,
            capability: None,
            effect: None,
            sequence: Arc::default(),
            events_left_out: 0,
            readings: Vec::new(),
        })
    };
    Snapshot { devices: Arc::new((0..count).map(device).collect()), ..Snapshot::default() }
}

#[tokio::test]
async fn each_page_answers_and_the_first_leads_to_the_others() {
    let running = start().await;
    let (status, index) = get_page(running.at, "/").await;
    assert_eq!(status, 200);
    for path in ["/status.json", "/metrics", "/livez", "/readyz"] {
        assert!(index.contains(path), "{path}");
        assert_ne!(get_page(running.at, path).await.0, 404, "{path}");
    }
    assert_eq!(get_page(running.at, "/livez").await, (200, "ok\n".to_owned()));
    assert!(get_page(running.at, "/metrics").await.1.ends_with("# EOF\n"));
    assert_eq!(get_page(running.at, "/nothing").await.0, 404);
    let refused = ask(running.at, "POST /livez HTTP/1.0\r\n\r\n").await;
    assert!(refused.contains(" 405 ") && refused.contains("allow: GET, HEAD"), "{refused}");
}

#[tokio::test]
async fn ready_follows_the_health() {
    let running = start().await;
    assert_eq!(get_page(running.at, "/readyz").await.0, 503);
    running.health.set_ready(true);
    assert_eq!(get_page(running.at, "/readyz").await, (200, "ok\n".to_owned()));
    running.writable.store(false, Ordering::Relaxed);
    assert_eq!(
        get_page(running.at, "/readyz").await,
        (503, "the store cannot write; the log says why\n".to_owned())
    );
    assert_eq!(get_page(running.at, "/livez").await.0, 200);
}

#[tokio::test]
async fn the_document_is_that_of_the_newest_snapshot_however_large() {
    let running = start().await;
    let count = |page: &str| {
        serde_json::from_str::<serde_json::Value>(page).unwrap()["devices"].as_array().unwrap().len()
    };
    assert_eq!(count(&get_page(running.at, "/status.json").await.1), 0);
    running.snapshot.store(Arc::new(devices(20_000)));
    let asked = std::time::Instant::now();
    let (status, page) = get_page(running.at, "/status.json").await;
    assert_eq!((status, count(&page)), (200, 20_000));
    assert!(page.len() > 3_000_000);
    // Of a machine that took longer over it than a document is shared for, it says nothing.
    let again = get_page(running.at, "/status.json").await.1;
    assert!(again == page || asked.elapsed() >= SHARED_FOR, "the same snapshot, the same document");
}

#[tokio::test]
async fn a_client_that_says_nothing_is_let_go() {
    let running = start().await;
    let mut silent = TcpStream::connect(running.at).await.unwrap();
    silent.write_all(b"GET /livez HT").await.unwrap();
    // Once another client was served, the silent one is waited for; then only time is left to pass.
    assert_eq!(get_page(running.at, "/livez").await.0, 200);
    tokio::time::advance(HEAD_TIMEOUT).await;
    let mut rest = Vec::new();
    timeout(HEAD_TIMEOUT, silent.read_to_end(&mut rest)).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_head_beyond_the_bound_is_refused() {
    let running = start().await;
    let mut stream = TcpStream::connect(running.at).await.unwrap();
    let mut answer = Vec::new();
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n", "y".repeat(2 * HEAD_SIZE));
    // The server may close before it has read all of it.
    let _ = stream.write_all(long.as_bytes()).await;
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
    assert_eq!(get_page(running.at, "/livez").await.0, 200, "and the others are served");
}

#[tokio::test]
async fn stopping_closes_the_listener_and_idle_connections() {
    let running = start().await;
    let mut idle = TcpStream::connect(running.at).await.unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 15];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    running.stop.cancel();
    running.served.await.unwrap();
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    assert!(TcpStream::connect(running.at).await.is_err());
}
