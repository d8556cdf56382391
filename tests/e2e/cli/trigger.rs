//! `countersign trigger`: samples that arrive as the real thing would.

use countersign_core::{Config, KeyedScheme, Request};
use countersign_tests::{
    command::{Ended, Folder, Running, recording},
    host::{HostHome, wait_for},
    receiver::Receiver,
};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SECRET: &str = "whsec_trigger-7Qe2";
const LIMIT: Duration = Duration::from_secs(30);

fn run(folder: &Folder, arguments: &[&str]) -> Ended {
    let arguments = [&["trigger"], arguments].concat();
    folder
        .run_with(&arguments, &[("COUNTERSIGN_SECRET", SECRET)], b"")
        .unwrap()
}

/// A receiver that records, and its address.
fn listening(folder: &Folder, sender: &[&str]) -> (Running, String) {
    let command = [
        &["listen", "--port", "0", "--json", "--record", "hooks.jsonl"],
        sender,
    ]
    .concat();
    let running = folder
        .start(&command, &[("COUNTERSIGN_SECRET", SECRET)])
        .unwrap();
    let url = running.json().unwrap()["listening"]
        .as_str()
        .unwrap()
        .to_owned();
    (running, url)
}

/// What is listed of a provider.
fn events(folder: &Folder, provider: &str) -> Vec<String> {
    let listed = run(folder, &["--list", "--json", provider]).json();
    assert_eq!(listed[0]["provider"], provider);
    let events = listed[0]["events"].as_array().unwrap().iter();
    events
        .map(|event| event.as_str().unwrap().to_owned())
        .collect()
}

/// Sends every sample to a receiver, which verifies both signatures.
fn every_sample_of(provider: &str) {
    let folder = Folder::new().unwrap();
    let (running, url) = listening(&folder, &["-p", provider]);
    let events = events(&folder, provider);
    assert!(events.len() >= 4, "{events:?}");
    for event in &events {
        let sent = run(&folder, &[provider, event, "--to", &url, "--json"]);
        assert_eq!(sent.code, Some(0), "{event}: {sent:?}");
        let told = sent.json();
        assert_eq!(
            (&told["status"], &told["event"]),
            (&200.into(), &event.as_str().into())
        );
        let line = running.json().unwrap();
        assert_eq!(line["verdict"]["ok"], true, "{event}: {line}");
        assert_eq!(
            line["events"][0]["provider_event"],
            event.as_str(),
            "{line}"
        );
        assert_eq!(line["problem"], Value::Null, "{event}");
    }
    running.interrupt().unwrap();
    // The signature of Standard Webhooks beside the provider's own, as the host sends both.
    let recorded = recording(&folder.path("hooks.jsonl")).unwrap();
    assert_eq!(recorded.len(), events.len());
    let config = Config {
        options: vec![("secret_format", "raw")],
        ..Config::new("standard-webhooks", &[SECRET])
    };
    let keyed = KeyedScheme::new(&config).unwrap();
    for line in &recorded {
        let headers: Vec<(String, String)> =
            serde_json::from_value(line["headers"].clone()).unwrap();
        let request = Request::new(
            headers.as_slice(),
            line["body"].as_str().unwrap().as_bytes(),
        );
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        keyed.verify(&request, now.as_secs().cast_signed()).unwrap();
    }
}

#[test]
fn every_sample_of_cleanmails_verifies_where_it_arrives() {
    every_sample_of("cleanmails");
}

#[test]
fn every_sample_of_smartlead_verifies_where_it_arrives() {
    every_sample_of("smartlead");
}

#[test]
fn every_sample_of_sendemall_verifies_where_it_arrives() {
    every_sample_of("sendemall");
}

/// Sends every sample of a mail provider, signed with one key and verified with another, which may be the same.
fn every_sample_of_a_mail_provider(provider: &str, signs: &str, verifies: &str) {
    let folder = Folder::new().unwrap();
    folder.file("signs.txt", signs);
    let command = ["listen", "--port", "0", "--json", "-p", provider];
    let verifies = [("COUNTERSIGN_SECRET", verifies)];
    let running = folder.start(&command, &verifies).unwrap();
    let listening = running.json().unwrap();
    let url = listening["listening"].as_str().unwrap();
    for event in events(&folder, provider) {
        let arguments = [
            "trigger",
            provider,
            &event,
            "--to",
            url,
            "--secret-file",
            "signs.txt",
            "--json",
        ];
        let sent = folder.run(&arguments).unwrap();
        assert_eq!(sent.code, Some(0), "{event}: {sent:?}");
        let line = running.json().unwrap();
        assert_eq!(line["verdict"]["ok"], true, "{event}: {line}");
        assert_eq!(line["events"][0]["provider_event"], event, "{line}");
    }
    running.interrupt().unwrap();
}

