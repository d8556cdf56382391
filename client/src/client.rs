//! Sending calls with hyper.

use crate::{Call, Entries, Error, Page};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Hyper, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::crypto::ring;
use std::{fmt, time::Duration};

/// Longest answer that is read: many times a page of the longest entries.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Longest time for a call, unless another one is set.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A client of one server. Cheap to clone; clones share their connections. Works within a tokio runtime.
#[derive(Clone)]
pub struct Client {
    http: Hyper<HttpsConnector<HttpConnector>, Full<Bytes>>,
    /// Without a slash at its end.
    server: String,
    authorization: Option<HeaderValue>,
    workspace: Option<HeaderValue>,
    timeout: Duration,
}

/// Without the key.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.server)
            .field("workspace", &self.workspace)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the server at this address, such as `https://hooks.example.com`, with a key of its API. An empty key is none,
    /// for a server without a token on the same machine. Certificates are checked against those that the system trusts.
    ///
    /// # Errors
    /// [`Error::Setting`]; [`Error::Transport`] when the system's certificates cannot be read.
    pub fn new(server: &str, key: &str) -> Result<Self, Error> {
        let server = server.trim_end_matches('/');
        let parsed = url::Url::parse(server).ok().filter(|url| url.has_host());
        if parsed.is_none() {
            return Err(Error::Setting(
                "the address of the server must be one such as https://hooks.example.com",
            ));
        }
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(ring::default_provider())
            .map_err(|error| Error::Transport(error.into()))?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            http: Hyper::builder(TokioExecutor::new()).build(connector),
            server: server.to_owned(),
            authorization: match key {
                "" => None,
                key => Some(bearer(key)?),
            },
            workspace: None,
            timeout: TIMEOUT,
        })
    }

    /// The same in another workspace, for keys that work in all of them.
    ///
    /// # Errors
    /// [`Error::Setting`]
    pub fn in_workspace(&self, workspace: &str) -> Result<Self, Error> {
        let value = HeaderValue::from_str(workspace);
        let value = value.map_err(|_| Error::Setting("the workspace has no such name"))?;
        Ok(Self {
            workspace: Some(value),
            ..self.clone()
        })
    }

    /// The same with another time limit for each call.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self {
            timeout,
            ..self.clone()
        }
    }

    /// Sends a call and reads its answer. Sent once: a call that may be repeated has an idempotency key, or changes nothing.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn send<T>(&self, call: Call<T>) -> Result<T, Error> {
        let answered = tokio::time::timeout(self.timeout, self.exchange(&call)).await;
        let (status, body) = answered.map_err(|late| Error::Transport(late.into()))??;
        call.read(status, &body)
    }

    /// The entries of a list, page by page: `call` makes the call for the page that begins after this place.
    pub fn entries<P: Page, F>(&self, call: F) -> Entries<'_, P, F>
    where
        F: FnMut(Option<String>) -> Result<Call<P>, Error>,
    {
        Entries::new(self, call)
    }

    async fn exchange<T>(&self, call: &Call<T>) -> Result<(u16, Bytes), Error> {
        let transport = |error: Box<dyn std::error::Error + Send + Sync>| Error::Transport(error);
        let mut request = Request::builder()
            .method(call.method)
            .uri(format!("{}{}", self.server, call.path));
        if let Some(key) = &call.idempotency_key {
            request = request.header("idempotency-key", key.as_str());
        }
        if call.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = Bytes::from(call.body.clone().unwrap_or_default());
        let mut request = request
            .body(Full::new(body))
            .map_err(|error| transport(error.into()))?;
        let headers = request.headers_mut();
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        if let Some(workspace) = &self.workspace {
            headers.insert("countersign-workspace", workspace.clone());
        }
        let answer = self
            .http
            .request(request)
            .await
            .map_err(|error| transport(error.into()))?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await;
        Ok((status, body.map_err(transport)?.to_bytes()))
    }
}

fn bearer(key: &str) -> Result<HeaderValue, Error> {
    let value = HeaderValue::from_str(&format!("Bearer {key}"));
    let mut value = value.map_err(|_| Error::Setting("the key has characters that no key has"))?;
    value.set_sensitive(true);
    Ok(value)
}
