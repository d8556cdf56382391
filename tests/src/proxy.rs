//! A proxy for TCP that passes on, delays, swallows or breaks what goes through it: a network that fails.

use anyhow::Context;
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    runtime::Runtime,
    sync::watch,
};

/// What becomes of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Pass,
    /// Each piece rests this long.
    Delay(Duration),
    /// Connections stay, and nothing goes through them; it does once the mode is another one.
    Swallow,
    /// Connections are broken, and new ones as soon as they are made.
    Break,
}

/// Listens until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    _runtime: Runtime,
}

impl Proxy {
    /// A proxy for this port of the machine.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn start(target: u16) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = runtime.block_on(listener).context("the proxy")?;
        let address = listener.local_addr()?;
        let (mode, modes) = watch::channel(Mode::Pass);
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, target, modes.clone()));
            }
        });
        Ok(Self {
            address,
            mode,
            _runtime: runtime,
        })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

async fn serve(client: TcpStream, target: u16, modes: watch::Receiver<Mode>) {
    if *modes.borrow() == Mode::Break {
        return;
    }
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let there = pass(from_client, to_server, modes.clone());
    let back = pass(from_server, to_client, modes.clone());
    // When one direction ends, so does the connection.
    tokio::select! {
        () = there => {}
        () = back => {}
        () = broken(modes) => {}
    }
}

/// Done once connections are to be broken.
async fn broken(mut modes: watch::Receiver<Mode>) {
    // Without a proxy any more everything ends.
    let _ = modes.wait_for(|mode| *mode == Mode::Break).await;
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut modes: watch::Receiver<Mode>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(count @ 1..) = from.read(&mut buffer).await else {
            return;
        };
        let waited = modes.wait_for(|mode| *mode != Mode::Swallow).await;
        let Ok(mode) = waited.map(|mode| *mode) else {
            return;
        };
        if let Mode::Delay(delay) = mode {
            tokio::time::sleep(delay).await;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{Read, Write},
        net::{TcpListener, TcpStream},
        time::Instant,
    };

    /// A server that sends back what it gets, on one connection after the other.
    fn echo() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                std::thread::spawn(move || std::io::copy(&mut &client, &mut &client));
            }
        });
        port
    }

    fn ask(client: &mut TcpStream) -> std::io::Result<u8> {
        client.write_all(&[7])?;
        let mut answer = [0];
        client.read_exact(&mut answer)?;
        Ok(answer[0])
    }

    #[test]
    fn bytes_pass_rest_wait_and_break() {
        let proxy = Proxy::start(echo()).unwrap();
        let connect = || TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
        let mut client = connect();
        assert_eq!(ask(&mut client).unwrap(), 7);
        proxy.set(Mode::Delay(Duration::from_millis(40)));
        let began = Instant::now();
        assert_eq!(ask(&mut client).unwrap(), 7);
        assert!(began.elapsed() >= Duration::from_millis(80));
        proxy.set(Mode::Swallow);
        let limit = Some(Duration::from_millis(100));
        client.set_read_timeout(limit).unwrap();
        assert!(ask(&mut client).is_err());
        // What was swallowed comes through when it is over.
        client.set_read_timeout(None).unwrap();
        proxy.set(Mode::Pass);
        let mut answer = [0];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(answer, [7]);
        proxy.set(Mode::Break);
        assert!(ask(&mut client).is_err());
        assert!(ask(&mut connect()).is_err());
        proxy.set(Mode::Pass);
        assert_eq!(ask(&mut connect()).unwrap(), 7);
    }
}
