//! HTTP/1.1 as bytes, for what no client would send and no server would show.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// Longest wait for an answer.
const LIMIT: Duration = Duration::from_secs(60);

/// Sends bytes and reads until the other side closes.
pub fn exchange(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    // Whoever refuses may close before all of it is written.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error}"),
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status of an answer; empty where there is none.
pub fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or_default()
}

/// What follows the head of an answer.
pub fn answer_body(answer: &str) -> &str {
    answer.split("\r\n\r\n").nth(1).unwrap_or_default()
}

/// A request with these headers besides host and length.
pub fn request(path: &str, headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: hooks.example\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    [request.as_bytes(), body].concat()
}

/// A receiver that keeps every byte it gets and answers the same to all.
#[derive(Debug)]
pub struct Wire {
    /// Where it listens.
    pub address: String,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Wire {
    /// Listens for as long as the process lives.
    pub fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = whole_request(&mut stream);
                log.lock().unwrap().push(request);
                let _ = stream.write_all(answer.as_bytes());
                let _ = stream.shutdown(Shutdown::Write);
            }
        });
        Self { address, requests }
    }

    /// Every request so far, from the first byte of its head to the last of its body.
    pub fn requests(&self) -> Vec<Vec<u8>> {
        self.requests.lock().unwrap().clone()
    }
}

/// Reads to the end of the announced body.
fn whole_request(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        if let Some((head, body)) = halves(&bytes) {
            let lines = String::from_utf8_lossy(head).to_ascii_lowercase();
            let length = lines
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |text| text.trim().parse().unwrap());
            if body.len() >= length {
                return bytes;
            }
        }
        match stream.read(&mut piece).unwrap() {
            0 => return bytes,
            read => bytes.extend_from_slice(&piece[..read]),
        }
    }
}

/// Head and body.
pub fn halves(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((&bytes[..at], &bytes[at + 4..]))
}

/// The lines of a head that a test put there, in the order in which they arrived.
pub fn header_lines(request: &[u8], names: &[&str]) -> Vec<String> {
    let (head, _) = halves(request).unwrap();
    let head: String = head.iter().copied().map(char::from).collect();
    let is_wanted = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default();
        names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
    };
    head.lines().filter(is_wanted).map(str::to_owned).collect()
}
