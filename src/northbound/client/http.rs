//! The least of HTTP/1.1 that a SOAP client needs: one POST over a new connection, its answer bounded. No TLS, no redirects,
//! no proxies.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HOST};
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Largest answer read.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// The port of the northbound if the URL gives none.
const PORT: u16 = 8061;

/// Where to post.
#[derive(Clone, Debug)]
pub(super) struct Target {
    host: String,
    port: u16,
    base: String,
}

impl Target {
    /// Reads `http://HOST[:PORT][/BASE]`.
    pub(super) fn parse(url: &str, base: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|error| format!("not a URL ({error})"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err("TLS is not supported by this version".to_owned()),
            _ => return Err("the scheme is missing".to_owned()),
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or("the host is missing")?.to_owned();
        let path = uri.path().trim_end_matches('/');
        let base = if path.is_empty() { base } else { path };
        Ok(Self { host, port: uri.port_u16().unwrap_or(PORT), base: base.to_owned() })
    }

    /// Host and port, for messages.
    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Posts a SOAP message below the base; the body of the answer, whatever its status: faults come with 500.
    pub(super) async fn post(&self, path: &str, action: &str, text: String) -> Result<Bytes, String> {
        // An IPv6 address has brackets in a URL and none in a socket address.
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((host, self.port)).await.map_err(|error| error.to_string())?;
        let _ = stream.set_nodelay(true);
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        let request = Request::post(format!("{}{path}", self.base))
            .header(HOST, self.address())
            .header(CONTENT_TYPE, "text/xml; charset=utf-8")
            .header("SOAPAction", format!("\"{action}\""))
            .header(CONNECTION, "close")
            .body(Full::new(Bytes::from(text)))
            .map_err(|error| error.to_string())?;
        let exchange = async {
            let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
            let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
            Ok(body.map_err(|error| error.to_string())?.to_bytes())
        };
        // The connection must be polled for the exchange to go on; it ends with it.
        tokio::pin!(connection, exchange);
        tokio::select! {
            done = &mut exchange => done,
            ended = &mut connection => match exchange.await {
                Err(error) => Err(ended.err().map_or(error, |ended: hyper::Error| ended.to_string())),
                done => done,
            },
        }
    }
}