#[test]
fn every_sample_of_resend_verifies_where_it_arrives() {
    let secret = "whsec_bWFpbC1zYW1wbGVzLW9mLXRyaWdnZXI=";
    every_sample_of_a_mail_provider("resend", secret, secret);
}

#[test]
fn every_sample_of_mailgun_verifies_where_it_arrives() {
    every_sample_of_a_mail_provider("mailgun", "a signing key", "a signing key");
}

#[test]
fn every_sample_of_sendgrid_verifies_where_it_arrives() {
    let vectors = include_str!("../../vectors/sendgrid.json");
    let vectors: Value = serde_json::from_str(vectors).unwrap();
    let vectors = vectors["vectors"].as_array().unwrap().iter();
    let (signs, verifies) = vectors
        .filter(|vector| vector["expect"]["valid"] == true)
        .find_map(|vector| {
            let signs = vector["sign"]["secret"].as_str()?;
            Some((signs, vector["secrets"][0].as_str()?))
        })
        .unwrap();
    every_sample_of_a_mail_provider("sendgrid", signs, verifies);
}

#[test]
fn what_a_mail_provider_posts_is_taken_in_by_a_host_and_not_published() {
    let folder = Folder::new().unwrap();
    let home = HostHome::new(
        "[inbound]\nenabled = true\n[inbound.sources.mailgun]\nsecrets = [\"a signing key\"]\n",
    )
    .unwrap();
    let host = home.start().unwrap();
    folder.file("key.txt", "a signing key");
    let to = format!("{}/api/webhooks", host.url());
    let secret = ["--secret-file", "key.txt"];
    for _ in 0..2 {
        let arguments = [&["trigger", "mailgun", "failed", "--to", &to], &secret[..]].concat();
        let sent = folder.run(&arguments).unwrap();
        assert_eq!(sent.code, Some(0), "{sent:?}");
    }
    let kept = host.get("/v1/inbound").unwrap().json;
    // Each is an event of its own.
    assert_eq!(kept["inbound"].as_array().unwrap().len(), 2, "{kept}");
    let published = run(&folder, &["mailgun", "failed", "--host", host.url()]);
    assert_eq!(published.code, Some(2));
    assert!(
        published.stderr.contains("/api/webhooks"),
        "{}",
        published.stderr
    );
}

#[test]
fn every_sample_of_the_platform_verifies_where_it_arrives() {
    every_sample_of("platform");
}

