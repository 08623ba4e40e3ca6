//! Gets a JWKS: one small answer.

use crate::errand::Errand;
use hyper::body::Bytes;
use hyper::{Method, StatusCode, Uri};

/// What stands at this URL.
///
/// # Errors
/// With a sentence.
pub(super) async fn fetch(url: &str, most: usize) -> Result<Vec<u8>, String> {
    let uri: Uri = url
        .parse()
        .map_err(|error| format!("it is no URL: {error}"))?;
    let errand = Errand {
        method: Method::GET,
        uri: &uri,
        headers: &[("accept", "application/json")],
        body: Bytes::new(),
        most,
    };
    let answer = errand.run().await?;
    if answer.status != StatusCode::OK {
        return Err(format!("the answer is {}", answer.status));
    }
    answer.body.map(|body| body.to_vec())
}
