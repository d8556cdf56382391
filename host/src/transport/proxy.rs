//! The way out through an HTTP proxy.
//!
//! For `https` the proxy is asked for a tunnel (`CONNECT`) to the address that the guard has judged, so it looks nothing up.
//! For `http` it is given the whole address (RFC 9112, section 3.2.2), name included, and looks the name up itself: the
//! guard has judged what this machine sees, and the proxy decides for what it sees.

use super::{connection::tasks, failure::Failed};
use crate::network::Target;
use base64ct::{Base64, Encoding};
use bytes::Bytes;
use countersign_core::delivery::FailureKind;
use http_body_util::Empty;
use hyper::{
    Request,
    client::conn::http1,
    header::{HOST, HeaderValue, PROXY_AUTHORIZATION},
    rt::Executor,
    upgrade::Upgraded,
};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use std::{fmt, net::SocketAddr};
use tokio::net::TcpStream;
use url::Url;

/// Longest head of a proxy's answer, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// An HTTP proxy, perhaps with a password. It does not print the password.
#[derive(Clone)]
pub struct Proxy {
    pub(super) target: Target,
    pub(super) authorization: Option<HeaderValue>,
}

/// No address of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be like http://proxy.internal:3128 or http://user:password@proxy.internal:3128")]
pub struct ProxyError;

impl Proxy {
    /// Reads an address like `http://user:password@host:port`. Escapes in user and password are undone.
    ///
    /// # Errors
    /// [`ProxyError`], which does not repeat the text.
    pub fn parse(text: &str) -> Result<Self, ProxyError> {
        let url = Url::parse(text).map_err(|_| ProxyError)?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let target = Target::of(text).ok_or(ProxyError)?;
        if target.https || !bare {
            return Err(ProxyError);
        }
        let authorization = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => {
                let password = password.unwrap_or_default();
                let mut plain: Vec<u8> = percent_decode_str(user).collect();
                plain.push(b':');
                plain.extend(percent_decode_str(password));
                let text = format!("Basic {}", Base64::encode_string(&plain));
                let mut value = HeaderValue::from_str(&text).map_err(|_| ProxyError)?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        Ok(Self {
            target,
            authorization,
        })
    }

    /// Asks for a tunnel to `address`.
    pub(super) async fn tunnel(
        &self,
        tcp: TcpStream,
        address: SocketAddr,
    ) -> Result<TokioIo<Upgraded>, Failed> {
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(HEAD_BYTES_MAX)
            .handshake(TokioIo::new(tcp))
            .await
            .map_err(|error| Failed::of_proxy(Failed::exchange(&error)))?;
        let (running, tasks) = tasks();
        tasks.execute(connection.with_upgrades());
        let authority = address.to_string();
        let mut request = Request::connect(&authority).header(HOST, &authority);
        if let Some(authorization) = &self.authorization {
            request = request.header(PROXY_AUTHORIZATION, authorization);
        }
        let cannot = || Failed::new(FailureKind::Connect, "the proxy cannot be asked");
        let request = request.body(Empty::<Bytes>::new()).map_err(|_| cannot())?;
        let answer = sender.send_request(request).await;
        let answer = answer.map_err(|error| Failed::of_proxy(Failed::exchange(&error)))?;
        if !answer.status().is_success() {
            let detail = format!("the proxy answered {}", answer.status());
            return Err(Failed::new(FailureKind::Connect, detail));
        }
        let io = hyper::upgrade::on(answer).await;
        let io = io.map_err(|error| Failed::of_proxy(Failed::exchange(&error)))?;
        // The task has handed the connection over, and is done.
        drop(running);
        Ok(TokioIo::new(io))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("target", &self.target)
            .field("authorization_set", &self.authorization.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_a_proxy_is_read_and_its_password_is_not_printed() {
        let proxy = Proxy::parse("http://us%40er:pa%3Ass@proxy.internal:3128").unwrap();
        assert_eq!(proxy.target.port, 3128);
        // us@er:pa:ss
        assert_eq!(
            proxy.authorization.clone().unwrap(),
            "Basic dXNAZXI6cGE6c3M="
        );
        let printed = format!("{proxy:?}");
        assert!(!printed.contains("dXNAZXI6"), "{printed}");
        assert_eq!(Proxy::parse("http://10.0.0.1").unwrap().target.port, 80);
        for wrong in [
            "proxy.internal:3128",
            "https://proxy.internal",
            "socks5://proxy.internal",
            "http://proxy.internal/path",
            "",
        ] {
            assert_eq!(Proxy::parse(wrong).unwrap_err(), ProxyError, "{wrong}");
        }
    }
}
