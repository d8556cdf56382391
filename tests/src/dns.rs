//! A DNS server that answers as it is told, a different thing each time if so wished.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

/// How often the server looks whether it is still wanted.
const TICK: Duration = Duration::from_millis(50);
const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;
/// Name error: there is no such name (RFC 1035, section 4.1.1).
const NXDOMAIN: u8 = 3;

/// Listens until it is dropped.
#[derive(Debug)]
pub struct DnsServer {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Zone {
    /// Answers of a name, one a look-up; the last one is for ever. None at all: no answer is sent.
    names: HashMap<String, Vec<Vec<IpAddr>>>,
    /// Questions for IPv4 addresses so far.
    asked: HashMap<String, usize>,
}

impl DnsServer {
    /// Knows no name yet.
    pub fn start() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port on loopback");
        let address = socket.local_addr().expect("a bound address");
        socket.set_read_timeout(Some(TICK)).expect("a time limit");
        let zone: Arc<Mutex<Zone>> = Arc::default();
        let stop: Arc<AtomicBool> = Arc::default();
        let (serving, stopped) = (Arc::clone(&zone), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let mut question = [0; 1500];
            while !stopped.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut question) else {
                    continue;
                };
                if let Some(answer) = answer(&question[..length], &mut lock(&serving)) {
                    // Who asked asks again.
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Self {
            address,
            zone,
            stop,
            thread: Some(thread),
        }
    }

    /// What to ask.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers look-ups of `name` with each of `answers` in turn, and with the last one from then on. Nothing is to be
    /// remembered (a lifetime of 0 s). No answers: keeps silent.
    pub fn set(&self, name: &str, answers: &[&[&str]]) {
        let parsed = answers.iter().map(|answer| {
            let addresses = answer.iter().map(|text| text.parse().expect("an address"));
            addresses.collect()
        });
        let mut zone = lock(&self.zone);
        zone.names.insert(name.to_owned(), parsed.collect());
        zone.asked.remove(name);
    }

    /// How often the IPv4 addresses of `name` were asked for.
    pub fn asked(&self, name: &str) -> usize {
        lock(&self.zone).asked.get(name).copied().unwrap_or(0)
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The answer to a question (RFC 1035, section 4); `None` when there is to be none.
fn answer(message: &[u8], zone: &mut Zone) -> Option<Vec<u8>> {
    let mut place = 12;
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*message.get(place)?);
        place += 1;
        if length == 0 {
            break;
        }
        let label = message.get(place..place + length)?;
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        place += length;
    }
    let name = labels.join(".");
    let kind = u16::from_be_bytes([*message.get(place)?, *message.get(place + 1)?]);
    let question = message.get(12..place + 4)?;

    let addresses = match zone.names.get(&name) {
        None => None,
        Some(answers) if answers.is_empty() => return None,
        Some(answers) => {
            let asked = zone.asked.entry(name).or_default();
            // IPv4 and IPv6 are asked for at about the same time; both belong to one look-up.
            let turn = match kind {
                TYPE_A => {
                    *asked += 1;
                    *asked - 1
                }
                _ => asked.saturating_sub(1),
            };
            answers.get(turn).or(answers.last()).cloned()
        }
    };
    let wanted = |address: &IpAddr| match kind {
        TYPE_A => address.is_ipv4(),
        TYPE_AAAA => address.is_ipv6(),
        _ => false,
    };
    let records: Vec<IpAddr> = addresses.iter().flatten().copied().filter(wanted).collect();
    let code = match addresses {
        Some(_) => 0,
        None => NXDOMAIN,
    };
    let mut answer = message.get(..2)?.to_vec();
    // A response, recursion desired and available; one question, the answers, nothing else.
    answer.extend([0x81, 0x80 | code, 0, 1]);
    answer.extend(u16::try_from(records.len()).ok()?.to_be_bytes());
    answer.extend([0; 4]);
    answer.extend(question);
    for address in records {
        // The name of the question; type, class IN, lifetime 0.
        answer.extend([0xc0, 12]);
        answer.extend(kind.to_be_bytes());
        answer.extend([0, 1, 0, 0, 0, 0]);
        let bytes = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        answer.extend(u16::try_from(bytes.len()).ok()?.to_be_bytes());
        answer.extend(bytes);
    }
    Some(answer)
}

fn lock(zone: &Mutex<Zone>) -> MutexGuard<'_, Zone> {
    zone.lock().unwrap_or_else(PoisonError::into_inner)
}