#[test]
fn fields_of_a_sample_are_changed_and_checked() {
    let folder = Folder::new().unwrap();
    let printed = run(
        &folder,
        &[
            "cleanmails",
            "email.replied",
            "--print",
            "--json",
            "--set",
            "data.lead_email=ada@example.com",
            "--set",
            "data.lead_id=7",
            "--set",
            "data.own.tags=[\"a\"]",
        ],
    );
    let body: Value = serde_json::from_str(printed.json()["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["data"]["lead_email"], "ada@example.com");
    assert_eq!(body["data"]["lead_id"], 7);
    assert_eq!(body["data"]["own"], json!({"tags": ["a"]}));
    assert_eq!(body["event"], "email.replied");
    for (change, wanted) in [
        ("data=7", "payload.data"),
        ("event.x=1", "event has no fields"),
        ("nothing", "FIELD=VALUE"),
    ] {
        let refused = run(
            &folder,
            &["cleanmails", "email.replied", "--print", "--set", change],
        );
        assert_eq!(refused.code, Some(2), "{change}");
        assert!(
            refused.stderr.contains(wanted),
            "{change}: {}",
            refused.stderr
        );
    }
}

#[test]
fn what_is_printed_goes_through_a_pipe_into_verify() {
    let folder = Folder::new().unwrap();
    let secret = [("COUNTERSIGN_SECRET", SECRET)];
    let print = |more: &[&str]| {
        run(
            &folder,
            &[&["sendemall", "email.bounced", "--print"], more].concat(),
        )
    };
    let verify = |sender: &[&str], request: &Ended| {
        let command = [&["verify"], sender].concat();
        folder.run_with(&command, &secret, &request.stdout).unwrap()
    };
    let raw = print(&[]);
    let own = verify(&["-p", "sendemall"], &raw);
    assert_eq!(
        own.text(),
        "valid: secret 1 fits; the signature covers body\n"
    );
    let standard = [
        "--scheme",
        "standard-webhooks",
        "--option",
        "secretFormat=raw",
    ];
    assert_eq!(verify(&standard, &raw).code, Some(0));
    assert_eq!(
        verify(&["-p", "sendemall"], &print(&["--json"])).code,
        Some(0)
    );
    // The event of one sender in the signature of another.
    let stripe = print(&["--scheme", "stripe"]);
    assert_eq!(verify(&["--scheme", "stripe"], &stripe).code, Some(0));
    assert!(
        !stripe
            .text()
            .to_ascii_lowercase()
            .contains("sendemall-signature")
    );
}

#[test]
fn a_running_host_delivers_a_sample_to_its_endpoints() {
    let home = HostHome::new("").unwrap();
    let host = home
        .start_with(|command| {
            command.env("COUNTERSIGN_API_TOKEN", "t0ken");
        })
        .unwrap();
    let folder = Folder::new().unwrap();
    let receiver = Receiver::start();
    folder.file("token.txt", "t0ken\n");
    let endpoint = json!({"provider": "smartlead", "url": receiver.url("/ok/a"), "secret": SECRET,
        "events": {"EMAIL_REPLIED": true}});
    let made = host
        .post_bytes(
            "/v1/endpoints",
            &[
                ("content-type", "application/json"),
                ("authorization", "Bearer t0ken"),
            ],
            endpoint.to_string().as_bytes(),
        )
        .unwrap();
    assert_eq!(made.status, 201, "{made:?}");
    let trigger = |more: &[&str], env: &[(&str, &str)]| {
        let command = [
            "trigger",
            "smartlead",
            "EMAIL_REPLIED",
            "--host",
            host.url(),
        ];
        folder
            .run_with(&[command.as_slice(), more].concat(), env, b"")
            .unwrap()
    };
    let told = trigger(&["--json"], &[("COUNTERSIGN_API_TOKEN", "t0ken")]);
    assert_eq!(told.code, Some(0), "{told:?}");
    let told = told.json();
    assert_eq!(told["status"], 202);
    assert_eq!(told["deliveries"].as_array().map(Vec::len), Some(1));
    wait_for("the delivery", LIMIT, || {
        Ok((receiver.count() > 0).then_some(()))
    })
    .unwrap();
    let arrived = &receiver.arrivals()[0];
    assert_eq!(told["message_id"], arrived.message_id);
    arrived
        .verify(&Config::new("smartlead", &[SECRET]))
        .unwrap();
    let by_file = trigger(&["--token-file", "token.txt"], &[]);
    assert_eq!(by_file.code, Some(0), "{by_file:?}");
    assert!(
        by_file
            .text()
            .starts_with("published smartlead EMAIL_REPLIED by ")
    );

    let refused = trigger(&[], &[]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.text().contains("(unauthorized)"),
        "{}",
        refused.text()
    );
    let signed = trigger(&["--secret", "s"], &[]);
    assert_eq!(signed.code, Some(2), "{signed:?}");
    drop(host);
    let gone = folder
        .run(&[
            "trigger",
            "smartlead",
            "EMAIL_SENT",
            "--host",
            "http://127.0.0.1:9",
            "--json",
        ])
        .unwrap();
    assert_eq!((gone.code, &gone.json()["status"]), (Some(1), &Value::Null));
}

#[test]
fn what_cannot_be_sent_is_told() {
    let folder = Folder::new().unwrap();
    let to = ["--to", "http://127.0.0.1:9/"];
    for (arguments, code, wanted) in [
        (&["cleanmails", "email.sent"][..], 2, "Say where it goes"),
        (&[], 2, "--list shows both"),
        (&["cleanmails"], 2, "--list shows both"),
        (
            &["nobody", "email.sent", "--print"],
            2,
            "(unknown_provider)",
        ),
        (
            &["cleanmails", "email.sentt", "--print"],
            2,
            "email.sent, email.opened",
        ),
        (
            &["cleanmails", "email.sent", "--to", "nowhere"],
            2,
            "a full address",
        ),
        (
            &[
                "cleanmails",
                "email.sent",
                "--print",
                "--to",
                "http://a.example",
            ],
            2,
            "cannot be used with",
        ),
        (
            &[
                "cleanmails",
                "email.sent",
                "--print",
                "--option",
                "mode=simple",
            ],
            2,
            "give both",
        ),
    ] {
        let ended = run(&folder, arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        assert!(
            ended.stderr.contains(wanted),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
    let refused = run(
        &folder,
        &[["cleanmails", "email.sent"].as_slice(), &to].concat(),
    );
    assert_eq!(refused.code, Some(1));
    assert!(
        refused
            .text()
            .contains("no answer: the connection was refused"),
        "{}",
        refused.text()
    );

    let receiver = Receiver::start();
    let url = receiver.url("/status/500/a");
    let failed = run(&folder, &["platform", "email.open", "--to", &url]);
    assert_eq!(failed.code, Some(1));
    assert!(failed.text().contains("-> 500 in "), "{}", failed.text());
}
