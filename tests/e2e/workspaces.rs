//! Workspaces are apart from each other, and keys do what their role says, in their workspace alone.

use countersign_tests::{
    host::{Answer, Host, HostHome, wait_for},
    receiver::Receiver,
};
use serde_json::{Value, json};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);
/// A secret as the standard has it.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A client with a key, or without one when it is empty.
struct Client<'a> {
    host: &'a Host,
    authorization: String,
}

impl<'a> Client<'a> {
    /// The operator, who needs no key on a host without a token.
    fn root(host: &'a Host) -> Self {
        let authorization = String::new();
        Self {
            host,
            authorization,
        }
    }

    fn with(host: &'a Host, key: &str) -> Self {
        let authorization = format!("Bearer {key}");
        Self {
            host,
            authorization,
        }
    }

    fn ask_in(
        &self,
        workspace: Option<&str>,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        let mut headers = Vec::new();
        if !self.authorization.is_empty() {
            headers.push(("authorization", self.authorization.as_str()));
        }
        headers.extend(workspace.map(|name| ("countersign-workspace", name)));
        self.host.ask(method, path, &headers, body).unwrap()
    }

    fn get(&self, path: &str) -> Answer {
        self.ask_in(None, "GET", path, None)
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask_in(None, "POST", path, Some(body))
    }

    #[track_caller]
    fn make(&self, path: &str, body: &Value) -> Value {
        let made = self.post(path, body);
        assert_eq!(made.status, 201, "{made:?}");
        made.json
    }

    fn key(&self, role: &str, workspace: &str) -> Value {
        self.make("/v1/keys", &json!({"role": role, "workspace": workspace}))
    }
}

fn text(json: &Value, name: &str) -> String {
    json[name].as_str().unwrap_or_default().to_owned()
}

fn endpoint(url: &str) -> Value {
    json!({"provider": "platform", "url": url})
}

fn event(id: &str) -> Value {
    json!({"provider": "platform", "payload": {"type": "open", "email_id": id}, "event_id": id})
}

#[test]
fn what_belongs_to_one_workspace_is_not_there_for_another() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let root = Client::root(&host);
    let acme = root.make("/v1/workspaces", &json!({"id": "acme", "name": "Acme"}));
    assert_eq!(
        (&acme["number"], &acme["name"]),
        (&json!(2), &json!("Acme"))
    );
    let acme = Client::with(&host, &text(&root.key("manage", "acme"), "key"));

    let own = acme.make("/v1/endpoints", &endpoint(&receiver.url("/ok/acme")));
    let other = root.make("/v1/endpoints", &endpoint(&receiver.url("/ok/default")));
    assert_eq!(
        (&own["workspace"], &own["number"]),
        (&json!("acme"), &json!(1))
    );
    assert_eq!(
        (&other["workspace"], &other["number"]),
        (&json!("default"), &json!(2))
    );
    let published = acme.post("/v1/events", &event("one"));
    assert_eq!(published.status, 202, "{published:?}");
    assert_eq!(published.json["deliveries"].as_array().unwrap().len(), 1);
    wait_for("the delivery", LIMIT, || {
        Ok((receiver.arrivals().len() == 1).then_some(()))
    })
    .unwrap();
    assert_eq!(receiver.arrivals()[0].endpoint, "acme");
    // What has arrived is recorded a little later.
    let delivery = text(&published.json["deliveries"][0], "id");
    wait_for("the record of the delivery", LIMIT, || {
        let found = acme.get(&format!("/v1/deliveries/{delivery}")).json;
        Ok((found["status"] == "delivered").then_some(()))
    })
    .unwrap();

    // The same id of an event is another event in another workspace.
    let again = acme.post("/v1/events", &event("one"));
    assert_eq!(again.json["duplicate"], true);
    let elsewhere = root.post("/v1/events", &event("one"));
    assert_ne!(elsewhere.json["message_id"], published.json["message_id"]);

    let message = text(&published.json, "message_id");
    let held = json!({"of": "delivered", "filter": {}, "per_second": 1});
    let replay = acme.post("/v1/replays", &held);
    assert_eq!(replay.status, 202, "{replay:?}");
    let replay = text(&replay.json, "id");
    let own = text(&own, "id");
    let empty = json!({});
    let routes = [
        ("GET", format!("/v1/endpoints/{own}"), None),
        ("PATCH", format!("/v1/endpoints/{own}"), Some(&empty)),
        (
            "POST",
            format!("/v1/endpoints/{own}/secret/rotate"),
            Some(&empty),
        ),
        ("POST", format!("/v1/endpoints/{own}/secret/finish"), None),
        ("POST", format!("/v1/endpoints/{own}/resume"), Some(&empty)),
        ("DELETE", format!("/v1/endpoints/{own}"), None),
        ("GET", format!("/v1/messages/{message}"), None),
        ("GET", format!("/v1/deliveries/{delivery}"), None),
        ("POST", format!("/v1/deliveries/{delivery}/retry"), None),
        ("POST", format!("/v1/deliveries/{delivery}/resend"), None),
        (
            "POST",
            format!("/v1/deliveries/{delivery}/acknowledge"),
            None,
        ),
        ("GET", format!("/v1/replays/{replay}"), None),
        ("POST", format!("/v1/replays/{replay}/pause"), None),
        ("POST", format!("/v1/replays/{replay}/resume"), None),
        ("POST", format!("/v1/replays/{replay}/cancel"), None),
    ];
    for (method, path, body) in &routes {
        let answer = root.ask_in(None, method, path, *body);
        assert_eq!(answer.status, 404, "{method} {path}: {answer:?}");
        assert_eq!(answer.json["code"], "not_found", "{method} {path}");
    }
    for (list, name, count) in [
        ("/v1/endpoints", "endpoints", 1),
        ("/v1/deliveries", "deliveries", 1),
        ("/v1/dead-letters", "dead_letters", 0),
        ("/v1/replays", "replays", 0),
    ] {
        let found = root.get(list).json;
        assert_eq!(found[name].as_array().unwrap().len(), count, "{list}");
        // The operator sees them by naming the workspace.
        let found = root.ask_in(Some("acme"), "GET", list, None).json;
        assert_eq!(found, acme.get(list).json, "{list}");
    }
    let ids = json!({"of": "delivered", "ids": [delivery], "dry_run": true});
    assert_eq!(root.post("/v1/replays", &ids).json["count"], 0);
    assert_eq!(acme.post("/v1/replays", &ids).json["count"], 1);
    for (method, path, body) in &routes {
        let answer = acme.ask_in(None, method, path, *body);
        assert_ne!(answer.status, 404, "{method} {path}: {answer:?}");
    }
}

