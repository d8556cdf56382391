use super::*;
use crate::config::{Config, ConfigFile, Sources};
use std::collections::BTreeMap;

fn load(text: &str) -> Result<Config, String> {
    let file = ConfigFile {
        path: "a.toml".into(),
        text: text.to_owned(),
    };
    let sources = Sources {
        file: Some(file),
        ..Sources::default()
    };
    let loaded = Config::load(&sources).map(|(config, _)| config);
    loaded.map_err(|error| error.to_string())
}

#[test]
fn all_four_go_together_at_their_documented_paths() {
    let names = ["cleanmails", "smartlead", "sendemall", "platform"];
    let all: String = names
        .map(|name| format!("[compat.{name}]\nenabled = true\n"))
        .concat();
    let served = load(&all).unwrap().compat.served();
    let bases: Vec<_> = served.iter().map(Served::base).collect();
    assert_eq!(
        bases,
        [
            "/v1/integrations/webhooks",
            "/api/v1/webhook",
            "/v1/webhooks",
            "/api/webhooks/manage"
        ]
    );
    assert!(load("").unwrap().compat.served().is_empty());
}

#[test]
fn routes_that_cannot_be_told_apart_are_refused_with_the_setting_to_change() {
    // SendEmAll's below this prefix are Cleanmails' own.
    let both = |cleanmails: &str, sendemall: &str| {
        load(&format!(
            "[compat.cleanmails]\nenabled = true\nprefix = \"/a\"\n{cleanmails}\n\
             [compat.sendemall]\nenabled = true\nprefix = \"/a/v1/integrations/webhooks\"\n{sendemall}"
        ))
    };
    let error = both("", "").unwrap_err();
    assert!(
        error.starts_with("a.toml:7: setting `compat.sendemall.prefix`"),
        "{error}"
    );
    assert!(
        error.contains("compat.cleanmails.prefix") && error.contains("hosts"),
        "{error}"
    );
    let apart = both("hosts = [\"a.example\"]", "hosts = [\"b.example\"]");
    assert_eq!(apart.unwrap().compat.served().len(), 2);
    assert!(both("hosts = [\"a.example\"]", "").is_err());
    assert!(
        both(
            "hosts = [\"a.example\"]",
            "hosts = [\"b.example\", \"a.example\"]"
        )
        .is_err()
    );
}

#[test]
fn settings_that_cannot_be_meant_are_refused_by_name_also_while_it_is_off() {
    for (line, key) in [
        ("prefix = \"cleanmails\"", "prefix"),
        ("prefix = \"/\"", "prefix"),
        ("prefix = \"/a/\"", "prefix"),
        ("prefix = \"/a//b\"", "prefix"),
        ("prefix = \"/a/../b\"", "prefix"),
        ("prefix = \"/{id}\"", "prefix"),
        ("prefix = \"/v1\"", "prefix"),
        ("prefix = \"/health/x\"", "prefix"),
        ("hosts = [\"https://a.example\"]", "hosts"),
        ("hosts = [\"a.example:80\"]", "hosts"),
        ("hosts = [\"A.example\"]", "hosts"),
        ("hosts = [\"\"]", "hosts"),
        ("hosts = [\"a.example\", \"a.example\"]", "hosts"),
        ("workspace = \"\"", "workspace"),
        ("workspace = \"Acme\"", "workspace"),
        ("workspace = \"-a\"", "workspace"),
        ("enabled = 1", "enabled"),
    ] {
        let error = load(&format!("[compat.platform]\n{line}")).unwrap_err();
        assert!(
            error.contains(&format!("`compat.platform.{key}`")),
            "{line}: {error}"
        );
        assert!(error.starts_with("a.toml:2: "), "{line}: {error}");
    }
    let error = load("[compat.plattform]\nenabled = true").unwrap_err();
    assert!(error.contains("compat.platform"), "{error}");
    let error = load("[compat]\nplatform = true").unwrap_err();
    assert!(error.contains("write [compat.platform]"), "{error}");
}

#[test]
fn the_environment_reaches_them_and_good_values_are_taken() {
    let sources = Sources {
        env: BTreeMap::from([
            (
                "COUNTERSIGN_COMPAT_SMARTLEAD_ENABLED".to_owned(),
                "true".to_owned(),
            ),
            (
                "COUNTERSIGN_COMPAT_SMARTLEAD_HOSTS".to_owned(),
                "server.example, [::1]".to_owned(),
            ),
            (
                "COUNTERSIGN_COMPAT_SMARTLEAD_WORKSPACE".to_owned(),
                "*".to_owned(),
            ),
            (
                "COUNTERSIGN_COMPAT_SMARTLEAD_PREFIX".to_owned(),
                "/smart/lead.v1".to_owned(),
            ),
        ]),
        ..Sources::default()
    };
    let served = Config::load(&sources).unwrap().0.compat.served();
    let [only] = served.as_slice() else {
        panic!("{served:?}");
    };
    assert_eq!(only.base(), "/smart/lead.v1/api/v1/webhook");
    assert!(only.answers_on("server.example") && only.answers_on("[::1]"));
    assert!(!only.answers_on("example"));
}

#[test]
fn a_path_that_leads_nowhere_has_a_reason_with_a_setting() {
    let why_not =
        |text: &str, path: &str, host: &str| load(text).unwrap().compat.why_not(path, host);
    let said = |text: &str, path: &str, setting: &str| {
        let why = why_not(text, path, "a.example").unwrap_or_default();
        assert!(why.contains(setting), "{path}: {why}");
    };
    said("", "/v1/webhooks", "compat.sendemall.enabled");
    said(
        "",
        "/v1/integrations/webhooks/1/test",
        "compat.cleanmails.enabled",
    );
    said("", "/api/v1/webhook/create", "compat.smartlead.enabled");
    said("", "/api/webhooks/manage", "compat.platform.enabled");
    let moved = "[compat.sendemall]\nenabled = true\nprefix = \"/s\"\nhosts = [\"b.example\"]";
    said(moved, "/v1/webhooks/whk_1", "/s/v1/webhooks");
    said(moved, "/s/v1/webhooks", "compat.sendemall.hosts");
    assert_eq!(why_not(moved, "/s/v1/webhooks/x/y", "b.example"), None);
    for path in ["/v1/nope", "/api/webhooks", "/v1/webhooksx", "/"] {
        assert_eq!(why_not("", path, "a.example"), None, "{path}");
    }
}

#[test]
fn host_names_without_a_token_are_warned_of_unless_they_are_this_machine_s() {
    let warnings = |text: &str| load(text).unwrap().warnings();
    let named = "[compat.platform]\nenabled = true\nhosts = [\"localhost\", \"a.example\"]";
    let warned = warnings(named);
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(warned[0].contains("compat.platform.hosts") && warned[0].contains("a.example"));
    for quiet in [
        &format!("[api]\ntoken = \"t\"\n{named}"),
        &named.replace(", \"a.example\"", ", \"[::1]\""),
        &named.replace("true", "false"),
        "",
    ] {
        assert!(warnings(quiet).is_empty(), "{quiet}");
    }
}

#[test]
fn below_is_by_whole_segments() {
    assert!(is_below("/v1/webhooks", "/v1/webhooks") && is_below("/v1/webhooks/a", "/v1/webhooks"));
    assert!(!is_below("/v1/webhooksa", "/v1/webhooks") && !is_below("/v1", "/v1/webhooks"));
}
