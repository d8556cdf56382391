use super::*;
use crate::config::{Config, ConfigFile, Sources as From};

fn load_with(text: &str, env: &[(&str, &str)]) -> Result<Config, String> {
    let env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    let loaded = Config::load(&From {
        file: Some(ConfigFile {
            path: "a.toml".into(),
            text: text.to_owned(),
        }),
        env: env.collect(),
        flags: BTreeMap::new(),
    });
    let (config, strangers) = loaded.map_err(|error| error.to_string())?;
    assert!(strangers.is_empty(), "{strangers:?}");
    Ok(config)
}

fn load(text: &str) -> Result<Config, String> {
    load_with(text, &[])
}

#[test]
fn a_provider_needs_its_keys_and_nothing_else() {
    let config = load(
        "[inbound.sources.resend]\nsecrets = [\"whsec_AAECAw==\"]\n\
         [inbound.sources.mailgun]\nsecrets = [\"key\", \"older\"]\n\
         [inbound.sources.second]\nprovider = \"mailgun\"\nsecrets = [\"key\"]\nworkspace = \"team-2\"\n\
         [inbound.sources.flat]\nprovider = \"platform\"\nsecrets = [\"0123456789abcdef\"]",
    )
    .unwrap();
    let sources = &config.inbound.sources;
    let resend = sources.named("resend").unwrap();
    assert_eq!(resend.reader, Reader::Known(Known::Resend));
    let window = |name: &str| match &sources.named(name).unwrap().check {
        Check::Signature(signature) => signature.window_s(),
        other => panic!("{other:?}"),
    };
    assert_eq!(window("resend"), Some(300));
    assert_eq!(window("mailgun"), Some(MAILGUN_TOLERANCE_S));
    let second = sources.named("second").unwrap();
    assert_eq!(second.workspace.as_deref(), Some("team-2"));
    let flat = sources.named("flat").unwrap();
    assert!(matches!(&flat.check, Check::Token { header: None, tokens } if tokens.len() == 1));
    // The one that is called like its provider, or the only one.
    let of = |provider| {
        let source = sources.of_provider(provider);
        source.map(|source| source.name.as_str())
    };
    assert_eq!(of(Known::Mailgun), Some("mailgun"));
    assert_eq!(of(Known::Platform), Some("flat"));
    assert_eq!(of(Known::Sendgrid), None);
    let two = load(
        "[inbound.sources.a]\nprovider = \"resend\"\nopen = true\n[inbound.sources.b]\nprovider = \"resend\"\nopen = true",
    );
    let two = two.unwrap().inbound.sources;
    assert_eq!(two.of_provider(Known::Resend), None);
    assert_eq!(two.named("a").unwrap().check, Check::Open);
}

#[test]
fn a_source_of_one_s_own_says_how_it_signs_and_where_things_stand() {
    let config = load(
        "[inbound.sources.acme]\nscheme = \"generic-hmac\"\noptions = { header = \"X-Acme\", prefix = \"sha256=\" }\n\
         secrets = [\"s\"]\nevent_type = \"/meta/kind\"\nevent_id = \"/id\"\ntimestamp = \"/at\"\ntolerance_s = 0\n\
         [inbound.sources.github]\nscheme = \"github\"\nsecrets = [\"s\"]\nevent_type = \"header:X-GitHub-Event\"\n\
         [inbound.sources.partner]\nscheme = \"standard-webhooks\"\nsecrets = [\"whsec_AAECAw==\"]\n\
         [inbound.sources.gitlab]\nscheme = \"token\"\noptions = { header = \"X-Gitlab-Token\" }\n\
         secrets = [\"0123456789abcdef\"]",
    );
    let sources = config.unwrap().inbound.sources;
    let places = |name: &str| match &sources.named(name).unwrap().reader {
        Reader::Own(places) => places.clone(),
        other => panic!("{other:?}"),
    };
    let pointer = |text: &str| Place::Pointer(text.to_owned());
    let header = |text: &str| Place::Header(text.to_owned());
    assert_eq!(
        places("acme"),
        Places {
            event_type: pointer("/meta/kind"),
            event_id: Some(pointer("/id")),
            timestamp: Some(pointer("/at")),
        }
    );
    assert_eq!(places("github").event_type, header("x-github-event"));
    // What a scheme signs as an id is the id.
    assert_eq!(places("partner").event_id, Some(header("webhook-id")));
    assert_eq!(places("partner").event_type, pointer("/type"));
    let acme = &sources.named("acme").unwrap().check;
    assert!(matches!(acme, Check::Signature(signature) if signature.tolerance_s == Some(None)));
    let gitlab = &sources.named("gitlab").unwrap().check;
    assert!(matches!(gitlab, Check::Token { header: Some(name), .. } if name == "x-gitlab-token"));
}

