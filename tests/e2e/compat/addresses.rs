//! Where the routes are, and what is said where they are not.

use super::*;

#[test]
fn an_answer_that_is_no_405_names_no_methods() {
    let (_home, host) = all_four("");
    for (provider, create) in CREATE {
        let list = create.trim_end_matches("/create");
        for method in ["GET", "HEAD"] {
            let answer = ask(&host, method, list, None);
            assert_eq!(
                (answer.status, answer.allow),
                (200, None),
                "{provider} {method}"
            );
        }
        let wrong = ask(&host, "OPTIONS", list, None);
        let allow = wrong.allow.clone().unwrap_or_default();
        assert_eq!(wrong.status, 405, "{provider}: {wrong:?}");
        assert!(allow.contains("GET"), "{provider}: {allow}");
        assert_eq!(
            allow.contains("POST"),
            provider != "smartlead",
            "{provider}: {allow}"
        );
    }
    let wrong = ask(&host, "GET", "/api/webhooks", None);
    assert_eq!((wrong.status, wrong.allow.as_deref()), (405, Some("POST")));
}

#[test]
fn a_slash_at_the_end_changes_nothing() {
    let (_home, host) = all_four("");
    for (provider, create) in CREATE {
        let made = ask(
            &host,
            "POST",
            &format!("{create}/"),
            Some(&description(provider, NOWHERE)),
        );
        assert!([200, 201].contains(&made.status), "{provider}: {made:?}");
        let id = match provider {
            "sendemall" => made.json["data"]["id"].as_str().unwrap().to_owned(),
            _ => made.json["id"].to_string(),
        };
        let base = create.trim_end_matches("/create");
        let more = match provider {
            "smartlead" => vec![format!("{base}/list"), format!("{base}/egress")],
            "sendemall" => vec![format!("{base}/{id}/failed-events")],
            _ => Vec::new(),
        };
        for path in [base.to_owned(), format!("{base}/{id}")]
            .into_iter()
            .chain(more)
        {
            let plain = ask(&host, "GET", &path, None);
            let slashed = ask(&host, "GET", &format!("{path}/?a=b"), None);
            assert_eq!((slashed.status, slashed.json), (200, plain.json), "{path}");
            // Two of them are a name that is missing.
            let twice = ask(&host, "GET", &format!("{path}//"), None);
            assert_eq!(twice.status, 404, "{path}");
        }
    }
}

#[test]
fn where_a_provider_s_api_is_not_it_is_said_what_to_set() {
    let config = "[compat.sendemall]\nenabled = true\nprefix = \"/s\"\n\
                  [compat.smartlead]\nenabled = true\nhosts = [\"smartlead.test\"]\n";
    let home = HostHome::new(config).unwrap();
    let host = home.start().unwrap();
    for (method, path, said) in [
        (
            "POST",
            "/v1/integrations/webhooks",
            "compat.cleanmails.enabled",
        ),
        (
            "GET",
            "/v1/integrations/webhooks/7",
            "compat.cleanmails.enabled",
        ),
        ("POST", "/api/webhooks/manage", "compat.platform.enabled"),
        ("GET", "/api/webhooks/manage/7", "compat.platform.enabled"),
        ("POST", "/v1/webhooks", "/s/v1/webhooks"),
        ("GET", "/api/v1/webhook/list", "compat.smartlead.hosts"),
        ("POST", "/api/webhooks", "inbound.enabled"),
        ("POST", "/api/webhooks/resend", "inbound.enabled"),
        ("GET", "/v1/nope", "POST /v1/events"),
    ] {
        let answer = ask(&host, method, path, None);
        let detail = answer.json["detail"].as_str().unwrap();
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert!(
            detail.contains(&format!("nothing at {path}")),
            "{path}: {detail}"
        );
        assert!(detail.contains(said), "{path}: {detail}");
    }
    let wrong = ask(&host, "GET", "/api/webhooks/manage", None);
    assert_eq!((wrong.status, wrong.allow.as_deref()), (405, Some("POST")));
    let detail = wrong.json["detail"].as_str().unwrap();
    assert!(detail.contains("compat.platform.enabled"), "{detail}");
    // Below a base the whole path is named, too.
    let below = ask(&host, "GET", "/s/v1/webhooks/whk_1/x/y", None);
    let error = below.json["error"].as_str().unwrap();
    assert!(
        error.contains("nothing at /s/v1/webhooks/whk_1/x/y"),
        "{error}"
    );
}

#[test]
fn without_a_token_other_host_names_are_for_keys_and_that_is_said() {
    let config = "[compat.platform]\nenabled = true\nhosts = [\"api.example.test\"]\n";
    let home = HostHome::new(config).unwrap();
    let host = home.start().unwrap();
    assert!(
        home.log().contains("compat.platform.hosts"),
        "{}",
        home.log()
    );
    let get = |key: Option<&str>| {
        let bearer = key.map(|key| format!("Bearer {key}"));
        let mut headers = vec![("host", "api.example.test")];
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        host.ask("GET", "/api/webhooks/manage", &headers, None)
            .unwrap()
    };
    let nobody = get(None);
    assert_eq!(
        (nobody.status, &nobody.json["code"]),
        (403, &json!("host_forbidden"))
    );
    assert!(
        nobody.json["error"].as_str().unwrap().contains("/v1/keys"),
        "{nobody:?}"
    );
    let key = host.post("/v1/keys", &json!({"workspace": "default", "role": "read"}));
    let key = key.unwrap().json["key"].as_str().unwrap().to_owned();
    assert_eq!(get(Some(&key)).status, 200);

    let check = |env: &[(&str, &str)]| {
        let file = home.config_path();
        let asked = ["config", "--check", file.to_str().unwrap()];
        home.run_bare(&asked, env).unwrap()
    };
    let warned = check(&[]);
    assert_eq!(warned.code, Some(0), "{warned:?}");
    assert!(
        warned.stdout.contains("compat.platform.hosts"),
        "{warned:?}"
    );
    let quiet = check(&[("COUNTERSIGN_API_TOKEN", "t")]);
    assert!(!quiet.stdout.contains("warning"), "{quiet:?}");
}
