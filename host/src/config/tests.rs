//! Where settings come from, and which are refused.

use super::*;
use std::collections::{BTreeMap, BTreeSet};

fn in_file(text: &str) -> ConfigFile {
    ConfigFile {
        path: "a.toml".into(),
        text: text.to_owned(),
    }
}

fn load(file: &str, env: &[(&str, &str)]) -> Result<(Config, Vec<String>), String> {
    let env = env.iter().map(|(k, v)| ((*k).into(), (*v).into()));
    Config::load(&Sources {
        file: Some(in_file(file)),
        env: env.collect(),
        flags: BTreeMap::new(),
    })
    .map_err(|error| error.to_string())
}

#[test]
fn the_defaults_are_sound() {
    let (config, strangers) = Config::load(&Sources::default()).unwrap();
    assert_eq!(config.api.body_bytes_max, 1024 * 1024);
    assert_eq!(config.delivery.time_scale, 1);
    assert_eq!(
        config.store_path(),
        PathBuf::from("countersign-data/countersign.db")
    );
    assert!(strangers.is_empty());
}

#[test]
fn flags_overrule_the_environment_and_that_overrules_the_file() {
    let mut sources = Sources {
        file: Some(in_file("[delivery]\ntime_scale = 2\nconcurrency_max = 3")),
        env: [("COUNTERSIGN_DELIVERY_TIME_SCALE".to_owned(), "4".to_owned())].into(),
        flags: BTreeMap::new(),
    };
    let scale = |sources: &Sources| Config::load(sources).unwrap().0.delivery.time_scale;
    assert_eq!(scale(&sources), 4);
    sources.flags.insert("delivery.time_scale", "5".to_owned());
    assert_eq!(scale(&sources), 5);
    assert_eq!(
        Config::load(&sources).unwrap().0.delivery.concurrency_max,
        3
    );
}

#[test]
fn unknown_settings_are_refused_with_the_nearest_one() {
    let error = load("[delivery]\ntime_scal = 1", &[]).unwrap_err();
    assert!(error.contains("`delivery.time_scale`"), "{error}");
    let error = load("[deliverie]\ntime_scale = 1", &[]).unwrap_err();
    assert!(error.contains("`delivery`"), "{error}");
    let error = load("[api]\ndata_dir = \"x\"", &[]).unwrap_err();
    assert!(error.contains("`store.data_dir`"), "{error}");
    let error = load("[api]\nzzz = \"x\"", &[]).unwrap_err();
    assert!(!error.contains("did you mean"), "{error}");
}

