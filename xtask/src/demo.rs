//! `cargo xtask demo`: the main job, once, for real. Host, Express app and Worker run as a user would run them; every
//! example event of the providers' documents goes the whole way; a table says what came of it.

mod cast;
mod outcome;
mod process;

use std::fs;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::build::{self, Scope};
use crate::run::{self, Step};
use crate::workspace::Workspace;

use self::cast::{Cast, Manner};
use self::outcome::{Delivery, Outcome};

/// Times that waits between attempts pass faster than the providers document: a schedule of hours in seconds.
const TIME_SCALE: u32 = 1_000;
/// Longest wait for all deliveries to end. They take seconds; this only ends a demo that is broken.
const END_LIMIT: Duration = Duration::from_secs(60);
/// Pause between two looks at the deliveries.
const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// A published example.
struct Published {
    message_id: String,
    provider: String,
    event_type: String,
    at_ms: u64,
}

/// Runs it. Fails unless everything that should arrive was verified by its receiver and everything that should not is a
/// dead letter.
pub(crate) fn demo(workspace: &Workspace, keep: bool) -> Result<()> {
    build::build(workspace, Scope::All)?;
    let folder = workspace.at("target/demo");
    // What an earlier demo stored would be counted as this one's.
    if folder.exists() {
        fs::remove_dir_all(&folder).context("the last demo's folder is still in use")?;
    }
    fs::create_dir_all(&folder)?;
    let cast = Cast::start(workspace, &folder, TIME_SCALE)?;

    let step = Step::begin("publish every example event of the provider documents");
    let published = publish_samples(workspace, &cast)?;
    step.done(&format!("{} events", published.len()));
    let deliveries = wait_for_the_end(&cast, &published)?;

    println!("\n{}", outcome::table(&deliveries));
    println!(
        "Waits between attempts passed {TIME_SCALE} times faster than documented; everything else is as in production."
    );
    let as_expected = deliveries.iter().filter(|d| d.is_as_expected()).count();
    println!(
        "{as_expected} of {} deliveries ended as they should.",
        deliveries.len()
    );
    if keep {
        stay(&cast)?;
    }
    if as_expected != deliveries.len() || deliveries.is_empty() {
        bail!(
            "some deliveries did not end as they should; logs are in {}",
            folder.display()
        );
    }
    Ok(())
}

fn publish_samples(workspace: &Workspace, cast: &Cast) -> Result<Vec<Published>> {
    let mut published = Vec::new();
    for provider in cast::PROVIDERS {
        let folder = workspace.at("tests/samples").join(provider);
        let mut files = fs::read_dir(&folder)
            .with_context(|| format!("no samples in {}", folder.display()))?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<Vec<_>>>()?;
        files.sort();
        for file in files {
            let payload: Value = serde_json::from_slice(&fs::read(&file)?)?;
            let at_ms = outcome::unix_ms()?;
            let answer = cast.host.post(
                "/v1/events",
                &json!({"provider": provider, "payload": payload}),
            )?;
            let text = |field: &str| {
                let text = answer[field].as_str().map(str::to_owned);
                text.with_context(|| format!("{} was not accepted: {answer}", file.display()))
            };
            published.push(Published {
                message_id: text("message_id")?,
                event_type: text("event_type")?,
                provider: provider.to_owned(),
                at_ms,
            });
        }
    }
    Ok(published)
}

fn wait_for_the_end(cast: &Cast, published: &[Published]) -> Result<Vec<Delivery>> {
    let step = Step::begin("deliver");
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::with_template(
        "    {bar:40} {pos}/{len} deliveries ended, {elapsed}",
    )?);
    let mut ended = 0;
    loop {
        let deliveries = look(cast, published)?;
        let now_ended = deliveries
            .iter()
            .filter(|d| d.outcome != Outcome::UnderWay)
            .count();
        bar.set_length(deliveries.len() as u64);
        bar.set_position(now_ended as u64);
        if bar.is_hidden() && now_ended > ended {
            run::note(&format!(
                "{now_ended}/{} deliveries ended",
                deliveries.len()
            ));
        }
        ended = now_ended;
        if ended == deliveries.len() || step.elapsed() > END_LIMIT {
            bar.finish_and_clear();
            step.done(&format!("{ended} of {} ended", deliveries.len()));
            return Ok(deliveries);
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// The state of every delivery, from the host's point of view and from the receiver's.
fn look(cast: &Cast, published: &[Published]) -> Result<Vec<Delivery>> {
    let received = cast.received()?;
    let mut deliveries = Vec::new();
    for event in published {
        let message = cast
            .host
            .get(&format!("/v1/messages/{}", event.message_id))?;
        let mut owned = Vec::new();
        for delivery in message["deliveries"].as_array().into_iter().flatten() {
            let endpoint = delivery["endpoint_id"].as_str().unwrap_or_default();
            owned.push((cast.place_of(endpoint)?, delivery));
        }
        owned.sort_by_key(|(place, _)| *place);
        for (place, delivery) in owned {
            let receiver = &cast.receivers[place];
            let seen = received.iter().filter(|seen| {
                seen.receiver == receiver.name && seen.message_id == event.message_id
            });
            let seen: Vec<_> = seen.collect();
            deliveries.push(Delivery {
                event_type: event.event_type.clone(),
                provider: event.provider.clone(),
                receiver: receiver.name,
                should_arrive: receiver.manner != Manner::NeverAccepts,
                attempts_expected: receiver.manner.attempts(),
                attempts: delivery["attempts"].as_array().map_or(0, Vec::len),
                outcome: Outcome::read(&delivery["status"]),
                verified: !seen.is_empty()
                    && seen
                        .iter()
                        .all(|seen| seen.ok && seen.provider == event.provider),
                milliseconds: seen
                    .last()
                    .map(|last| last.at_ms.saturating_sub(event.at_ms)),
            });
        }
    }
    Ok(deliveries)
}

/// Leaves everything running until somebody ends it.
fn stay(cast: &Cast) -> Result<()> {
    let host = cast.host.url();
    println!("\nEverything keeps running until you press Ctrl-C.\n");
    println!("  {:<24} {host}", "host");
    for receiver in &cast.receivers {
        println!("  {:<24} {}", receiver.name, receiver.url());
    }
    let event = r#"{"provider":"sendemall","payload":{"event":"email.replied","data":{"lead_email":"you@example.com"}}}"#;
    println!(
        "\nTry:\n  curl -X POST {host}/v1/events -H 'content-type: application/json' -d '{event}'\n  \
         curl {}/received\n  curl {host}/v1/dead-letters\n",
        cast.receivers[0].url()
    );
    let (sender, receiver) = mpsc::channel();
    ctrlc::set_handler(move || {
        // Nobody listens any more when it comes a second time.
        sender.send(()).ok();
    })?;
    receiver.recv()?;
    Ok(())
}
