//! The HTTP side: an accept loop with a bound on connections, time-outs on header, body and answer, a bound on the body, and
//! a drain at the end. Knows paths and methods; what a message says is the handler's business.
//!
//! No TLS here: the listener is handed in, and whoever binds it off loopback answers for that.

mod patience;

use super::handler::{Answer, Handler};
use super::operation::Family;
use super::settings::Settings;
use super::{fault::Fault, wsdl};
use crate::core::service::Service;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::{ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, ORIGIN};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// How long a failed accept waits: descriptors ran out, and somebody must close one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long requests under way may take once the gateway stops.
const DRAIN: Duration = Duration::from_secs(5);
/// Bodies beyond the bound are still read to this many times the bound, so that the client gets to read the refusal.
const DISCARD: usize = 16;
/// Largest request head.
const MAX_HEAD: usize = 64 * 1024;
/// Longest that a head may take to arrive, the wait for the next request on a kept connection included: silent clients
/// must not hold the places of the others for long.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);

type Reply = Response<Full<Bytes>>;

/// What all connections share.
#[derive(Debug)]
struct Shared {
    settings: Settings,
    handler: Handler,
    /// Where we listen, for a client that sends no Host.
    local: SocketAddr,
}

/// Serves until told to stop, then lets the requests under way finish.
///
/// # Errors
/// The listener has no address.
pub async fn serve(
    settings: Settings,
    listener: TcpListener,
    service: Service,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let local = listener.local_addr()?;
    let places = Arc::new(Semaphore::new(settings.max_connections.max(1)));
    let shared = Arc::new(Shared { handler: Handler::new(settings.clone(), service), settings, local });
    let draining = GracefulShutdown::new();
    loop {
        let accepted = async {
            // The semaphore is never closed. Waiting for a place before accepting leaves the queue to the kernel.
            let place = places.clone().acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, stream) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accepted => accepted,
        };
        match stream {
            Ok((stream, _)) => spawn(stream, place, shared.clone(), &draining),
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, draining.shutdown()).await.is_err() {
        tracing::warn!("northbound requests were still under way at the end of the grace period");
    }
    Ok(())
}

fn spawn(
    stream: TcpStream,
    place: Option<OwnedSemaphorePermit>,
    shared: Arc<Shared>,
    draining: &GracefulShutdown,
) {
    // Answers are small: waiting to fill a packet only makes them late.
    let _ = stream.set_nodelay(true);
    let timeout = shared.settings.request_timeout;
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(shared.respond(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timeout.min(HEAD_PATIENCE))
        .max_header_size(MAX_HEAD)
        .serve_connection(TokioIo::new(patience::Patient::new(stream, timeout)), service);
    let connection = draining.watch(connection);
    tokio::spawn(async move {
        let _place = place;
        if let Err(error) = connection.await {
            tracing::debug!(%error, "northbound connection ended");
        }
    });
}

impl Shared {
    async fn respond(&self, request: Request<Incoming>) -> Reply {
        let path = request.uri().path().to_owned();
        if let Some(schema) = wsdl::schema(&path) {
            return match *request.method() {
                Method::GET | Method::HEAD => xml(StatusCode::OK, schema.to_owned()),
                _ => not_allowed("GET"),
            };
        }
        let Some(endpoint) = wsdl::endpoint(&path) else {
            let words = format!("Nothing is offered at this path. Offered are:\n{}", wsdl::paths());
            return plain(StatusCode::NOT_FOUND, words);
        };
        match *request.method() {
            Method::POST => self.post(request, endpoint.family).await,
            Method::GET | Method::HEAD if asks_for_wsdl(request.uri().query()) => {
                xml(StatusCode::OK, endpoint.describe(&self.host(request.headers())))
            }
            _ => not_allowed("POST, and GET with ?wsdl"),
        }
    }

    /// The host for addresses in descriptions: the client's Host if it is one, else where we listen.
    fn host(&self, headers: &HeaderMap) -> String {
        let given = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
        if !given.is_empty() && given.chars().all(plain) { given.to_owned() } else { self.local.to_string() }
    }

    async fn post(&self, request: Request<Incoming>, family: Family) -> Reply {
        if request.headers().contains_key(ORIGIN) {
            // Only browsers say Origin, and always with a POST. Without this, any web page that somebody on this
            // computer looks at could dispatch through the loopback listener.
            let words = "a request from a web page (it has an Origin header) is not served".to_owned();
            return refuse(StatusCode::FORBIDDEN, family, "7.5", words);
        }
        if let Err(words) = acceptable(request.headers()) {
            return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, family, "1.8", words);
        }
        let body = match tokio::time::timeout(self.settings.request_timeout, self.body(request)).await {
            Ok(Ok(body)) => body,
            Ok(Err(Unread::TooLarge)) => {
                let words = format!("the message is larger than {} bytes", self.settings.max_body);
                return refuse(StatusCode::PAYLOAD_TOO_LARGE, family, "3.1", words);
            }
            Ok(Err(Unread::Broken(error))) => {
                let words = format!("the message did not arrive whole: {error}");
                return refuse(StatusCode::BAD_REQUEST, family, "1.8", words);
            }
            Err(_) => {
                let words = format!("the message did not arrive within {:?}", self.settings.request_timeout);
                return refuse(StatusCode::REQUEST_TIMEOUT, family, "4.1", words);
            }
        };
        let answer = survived(self.handler.answer(&body, family), family).await;
        let Answer { is_fault, text } = answer;
        xml(if is_fault { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK }, text)
    }

    /// The whole body, if it is not larger than it may be.
    async fn body(&self, request: Request<Incoming>) -> Result<Bytes, Unread> {
        let limit = self.settings.max_body;
        let length =
            request.headers().get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
        let waits = request.headers().contains_key(EXPECT);
        let discard = limit.saturating_mul(DISCARD);
        if length.is_some_and(|length| length > discard || (waits && length > limit)) {
            return Err(Unread::TooLarge);
        }
        let mut body = request.into_body();
        let mut kept = Vec::with_capacity(length.unwrap_or(0).min(limit));
        let mut seen = 0_usize;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(Unread::Broken)?.into_data() else { continue };
            seen = seen.saturating_add(data.len());
            if seen <= limit {
                kept.extend_from_slice(&data);
            } else if seen > discard {
                return Err(Unread::TooLarge);
            } else {
                kept = Vec::new();
            }
        }
        if seen > limit { Err(Unread::TooLarge) } else { Ok(kept.into()) }
    }
}

