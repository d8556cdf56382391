//! Settings and rules that change while the host runs.

use countersign_tests::{
    host::{Host, HostHome, wait_for},
    hostile::{Authority, Habit, Hostile},
    receiver::Receiver,
};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

const LIMIT: Duration = Duration::from_secs(20);

fn in_log(home: &HostHome, text: &str) {
    wait_for(&format!("{text:?} in the log"), LIMIT, || {
        Ok(home.log().contains(text).then_some(()))
    })
    .unwrap();
}

#[test]
fn sighup_puts_in_force_what_can_be_and_names_the_rest() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let create = || {
        let endpoint =
            json!({"provider": "cleanmails", "url": receiver.url("/ok/x"), "secret": "s"});
        host.post("/v1/endpoints", &endpoint).unwrap()
    };
    assert_eq!(create().status, 201);

    home.configure("[delivery]\nallow_http = false\ntime_scale = 5\n[api]\nbody_bytes_max = 20\n")
        .unwrap();
    host.signal("HUP").unwrap();
    in_log(&home, "the settings were read again");
    assert_eq!(create().status, 413);
    in_log(&home, "delivery.time_scale");

    home.configure("[delivery]\nallow_http = false\n[log]\nfilter = \"debug\"\n")
        .unwrap();
    host.signal("HUP").unwrap();
    in_log(&home, "log.filter");
    let refused = create();
    assert_eq!(
        (refused.status, &refused.json["field"]),
        (400, &json!("url")),
        "{refused:?}"
    );

    home.configure("[delivery]\n\nallow_htpp = true\n").unwrap();
    host.signal("HUP").unwrap();
    in_log(&home, "did you mean `delivery.allow_http`");
    in_log(&home, "countersign.toml:3");
    assert_eq!(create().status, 400, "what was in force stays");

    home.configure("[delivery]\nallow_http = true\n[api]\ntoken = \"t\"\n")
        .unwrap();
    host.signal("HUP").unwrap();
    wait_for("the token", LIMIT, || {
        Ok((create().status == 401).then_some(()))
    })
    .unwrap();
    let json_with_token = [
        ("content-type", "application/json"),
        ("authorization", "Bearer t"),
    ];
    let endpoint = json!({"provider": "cleanmails", "url": receiver.url("/ok/y"), "secret": "s"});
    let taken = host.post_bytes(
        "/v1/endpoints",
        &json_with_token,
        endpoint.to_string().as_bytes(),
    );
    assert_eq!(taken.unwrap().status, 201);
}

/// The first attempt of an event that is published now.
fn attempt(host: &Host) -> Value {
    let event = json!({"event": "email.sent", "data": {}});
    let message = host.publish("sendemall", &event).unwrap();
    wait_for("an attempt", LIMIT, || {
        let message = host.get(&format!("/v1/messages/{message}"))?.json;
        let attempt = message["deliveries"][0]["attempts"][0].clone();
        Ok(attempt.is_object().then_some(attempt))
    })
    .unwrap()
}

/// Replaces the configuration, and waits until it has been read.
fn reload(home: &HostHome, host: &Host, network: &str) {
    let before = home.log().matches("the settings were read again").count();
    home.configure(&format!(
        "[delivery]\nallow_http = true\n[network]\n{network}\n"
    ))
    .unwrap();
    host.signal("HUP").unwrap();
    wait_for("the settings to be read", LIMIT, || {
        let log = home.log();
        let now = log.matches("the settings were read again").count();
        Ok((now > before).then_some(()))
    })
    .unwrap();
}

#[test]
fn where_requests_may_go_changes_while_it_runs_and_kept_connections_with_it() {
    let receiver = Receiver::start();
    let home = HostHome::with_network("", "allow = [\"127.0.0.1\"]").unwrap();
    let host = home.start().unwrap();
    let endpoint =
        json!({"provider": "sendemall", "url": receiver.url("/ok/x"), "secret": "whsec_s"});
    let id = host.create_endpoint(&endpoint).unwrap();
    assert_eq!(attempt(&host)["status"], 200);

    // At once, while the connection of a moment ago is still kept.
    reload(&home, &host, "allow = [\"10.0.0.0/8\"]");
    let blocked = attempt(&host);
    assert_eq!(blocked["outcome"], "blocked_address", "{blocked}");
    let detail = blocked["detail"].as_str().unwrap();
    assert!(detail.contains("127.0.0.1"), "{detail}");
    assert_eq!(receiver.count(), 1);
    let refused = host.post("/v1/endpoints", &endpoint).unwrap();
    assert_eq!(refused.json["code"], "blocked_address", "{refused:?}");

    let port = receiver.address().port();
    reload(&home, &host, "allow = [\"127.0.0.1\"]\nports = [443]");
    let blocked = attempt(&host);
    let detail = blocked["detail"].as_str().unwrap();
    assert!(detail.contains(&format!("port {port}")), "{detail}");
    reload(&home, &host, "allow = [\"127.0.0.1\"]");
    assert_eq!(attempt(&host)["status"], 200);

    // Through which proxy: one that is not there.
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let proxy = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    reload(
        &home,
        &host,
        &format!("allow = [\"127.0.0.1\"]\nproxy = \"{proxy}\""),
    );
    let lost = attempt(&host);
    assert_eq!(
        (&lost["outcome"], receiver.count()),
        (&json!("connect"), 2),
        "{lost}"
    );
    assert!(
        lost["detail"].as_str().unwrap().starts_with("proxy: "),
        "{lost}"
    );

    // How long is waited.
    let change = json!({"url": receiver.url("/hangs/x")});
    host.patch(&format!("/v1/endpoints/{id}"), &change).unwrap();
    reload(
        &home,
        &host,
        "allow = [\"127.0.0.1\"]\nhead_timeout_ms = 150",
    );
    let hung = attempt(&host);
    assert_eq!(hung["outcome"], "timeout", "{hung}");
    let detail = hung["detail"].as_str().unwrap();
    assert!(detail.contains("150 ms"), "{detail}");
    // Nothing of it needed a restart.
    assert!(!home.log().contains("need a restart"), "{}", home.log());
}

