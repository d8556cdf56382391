//! Receivers of every kind, on the loopback interface.

use super::*;
use crate::{
    chance::SystemChance,
    clock::SystemClock,
    network::{DnsResolver, Guard, GuardSettings},
};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const LIMITS: Limits = Limits {
    connect: Duration::from_millis(400),
    tls: Duration::from_millis(400),
    head: Duration::from_secs(9),
    idle_max: 8,
    endpoint_idle_max: 4,
};

fn transport() -> HttpTransport {
    with_limits(LIMITS)
}

fn with_limits(limits: Limits) -> HttpTransport {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let route = route(&clock, &["127.0.0.0/8", "::1"]);
    HttpTransport::new(clock, route, limits)
}

fn route(clock: &Arc<dyn Clock>, allow: &[&str]) -> Route {
    let settings = GuardSettings {
        allow: allow.iter().map(|entry| entry.parse().unwrap()).collect(),
        ports: Vec::new(),
        lookup_limit: Duration::from_millis(400),
    };
    // Nobody listens there; names of this machine are known without.
    let resolver = DnsResolver::new(&["127.0.0.1:1".parse().unwrap()]).unwrap();
    let guard = Guard::new(settings, Arc::new(resolver), Arc::clone(clock));
    Route {
        guard: Arc::new(guard),
        roots: Roots::of_machine(),
        proxy: None,
    }
}

fn request(url: String) -> Outgoing {
    Outgoing {
        endpoint: EndpointId::new(0, &SystemChance),
        identity: None,
        url,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: Bytes::from_static(b"{}"),
        timeout: Duration::from_millis(500),
    }
}

/// A receiver that reads the request and then does `then`.
async fn receiver<F: Future<Output = ()> + Send>(
    then: impl Fn(TcpStream) -> F + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut seen = Vec::new();
            while !seen.ends_with(b"{}") {
                match stream.read_buf(&mut seen).await {
                    Ok(1..) => {}
                    _ => break,
                }
            }
            then(stream).await;
        }
    });
    url
}

async fn answering(answer: &'static [u8]) -> String {
    receiver(move |mut stream| async move {
        let _ = stream.write_all(answer).await;
    })
    .await
}

fn status(exchange: &Exchange) -> u16 {
    match exchange.outcome {
        Outcome::Response { status, .. } => status,
        Outcome::Failure(kind) => panic!("{kind:?}"),
    }
}

#[tokio::test]
async fn an_answer_is_read_with_its_beginning() {
    let answer = b"HTTP/1.1 202 Accepted\r\nretry-after: 7\r\ncontent-length: 2\r\n\r\nok";
    let exchange = transport().send(request(answering(answer).await)).await;
    let outcome = Outcome::Response {
        status: 202,
        retry_after_s: Some(7),
    };
    assert_eq!(exchange.outcome, outcome);
    assert_eq!(exchange.response, b"ok");
}

// Holds: R-X4
#[tokio::test]
async fn redirects_are_not_followed() {
    let answer =
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9999/\r\ncontent-length: 0\r\n\r\n";
    let exchange = transport().send(request(answering(answer).await)).await;
    assert_eq!(status(&exchange), 302);
}

