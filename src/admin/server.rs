//! The admin listener's sockets and pages. Every wait, size and count of a client is bounded: the pages must answer
//! when things go wrong, and must not be what goes wrong.

use super::{Health, document, metrics};
use crate::core::service::{Service, Snapshot};
use axum::Router;
use axum::extract::State;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections served at a time; a further one waits in the listener's queue.
const CONNECTIONS: usize = 64;
/// Longest that a request's head may take to arrive, and longest that a connection may lie idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest that a connection lives; a monitoring system opens another one.
const CONNECTION_LIFE: Duration = Duration::from_secs(300);
/// How long an answer under way may take to be read when its connection's life, or ours, is over.
const GRACE: Duration = Duration::from_secs(5);
/// Request heads are read into at most this; there are no bodies.
const HEAD_SIZE: usize = 16 * 1024;
/// Longest that a document made of the same snapshot is given out again, so that its own time stays near the truth.
const SHARED_FOR: Duration = Duration::from_secs(1);
/// After a failed accept (no file descriptors left, say), before the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

const INDEX: &str = "dergate admin listener\n\n\
    /status.json  devices (with their values and events), groups and dispatches\n\
    /metrics      counters and gauges for Prometheus\n\
    /livez        200 if the core answers, else 503 and why\n\
    /readyz       200 if requests can be served, else 503 and why\n";

/// Serves the admin pages until `stop`, and then until answers under way are read (at most a few seconds).
pub async fn serve(listener: TcpListener, service: Service, health: Health, stop: CancellationToken) {
    let pages = Pages { service, health, started: Timestamp::now(), shared: Arc::default() };
    let router = router(pages);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let open = TaskTracker::new();
    loop {
        let next = tokio::select! {
            () = stop.cancelled() => break,
            next = accept(&listener, &places) => next,
        };
        let Some((stream, place)) = next else { break };
        let (router, stop) = (router.clone(), stop.clone());
        open.spawn(async move {
            converse(stream, router, stop).await;
            drop(place);
        });
    }
    drop(listener);
    open.close();
    open.wait().await;
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Some((stream, place)),
            Err(error) => {
                tracing::warn!(%error, "the admin listener could not accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One connection, until the client, its life, or the gateway ends it.
async fn converse(stream: TcpStream, router: Router, stop: CancellationToken) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_SIZE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    // What a client does wrong is its own affair: no log line for anybody to fill the disk with.
    tokio::select! {
        _ = &mut connection => return,
        () = stop.cancelled() => {}
        () = sleep(CONNECTION_LIFE) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(GRACE, connection).await;
}

#[derive(Clone)]
struct Pages {
    service: Service,
    health: Health,
    started: Timestamp,
    shared: Arc<Mutex<Option<Made>>>,
}

/// The status document that was made last, and of what: who asks before something changes gets the same one.
struct Made {
    of: Arc<Snapshot>,
    at: Instant,
    document: Bytes,
}

fn router(pages: Pages) -> Router {
    Router::new()
        .route("/", get(async || page(StatusCode::OK, TEXT, INDEX.into())))
        .route("/livez", get(async |State(pages): State<Pages>| verdict(pages.health.live())))
        .route("/readyz", get(async |State(pages): State<Pages>| verdict(pages.health.ready())))
        .route("/metrics", get(metrics_page))
        .route("/status.json", get(status_page))
        .fallback(async || page(StatusCode::NOT_FOUND, TEXT, format!("no such page\n\n{INDEX}").into()))
        .method_not_allowed_fallback(async || {
            let told = page(StatusCode::METHOD_NOT_ALLOWED, TEXT, "these pages are only read\n".into());
            ([(ALLOW, "GET, HEAD")], told)
        })
        .with_state(pages)
}

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

fn page(status: StatusCode, kind: &'static str, body: Bytes) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        // The next look shall be at the next moment.
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, headers, body).into_response()
}

fn verdict(of: Result<(), String>) -> Response {
    match of {
        Ok(()) => page(StatusCode::OK, TEXT, "ok\n".into()),
        Err(why) => page(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{why}\n").into()),
    }
}

fn failed() -> Response {
    page(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "the page could not be made\n".into())
}

async fn metrics_page(State(pages): State<Pages>) -> Response {
    let (snapshot, health, started) = (pages.service.snapshot(), pages.health, pages.started);
    match tokio::task::spawn_blocking(move || metrics::render(snapshot, health, started)).await {
        Ok(Ok(text)) => page(StatusCode::OK, OPEN_METRICS, text.into()),
        _ => failed(),
    }
}

async fn status_page(State(pages): State<Pages>) -> Response {
    // Held while the document is made: however many ask, one is made at a time.
    let mut shared = pages.shared.lock().await;
    let snapshot = pages.service.snapshot();
    if let Some(made) = &*shared
        && Arc::ptr_eq(&made.of, &snapshot)
        && made.at.elapsed() < SHARED_FOR
    {
        return page(StatusCode::OK, JSON, made.document.clone());
    }
    let of = snapshot.clone();
    // Ten megabytes for ten thousand devices: not on a thread that drivers wait for.
    match tokio::task::spawn_blocking(move || document::render(&snapshot, Timestamp::now())).await {
        Ok(Ok(document)) => {
            let document = Bytes::from(document);
            *shared = Some(Made { of, at: Instant::now(), document: document.clone() });
            page(StatusCode::OK, JSON, document)
        }
        _ => failed(),
    }
}

#[cfg(test)]
mod tests;