/// The answer, or a fault if making it panicked: the connection and all others go on.
async fn survived(answer: impl Future<Output = Answer>, family: Family) -> Answer {
    AssertUnwindSafe(answer).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a northbound request made the gateway panic; it was answered with a fault");
        Handler::broken(family)
    })
}

/// Why there is no body.
enum Unread {
    TooLarge,
    Broken(hyper::Error),
}

fn asks_for_wsdl(query: Option<&str>) -> bool {
    let mut names = query.unwrap_or_default().split('&').map(|pair| pair.split('=').next().unwrap_or(pair));
    names.any(|name| name.eq_ignore_ascii_case("wsdl"))
}

/// Refuses encodings that would be read wrongly. A missing or odd content type is tolerated: the body decides.
fn acceptable(headers: &HeaderMap) -> Result<(), String> {
    let text = |name| {
        headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("?").to_ascii_lowercase())
    };
    if let Some(encoding) = text(CONTENT_ENCODING).filter(|encoding| encoding != "identity") {
        return Err(format!("the content encoding {encoding} is not accepted; send the message as it is"));
    }
    let kind = text(CONTENT_TYPE).unwrap_or_default();
    let charset = kind.split(';').skip(1).find_map(|part| part.trim().strip_prefix("charset="));
    match charset.map(|charset| charset.trim_matches(['"', '\''])) {
        None | Some("utf-8" | "utf8" | "us-ascii") => Ok(()),
        Some(other) => Err(format!("the character set {other} is not accepted; utf-8 is")),
    }
}

fn refuse(status: StatusCode, family: Family, error: &'static str, words: String) -> Reply {
    let mut reply = xml(status, Fault::client(error, words).write(family));
    // What is left of the body on the wire would be taken for the next request.
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}

fn not_allowed(allowed: &str) -> Reply {
    let mut reply = plain(StatusCode::METHOD_NOT_ALLOWED, format!("Only {allowed} is answered here.\n"));
    let methods = if allowed == "GET" { "GET, HEAD" } else { "POST, GET, HEAD" };
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    reply
}

fn xml(status: StatusCode, text: String) -> Reply {
    reply(status, "text/xml; charset=utf-8", text)
}

fn plain(status: StatusCode, text: String) -> Reply {
    reply(status, "text/plain; charset=utf-8", text)
}

fn reply(status: StatusCode, kind: &'static str, text: String) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(text)));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}

#[cfg(test)]
mod tests;
