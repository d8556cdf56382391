//! The platform. Its document prints bodies and paths, and no commands.

use super::*;
use countersign_tests::documents::{PLATFORM, Sample, behind, cut};

/// The document's TypeScript, without its types, in the smallest server that can call it.
fn receiver(node: &Node) -> Sample {
    let function = cut(PLATFORM, "import crypto from \"crypto\";", ");\n}").unwrap();
    let program = format!(
        r#"
const sample = {};
const {{ code }} = require('esbuild').transformSync(sample + '\nexport {{ verifyWebhook }};', {{ loader: 'ts', format: 'cjs' }});
const module_ = {{ exports: {{}} }};
new Function('require', 'module', 'exports', code)(require, module_, module_.exports);
const {{ verifyWebhook }} = module_.exports;
const express = require('express');
const app = express();
app.post('/hooks/email-events', express.text({{ type: 'application/json' }}), (req, res) => {{
  if (!verifyWebhook(req.body, req.headers['x-webhook-signature'], 'whsec_your_secret_key_here')) {{
    return res.status(401).end();
  }}
  told(JSON.parse(req.body));
  res.status(200).end();
}});
app.listen(0);
"#,
        json!(function)
    );
    Sample::node(node, &program).unwrap()
}

// Holds: R-E7, P1 to P4, P9, R-P2
#[test]
fn its_requests_make_and_list_webhooks_and_its_receiver_takes_what_arrives() {
    let test = "documents: the platform";
    let node = match node() {
        Ok(node) => node,
        Err(missing) => return missing.skip(test),
    };
    let receiver = receiver(&node);
    let served = served("platform", "");
    let path = cut(PLATFORM, "/api/webhooks/manage", "/manage").unwrap();
    let section = behind(PLATFORM, "Create Webhook").unwrap();
    let request = cut(section, "Request\n{", "}")
        .unwrap()
        .strip_prefix("Request\n")
        .unwrap();
    let request = request.replace("https://yourapp.com", &receiver.url(""));
    let bearer = format!("Bearer {}", served.key);
    let made = post(
        &format!("{}{path}", served.host.url()),
        &[("authorization", &bearer)],
        &request,
    );
    assert_eq!(made.status, 201, "{made:?}");
    let shown: Value =
        serde_json::from_str(cut(behind(section, "Response").unwrap(), "{", "}").unwrap()).unwrap();
    for (name, value) in shown.as_object().unwrap() {
        match name.as_str() {
            "id" => assert!(made.json["id"].is_u64()),
            "url" => assert_eq!(made.json["url"], receiver.url("/hooks/email-events")),
            "created_at" => {
                assert_eq!(
                    made.json[name].as_str().unwrap().len(),
                    value.as_str().unwrap().len()
                );
            }
            _ => assert_eq!(made.json[name], *value, "P4: {name}"),
        }
    }
    let fields: Vec<_> = made.json.as_object().unwrap().keys().collect();
    assert_eq!(
        fields.len(),
        shown.as_object().unwrap().len(),
        "P4: {made:?}"
    );

    let listed = served
        .host
        .ask("GET", path, &[("authorization", &bearer)], None)
        .unwrap();
    assert_eq!(listed.status, 200);
    assert_eq!(listed.json, json!({"webhooks": [made.json]}), "P1");

    // R-P2: the document prints no outbound example.
    let opened =
        json!({"type": "open", "email_id": "msg_abc123def456", "recipient": "a@example.com"});
    let message = served.publish("platform", &opened);
    assert_eq!(served.ended(&message), "delivered");
    let told = receiver.wait_told(1).unwrap();
    assert_eq!(
        (&told[0]["type"], &told[0]["email_id"]),
        (&json!("email.open"), &json!("msg_abc123def456"))
    );

    assert_throws_on_bad_headers(
        &receiver.url("/hooks/email-events"),
        "x-webhook-signature",
        DIGEST,
    );
}
