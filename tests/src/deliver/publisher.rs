//! The publisher of measurements: one thread, some connections.

use super::{
    CONNECTIONS, SECRET,
    event::{NUMBERS_MAX, Pattern},
    receiver::{ID_BYTES, Id},
    usage::thread_cpu_s,
    wire::{Client, Message},
};
use anyhow::{Context, bail, ensure};
use countersign_core::{Config, KeyedScheme, SignedAt};
use memchr::memmem;
use std::{
    cell::RefCell,
    collections::VecDeque,
    rc::Rc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::{sync::Semaphore, task::LocalSet};

/// Pause after a 503.
const BUSY_PAUSE: Duration = Duration::from_millis(2);
/// Longest that a request is repeated because of 503.
const BUSY_MAX: Duration = Duration::from_secs(60);

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Events to an API, one a request.
    Single,
    /// So many a request.
    Batch(u32),
    /// Signed deliveries straight to the receiver: the raw ceiling.
    Direct,
}

/// Where to and what.
#[derive(Clone)]
pub(super) struct Target {
    /// Host and port of each server; connections are shared out among them.
    pub(super) authorities: Vec<String>,
    pub(super) kind: Kind,
    /// Whose events.
    pub(super) provider: &'static str,
}

/// How fast.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pace {
    /// Every connection sends as soon as it has its answer.
    Closed,
    /// So many requests a second, whatever becomes of them.
    Open(f64),
}

/// How long; whatever ends first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Until {
    pub(super) time: Duration,
    pub(super) messages: u32,
}

/// What was sent and answered as accepted.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Number, id, and when the request was due to be sent.
    pub(super) accepted: Vec<(u32, Id, Option<Instant>)>,
    /// Answers that said "later".
    pub(super) busy: u64,
    /// Seconds of the processor that the publisher took.
    pub(super) cpu_s: f64,
}

/// Writes requests and reads what the answers say.
struct Requests {
    target: Target,
    pattern: Pattern,
    signers: Vec<KeyedScheme>,
}

impl Requests {
    fn new(target: &Target) -> anyhow::Result<Self> {
        let secrets = [SECRET];
        let mut standard = Config::new("standard-webhooks", &secrets);
        standard.options = vec![("secret_format", "raw")];
        let signers = [Config::new("cleanmails", &secrets), standard];
        let signer = |config| KeyedScheme::signer(config).map_err(|e| anyhow::anyhow!("{e}"));
        Ok(Self {
            target: target.clone(),
            pattern: Pattern::payload(target.provider)?,
            signers: signers.iter().map(signer).collect::<Result<_, _>>()?,
        })
    }

    /// Events in a request.
    fn size(&self) -> u32 {
        match self.target.kind {
            Kind::Batch(size) => size,
            Kind::Single | Kind::Direct => 1,
        }
    }

    fn write(&self, number: u32, out: &mut Vec<u8>) -> anyhow::Result<()> {
        out.clear();
        let mut body = Vec::with_capacity(1024);
        let mut headers = String::new();
        let path = match self.target.kind {
            Kind::Single => {
                self.event(number, &mut body);
                "/v1/events"
            }
            Kind::Batch(size) => {
                body.extend_from_slice(br#"{"events":["#);
                for number in number..number + size {
                    self.event(number, &mut body);
                    body.push(b',');
                }
                body.pop();
                body.extend_from_slice(b"]}");
                "/v1/events/batch"
            }
            Kind::Direct => {
                self.pattern.write(number, &mut body);
                self.sign(number, &body, &mut headers)?;
                "/ok/0"
            }
        };
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n",
            self.target.authorities.first().map_or("", String::as_str),
            body.len()
        );
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(&body);
        Ok(())
    }

