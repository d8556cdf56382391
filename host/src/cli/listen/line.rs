//! What is told of a request.

use super::super::{
    explanation::Explanation,
    output::{BOLD, DIM, GREEN, RED, YELLOW, paint, shown},
    verdict::Verdict,
};
use countersign_core::event::Event;
use serde::Serialize;

/// What became of a request, in the shape that the npm package prints.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) at: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) bytes: usize,
    pub(super) status: u16,
    pub(super) verdict: Option<Verdict>,
    pub(super) events: Vec<Event>,
    pub(super) explanation: Option<Explanation>,
    /// What went wrong besides the signature.
    pub(super) problem: Option<String>,
    /// As text, as far as it is any.
    pub(super) body: String,
    /// The bytes, where they are no text.
    #[serde(rename = "bodyBase64", skip_serializing_if = "Option::is_none")]
    pub(super) body_base64: Option<String>,
}

impl Line {
    /// For people.
    pub(super) fn text(&self, shows_body: bool) -> String {
        let mark = match &self.verdict {
            Some(verdict) if verdict.is_valid() => paint(GREEN, verdict.code()),
            Some(verdict) => paint(RED, verdict.code()),
            None => paint(RED, "refused"),
        };
        let time = paint(DIM, self.at.get(11..19).unwrap_or_default());
        let what = shown(&format!("{} {}", self.method, self.path));
        let mut text = format!("{time} {mark} {what} {} B -> {}", self.bytes, self.status);
        let mut add = |line: String| {
            text.push_str("\n  ");
            text.push_str(&line);
        };
        for event in &self.events {
            let name = paint(BOLD, shown(event.event_type.as_str()));
            add(format!("{name}{}", shown(&about(event))));
        }
        for line in self.explanation.iter().flat_map(Explanation::lines) {
            add(line);
        }
        if let Some(problem) = &self.problem {
            add(paint(YELLOW, shown(problem)));
        }
        if shows_body && !self.body.is_empty() {
            add(shown(&self.body));
        }
        text
    }
}

/// What one wants to know of an event at a glance.
fn about(event: &Event) -> String {
    let lead = event.lead.email.clone();
    let recipient = || event.recipients.first().cloned();
    let lead_id = || event.lead.id.as_ref().map(|id| format!("lead {id}"));
    let campaign = event.campaign.name.clone();
    let campaign_id = || {
        event
            .campaign
            .id
            .as_ref()
            .map(|id| format!("campaign {id}"))
    };
    let parts = [
        lead.or_else(recipient).or_else(lead_id),
        campaign.or_else(campaign_id),
        event.bounce.kind.map(|kind| kind.as_str().to_owned()),
        event
            .bounce
            .reason
            .clone()
            .or_else(|| event.bounce.code.clone()),
        event.url.clone(),
        event.occurred_at.clone(),
    ];
    let parts = parts.into_iter().flatten();
    parts.map(|part| format!("  {part}")).collect()
}