#[test]
fn a_role_is_all_that_a_key_may() {
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let root = Client::root(&host);
    let body = json!({"nonsense": true});
    let (reads, publishes, manages, administers) = (1, 2, 4, 8);
    let routes = [
        ("GET", "/v1/endpoints", reads),
        ("GET", "/v1/deliveries", reads),
        ("GET", "/v1/dead-letters", reads),
        ("GET", "/v1/dead-letters/count", reads),
        ("GET", "/v1/replays", reads),
        ("GET", "/v1/workspaces", reads),
        ("POST", "/v1/events", publishes),
        ("POST", "/v1/events/batch", publishes),
        ("POST", "/v1/endpoints", manages),
        ("POST", "/v1/replays", manages),
        ("POST", "/v1/dead-letters/acknowledge", manages),
        ("GET", "/v1/keys", administers),
        ("POST", "/v1/keys", administers),
    ];
    for (role, may) in [
        ("admin", 15),
        ("manage", reads + publishes + manages),
        ("publish", publishes),
        ("read", reads),
    ] {
        let client = Client::with(&host, &text(&root.key(role, "default"), "key"));
        for (method, path, needs) in routes {
            let answer = client.ask_in(None, method, path, (method == "POST").then_some(&body));
            match may & needs {
                0 => {
                    assert_eq!(answer.status, 403, "{role}: {method} {path}: {answer:?}");
                    assert_eq!(answer.json["code"], "role_insufficient");
                }
                // Allowed, though nonsense.
                _ => assert!(
                    [200, 400].contains(&answer.status),
                    "{role}: {method} {path}: {answer:?}"
                ),
            }
        }
        assert_eq!(client.get("/v1/version").status, 200);
        let more = client.post("/v1/keys", &json!({"role": "admin", "workspace": "*"}));
        assert_eq!(
            more.status, 403,
            "no key makes one that reaches further: {more:?}"
        );
        let workspace = client.post("/v1/workspaces", &json!({"id": "new"}));
        assert_eq!(workspace.status, 403, "{workspace:?}");
    }
}