#[test]
fn keys_come_from_settings_files_and_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let pem = folder.path().join("key.pem");
    std::fs::write(&path, "one\n\n two \n").unwrap();
    // SendGrid's key as others show public keys, in PEM.
    let lines = [
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfS",
        "mpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==",
    ];
    let [first, second] = lines;
    let key = format!("-----BEGIN PUBLIC KEY-----\n{first}\n{second}\n-----END PUBLIC KEY-----\n");
    std::fs::write(&pem, &key).unwrap();
    let text = format!(
        "[inbound.sources.mailgun]\nsecrets = [\"zero\"]\nsecrets_file = {path:?}\nenvironment = \"MAIL_KEY\"\n\
         [inbound.sources.sendgrid]\nsecrets_file = {pem:?}"
    );
    let config = load_with(&text, &[("MAIL_KEY", "three")]).unwrap();
    let keys = |name: &str| match &config.inbound.sources.named(name).unwrap().check {
        Check::Signature(signature) => {
            let secrets = signature.secrets.iter().map(Hidden::as_str);
            secrets.map(str::to_owned).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(keys("mailgun"), ["zero", "one", "two", "three"]);
    assert_eq!(keys("sendgrid"), [key.trim_end()]);
    let printed = format!("{config:?}");
    for secret in ["zero", "three", "MFkw"] {
        assert!(!printed.contains(secret), "{printed}");
    }
    let missing = load(&text).unwrap_err();
    assert!(
        missing.starts_with("a.toml:4: setting `inbound.sources.mailgun.environment`"),
        "{missing}"
    );
    // One of ours is no stranger when a source names it.
    let own = "[inbound.sources.mailgun]\nenvironment = \"COUNTERSIGN_MAILGUN\"";
    assert!(load_with(own, &[("COUNTERSIGN_MAILGUN", "k")]).is_ok());
}

#[test]
fn mistakes_are_named_by_line_and_setting_and_no_secret_is_told() {
    for (text, expected) in [
        (
            "[inbound.sources.x]\nsecrets = [\"hunter2\"]",
            "`inbound.sources.x.scheme`",
        ),
        (
            "[inbound.sources.resend]",
            "`inbound.sources.resend.secrets`",
        ),
        (
            "[inbound.sources.resend]\nsecrets = [\"hunter2!\"]",
            "a.toml:2: setting `inbound.sources.resend.secrets`",
        ),
        (
            "[inbound.sources.resend]\nsecrets = \"hunter2\"",
            "a.toml:2: setting `inbound.sources.resend.secrets`",
        ),
        (
            "[inbound.sources.resend]\nsecrets = [7]",
            "`inbound.sources.resend.secrets`",
        ),
        (
            "[inbound.sources.resend]\nscerets = [\"hunter2\"]\nopen = true",
            "did you mean `secrets`",
        ),
        (
            "[inbound.sources.x]\n\nprovider = \"resent\"\nopen = true",
            "a.toml:3: setting `inbound.sources.x.provider`",
        ),
        (
            "[inbound.sources.x]\nscheme = \"generic-hmak\"\nsecrets = [\"hunter2\"]",
            "`inbound.sources.x.scheme`",
        ),
        (
            "[inbound.sources.x]\nscheme = \"generic-hmac\"\nsecrets = [\"hunter2\"]",
            "needs the option `header`",
        ),
        (
            "[inbound.sources.x]\nscheme = \"github\"\nsecrets = [\"hunter2\"]\noptions = { heder = \"x\" }",
            "x.options`",
        ),
        (
            "[inbound.sources.x]\nscheme = \"twilio\"\nsecrets = [\"hunter2\"]",
            "`inbound.sources.x.url`",
        ),
        (
            "[inbound.sources.x]\nscheme = \"token\"\nsecrets = [\"hunter2\"]",
            "at least 16",
        ),
        (
            "[inbound.sources.x]\nscheme = \"github\"\nsecrets = [\"hunter2\"]\nopen = true",
            "x.open`",
        ),
        (
            "[inbound.sources.x]\nscheme = \"github\"\nsecrets = [\"hunter2\"]\nevent_type = \"type\"",
            "x.event_type`",
        ),
        (
            "[inbound.sources.x]\nscheme = \"github\"\nsecrets = [\"hunter2\"]\ntolerance_s = -1",
            "x.tolerance_s`",
        ),
        (
            "[inbound.sources.x]\nscheme = \"github\"\nsecrets = [\"hunter2\"]\nworkspace = \"A\"",
            "x.workspace`",
        ),
        (
            "[inbound.sources.resend]\nopen = true\nevent_type = \"/kind\"",
            "resend.event_type`",
        ),
        (
            "[inbound.sources.resend]\nopen = true\nfields = { \"lead.idd\" = \"/a\" }",
            "resend.fields`",
        ),
        (
            "[inbound.sources.resend]\nopen = true\nfields = { \"lead.id\" = \"a\" }",
            "resend.fields`",
        ),
        (
            "[inbound.sources.manage]\nopen = true\nprovider = \"resend\"",
            "a.toml:1: setting `inbound.sources.manage`",
        ),
        (
            "[inbound.sources.X]\nopen = true\nprovider = \"resend\"",
            "`inbound.sources.X`",
        ),
        (
            "[inbound]\nsources = { resend = 7 }",
            "write [inbound.sources.resend]",
        ),
        (
            "[inbound]\nsources = 7",
            "a.toml:2: setting `inbound.sources`",
        ),
        (
            "[inbound]\nworkspace = \"No\"",
            "a.toml:2: setting `inbound.workspace`",
        ),
        ("[inbound]\nbody_bytes_max = 0", "`inbound.body_bytes_max`"),
        ("[inbound]\nsource = {}", "did you mean `inbound.sources`"),
    ] {
        let error = load(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let error = load_with("", &[("COUNTERSIGN_INBOUND_SOURCES", "{}")]).unwrap_err();
    assert!(error.contains("`inbound.sources`"), "{error}");
}