    fn event(&self, number: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"{"provider":""#);
        out.extend_from_slice(self.target.provider.as_bytes());
        out.extend_from_slice(br#"","payload":"#);
        self.pattern.write(number, out);
        out.push(b'}');
    }

    fn sign(&self, number: u32, body: &[u8], headers: &mut String) -> anyhow::Result<()> {
        let id = direct_id(number);
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        headers.push_str(&format!("webhook-id: {id}\r\n"));
        for signer in &self.signers {
            let message = countersign_core::Message {
                id: Some(&id),
                ..countersign_core::Message::new(SignedAt::UnixMs(i64::try_from(now)?), body)
            };
            let signed = signer.sign(&message);
            for header in signed.map_err(|error| anyhow::anyhow!("{error:?}"))? {
                if header.name != "webhook-id" {
                    headers.push_str(&format!("{}: {}\r\n", header.name, header.value));
                }
            }
        }
        Ok(())
    }

    /// The ids of the messages that an answer accepts; `None` when it says "later".
    fn read(&self, number: u32, answer: &Message<'_>) -> anyhow::Result<Option<Vec<Id>>> {
        let failed = || {
            let text = String::from_utf8_lossy(answer.body);
            format!("answered {}: {text}", answer.status)
        };
        match (self.target.kind, answer.status) {
            (_, 503) => Ok(None),
            (Kind::Direct, 200) => Ok(Some(vec![Id::try_from(direct_id(number).as_bytes())?])),
            (Kind::Single | Kind::Batch(_), 202) => {
                const BEFORE: &[u8] = br#""message_id":""#;
                let ids = memmem::find_iter(answer.body, BEFORE).map(|at| {
                    let start = at + BEFORE.len();
                    let id = answer.body.get(start..start + ID_BYTES);
                    Ok(Id::try_from(id.with_context(failed)?)?)
                });
                let ids: Vec<Id> = ids.collect::<anyhow::Result<_>>()?;
                ensure!(ids.len() == self.size() as usize, "{}", failed());
                Ok(Some(ids))
            }
            _ => bail!("{}", failed()),
        }
    }
}

fn direct_id(number: u32) -> String {
    format!("msg_{number:026}")
}

struct Job {
    number: u32,
    due: Option<Instant>,
}

struct Queue {
    jobs: RefCell<VecDeque<Job>>,
    waiting: Semaphore,
}

/// Sends from `first` on, on a thread of its own, and waits for the answers.
///
/// # Errors
/// An answer that is neither acceptance nor "later", or none.
pub(super) fn publish(
    target: &Target,
    pace: Pace,
    until: Until,
    first: u32,
) -> anyhow::Result<Sent> {
    let target = target.clone();
    let thread = std::thread::Builder::new()
        .name("publisher".to_owned())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let began = thread_cpu_s()?;
            let mut sent = LocalSet::new().block_on(&runtime, run(&target, pace, until, first))?;
            sent.cpu_s = thread_cpu_s()? - began;
            Ok(sent)
        })?;
    match thread.join() {
        Ok(sent) => sent,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

async fn run(target: &Target, pace: Pace, until: Until, first: u32) -> anyhow::Result<Sent> {
    let requests = Rc::new(Requests::new(target)?);
    let size = requests.size();
    let last = first.saturating_add(until.messages).min(NUMBERS_MAX);
    let sent = Rc::new(RefCell::new(Sent::default()));
    let queue = Rc::new(Queue {
        jobs: RefCell::default(),
        waiting: Semaphore::new(0),
    });
    let next = Rc::new(RefCell::new(first));
    let end = Instant::now() + until.time;
    let mut clients = Vec::new();
    for authority in target.authorities.iter().cycle().take(CONNECTIONS) {
        let mut client = Client::connect(authority).await?;
        let (requests, sent) = (Rc::clone(&requests), Rc::clone(&sent));
        let (queue, next) = (Rc::clone(&queue), Rc::clone(&next));
        clients.push(tokio::task::spawn_local(async move {
            let mut buffer = Vec::new();
            loop {
                let job = match pace {
                    Pace::Closed => {
                        let mut next = next.borrow_mut();
                        if *next + size > last || Instant::now() >= end {
                            return Ok(());
                        }
                        let number = *next;
                        *next += size;
                        Job { number, due: None }
                    }
                    Pace::Open(_) => {
                        match queue.waiting.acquire().await {
                            Ok(permit) => permit.forget(),
                            Err(_) => return Ok(()),
                        }
                        let job = queue.jobs.borrow_mut().pop_front();
                        job.context("a permit without a job")?
                    }
                };
                requests.write(job.number, &mut buffer)?;
                one(&mut client, &requests, &buffer, &job, &sent).await?;
            }
        }));
    }
    if let Pace::Open(rate) = pace {
        dispatch(rate, size, first, last, until.time, &queue).await;
        // What is queued is still sent: a semaphore that were closed now would drop it.
        while !queue.jobs.borrow().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        queue.waiting.close();
    }
    for client in clients {
        let done: anyhow::Result<()> = client.await?;
        done?;
    }
    Ok(sent.take())
}

async fn one(
    client: &mut Client,
    requests: &Requests,
    buffer: &[u8],
    job: &Job,
    sent: &RefCell<Sent>,
) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let answer = client
            .ask(buffer, |answer| requests.read(job.number, answer))
            .await??;
        match answer {
            Some(ids) => {
                let accepted = ids.into_iter().zip(job.number..);
                let accepted = accepted.map(|(id, number)| (number, id, job.due));
                sent.borrow_mut().accepted.extend(accepted);
                return Ok(());
            }
            None => {
                sent.borrow_mut().busy += 1;
                ensure!(began.elapsed() < BUSY_MAX, "busy for {BUSY_MAX:?}");
                tokio::time::sleep(BUSY_PAUSE).await;
            }
        }
    }
}

/// Queues requests at a rate. The timer has milliseconds: what is due within one is queued together.
async fn dispatch(rate: f64, size: u32, first: u32, last: u32, time: Duration, queue: &Queue) {
    let began = Instant::now();
    let mut number = first;
    let mut queued = 0.0;
    while began.elapsed() < time && number + size <= last {
        let due = (began.elapsed().as_secs_f64() * rate).floor();
        let now = Instant::now();
        while queued < due && number + size <= last {
            queue.jobs.borrow_mut().push_back(Job {
                number,
                due: Some(now),
            });
            queue.waiting.add_permits(1);
            number += size;
            queued += 1.0;
        }
        let next = Duration::from_secs_f64((queued + 1.0) / rate);
        let wait = next.saturating_sub(began.elapsed());
        tokio::time::sleep(wait.max(Duration::from_millis(1))).await;
    }
}
