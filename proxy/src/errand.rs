//! One request over HTTP or HTTPS, to exactly there: an answer that leads elsewhere is not followed. Of https, the system's
//! authorities are trusted.

use crate::tls::trust::{Files, speak};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::rt::{Read, Write};
use hyper::{HeaderMap, Method, Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::{JoinSet, spawn_blocking};

/// What is asked.
pub(crate) struct Errand<'a> {
    pub(crate) method: Method,
    pub(crate) uri: &'a Uri,
    /// Those beside `Host`.
    pub(crate) headers: &'a [(&'static str, &'a str)],
    pub(crate) body: Bytes,
    /// Bytes of the answer's body that are read at most.
    pub(crate) most: usize,
}

/// What is answered.
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Its body, or why that cannot be read.
    pub(crate) body: Result<Bytes, String>,
}

impl Errand<'_> {
    /// Does it. How long that may take is for the caller to say.
    ///
    /// # Errors
    /// With a sentence, if there is no answer.
    pub(crate) async fn run(&self) -> Result<Answered, String> {
        let uri = self.uri;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let is_https = uri.scheme_str() == Some("https");
        let usual = if is_https { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(usual);
        let stream = TcpStream::connect((host, port))
            .await
            .map_err(|error| error.to_string())?;
        if !is_https {
            return self.ask(TokioIo::new(stream)).await;
        }
        // They are files.
        let config = spawn_blocking(|| Files::default().client()).await;
        let config = config.map_err(|error| error.to_string())??;
        let stream = speak(config, host, stream).await;
        let stream = stream.map_err(|wrong| wrong.why)?;
        self.ask(TokioIo::new(stream)).await
    }

    async fn ask<S>(&self, stream: S) -> Result<Answered, String>
    where
        S: Read + Write + Unpin + Send + 'static,
    {
        let (mut sender, connection) = http1::handshake(stream)
            .await
            .map_err(|error| error.to_string())?;
        // It ends with this function, however that ends.
        let mut driving = JoinSet::new();
        driving.spawn(connection);
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let host = self.uri.authority().map_or("", |of| of.as_str());
        let mut request = Request::builder()
            .method(&self.method)
            .uri(path)
            .header(header::HOST, host);
        for (name, value) in self.headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::new(self.body.clone()))
            .map_err(|error| error.to_string())?;
        let answer = sender
            .send_request(request)
            .await
            .map_err(|error| error.to_string())?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, self.most).collect().await;
        let body = body.map_err(|error| format!("the answer cannot be read: {error}"));
        Ok(Answered {
            status: parts.status,
            headers: parts.headers,
            body: body.map(|body| body.to_bytes()),
        })
    }
}
