//! Cleanmails.

use super::*;
use countersign_tests::documents::{CLEANMAILS, Sample, curl, curl_commands, cut};

/// The document's function in the smallest server that can call it.
fn receiver(node: &Node) -> Sample {
    let function = cut(CLEANMAILS, "const crypto = require('crypto');", "  );\n}").unwrap();
    let server = r#"
const express = require('express');
const app = express();
app.post('/webhook/cleanmails', express.raw({ type: 'application/json' }), (req, res) => {
  if (!verifyWebhook(req.body, req.headers['x-webhook-signature'], 'your-signing-secret')) {
    return res.status(401).end();
  }
  told(JSON.parse(req.body));
  res.status(200).end();
});
app.listen(0);
"#;
    Sample::node(node, &format!("{function}\n{server}")).unwrap()
}

// Holds: C13, C14, C18, C19, C21 to C24, C26, C27, R-C5, R-C6, R-E7
#[test]
fn its_requests_make_and_ping_a_webhook_and_its_receiver_takes_what_arrives() {
    let test = "documents: Cleanmails";
    let node = match node() {
        Ok(node) => node,
        Err(missing) => return missing.skip(test),
    };
    let receiver = receiver(&node);
    let served = served("cleanmails", "");
    let commands = curl_commands(CLEANMAILS);
    let [create, ping] = commands.as_slice() else {
        panic!("the document prints two commands: {commands:?}");
    };
    let made = curl(
        create,
        &[
            ("YOUR_SERVER", served.authority()),
            ("YOUR_SESSION", &served.key),
            ("https://your-app.com", &receiver.url("")),
        ],
    )
    .unwrap();
    assert_eq!(made.status, 201, "{made:?}");
    let expected = json!(["email.sent", "email.replied", "email.bounced"]);
    assert_eq!(made.json["events"], expected, "R-C6: {made:?}");
    assert_eq!(made.json["url"], receiver.url("/webhook/cleanmails"));
    assert_eq!(made.json["status"], "active", "C21");
    assert!(
        made.json["id"].is_u64() && made.json["created_at"].is_string(),
        "R-C6: {made:?}"
    );
    assert_eq!(made.json.get("secret"), None, "R-C6");

    let id = made.json["id"].to_string();
    let pinged = curl(
        ping,
        &[
            ("YOUR_SERVER", served.authority()),
            ("YOUR_SESSION", &served.key),
            ("WEBHOOK_ID", &id),
        ],
    )
    .unwrap();
    assert_eq!(
        (pinged.status, &pinged.json["success"]),
        (200, &json!(true)),
        "R-C5: {pinged:?}"
    );
    assert_eq!(pinged.json["status"], 200, "R-C5: {pinged:?}");
    assert!(pinged.json["ms"].is_u64(), "R-C5: {pinged:?}");
    let told = receiver.wait_told(1).unwrap();
    assert_eq!(
        (&told[0]["event"], &told[0]["data"]),
        (&json!("ping"), &json!({})),
        "R-C5"
    );
    assert!(
        told[0]["workspace_id"].is_u64() && told[0]["timestamp"].is_string(),
        "R-C5: {told:?}"
    );

    // The document's own example, verified by the document's own code.
    let replied = sample("cleanmails", "email.replied");
    let message = served.publish("cleanmails", &replied);
    assert_eq!(served.ended(&message), "delivered");
    assert_eq!(receiver.wait_told(2).unwrap()[1], replied, "C23, C24");

    let url = receiver.url("/webhook/cleanmails");
    assert_throws_on_bad_headers(&url, "x-webhook-signature", &format!("sha256={DIGEST}"));
}
