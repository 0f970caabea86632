//! A small HTTP GET for commands that look at a running gateway: plain HTTP/1.1, one request, everything bounded.
//! It follows no redirect and speaks no TLS: the admin listener has neither.

use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longest that a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest that the whole answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum GetError {
    /// The URL cannot be used.
    #[error("\"{url}\" is not a URL this command can ask: {why}; write it like http://127.0.0.1:8062")]
    Url {
        /// As given.
        url: String,
        /// Why not.
        why: &'static str,
    },
    /// Nobody there, or nobody who speaks.
    #[error("nothing answers at {at}: {why}")]
    NoAnswer {
        /// Where.
        at: String,
        /// What happened.
        why: String,
    },
    /// An answer beyond the bound.
    #[error("the answer of {at} is larger than {limit} bytes")]
    TooLarge {
        /// Where.
        at: String,
        /// The bound.
        limit: usize,
    },
}

/// Asks for `path` of the server of `base` (`http://host:port`, a `/` at its end or not).
///
/// # Errors
/// The URL cannot be used, nothing answers in time, or the answer has more than `limit` bytes.
pub async fn get(base: &str, path: &str, limit: usize) -> Result<Answer, GetError> {
    let (host, port) = server(base)?;
    let at = format!("http://{host}:{port}");
    let no_answer = |why: String| GetError::NoAnswer { at: at.clone(), why };
    let late = |after: Duration| no_answer(format!("no answer within {} s", after.as_secs()));
    let address = (host.trim_start_matches('[').trim_end_matches(']'), port);
    let stream = timeout(CONNECT, TcpStream::connect(address))
        .await
        .map_err(|_| late(CONNECT))?
        .map_err(|error| no_answer(error.to_string()))?;
    timeout(ANSWER, exchange(stream, &host, port, path, limit))
        .await
        .map_err(|_| late(ANSWER))?
        .map_err(|why| why.map_or_else(|| GetError::TooLarge { at: at.clone(), limit }, no_answer))
}

/// Host and port of a base URL.
fn server(base: &str) -> Result<(String, u16), GetError> {
    let fault = |why| GetError::Url { url: base.to_owned(), why };
    let uri: Uri = base.parse().map_err(|_| fault("it cannot be read"))?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => return Err(fault("the admin listener speaks plain HTTP")),
        _ => return Err(fault("it does not begin with http://")),
    }
    if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
        return Err(fault("it shall name only host and port"));
    }
    let authority = uri.authority().ok_or_else(|| fault("it names no host"))?;
    if authority.as_str().contains('@') {
        return Err(fault("the admin listener knows no users"));
    }
    Ok((authority.host().to_owned(), authority.port_u16().unwrap_or(80)))
}

/// `Err(None)`: beyond the limit.
async fn exchange(
    stream: TcpStream,
    host: &str,
    port: u16,
    path: &str,
    limit: usize,
) -> Result<Answer, Option<String>> {
    let said = |error: hyper::Error| Some(format!("what answers does not speak HTTP as expected ({error})"));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(said)?;
    let request = Request::get(path)
        .header(http::header::HOST, format!("{host}:{port}"))
        .header(http::header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| Some(error.to_string()))?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(said)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), limit).collect().await;
        match body {
            Ok(body) => Ok(Answer { status, body: body.to_bytes() }),
            Err(error) if error.is::<LengthLimitError>() => Err(None),
            Err(error) => Err(Some(error.to_string())),
        }
    };
    // The connection moves the bytes; its own end says nothing that the answer does not.
    tokio::pin!(answer);
    tokio::select! {
        result = &mut answer => result,
        _ = connection => answer.await,
    }
}

#[cfg(test)]
mod tests;
