//! What holds for all four.

use super::*;

// Holds: R-C11
#[test]
fn an_unknown_event_type_is_refused_by_name_in_each_provider_s_shape() {
    let (_home, host) = all_four("");
    for (provider, path) in CREATE {
        let mut wrong = description(provider, NOWHERE);
        match provider {
            "smartlead" => wrong["event_type_map"] = json!({"EMAIL_REPLIDE": true}),
            "platform" => wrong["events"] = json!("open,replide"),
            _ => wrong["events"] = json!(["email.replied", "email.replide"]),
        }
        let answer = ask(&host, "POST", path, Some(&wrong));
        assert_eq!(answer.status, 400, "R-C11 {provider}: {answer:?}");
        assert_eq!(answer.content_type, "application/json");
        let error = answer.json["error"].as_str().unwrap();
        assert!(
            error.to_lowercase().contains("replide"),
            "R-C11 {provider}: {error}"
        );
        assert_eq!(answer.json["code"], "unknown_event_type");
        match provider {
            "smartlead" => {
                assert_eq!(answer.json["ok"], false);
                assert_eq!(answer.json["field"], "event_type_map");
            }
            "sendemall" => assert_eq!(answer.json["success"], false),
            _ => {}
        }
    }
    assert_eq!(
        host.get("/v1/endpoints").unwrap().json["endpoints"],
        json!([])
    );
}