#[test]
fn what_is_meant_for_a_table_is_refused_and_not_printed() {
    let sources = [(
        "COUNTERSIGN_INBOUND_SOURCES",
        "{mailgun = {key = \"hunter2\"}}",
    )];
    let error = load("", &sources).unwrap_err();
    assert!(error.contains("COUNTERSIGN_INBOUND_SOURCES"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn values_of_the_wrong_kind_are_refused_by_name() {
    for (file, key) in [
        ("[delivery]\ntime_scale = \"1\"", "delivery.time_scale"),
        ("[delivery]\ntime_scale = 0", "delivery.time_scale"),
        ("api = 1", "api"),
        ("[api]\nbody_bytes_max = 99999999", "api.body_bytes_max"),
        ("[api]\ntoken = \"a b\"", "api.token"),
    ] {
        let error = load(file, &[]).unwrap_err();
        assert!(error.contains(&format!("`{key}`")), "{file}: {error}");
    }
    let error = load("", &[("COUNTERSIGN_DELIVERY_ALLOW_HTTP", "perhaps")]).unwrap_err();
    assert!(error.contains("`delivery.allow_http`"), "{error}");
    assert!(load("[api]\nlisten = \"nowhere\"", &[]).is_err());
    assert!(load("[", &[]).is_err());
}

#[test]
fn an_open_address_needs_a_token() {
    let open = "[api]\nlisten = \"0.0.0.0:80\"";
    let error = load(open, &[]).unwrap_err();
    assert!(error.contains("COUNTERSIGN_API_TOKEN"), "{error}");
    assert!(load(open, &[("COUNTERSIGN_API_TOKEN", "t")]).is_ok());
}

#[test]
fn foreign_variables_are_reported_and_the_token_is_not_printed() {
    let env = [
        ("COUNTERSIGN_SERVICE_HOST", "10.0.0.1"),
        ("COUNTERSIGN_API_TOKEN", "hunter2"),
        ("PATH", "/bin"),
    ];
    let (config, strangers) = load("", &env).unwrap();
    assert_eq!(strangers, ["COUNTERSIGN_SERVICE_HOST"]);
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn lists_are_read_from_files_and_from_text() {
    let file = "[network]\nallow = [\"10.0.0.0/8\"]\nports = [443]";
    let (config, _) = load(file, &[]).unwrap();
    assert_eq!(
        (&*config.network.allow[0], config.network.ports[0]),
        ("10.0.0.0/8", 443)
    );
    let env = [
        ("COUNTERSIGN_NETWORK_ALLOW", "127.0.0.1, hooks.internal,"),
        ("COUNTERSIGN_NETWORK_PORTS", "443,8443"),
        ("COUNTERSIGN_NETWORK_PROXY", "http://u:hunter2@proxy:1"),
    ];
    let (config, _) = load(file, &env).unwrap();
    assert_eq!(config.network.allow, ["127.0.0.1", "hooks.internal"]);
    assert_eq!(config.network.ports, [443, 8443]);
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn networks_servers_proxies_and_roots_that_cannot_be_used_are_refused_by_name() {
    for (setting, key) in [
        ("allow = [\"10.0.0.0/99\"]", "network.allow"),
        ("dns_servers = [\"dns.example\"]", "network.dns_servers"),
        ("proxy = \"socks5://proxy\"", "network.proxy"),
        ("lookup_timeout_ms = 5", "network.lookup_timeout_ms"),
    ] {
        let error = load(&format!("[network]\n{setting}"), &[]).unwrap_err();
        assert!(error.contains(&format!("`{key}`")), "{setting}: {error}");
    }
    let secret = load("[network]\nproxy = \"https://u:hunter2@proxy\"", &[]).unwrap_err();
    assert!(!secret.contains("hunter2"), "{secret}");
    let (config, _) = load("[network]\nroots = \"/does/not/exist\"", &[]).unwrap();
    let error = config.network.roots().unwrap_err().to_string();
    assert!(error.contains("`network.roots`"), "{error}");
}

#[test]
fn an_error_names_file_line_and_key_and_repeats_no_text_of_the_file() {
    for (file, at) in [
        ("[api]\n\n[delivery]\ntime_scal = 1", "a.toml:4: "),
        ("[api]\n[deliverie]\nx = 1", "a.toml:2: "),
        (
            "\n\n[delivery]\ntime_scale = true",
            "a.toml:4: setting `delivery.time_scale`",
        ),
        (
            "[delivery]\n# a comment\ntime_scale = 0",
            "a.toml:3: setting `delivery.time_scale`",
        ),
        (
            "[api]\ntoken = \"t\"\nlisten = \"nowhere\"",
            "a.toml:3: setting `api.listen`",
        ),
        ("[log]\nformat = \"xml\"", "a.toml:2: setting `log.format`"),
        (
            "[log]\nfilter = \"a=b=c\"",
            "a.toml:2: setting `log.filter`",
        ),
        ("[api]\ntoken = hunter2", "a.toml:2: not TOML"),
        (
            "[store]\nkey = \"hunter2\"",
            "a.toml:2: setting `store.key`",
        ),
    ] {
        let error = load(file, &[]).unwrap_err();
        assert!(error.starts_with(at), "{file}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let error = load("", &[("COUNTERSIGN_DELIVERY_TIME_SCALE", "0")]).unwrap_err();
    assert!(
        error.starts_with("environment variable COUNTERSIGN_DELIVERY_TIME_SCALE: "),
        "{error}"
    );
}

#[test]
fn the_printed_defaults_are_the_defaults_and_each_has_a_comment() {
    let (defaults, _) = Config::load(&Sources::default()).unwrap();
    let (printed, _) = load(DEFAULTS, &[]).unwrap();
    assert_eq!(printed, defaults);
    // Every field of the structures is in the file and the other way round, or the lines above had failed; here, that each
    // is explained.
    let mut before = "";
    for line in DEFAULTS.lines() {
        if line.contains(" = ") && !line.starts_with('#') {
            assert!(before.starts_with("# "), "no comment above {line}");
        }
        before = line;
    }
}

#[test]
fn settings_that_change_while_running_exist() {
    let (settings, _) = Settings::collect(&Sources::default()).unwrap();
    let keys: BTreeSet<_> = settings.keys().collect();
    for key in WHILE_RUNNING {
        assert!(keys.contains(*key), "{key}");
    }
    assert!(!Config::changes_while_running("api.listen"));
}

#[test]
fn a_reload_takes_what_it_can_names_the_rest_and_keeps_everything_when_the_file_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.toml");
    let write = |text: &str| std::fs::write(&path, text).unwrap();
    write("[delivery]\nconcurrency_max = 7");
    let sources = Sources {
        file: Some(ConfigFile::read(&path).unwrap()),
        env: [("COUNTERSIGN_API_REQUESTS_MAX".to_owned(), "9".to_owned())].into(),
        flags: BTreeMap::new(),
    };
    let (live, _) = LiveConfig::load(sources).unwrap();
    let mut watching = live.watch();
    watching.mark_unchanged();

    write("[delivery]\nconcurrency_max = 8\ntime_scale = 2\n[api]\nrequests_max = 10");
    let (reloaded, prepared) = live
        .reload(|config| Ok(config.delivery.concurrency_max))
        .unwrap();
    assert_eq!(prepared, 8);
    assert_eq!(reloaded.changed, ["delivery.concurrency_max"]);
    assert_eq!(reloaded.after_restart, ["delivery.time_scale"]);
    let config = live.current();
    assert_eq!(config.delivery.concurrency_max, 8);
    assert_eq!(config.delivery.time_scale, 1);
    assert_eq!(
        config.api.requests_max, 9,
        "the environment overrules the file"
    );
    assert!(watching.has_changed().unwrap());

    write("[delivery]\nconcurrency_max = 0");
    let nothing = |_: &Config| Ok(());
    let error = live.reload(nothing).unwrap_err().to_string();
    assert!(error.contains("a.toml:2"), "{error}");
    assert_eq!(live.current(), config);

    // Sound in itself, but it cannot be put in place.
    write("[network]\n\nroots = \"no-such-file.pem\"");
    let error = live.reload(|config| config.network.roots()).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("a.toml:3") && error.contains("network.roots"),
        "{error}"
    );
    assert_eq!(live.current(), config);
    std::fs::remove_file(&path).unwrap();
    assert!(live.reload(nothing).is_err());
    assert_eq!(live.current(), config);
}

#[test]
fn the_key_of_the_store_comes_from_the_setting_the_named_file_or_the_data_folder() {
    let source = |file: &str| format!("{:?}", load(file, &[]).unwrap().0.key_source());
    assert!(source("").contains("countersign-data/secrets.key"));
    assert!(source("[store]\nkey_file = \"/k\"").contains("/k"));
    let key = "ab".repeat(32);
    let (config, _) = load(
        "[store]\nkey_file = \"/k\"",
        &[("COUNTERSIGN_STORE_KEY", &key)],
    )
    .unwrap();
    let printed = format!("{:?} {config:?}", config.key_source());
    assert!(printed.contains("COUNTERSIGN_STORE_KEY"), "{printed}");
    assert!(!printed.contains(&key), "{printed}");
}