// Holds: R-X5
#[tokio::test]
async fn an_endless_body_is_cut_and_a_dripping_one_does_not_wait() {
    let url = receiver(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
    })
    .await;
    let exchange = transport().send(request(url)).await;
    assert_eq!(status(&exchange), 200);
    assert_eq!(exchange.response.len(), EXCERPT_BYTES_MAX);

    let url = receiver(|mut stream| async move {
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab";
        let _ = stream.write_all(head).await;
        std::future::pending::<()>().await;
    })
    .await;
    let began = Instant::now();
    let exchange = transport().send(request(url)).await;
    assert_eq!(status(&exchange), 200);
    assert_eq!(exchange.response, b"ab");
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn failures_have_their_kind() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed_port = closed.local_addr().unwrap().port();
    drop(closed);
    let hanging = receiver(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    // Does not speak TLS.
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let no_tls = format!("https://{}/", plain.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = plain.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let invalid = FailureKind::InvalidResponse;
    let cases = [
        (
            format!("http://127.0.0.1:{closed_port}/"),
            FailureKind::Connect,
        ),
        ("http://host.invalid/".to_owned(), FailureKind::Dns),
        (no_tls, FailureKind::Tls),
        (hanging, FailureKind::Timeout),
        (answering(b"SSH-2.0-OpenSSH_9\r\n").await, invalid),
        (answering(b"").await, invalid),
        (answering(b"HTTP/1.1 200").await, invalid),
        ("https://10.0.0.1/".to_owned(), FailureKind::BlockedAddress),
        (
            "http://127.0.0.1:25/".to_owned(),
            FailureKind::BlockedAddress,
        ),
    ];
    let transport = transport();
    for (url, kind) in cases {
        let exchange = transport.send(request(url.clone())).await;
        let detail = exchange.detail.unwrap_or_default();
        assert_eq!(exchange.outcome, Outcome::Failure(kind), "{url}: {detail}");
        assert!(!detail.is_empty(), "{url}");
    }
}

#[tokio::test]
async fn an_endless_head_is_refused() {
    let url = receiver(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream.write_all(b"x-more: and more\r\n").await.is_ok() {}
    })
    .await;
    let exchange = transport().send(request(url)).await;
    let outcome = Outcome::Failure(FailureKind::InvalidResponse);
    assert_eq!(exchange.outcome, outcome);
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_meanwhile_is_no_failure() {
    let url = receiver(|mut stream| async move {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        let _ = stream.write_all(answer).await;
        // Closed here, although the client may keep it.
    })
    .await;
    let transport = transport();
    let clock = SystemClock::new();
    let request = request(url);
    for _ in 0..20 {
        let exchange = transport.send(request.clone()).await;
        assert_eq!(status(&exchange), 200);
        clock.sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn a_later_header_replaces_an_earlier_one_and_nonsense_is_no_panic() {
    let prepared = prepare(&Outgoing {
        headers: vec![
            ("webhook-id".to_owned(), "a".to_owned()),
            ("Webhook-Id".to_owned(), "b".to_owned()),
        ],
        ..request("http://127.0.0.1/".to_owned())
    });
    let headers = prepared.unwrap().headers().clone();
    let values: Vec<_> = headers.get_all("webhook-id").iter().collect();
    assert_eq!(values, ["b"]);
    let exchange = transport().send(request("not a url".to_owned())).await;
    let outcome = Outcome::Failure(FailureKind::Connect);
    assert_eq!(exchange.outcome, outcome);
}

#[tokio::test]
async fn a_connection_that_nobody_takes_ends_with_its_limit() {
    // Its queue has one place; what comes after that is not even refused.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let _first = TcpStream::connect(address).await.unwrap();
    let began = Instant::now();
    let patient = Outgoing {
        timeout: Duration::from_secs(5),
        ..request(format!("http://{address}/"))
    };
    let exchange = transport().send(patient).await;
    assert_eq!(exchange.outcome, Outcome::Failure(FailureKind::Timeout));
    let detail = exchange.detail.unwrap();
    assert!(
        detail.contains("no connection was made within 400 ms"),
        "{detail}"
    );
    assert!(began.elapsed() < Duration::from_secs(3));
}

/// A receiver that counts connections and requests, and answers each request of a connection with `answer`, except that it
/// closes without an answer from request `silent_from` of a connection on, counted from 1.
async fn counting(silent_from: usize) -> (String, Arc<[AtomicUsize; 2]>) {
    counting_and_answering(silent_from, 2).await
}

/// The same with so many bytes in each answer.
async fn counting_and_answering(
    silent_from: usize,
    bytes: usize,
) -> (String, Arc<[AtomicUsize; 2]>) {
    let counts = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let counted = Arc::clone(&counts);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let counted = Arc::clone(&counted);
            counted[0].fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let mut seen = Vec::new();
                let mut turn = 0;
                while let Ok(1..) = stream.read_buf(&mut seen).await {
                    if !seen.ends_with(b"{}") {
                        continue;
                    }
                    seen.clear();
                    turn += 1;
                    counted[1].fetch_add(1, Ordering::Relaxed);
                    if turn >= silent_from {
                        return;
                    }
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n");
                    let answer = [head.into_bytes(), vec![b'x'; bytes]].concat();
                    let _ = stream.write_all(&answer).await;
                }
            });
        }
    });
    (url, counts)
}