#[test]
fn whom_it_trusts_is_read_again_and_what_cannot_be_read_changes_nothing() {
    let (one, other) = (Authority::new(), Authority::new());
    let receivers = [&one, &other]
        .map(|authority| Hostile::start_tls(Habit::Fine, authority.certify("localhost")));
    let mut home = HostHome::with_network("", "allow = [\"127.0.0.0/8\", \"::1\"]").unwrap();
    home.trust(&one.pem()).unwrap();
    let host = home.start().unwrap();
    let statuses = || {
        receivers.each_ref().map(|receiver| {
            let endpoint =
                json!({"provider": "sendemall", "url": receiver.url("/x"), "secret": "whsec_s"});
            let id = host.create_endpoint(&endpoint).unwrap();
            let attempt = attempt(&host);
            host.delete(&format!("/v1/endpoints/{id}")).unwrap();
            match attempt["status"].as_u64() {
                Some(status) => status.to_string(),
                None => attempt["outcome"].as_str().unwrap().to_owned(),
            }
        })
    };
    let allow = "allow = [\"127.0.0.0/8\", \"::1\"]";
    assert_eq!(statuses(), ["200", "tls"]);
    // The certificates of the machine have changed.
    home.trust(&other.pem()).unwrap();
    reload(&home, &host, allow);
    assert_eq!(statuses(), ["tls", "200"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roots.pem");
    std::fs::write(&file, one.pem()).unwrap();
    let roots = format!("{allow}\nroots = {:?}", file.to_str().unwrap());
    reload(&home, &host, &roots);
    assert_eq!(statuses(), ["200", "tls"]);

    std::fs::write(&file, "no certificate").unwrap();
    home.configure(&format!(
        "[delivery]\nallow_http = true\n[network]\nports = [1]\n{roots}\n"
    ))
    .unwrap();
    host.signal("HUP").unwrap();
    in_log(&home, "setting `network.roots`");
    in_log(&home, "countersign.toml:5");
    assert_eq!(statuses(), ["200", "tls"]);
}

#[test]
fn ages_change_while_it_runs() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let endpoint =
        json!({"provider": "sendemall", "url": receiver.url("/ok/x"), "secret": "whsec_s"});
    host.create_endpoint(&endpoint).unwrap();
    assert_eq!(attempt(&host)["status"], 200);
    assert!(!home.log().contains("forgot what is old"));
    home.configure("[delivery]\nallow_http = true\n[retention]\nattempts = \"0s\"\n")
        .unwrap();
    host.signal("HUP").unwrap();
    in_log(&home, "forgot what is old");
    let deliveries = host.get("/v1/deliveries").unwrap().json;
    let id = deliveries["deliveries"][0]["id"].as_str().unwrap();
    let delivery = host.get(&format!("/v1/deliveries/{id}")).unwrap().json;
    assert_eq!(
        (&delivery["status"], &delivery["attempts"]),
        (&json!("delivered"), &json!([]))
    );
    assert!(!home.log().contains("need a restart"), "{}", home.log());
}

#[test]
fn the_printed_settings_can_be_used_and_wrong_ones_are_refused_by_line() {
    let home = HostHome::new("").unwrap();
    let printed = home.run_bare(&["config"], &[]).unwrap();
    assert_eq!(printed.code, Some(0));
    home.configure(&printed.stdout).unwrap();
    let path = home.config_path();
    let check = |env: &[(&str, &str)]| {
        home.run_bare(&["config", "--check", path.to_str().unwrap()], env)
            .unwrap()
    };
    assert_eq!(check(&[]).code, Some(0), "{:?}", check(&[]));
    home.configure(&format!("{}\nconcurency_max = 1\n", "[delivery]"))
        .unwrap();
    let wrong = check(&[]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(wrong.stderr.contains("countersign.toml:2: "), "{wrong:?}");
    assert!(
        wrong.stderr.contains("`delivery.concurrency_max`"),
        "{wrong:?}"
    );
    home.configure("[network]\nroots = \"missing.pem\"\n")
        .unwrap();
    let wrong = check(&[]);
    assert!(wrong.stderr.contains("countersign.toml:2: "), "{wrong:?}");
    home.configure("[api]\nlisten = \"0.0.0.0:1\"\n").unwrap();
    assert_eq!(check(&[]).code, Some(2));
    assert_eq!(check(&[("COUNTERSIGN_API_TOKEN", "t")]).code, Some(0));
}

/// The guest of this build with a section more, which changes nothing but its digest.
fn another_guest(folder: &Path) -> PathBuf {
    let mut module = std::fs::read("../target/countersign/guest.wasm").unwrap();
    // A custom section (0) of 6 bytes: the length of its name, the name, one byte.
    module.extend([0, 6, 4, b't', b'e', b's', b't', 1]);
    let path = folder.join("another.wasm");
    std::fs::write(&path, module).unwrap();
    path
}

fn guest_in_use(host: &Host) -> Value {
    let version = host.get("/v1/version").unwrap().json["guest_sha256"].clone();
    assert_eq!(host.get("/v1/stats").unwrap().json["guest_sha256"], version);
    version
}

#[test]
fn the_rules_are_replaced_under_load_and_wrong_ones_are_refused() {
    let receiver = Receiver::start();
    let home = HostHome::new("time_scale = 1000").unwrap();
    let host = home.start().unwrap();
    let url = receiver.url("/fails/1/load");
    host.create_endpoint(&json!({"provider": "cleanmails", "url": url, "secret": "s"}))
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let another = another_guest(folder.path());
    let reload = |file: Option<&Path>| {
        let file = file.map(|file| file.to_str().unwrap().to_owned());
        let mut arguments = vec!["core", "reload"];
        arguments.extend(file.as_deref());
        home.run(&arguments, &[]).unwrap()
    };
    let first = guest_in_use(&host);
    let done = AtomicBool::new(false);
    let published = std::thread::scope(|scope| {
        let publishing = scope.spawn(|| {
            let mut published = 0_u32;
            while !done.load(Ordering::Relaxed) || published < 50 {
                let payload = json!({"event": "email.sent", "workspace_id": 1, "data": {"lead_id": published}});
                host.publish("cleanmails", &payload).unwrap();
                published += 1;
            }
            published
        });
        let replaced = reload(Some(&another));
        assert_eq!(replaced.code, Some(0), "{replaced:?}");
        let second = guest_in_use(&host);
        assert_ne!(second, first);
        assert!(
            replaced.stdout.contains(second.as_str().unwrap()),
            "{replaced:?}"
        );
        assert!(
            replaced
                .stdout
                .contains("the next start takes another guest"),
            "{replaced:?}"
        );

        let garbage = folder.path().join("garbage.wasm");
        std::fs::write(&garbage, b"no module").unwrap();
        let kernel = Path::new("../target/countersign/kernel.wasm");
        for wrong in [&garbage, kernel, &folder.path().join("missing.wasm")] {
            let refused = reload(Some(wrong));
            assert_eq!(refused.code, Some(1), "{refused:?}");
            assert!(
                refused.stderr.contains("The rules in use stay"),
                "{refused:?}"
            );
            assert_eq!(guest_in_use(&host), second);
        }
        let back = reload(None);
        assert_eq!(back.code, Some(0), "{back:?}");
        assert_eq!(guest_in_use(&host), first);
        done.store(true, Ordering::Relaxed);
        publishing.join().unwrap()
    });
    wait_for("every delivery", LIMIT, || {
        let stats = host.get("/v1/stats")?.json;
        Ok((stats["deliveries"]["delivered"] == published).then_some(()))
    })
    .unwrap();

    // What the settings name is taken by the next start.
    home.configure(&format!(
        "[core]\nguest_file = {:?}\n",
        another.to_str().unwrap()
    ))
    .unwrap();
    assert!(host.terminate().unwrap().success());
    let stopped = home.run(&["core", "show"], &[]).unwrap();
    assert_eq!(stopped.code, Some(1), "{stopped:?}");
    let host = home.start().unwrap();
    assert_ne!(guest_in_use(&host), first);
    let shown = home.run(&["core", "show"], &[]).unwrap();
    assert!(shown.stdout.contains("another.wasm"), "{shown:?}");
    assert!(!shown.stdout.contains("next start"), "{shown:?}");
}

#[test]
fn nobody_else_on_the_machine_can_give_commands() {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let socket = home.data_dir().join("countersign.db.sock");
    let metadata = std::fs::metadata(&socket).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert!(host.terminate().unwrap().success());
    assert!(!socket.exists());
}
