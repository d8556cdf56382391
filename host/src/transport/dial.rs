//! New connections: look-up and judgement of the addresses, TCP or the proxy, TLS, and which HTTP is spoken.

use super::{
    Outgoing, Route,
    connection::{Connection, Form},
    failure::{Failed, Phase},
    proxy::Proxy,
    tls::Tls,
};
use crate::{
    clock::{Clock, within},
    network::{Guard, Target},
};
use countersign_core::delivery::FailureKind;
use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinSet,
};

/// After this time without an answer the next address is tried as well (RFC 8305, section 5).
const NEXT_ADDRESS: Duration = Duration::from_millis(250);

pub(super) struct Dialler {
    clock: Arc<dyn Clock>,
    guard: Arc<Guard>,
    tls: Tls,
    proxy: Option<Proxy>,
    connect_limit: Duration,
    tls_limit: Duration,
}

impl Dialler {
    pub(super) fn new(
        clock: Arc<dyn Clock>,
        route: Route,
        connect_limit: Duration,
        tls_limit: Duration,
    ) -> Self {
        Self {
            clock,
            guard: route.guard,
            tls: Tls::new(route.roots),
            proxy: route.proxy,
            connect_limit,
            tls_limit,
        }
    }

    /// A connection for the request. `phase` follows what is being done.
    pub(super) async fn dial(
        &self,
        request: &Outgoing,
        phase: &mut Phase,
    ) -> Result<Connection, Failed> {
        let target = Target::of(&request.url);
        let target = target
            .ok_or_else(|| Failed::new(FailureKind::Connect, "the address cannot be read"))?;
        *phase = Phase::Lookup;
        let addresses = self.guard.addresses(&target).await?;
        let Some(proxy) = &self.proxy else {
            *phase = Phase::Connect;
            let tcp = self
                .limited(*phase, connect(&*self.clock, &addresses))
                .await?;
            return self.speak(tcp, &target, request, phase).await;
        };
        let proxies = self.guard.operators_own(&proxy.target).await?;
        *phase = Phase::Proxy;
        let tcp = self.limited(*phase, connect(&*self.clock, &proxies)).await;
        let tcp = tcp.map_err(Failed::of_proxy)?;
        if !target.https {
            let form = Form::Absolute(proxy.authorization.clone());
            return self.http1(tcp, form).await;
        }
        // The address that was judged, not the name: the proxy has nothing to look up.
        let Some(address) = addresses.first() else {
            return Err(Failed::new(FailureKind::Dns, "the host has no address"));
        };
        let tunnel = proxy.tunnel(tcp, *address);
        let tunnel = within(&*self.clock, self.connect_limit, tunnel).await;
        let tunnel = tunnel.unwrap_or_else(|| Err(Failed::timeout(*phase, self.connect_limit)))?;
        self.speak(tunnel, &target, request, phase).await
    }

    /// TLS if the address asks for it, then HTTP.
    async fn speak<T>(
        &self,
        io: T,
        target: &Target,
        request: &Outgoing,
        phase: &mut Phase,
    ) -> Result<Connection, Failed>
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        if !target.https {
            return self.http1(io, Form::Origin).await;
        }
        *phase = Phase::Tls;
        let shaking = self
            .tls
            .handshake(io, &target.host, request.identity.as_ref());
        let tls = within(&*self.clock, self.tls_limit, shaking).await;
        let tls = tls.unwrap_or_else(|| Err(Failed::timeout(Phase::Tls, self.tls_limit)))?;
        match tls.get_ref().1.alpn_protocol() {
            Some(b"h2") => Connection::http2(tls, self.clock.elapsed())
                .await
                .map_err(|error| Failed::exchange(&error)),
            _ => self.http1(tls, Form::Origin).await,
        }
    }

    async fn http1<T>(&self, io: T, form: Form) -> Result<Connection, Failed>
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        Connection::http1(io, form, self.clock.elapsed())
            .await
            .map_err(|error| Failed::exchange(&error))
    }

    async fn limited<T>(
        &self,
        phase: Phase,
        work: impl Future<Output = io::Result<T>>,
    ) -> Result<T, Failed> {
        match within(&*self.clock, self.connect_limit, work).await {
            Some(done) => done.map_err(|error| Failed::connect(&error)),
            None => Err(Failed::timeout(phase, self.connect_limit)),
        }
    }
}

/// A connection to the first of the addresses that takes one. They are begun in turn, each when the one before it has failed
/// or kept silent for a while.
pub(super) async fn connect(clock: &dyn Clock, addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let stream = match addresses {
        [only] => TcpStream::connect(only).await?,
        _ => race(clock, addresses).await?,
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn race(clock: &dyn Clock, addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut failed = io::Error::other("the host has no address");
    let mut under_way = JoinSet::new();
    let mut next = addresses.iter();
    loop {
        if let Some(address) = next.next() {
            under_way.spawn(TcpStream::connect(*address));
        } else if under_way.is_empty() {
            return Err(failed);
        }
        let wait = async {
            match next.len() {
                0 => std::future::pending().await,
                _ => clock.sleep(NEXT_ADDRESS).await,
            }
        };
        tokio::select! {
            biased;
            ended = under_way.join_next() => match ended {
                Some(Ok(Ok(stream))) => return Ok(stream),
                Some(Ok(Err(error))) => failed = error,
                Some(Err(error)) => failed = io::Error::other(error),
                None => {}
            },
            () = wait => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn the_first_address_that_takes_a_connection_is_used() {
        let clock = SystemClock::new();
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed_address = closed.local_addr().unwrap();
        drop(closed);
        // Its queue takes connections without `accept`.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        let addresses = [closed_address, closed_address, open, closed_address];
        let stream = connect(&clock, &addresses).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);
        let refused = connect(&clock, &[closed_address, closed_address]).await;
        assert_eq!(
            refused.unwrap_err().kind(),
            io::ErrorKind::ConnectionRefused
        );
        assert!(connect(&clock, &[]).await.is_err());
    }
}
