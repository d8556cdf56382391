//! The commands of the binary, as a shell, a script and a stranger see them.

mod calls;
mod hostile;
mod listen;
mod migrate_store;
mod operator;
mod recordings;
mod replay;
mod secrets;
mod shell;
mod sign;
mod trigger;
mod unread;

use countersign_core::{Config, KeyedScheme, Message, SignedAt};
use countersign_tests::{
    command::{Ended, Folder, Running},
    wire::{exchange, request},
};
use std::time::Duration;

/// The secret of every sender here.
const SECRET: &str = "cm-signing-7Qe2";
/// What Cleanmails sends.
const BODY: &[u8] = br#"{"event":"email.replied","workspace_id":1,"timestamp":"2026-05-12T14:30:00Z","data":{"lead_email":"john@example.com","campaign":"Q2 Outreach"}}"#;

/// The same as a serialiser with blanks writes it.
fn spaced() -> Vec<u8> {
    let text = String::from_utf8_lossy(BODY);
    text.replace("\":", "\": ")
        .replace(",\"", ", \"")
        .into_bytes()
}
/// HMAC-SHA256 of [`BODY`] with [`SECRET`], by `openssl dgst`.
const DIGEST: &str = "e57dce3e37e4223bc20fbdafbd203f33304397a7bf582556a97efb4391994a8a";
/// Longest wait for what should happen at once.
const LIMIT: Duration = Duration::from_secs(60);

/// The header that Cleanmails would send.
fn signature() -> String {
    format!("X-Webhook-Signature: sha256={DIGEST}")
}

/// A folder with a secret and a body in it.
fn folder() -> Folder {
    let folder = Folder::new().unwrap();
    folder.file("secret.txt", format!("{SECRET}\n"));
    folder.file("body.json", BODY);
    folder
}

const SENDER: [&str; 4] = ["--provider", "cleanmails", "--secret-file", "secret.txt"];

/// The request as raw HTTP, with these line ends.
fn http(end: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /hooks HTTP/1.1{end}Host: a.example{end}{}{end}{end}",
        signature()
    );
    [head.as_bytes(), body].concat()
}

fn run(folder: &Folder, command: &str, arguments: &[&str], input: &[u8]) -> Ended {
    let arguments = [&[command], SENDER.as_slice(), arguments].concat();
    let ended = folder.run_with(&arguments, &[], input).unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&ended.stdout), ended.stderr);
    assert!(!told.contains(SECRET), "a secret is echoed: {told}");
    ended
}

/// Starts a receiver for Cleanmails, and returns it with its address.
fn listening(folder: &Folder, arguments: &[&str]) -> (Running, String) {
    listening_for(folder, &["-p", "cleanmails"], arguments)
}

fn listening_for(folder: &Folder, sender: &[&str], arguments: &[&str]) -> (Running, String) {
    let command = [&["listen", "--port", "0"], sender, arguments].concat();
    let running = folder
        .start(&command, &[("COUNTERSIGN_SECRET", SECRET)])
        .unwrap();
    let first = running.line().unwrap();
    let address = first.split("http://").nth(1).unwrap();
    let address = address
        .split(|end: char| !(end.is_ascii_digit() || ".:".contains(end)))
        .next()
        .unwrap();
    (running, address.to_owned())
}

/// What this body is signed with by a sender of this scheme, at this moment.
fn signed(scheme: &str, body: &[u8], at_s: i64) -> Vec<(String, String)> {
    let keyed = KeyedScheme::signer(&Config::new(scheme, &[SECRET])).unwrap();
    let message = Message {
        id: Some("msg_1"),
        ..Message::new(SignedAt::UnixMs(at_s * 1_000), body)
    };
    let headers = keyed.sign(&message).unwrap().into_iter();
    headers.map(|header| (header.name, header.value)).collect()
}

fn post(address: &str, path: &str, body: &[u8]) -> String {
    let headers = signed("cleanmails", body, 0);
    exchange(address, &request(path, &headers, body))
}
