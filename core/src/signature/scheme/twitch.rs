//! Twitch EventSub. Source: its documentation, "Verifying the event message".

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "twitch",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("Twitch-Eventsub-Message-Signature")]),
    layout: Layout::Prefixed(Cow::Borrowed("sha256=")),
    encoding: Encoding::Hex,
    content: Cow::Borrowed(&[Part::Id, Part::Timestamp, Part::Body]),
    secret_form: SecretForm::Text,
    id_header: Some(Cow::Borrowed("Twitch-Eventsub-Message-Id")),
    timestamp: Some(Timestamp::header(
        "Twitch-Eventsub-Message-Timestamp",
        TimestampForm::Rfc3339,
        Some(600),
    )),
    fixed_headers: &[],
    alternative: None,
    options: &[],
    answers: Answers::NONE,
};
