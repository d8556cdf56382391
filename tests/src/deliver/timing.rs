//! When retries really come, against each provider's schedule.

use super::{
    ledger::{ms, percentile},
    report::{Bar, Cell, Report},
};
use crate::{
    host::{HostHome, wait_for},
    receiver::{Arrival, Receiver},
};
use serde_json::{Value, json};
use std::{collections::HashMap, time::Duration};

/// Messages of each provider.
const MESSAGES: usize = 100;

/// The documented waits in seconds, and where they stand.
const SCHEDULES: [(&str, &[u64], &str); 4] = [
    ("cleanmails", &[2, 4, 8], "C30"),
    ("smartlead", &[60, 300, 900, 3_600, 21_600], "S30"),
    ("sendemall", &[30, 300, 1_800], "E30"),
    (
        "platform",
        &[5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400],
        "R-P11",
    ),
];

/// How many of the waits are measured, and how much faster they pass.
struct Pass {
    time_scale: u64,
    /// Longest wait before it is divided.
    wait_max_s: u64,
}

/// Measures retries in real time, where the waits are short, and with `time_scale`.
///
/// # Errors
/// A retry that does not come, or comes before its time.
pub fn timing(quick: bool) -> anyhow::Result<Report> {
    let mut report = Report::new();
    let (real_max_s, time_scale) = if quick { (8, 50_000) } else { (60, 5_000) };
    let passes = [
        Pass {
            time_scale: 1,
            wait_max_s: real_max_s,
        },
        Pass {
            time_scale,
            wait_max_s: u64::MAX,
        },
    ];
    for pass in passes {
        measure(&pass, &mut report)?;
    }
    report.remark(format!(
        "{MESSAGES} messages a row; lateness: from the arrival of the failed attempt to the next one, less the wait"
    ));
    Ok(report)
}

fn measure(pass: &Pass, report: &mut Report) -> anyhow::Result<()> {
    let receiver = Receiver::start();
    let home = HostHome::new(&format!("time_scale = {}", pass.time_scale))?;
    let host = home.start()?;
    let mut expected = 0;
    let mut longest_s = 0;
    for (provider, waits, _) in SCHEDULES {
        let waits = pass.of(waits);
        let url = receiver.url(&format!("/fails/{}/{provider}", waits.len()));
        host.create_endpoint(&json!({"provider": provider, "url": url, "secret": "whsec_bench"}))?;
        if !waits.is_empty() {
            expected += MESSAGES * (waits.len() + 1);
            longest_s = longest_s.max(waits.iter().sum::<u64>() / pass.time_scale);
        }
    }
    for number in 0..MESSAGES {
        for (provider, waits, _) in SCHEDULES {
            if !pass.of(waits).is_empty() {
                host.publish(provider, &payload(provider, number))?;
            }
        }
    }
    let limit = Duration::from_secs(longest_s + 60);
    wait_for("the last retry", limit, || {
        Ok((receiver.count() >= expected).then_some(()))
    })?;
    let arrivals = receiver.arrivals();
    for (provider, waits, source) in SCHEDULES {
        let mut by_message: HashMap<&str, Vec<&Arrival>> = HashMap::new();
        for arrival in arrivals
            .iter()
            .filter(|arrival| arrival.endpoint == provider)
        {
            by_message
                .entry(&arrival.message_id)
                .or_default()
                .push(arrival);
        }
        let mut late_ms = Vec::new();
        for attempts in by_message.values() {
            for (pair, wait_s) in attempts.windows(2).zip(waits) {
                let gap = pair[1].at.saturating_duration_since(pair[0].at);
                late_ms.push(ms(gap) - *wait_s as f64 * 1_000.0 / pass.time_scale as f64);
            }
        }
        late_ms.sort_by(f64::total_cmp);
        let Some((first, last)) = late_ms.first().zip(late_ms.last()) else {
            continue;
        };
        // The host's clock has milliseconds.
        anyhow::ensure!(
            *first > -2.0,
            "{provider}: a retry came {:.1} ms early",
            -first
        );
        let scale = match pass.time_scale {
            1 => "real time".to_owned(),
            scale => format!("{scale} times faster"),
        };
        let waits = pass.of(waits);
        let row = format!(
            "{provider} ({source}), {scale}, {} waits of {} to {} s: late, p99 ms",
            waits.len(),
            waits.first().copied().unwrap_or_default(),
            waits.last().copied().unwrap_or_default()
        );
        let p99 = percentile(&late_ms, 0.99).unwrap_or(*last);
        report.note(&row, Cell::Ours, p99, Some(Bar::AtMost(50.0)));
        eprintln!("{row} {p99:.1}, worst {last:.1}");
    }
    Ok(())
}

impl Pass {
    fn of<'a>(&self, waits: &'a [u64]) -> &'a [u64] {
        let short = waits.iter().take_while(|wait| **wait <= self.wait_max_s);
        &waits[..short.count()]
    }
}

fn payload(provider: &str, number: usize) -> Value {
    match provider {
        "cleanmails" => {
            json!({"event": "email.sent", "workspace_id": 1, "data": {"lead_id": number}})
        }
        "smartlead" => json!({"event": "EMAIL_SENT", "campaign_id": 5, "lead_id": number}),
        "sendemall" => json!({"event": "email.sent", "data": {"lead_id": number}}),
        _ => json!({"type": "email.open", "email_id": number.to_string()}),
    }
}
