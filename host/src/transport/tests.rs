//! Receivers of every kind, on the loopback interface.

use super::*;
use crate::clock::SystemClock;
use std::time::Instant;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

fn transport() -> HttpTransport {
    HttpTransport::new(Arc::new(SystemClock::new()), 4)
}

fn request(url: String) -> Outgoing {
    Outgoing {
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

#[tokio::test]
async fn redirects_are_not_followed() {
    let answer =
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let exchange = transport().send(request(answering(answer).await)).await;
    assert_eq!(status(&exchange), 302);
}

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
    ];
    let transport = transport();
    for (url, kind) in cases {
        let exchange = transport.send(request(url.clone())).await;
        assert_eq!(exchange.outcome, Outcome::Failure(kind), "{url}");
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
    for _ in 0..20 {
        let exchange = transport.send(request(url.clone())).await;
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
