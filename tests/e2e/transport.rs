//! The way out over real sockets: HTTP/2, client certificates, proxies.

use bytes::Bytes;
use countersign_core::delivery::{FailureKind, Outcome};
use countersign_host::{
    chance::SystemChance,
    clock::{Clock, SystemClock},
    identity::ClientIdentity,
    ids::EndpointId,
    network::{DnsResolver, Guard, GuardSettings},
    store::SecretText,
    transport::{Exchange, HttpTransport, Limits, Outgoing, Proxy, Roots, Route, Transport},
};
use countersign_tests::hostile::{Authority, Certified, Habit, Hostile};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

fn transport(authority: &Authority, proxy: Option<&str>) -> HttpTransport {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let settings = GuardSettings {
        allow: vec!["127.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()],
        ports: Vec::new(),
        lookup_limit: Duration::from_secs(5),
    };
    // Nobody listens there; names of this machine are known without.
    let resolver = DnsResolver::new(&["127.0.0.1:1".parse().unwrap()]).unwrap();
    let guard = Guard::new(settings, Arc::new(resolver), Arc::clone(&clock));
    let roots = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(roots.path(), authority.pem()).unwrap();
    let route = Route {
        guard: Arc::new(guard),
        roots: Roots::from_file(roots.path()).unwrap(),
        proxy: proxy.map(|proxy| Proxy::parse(proxy).unwrap()),
    };
    let limit = Duration::from_secs(5);
    let limits = Limits {
        connect: limit,
        tls: limit,
        head: limit,
        idle_max: 16,
        endpoint_idle_max: 16,
    };
    HttpTransport::new(clock, route, limits)
}

fn request(url: String) -> Outgoing {
    Outgoing {
        endpoint: EndpointId::new(0, &SystemChance),
        url,
        headers: vec![("webhook-id".to_owned(), "msg_1".to_owned())],
        body: Bytes::from_static(b"{}"),
        timeout: Duration::from_secs(10),
        identity: None,
    }
}

fn status(exchange: &Exchange) -> u16 {
    match exchange.outcome {
        Outcome::Response { status, .. } => status,
        Outcome::Failure(kind) => panic!("{kind:?}: {:?}", exchange.detail),
    }
}

/// A receiver that speaks HTTP/2 and answers when `hold` lets it; counts connections and requests.
async fn http2(certified: Certified, hold: Duration) -> (String, Arc<[AtomicUsize; 2]>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "https://localhost:{}/hook?a=b",
        listener.local_addr().unwrap().port()
    );
    let counts: Arc<[AtomicUsize; 2]> = Arc::default();
    let counted = Arc::clone(&counts);
    let acceptor = TlsAcceptor::from(certified.config);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (counted, acceptor) = (Arc::clone(&counted), acceptor.clone());
            tokio::spawn(async move {
                let stream = acceptor.accept(stream).await.unwrap();
                let mut connection = h2::server::handshake(stream).await.unwrap();
                counted[0].fetch_add(1, Ordering::Relaxed);
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    let counted = Arc::clone(&counted);
                    tokio::spawn(async move {
                        let uri = request.uri().to_string();
                        assert!(
                            uri.starts_with("https://localhost:") && uri.ends_with("/hook?a=b")
                        );
                        assert!(!request.headers().contains_key("host"));
                        let mut body = request.into_body();
                        while let Some(Ok(data)) = body.data().await {
                            assert_eq!(data, "{}");
                        }
                        counted[1].fetch_add(1, Ordering::Relaxed);
                        tokio::time::sleep(hold).await;
                        let answer = axum::http::Response::builder()
                            .status(202)
                            .body(())
                            .unwrap();
                        let Ok(mut stream) = respond.send_response(answer, false) else {
                            // Nobody waits for it any more.
                            return;
                        };
                        stream.send_data(Bytes::from_static(b"ok"), true).unwrap();
                    });
                }
            });
        }
    });
    (url, counts)
}

#[tokio::test]
async fn http2_is_spoken_where_tls_agrees_on_it_and_requests_share_a_connection() {
    let authority = Authority::new();
    let certified = authority.server_config("localhost", &["h2", "http/1.1"], false);
    let (url, counts) = http2(certified, Duration::from_millis(100)).await;
    let transport = Arc::new(transport(&authority, None));
    let request = request(url);
    let first = transport.send(request.clone()).await;
    assert_eq!((status(&first), &*first.response), (202, &b"ok"[..]));
    let sending: Vec<_> = (0..8)
        .map(|_| {
            let (transport, request) = (Arc::clone(&transport), request.clone());
            tokio::spawn(async move { status(&transport.send(request).await) })
        })
        .collect();
    for sent in sending {
        assert_eq!(sent.await.unwrap(), 202);
    }
    let counts = [0, 1].map(|place: usize| counts[place].load(Ordering::Relaxed));
    assert_eq!(counts, [1, 9]);
}

#[tokio::test]
async fn an_http2_connection_that_leaves_a_request_without_an_answer_is_not_used_again() {
    let authority = Authority::new();
    let certified = authority.server_config("localhost", &["h2"], false);
    let (url, counts) = http2(certified, Duration::from_millis(600)).await;
    let transport = transport(&authority, None);
    let patient = request(url);
    let hasty = Outgoing {
        timeout: Duration::from_millis(200),
        ..patient.clone()
    };
    assert_eq!(status(&transport.send(patient.clone()).await), 202);
    let timeout = transport.send(hasty).await;
    assert_eq!(timeout.outcome, Outcome::Failure(FailureKind::Timeout));
    assert_eq!(status(&transport.send(patient).await), 202);
    let counts = [0, 1].map(|place: usize| counts[place].load(Ordering::Relaxed));
    assert_eq!(counts, [2, 3]);
}

