//! Where settings come from, and which are refused.

use super::*;

fn load(file: &str, env: &[(&str, &str)]) -> Result<(Config, Vec<String>), String> {
    let env = env.iter().map(|(k, v)| ((*k).into(), (*v).into()));
    Config::load(&Sources {
        file: Some(file.to_owned()),
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
        file: Some("[delivery]\ntime_scale = 2\nconcurrency_max = 3".to_owned()),
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