/// How each provider's clients show a key, and the address that they ask.
fn shown(provider: &str, path: &str, key: &str) -> (String, Vec<(&'static str, String)>) {
    match provider {
        "cleanmails" => (
            path.to_owned(),
            vec![("cookie", format!("a=b; auth_token={key}"))],
        ),
        "smartlead" => (format!("{path}?api_key={key}"), Vec::new()),
        "sendemall" => (path.to_owned(), vec![("x-user-context", key.to_owned())]),
        _ => (
            path.to_owned(),
            vec![("authorization", format!("Bearer {key}"))],
        ),
    }
}

// Holds: C13, R-C9, S18, E11
#[test]
fn only_a_key_of_the_section_s_workspace_lets_in_and_its_role_holds() {
    let config: String = CREATE
        .map(|(provider, _)| format!("[compat.{provider}]\nenabled = true\nworkspace = \"acme\"\n"))
        .concat();
    let home = HostHome::new(&config).unwrap();
    let token = "the-operator-s-own";
    let start = |command: &mut std::process::Command| {
        command
            .env("COUNTERSIGN_API_TOKEN", token)
            .env("COUNTERSIGN_LOG_FILTER", "trace");
    };
    let host = home.start_with(start).unwrap();
    let operator = [("authorization", "Bearer the-operator-s-own")];
    let key = |workspace: &str, role: &str| {
        let asked = json!({"workspace": workspace, "role": role});
        let made = host
            .ask("POST", "/v1/keys", &operator, Some(&asked))
            .unwrap();
        assert_eq!(made.status, 201, "{made:?}");
        made.json["key"].as_str().unwrap().to_owned()
    };
    let (manage, read, elsewhere) = (
        key("acme", "manage"),
        key("acme", "read"),
        key("default", "manage"),
    );
    let everywhere = key("*", "manage");
    let mut ids = Vec::new();
    for (provider, path) in CREATE {
        let make = |key: &str| {
            let (address, headers) = shown(provider, path, key);
            let headers: Vec<_> = headers.iter().map(|(k, v)| (*k, v.as_str())).collect();
            host.ask(
                "POST",
                &address,
                &headers,
                Some(&description(provider, NOWHERE)),
            )
            .unwrap()
        };
        assert!([200, 201].contains(&make(&manage).status), "{provider}");
        let made = make(&everywhere);
        assert!([200, 201].contains(&made.status), "{provider}: {made:?}");
        ids.push(made.json["id"].clone());
        assert_eq!(make(&read).status, 403, "{provider}");
        for stranger in [elsewhere.as_str(), "csk_nobody", "nobody", ""] {
            let refused = make(stranger);
            assert_eq!(refused.status, 401, "{provider} {stranger:?}: {refused:?}");
            assert_eq!(refused.json["code"], "unauthorized");
        }
        let without = ask(&host, "POST", path, Some(&description(provider, NOWHERE)));
        assert_eq!(without.status, 401, "{provider}: {without:?}");
        let told = without.json["error"].as_str().unwrap();
        let place = match provider {
            "cleanmails" => "auth_token",
            "smartlead" => "api_key",
            "sendemall" => "x-user-context",
            _ => "Bearer",
        };
        assert!(told.contains(place), "{provider}: {told}");
        // A bearer token does for each of them (R-C9).
        let bearer = format!("Bearer {manage}");
        let made = host
            .ask(
                "POST",
                path,
                &[("authorization", &bearer)],
                Some(&description(provider, NOWHERE)),
            )
            .unwrap();
        assert!([200, 201].contains(&made.status), "{provider}: {made:?}");
    }
    // They are of that workspace, and of no other.
    let of = |workspace| {
        let headers = [operator[0], ("countersign-workspace", workspace)];
        let listed = host.ask("GET", "/v1/endpoints", &headers, None).unwrap();
        listed.json["endpoints"].as_array().unwrap().len()
    };
    assert_eq!((of("acme"), of("default")), (12, 0));
    // A provider's routes know nothing of another's webhooks.
    let number = |at: usize| ids[at].clone();
    let bearer = format!("Bearer {manage}");
    let strange = format!("/api/webhooks/manage/{}", number(0));
    let found = host
        .ask("GET", &strange, &[("authorization", &bearer)], None)
        .unwrap();
    assert_eq!(found.status, 404, "{found:?}");
    drop(host);
    // Nor does anything that was logged, however much is.
    let log = home.log();
    assert!(log.len() > 1_000, "it was logged at all");
    for secret in [&manage, &read, &elsewhere, &everywhere] {
        assert!(!log.contains(secret.as_str()), "a key is in the log");
    }
}

#[test]
fn the_workspace_can_be_that_of_each_key() {
    let config = "[compat.platform]\nenabled = true\nworkspace = \"*\"\n";
    let home = HostHome::new(config).unwrap();
    let host = home
        .start_with(|command| {
            command.env("COUNTERSIGN_API_TOKEN", "root");
        })
        .unwrap();
    let operator = [("authorization", "Bearer root")];
    for workspace in ["acme", "umbrella"] {
        let made = host.ask(
            "POST",
            "/v1/workspaces",
            &operator,
            Some(&json!({"id": workspace})),
        );
        assert_eq!(made.unwrap().status, 201);
        let asked = json!({"workspace": workspace, "role": "manage"});
        let key = host
            .ask("POST", "/v1/keys", &operator, Some(&asked))
            .unwrap();
        let bearer = format!("Bearer {}", key.json["key"].as_str().unwrap());
        let mine = [("authorization", bearer.as_str())];
        let path = "/api/webhooks/manage";
        let made = host.ask("POST", path, &mine, Some(&description("platform", NOWHERE)));
        assert_eq!(made.unwrap().status, 201);
        let listed = host.ask("GET", path, &mine, None).unwrap();
        assert_eq!(
            listed.json["webhooks"].as_array().unwrap().len(),
            1,
            "{workspace}"
        );
    }
}

#[test]
fn they_answer_on_their_host_names_and_behind_their_prefixes_only() {
    let config = "[compat.sendemall]\nenabled = true\nhosts = [\"api.sendemall.test\"]\n\
                  [compat.cleanmails]\nenabled = true\nprefix = \"/cleanmails\"\n\
                  [compat.smartlead]\nenabled = true\nprefix = \"/a/b\"\nhosts = [\"server.smartlead.test\", \"[::1]\"]\n";
    let home = HostHome::new(config).unwrap();
    let host = home
        .start_with(|command| {
            command.env("COUNTERSIGN_API_TOKEN", "root");
        })
        .unwrap();
    let get = |host_name: &str, path: &str| {
        let headers = [("authorization", "Bearer root"), ("host", host_name)];
        host.ask("GET", path, &headers, None).unwrap()
    };
    let found = get("api.sendemall.test", "/v1/webhooks");
    assert_eq!(
        (found.status, &found.json["data"]),
        (200, &json!([])),
        "{found:?}"
    );
    assert_eq!(get("API.SendEmAll.test:8443", "/v1/webhooks/").status, 200);
    // Elsewhere it is what the native API says of an unknown path.
    let elsewhere = get("other.test", "/v1/webhooks");
    assert_eq!(
        (elsewhere.status, &*elsewhere.content_type),
        (404, "application/problem+json")
    );
    assert_eq!(
        get("other.test", "/cleanmails/v1/integrations/webhooks").status,
        200
    );
    assert_eq!(get("other.test", "/v1/integrations/webhooks").status, 404);
    assert_eq!(
        get("server.smartlead.test", "/a/b/api/v1/webhook/list").status,
        200
    );
    assert_eq!(get("[::1]:99", "/a/b/api/v1/webhook").status, 200);
    assert_eq!(
        get("api.sendemall.test", "/a/b/api/v1/webhook/list").status,
        404
    );
    // What begins like a base and is none.
    assert_eq!(get("api.sendemall.test", "/v1/webhooksx").status, 404);
    // The native routes are everywhere.
    assert_eq!(get("api.sendemall.test", "/v1/endpoints").status, 200);
    // Below a base, what is unknown is told in the provider's shape.
    let unknown = get("api.sendemall.test", "/v1/webhooks/whk_x/a/b/c");
    assert_eq!(
        (unknown.status, &unknown.json["success"]),
        (404, &json!(false))
    );
    let wrong = host
        .ask(
            "PUT",
            "/v1/webhooks",
            &[
                ("authorization", "Bearer root"),
                ("host", "api.sendemall.test"),
            ],
            None,
        )
        .unwrap();
    assert_eq!(
        (wrong.status, &wrong.json["code"]),
        (405, &json!("method_not_allowed"))
    );
}

#[test]
fn routes_that_cannot_be_told_apart_keep_a_host_from_starting() {
    let config = "[compat.cleanmails]\nenabled = true\nprefix = \"/a\"\n\
                  [compat.sendemall]\nenabled = true\nprefix = \"/a/v1/integrations/webhooks\"\n";
    let home = HostHome::new(config).unwrap();
    let ran = home.run(&["serve"], &[]).unwrap();
    assert_eq!(ran.code, Some(2), "{ran:?}");
    for said in [
        "compat.sendemall.prefix",
        "compat.cleanmails.prefix",
        "hosts",
    ] {
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
    }
}

#[test]
fn whatever_a_stranger_sends_ends_in_a_clean_answer() {
    let (_home, host) = all_four("");
    let long = "9".repeat(8_000);
    let json_type = ("content-type", "application/json");
    for (provider, create) in CREATE {
        let base = create.trim_end_matches("/create");
        for path in [
            format!("{base}/%00"),
            format!("{base}/%ff%fe"),
            format!("{base}/..%2f..%2fetc"),
            format!("{base}/-1"),
            format!("{base}/4294967296"),
            format!("{base}/{long}"),
            format!("{base}//"),
            format!("{base}/1/failed-events"),
            format!("{base}/whk_{long}/failed-events?limit=0"),
            format!("{base}?after=%ff&after=1&limit=x"),
        ] {
            let answer = ask(&host, "GET", &path, None);
            assert!((400..500).contains(&answer.status), "{path}: {answer:?}");
            assert!(
                answer.json["error"].is_string(),
                "{provider} {path}: {answer:?}"
            );
        }
        for (body, status) in [
            ("", 400),
            ("nonsense", 400),
            ("[]", 400),
            ("null", 400),
            ("{}", 400),
            (
                r#"{"url": 7, "webhook_url": 7, "events": 7, "event_type_map": 7}"#,
                400,
            ),
            (
                r#"{"url": "javascript:alert(1)", "webhook_url": "ftp://a", "events": "open", "event_type_map": {}}"#,
                400,
            ),
            (r#"{"url": "a", "url": "b"}"#, 400),
        ] {
            let answer = host
                .post_bytes(create, &[json_type], body.as_bytes())
                .unwrap();
            assert_eq!(answer.status, status, "{provider} {body}: {answer:?}");
            assert!(
                answer.json["error"].as_str().unwrap().len() > 10,
                "{answer:?}"
            );
        }
        let answer = host
            .post_bytes(create, &[("content-type", "text/plain")], b"{}")
            .unwrap();
        assert_eq!(answer.status, 415, "{provider}");
        let answer = host
            .post_bytes(create, &[json_type], &vec![b' '; 2_000_000])
            .unwrap();
        assert_eq!(answer.status, 413, "{provider}");
        let deep = format!(
            "{{\"events\": {}{}}}",
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        let answer = host
            .post_bytes(create, &[json_type], deep.as_bytes())
            .unwrap();
        assert_eq!(answer.status, 400, "{provider}");
    }
    assert_eq!(
        host.get("/v1/endpoints").unwrap().json["endpoints"],
        json!([])
    );
}

#[test]
fn fields_of_other_pages_are_left_out_and_named() {
    let (_home, host) = all_four("");
    for (provider, path) in CREATE {
        let mut given = description(provider, NOWHERE);
        given["category_id_map"] = json!({"7": true});
        let made = ask(&host, "POST", path, Some(&given));
        assert!([200, 201].contains(&made.status), "{provider}: {made:?}");
        let warnings = made.json["warnings"].to_string();
        assert!(warnings.contains("category_id_map"), "{provider}: {made:?}");
    }
}

// Holds: R-C12, S28, P3, R-P12
#[test]
fn an_address_without_tls_is_refused_where_the_operator_does_not_allow_it() {
    let home = HostHome::strict().unwrap();
    let config: String = CREATE
        .map(|(provider, _)| format!("[compat.{provider}]\nenabled = true\n"))
        .concat();
    home.configure(&config).unwrap();
    let host = home.start().unwrap();
    for (provider, path) in CREATE {
        let answer = ask(
            &host,
            "POST",
            path,
            Some(&description(provider, "http://example.com/hook")),
        );
        assert_eq!(answer.status, 400, "R-C12, R-P12 {provider}: {answer:?}");
        assert!(
            answer.json["error"].as_str().unwrap().contains("https"),
            "{answer:?}"
        );
        let field = if provider == "smartlead" {
            "webhook_url"
        } else {
            "url"
        };
        assert_eq!(answer.json["field"], field);
    }
}