// Holds: R-X5
#[tokio::test]
async fn an_answer_is_read_to_its_end_within_16_kib_and_left_with_its_connection_beyond() {
    for (kib, connections) in [(15, 1), (64, 3)] {
        let (url, counts) = counting_and_answering(usize::MAX, kib * 1024).await;
        let transport = transport();
        let request = request(url);
        for _ in 0..3 {
            let exchange = transport.send(request.clone()).await;
            assert_eq!(status(&exchange), 200);
            assert_eq!(exchange.response, [b'x'; EXCERPT_BYTES_MAX]);
            tokio::task::yield_now().await;
        }
        assert_eq!(counts[0].load(Ordering::Relaxed), connections, "{kib} KiB");
    }
}

#[tokio::test]
async fn connections_are_kept_per_endpoint_and_no_request_is_sent_twice() {
    let (url, counts) = counting(4).await;
    let count = || [0, 1].map(|place: usize| counts[place].load(Ordering::Relaxed));
    let transport = transport();
    let first = request(url.clone());
    for _ in 0..3 {
        assert_eq!(status(&transport.send(first.clone()).await), 200);
        tokio::task::yield_now().await;
    }
    assert_eq!(count(), [1, 3]);
    // The receiver reads the request and closes the kept connection: it may have acted, so this is a failure.
    let exchange = transport.send(first.clone()).await;
    let outcome = Outcome::Failure(FailureKind::InvalidResponse);
    assert_eq!(exchange.outcome, outcome, "{exchange:?}");
    assert_eq!(count(), [1, 4]);
    // Another endpoint at the same address has connections of its own, and so has another address of the same endpoint.
    let second = request(url.clone());
    for request in [first.clone(), second.clone()] {
        assert_eq!(status(&transport.send(request).await), 200);
    }
    assert_eq!(count(), [3, 6]);
    let moved = Outgoing {
        url: format!("{url}?moved"),
        ..second
    };
    assert_eq!(status(&transport.send(moved).await), 200);
    assert_eq!(count(), [4, 7]);
}

#[tokio::test]
async fn another_way_takes_over_no_connection_and_ends_none_that_is_in_use() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let transport = Arc::new(transport());
    let (url, counts) = counting(usize::MAX).await;
    let request = request(url);
    let connections = || counts[0].load(Ordering::Relaxed);
    for _ in 0..2 {
        assert_eq!(status(&transport.send(request.clone()).await), 200);
        tokio::task::yield_now().await;
    }
    assert_eq!(connections(), 1);
    transport.replace(route(&clock, &["127.0.0.1"]), LIMITS);
    assert_eq!(status(&transport.send(request.clone()).await), 200);
    assert_eq!(connections(), 2);

    // One that is under way while nobody may go there any more.
    let slow = receiver(|mut stream| async move {
        SystemClock::new().sleep(Duration::from_millis(200)).await;
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        let _ = stream.write_all(answer).await;
    });
    let under_way = {
        let (transport, url) = (Arc::clone(&transport), slow.await);
        tokio::spawn(async move { transport.send(self::request(url)).await })
    };
    clock.sleep(Duration::from_millis(50)).await;
    transport.replace(route(&clock, &[]), LIMITS);
    let blocked = Outcome::Failure(FailureKind::BlockedAddress);
    assert_eq!(transport.send(request).await.outcome, blocked);
    assert_eq!(connections(), 2);
    assert_eq!(status(&under_way.await.unwrap()), 200);
}

#[tokio::test]
async fn no_more_connections_are_kept_than_allowed() {
    let (url, counts) = counting(usize::MAX).await;
    let transport = with_limits(Limits {
        idle_max: 2,
        endpoint_idle_max: 1,
        ..LIMITS
    });
    let requests: Vec<_> = (0..4).map(|_| request(url.clone())).collect();
    for request in requests.iter().chain(&requests) {
        assert_eq!(status(&transport.send(request.clone()).await), 200);
    }
    // Two were kept, so two of the second round were new.
    assert_eq!(counts[0].load(Ordering::Relaxed), 6);
}

#[tokio::test]
async fn a_head_that_drips_ends_with_the_limit_that_comes_first() {
    let transport = with_limits(Limits {
        head: Duration::from_millis(100),
        ..LIMITS
    });
    let slow = receiver(|mut stream| async move {
        let clock = SystemClock::new();
        for byte in b"HTTP/1.1 200 OK\r\nx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy" {
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            clock.sleep(Duration::from_millis(20)).await;
        }
    });
    let exchange = transport.send(request(slow.await)).await;
    let outcome = Outcome::Failure(FailureKind::Timeout);
    assert_eq!(exchange.outcome, outcome);
    let detail = exchange.detail.unwrap();
    assert!(detail.contains("100 ms"), "{detail}");
}