#[tokio::test]
async fn a_client_certificate_opens_what_asks_for_one_and_is_not_lent_to_others() {
    let authority = Authority::new();
    let certified = authority.server_config("localhost", &["http/1.1"], true);
    let receiver = Hostile::start_tls(Habit::Fine, certified);
    let (certificate, key) = authority.client("sender.test");
    let key = SecretText::new(key);
    let identity = ClientIdentity::from_pem(&certificate, &key).unwrap();
    let transport = transport(&authority, None);
    let anonymous = request(receiver.url("/hook"));
    let known = Outgoing {
        identity: Some(identity),
        ..request(receiver.url("/hook"))
    };
    for _ in 0..2 {
        assert_eq!(status(&transport.send(known.clone()).await), 200);
        // Neither a kept connection nor a remembered session of the other endpoint is used.
        assert_turned_away(&transport.send(anonymous.clone()).await);
    }
    // The same endpoint without its certificate.
    let taken_away = Outgoing {
        identity: None,
        ..known
    };
    assert_turned_away(&transport.send(taken_away).await);
    assert_eq!(receiver.requests(), 2);
}

/// TLS 1.3 lets the client begin before the server has looked at its certificate. The server's alert is then followed by a
/// reset, which may overtake it.
fn assert_turned_away(exchange: &Exchange) {
    let kinds = [FailureKind::Tls, FailureKind::InvalidResponse];
    let turned_away = kinds.map(Outcome::Failure).contains(&exchange.outcome);
    assert!(turned_away, "{exchange:?}");
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_said_in_words() {
    let (trusted, stranger) = (Authority::new(), Authority::new());
    let transport = transport(&trusted, None);
    for (certified, words) in [
        (trusted.certify("other.test"), "for another name"),
        (trusted.certify_expired("localhost"), "has expired"),
        (stranger.certify("localhost"), "not signed by an authority"),
    ] {
        let receiver = Hostile::start_tls(Habit::Fine, certified);
        let exchange = transport.send(request(receiver.url("/"))).await;
        assert_eq!(exchange.outcome, Outcome::Failure(FailureKind::Tls));
        let detail = exchange.detail.unwrap();
        assert!(detail.contains(words), "{detail}");
        assert_eq!(receiver.requests(), 0);
    }
}

/// A proxy that wants `user:pass`, tunnels, and answers plain requests itself with 202. Records the head of each request.
async fn proxy() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heads: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let seen = Arc::clone(&seen);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.windows(4).any(|four| four == b"\r\n\r\n") {
                    if stream.read_buf(&mut head).await.unwrap() == 0 {
                        return;
                    }
                }
                let head = String::from_utf8(head).unwrap();
                seen.lock().unwrap().push(head.clone());
                // user:pass
                if !head.contains("proxy-authorization: Basic dXNlcjpwYXNz") {
                    let answer =
                        b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
                    let _ = stream.write_all(answer).await;
                    return;
                }
                match head.strip_prefix("CONNECT ") {
                    Some(rest) => {
                        let target = rest.split(' ').next().unwrap();
                        let mut onward = TcpStream::connect(target).await.unwrap();
                        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                        let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
                    }
                    None => {
                        let answer = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";
                        stream.write_all(answer).await.unwrap();
                    }
                }
            });
        }
    });
    (format!("http://user:pass@{address}"), heads)
}

#[tokio::test]
async fn a_proxy_tunnels_https_to_the_judged_address_and_takes_http_as_it_is() {
    let authority = Authority::new();
    let receiver = Hostile::start_tls(Habit::Fine, authority.certify("localhost"));
    let (address, heads) = proxy().await;
    let through = transport(&authority, Some(&address));
    let https = request(receiver.url("/hook"));
    // The second goes through the tunnel that is kept.
    for _ in 0..2 {
        assert_eq!(status(&through.send(https.clone()).await), 200);
    }
    assert_eq!(receiver.requests(), 2);
    let plain = request("http://localhost:9999/hook?a=b".to_owned());
    assert_eq!(status(&through.send(plain).await), 202);
    {
        let heads = heads.lock().unwrap();
        assert_eq!(heads.len(), 2);
        assert!(heads[0].starts_with("CONNECT 127.0.0.1:"), "{}", heads[0]);
        let line = "POST http://localhost:9999/hook?a=b HTTP/1.1\r\n";
        assert!(heads[1].starts_with(line), "{}", heads[1]);
        assert!(
            heads[1].contains("host: localhost:9999\r\n"),
            "{}",
            heads[1]
        );
    }

    // What must not be called is not asked of the proxy either.
    let exchange = through.send(request("https://10.0.0.1/".to_owned())).await;
    let blocked = Outcome::Failure(FailureKind::BlockedAddress);
    assert_eq!(exchange.outcome, blocked);
    assert_eq!(heads.lock().unwrap().len(), 2);

    // The proxy's refusal is no answer of the receiver.
    let unknown = transport(&authority, Some(&address.replace("pass", "word")));
    let exchange = unknown.send(https).await;
    assert_eq!(exchange.outcome, Outcome::Failure(FailureKind::Connect));
    let detail = exchange.detail.unwrap();
    assert!(detail.contains("407"), "{detail}");
}