#[test]
fn a_key_works_in_its_workspace_until_it_is_revoked_or_expires_and_is_nowhere_in_clear() {
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let root = Client::root(&host);
    for name in ["acme", "other"] {
        root.make("/v1/workspaces", &json!({"id": name}));
    }
    let taken = root.post("/v1/workspaces", &json!({"id": "acme"}));
    assert_eq!(
        (taken.status, &taken.json["code"]),
        (409, &json!("workspace_taken"))
    );
    let renamed = root.ask_in(
        None,
        "PATCH",
        "/v1/workspaces/acme",
        Some(&json!({"name": "A"})),
    );
    assert_eq!(renamed.json["name"], "A");

    let made = root.key("admin", "acme");
    let everywhere = root.key("read", "*");
    let (acme, all) = (text(&made, "key"), text(&everywhere, "key"));
    let client = Client::with(&host, &acme);
    let in_workspace = |client: &Client<'_>, name: &str| {
        let answer = client.ask_in(Some(name), "GET", "/v1/endpoints", None);
        (
            answer.status,
            answer.json["code"].as_str().unwrap_or_default().to_owned(),
        )
    };
    assert_eq!(in_workspace(&client, "acme").0, 200);
    for foreign in ["other", "default", "nowhere"] {
        let refused = (403, "workspace_forbidden".to_owned());
        assert_eq!(in_workspace(&client, foreign), refused, "{foreign}");
    }
    assert_eq!(in_workspace(&Client::with(&host, &all), "other").0, 200);
    let unknown = (404, "workspace_unknown".to_owned());
    assert_eq!(in_workspace(&root, "nowhere"), unknown);
    assert_eq!(
        client.get("/v1/workspaces").json["workspaces"][0]["id"],
        "acme"
    );
    assert_eq!(client.get("/v1/workspaces/other").status, 404);
    // Its own kind is all that it sees of the others.
    assert_eq!(
        client.get("/v1/keys").json["keys"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let foreign = format!("/v1/keys/{}", text(&everywhere, "id"));
    assert_eq!(client.get(&foreign).status, 404);
    assert_eq!(client.ask_in(None, "DELETE", &foreign, None).status, 404);

    let soon = json!({"role": "read", "expires_at": "2001-01-01T00:00:00Z"});
    assert_eq!(
        root.post("/v1/keys", &soon).json["code"],
        "expires_at_invalid"
    );
    assert!(host.terminate().unwrap().success());

    // With a token of its own, the server still takes keys, and lets nobody in without either.
    home.configure("[api]\ntoken = \"a-token\"\n").unwrap();
    let host = home.start().unwrap();
    assert_eq!(Client::root(&host).get("/v1/endpoints").status, 401);
    assert_eq!(
        Client::with(&host, "csk_none").get("/v1/endpoints").status,
        401
    );
    let root = Client::with(&host, "a-token");
    assert_eq!(root.get("/v1/workspaces/acme").json["name"], "A");
    let client = Client::with(&host, &acme);
    assert_eq!(client.get("/v1/endpoints").status, 200);
    let revoked = format!("/v1/keys/{}", text(&made, "id"));
    assert_eq!(root.ask_in(None, "DELETE", &revoked, None).status, 204);
    assert_eq!(client.get("/v1/endpoints").status, 401);
    assert_eq!(root.get(&revoked).status, 404);
    assert!(host.terminate().unwrap().success());

    let host = home.start().unwrap();
    assert_eq!(Client::with(&host, &acme).get("/v1/endpoints").status, 401);
    assert_eq!(Client::with(&host, &all).get("/v1/endpoints").status, 200);
    assert!(host.terminate().unwrap().success());
    let log = home.log();
    for entry in std::fs::read_dir(home.data_dir()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap_or_default();
        let bytes = String::from_utf8_lossy(&bytes);
        for key in [&acme, &all] {
            assert!(!bytes.contains(&key[4..]) && !log.contains(&key[4..]));
        }
    }
}

#[test]
fn what_happens_to_endpoints_is_told_in_their_own_workspace() {
    let receiver = Receiver::start();
    let home = HostHome::new("time_scale = 100000").unwrap();
    let host = home.start().unwrap();
    let root = Client::root(&host);
    for name in ["one", "two"] {
        root.make("/v1/workspaces", &json!({"id": name}));
        let client = Client::with(&host, &text(&root.key("manage", name), "key"));
        let url = receiver.url(&format!("/ok/{name}"));
        client.make(
            "/v1/endpoints",
            &json!({"provider": "countersign", "url": url, "secret": SECRET}),
        );
        let url = receiver.url(&format!("/status/410/gone-{name}"));
        client.make("/v1/endpoints", &endpoint(&url));
        assert_eq!(client.post("/v1/events", &event("gone")).status, 202);
    }
    let arrived = |place: &str| -> Vec<Value> {
        let arrivals = receiver.arrivals().into_iter();
        arrivals
            .filter(|arrival| arrival.endpoint == place)
            .map(|arrival| serde_json::from_slice(&arrival.body).unwrap())
            .collect()
    };
    wait_for("both to be told", LIMIT, || {
        Ok((arrived("one").len() == 2 && arrived("two").len() == 2).then_some(()))
    })
    .unwrap();
    let endpoint_of = |place: &str| -> Vec<String> {
        let told = arrived(place).into_iter();
        told.map(|event| text(&event["data"]["endpoint"], "id"))
            .collect()
    };
    let (one, two) = (endpoint_of("one"), endpoint_of("two"));
    assert!(one.iter().all(|id| !two.contains(id)), "{one:?} {two:?}");
}
