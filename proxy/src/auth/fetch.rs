//! Gets a JWKS over HTTP or HTTPS: one small answer, from exactly there.

use crate::tls::trust::{Files, speak};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::rt::{Read, Write};
use hyper::{Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::{JoinSet, spawn_blocking};

/// What stands at this URL; an answer that leads elsewhere is none. Of https, the system's authorities are trusted.
///
/// # Errors
/// With a sentence.
pub(super) async fn fetch(url: &str, most: usize) -> Result<Vec<u8>, String> {
    let uri: Uri = url
        .parse()
        .map_err(|error| format!("it is no URL: {error}"))?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_https = uri.scheme_str() == Some("https");
    let usual = if is_https { 443 } else { 80 };
    let port = uri.port_u16().unwrap_or(usual);
    let stream = TcpStream::connect((host, port))
        .await
        .map_err(|error| error.to_string())?;
    if !is_https {
        return ask(TokioIo::new(stream), &uri, most).await;
    }
    // They are files.
    let config = spawn_blocking(|| Files::default().client()).await;
    let config = config.map_err(|error| error.to_string())??;
    let stream = speak(config, host, stream).await;
    let stream = stream.map_err(|wrong| wrong.why)?;
    ask(TokioIo::new(stream), &uri, most).await
}

async fn ask<S>(stream: S, uri: &Uri, most: usize) -> Result<Vec<u8>, String>
where
    S: Read + Write + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(stream)
        .await
        .map_err(|error| error.to_string())?;
    // It ends with this function, however that ends.
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path)
        .header(header::HOST, uri.authority().map_or("", |of| of.as_str()))
        .header(header::ACCEPT, "application/json")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let answer = sender
        .send_request(request)
        .await
        .map_err(|error| error.to_string())?;
    if answer.status() != StatusCode::OK {
        return Err(format!("the answer is {}", answer.status()));
    }
    let body = Limited::new(answer.into_body(), most).collect().await;
    let body = body.map_err(|error| format!("the answer cannot be read: {error}"))?;
    Ok(body.to_bytes().to_vec())
}
