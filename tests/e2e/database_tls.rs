//! TLS between a host and its database: what is asked for by `sslmode` and `sslrootcert`, and what is refused.

use countersign_cluster::Cluster;
use countersign_tests::{
    host::{Host, HostHome, Ran, wait_for},
    hostile::Authority,
    receiver::Receiver,
};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

const LIMIT: Duration = Duration::from_secs(30);
/// Whom the database lets in, and only with TLS where a test says so.
const USER: &str = "sender";
const PASSWORD: &str = "correct-horse-battery";
const DATABASE: &str = "encrypted";
const BY_TLS_ALONE: &str = "hostssl all sender 127.0.0.1/32 scram-sha-256";
const EITHER_WAY: &str = "host all sender 127.0.0.1/32 scram-sha-256";

/// The host's connections that are there at this moment.
const CONNECTIONS: &str =
    "FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) WHERE usename = 'sender'";

/// A server whose database belongs to a user with a password.
fn server() -> Option<Cluster> {
    let cluster = countersign_cluster::cluster()?;
    for sql in [
        "SET password_encryption = 'scram-sha-256'; CREATE ROLE sender LOGIN PASSWORD 'correct-horse-battery'",
        "CREATE DATABASE encrypted OWNER sender",
    ] {
        cluster.ask(sql).unwrap();
    }
    cluster.admit(EITHER_WAY).unwrap();
    Some(cluster)
}

fn url(cluster: &Cluster, host: &str, settings: &str) -> String {
    let port = cluster.port();
    format!("postgres://{USER}:{PASSWORD}@{host}:{port}/{DATABASE}?{settings}")
}

fn certified(cluster: &Cluster, authority: &Authority, name: &str) {
    let (certificate, key) = authority.client(name);
    cluster.certify(&certificate, &key).unwrap();
}

/// A file of an authority, and its text in an address.
fn file_of(home: &HostHome, name: &str, text: &str) -> String {
    std::fs::create_dir_all(home.data_dir()).unwrap();
    let path: PathBuf = home.data_dir().join(name);
    std::fs::write(&path, text).unwrap();
    format!("sslrootcert={}", shown(&path))
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn start(home: &HostHome, url: &str) -> Host {
    let host = home.start_with(|command| {
        command
            .env("COUNTERSIGN_STORE_URL", url)
            .env("COUNTERSIGN_STORE_LEASE_S", "2");
    });
    host.unwrap_or_else(|error| panic!("{error:#}\n{}", home.log()))
}

/// The end of a host that does not start.
fn refused(home: &HostHome, url: &str) -> Ran {
    let before = home.log().len();
    let mut command = home.command().unwrap();
    let mut child = command
        .env("COUNTERSIGN_STORE_URL", url)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let ended = wait_for("the end of the host", LIMIT, || Ok(child.try_wait()?));
    let Ok(status) = ended else {
        child.kill().unwrap();
        child.wait().unwrap();
        panic!("it started: {}", home.log());
    };
    let stderr = home.log().split_off(before);
    assert!(!stderr.contains(PASSWORD), "{stderr}");
    Ran {
        code: status.code(),
        stdout: String::new(),
        stderr,
    }
}

#[track_caller]
fn assert_refused(home: &HostHome, url: &str, said: &[&str]) {
    let ran = refused(home, url);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    for said in said {
        assert!(
            ran.stderr.contains(said),
            "{said:?} is not in {}",
            ran.stderr
        );
    }
}

fn count(cluster: &Cluster, sql: &str) -> i64 {
    let found = cluster.query(DATABASE, sql).unwrap();
    found[0].as_ref().unwrap().parse().unwrap()
}

/// Publishes an event and waits until it has arrived.
fn arrives(host: &Host, receiver: &Receiver) {
    let before = receiver.count();
    let event = json!({"event": "email.replied", "workspace_id": 1, "data": {"lead_id": 1}});
    host.publish("cleanmails", &event).unwrap();
    wait_for("the arrival", LIMIT, || {
        Ok((receiver.count() > before).then_some(()))
    })
    .unwrap();
}

#[test]
fn a_host_moves_to_a_database_that_it_checks_and_every_connection_is_encrypted() {
    let Some(cluster) = server() else {
        return;
    };
    let authority = Authority::new();
    certified(&cluster, &authority, "localhost");
    cluster.admit(BY_TLS_ALONE).unwrap();
    let home = HostHome::new("").unwrap();
    let roots = file_of(&home, "authority.pem", &authority.pem());
    // The certificate is bound into the proof of the password, too.
    let url = url(
        &cluster,
        "localhost",
        &format!("sslmode=verify-full&channel_binding=require&{roots}"),
    );
    let receiver = Receiver::start();
    let host = home.start().unwrap();
    let endpoint =
        json!({"provider": "cleanmails", "url": receiver.url("/ok/a"), "secret": "a-long-secret"});
    host.create_endpoint(&endpoint).unwrap();
    arrives(&host, &receiver);
    assert!(host.terminate().unwrap().success());
    let file = home.data_dir().join("countersign.db");
    for arguments in [
        &["migrate-store", shown(&file), &*url][..],
        &["keys", "rotate", "--store", &*url],
    ] {
        let ran = home.run(arguments, &[]).unwrap();
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        for output in [&ran.stdout, &ran.stderr] {
            assert!(!output.contains(PASSWORD), "{output}");
        }
    }

    let host = start(&home, &url);
    arrives(&host, &receiver);
    // The one that waits for news is made by other means than the rest.
    let listens = format!("SELECT count(*) {CONNECTIONS} AND query = 'LISTEN countersign'");
    wait_for("the connection that listens", LIMIT, || {
        Ok((count(&cluster, &listens) == 1).then_some(()))
    })
    .unwrap();
    let plain = format!("SELECT count(*) {CONNECTIONS} AND NOT ssl");
    let encrypted = format!("SELECT count(*) {CONNECTIONS} AND ssl AND version = 'TLSv1.3'");
    assert_eq!(count(&cluster, &plain), 0);
    assert!(count(&cluster, &encrypted) >= 3);
    assert!(host.terminate().unwrap().success());
    assert!(!home.log().contains(PASSWORD));
}

#[test]
fn a_server_that_cannot_be_trusted_is_refused_with_what_to_do_about_it() {
    let Some(cluster) = server() else {
        return;
    };
    let [authority, other] = [Authority::new(), Authority::new()];
    let mut home = HostHome::new("").unwrap();
    let roots = file_of(&home, "authority.pem", &authority.pem());
    let others = file_of(&home, "other.pem", &other.pem());
    let none = file_of(&home, "none.pem", "nothing");
    let at = |host: &str, settings: &str| url(&cluster, host, settings);

    let without_tls = ["does not support TLS", "sslmode=prefer"];
    for settings in ["sslmode=require", &format!("sslmode=verify-full&{roots}")] {
        assert_refused(&home, &at("localhost", settings), &without_tls);
    }

    certified(&cluster, &authority, "localhost");
    // As the machine's.
    home.trust(&other.pem()).unwrap();
    for settings in [
        "sslmode=verify-full",
        &format!("sslmode=verify-full&{others}"),
        &format!("sslmode=verify-ca&{others}"),
        &format!("sslmode=require&{others}"),
        &others.to_string(),
    ] {
        let said = ["invalid peer certificate", "sslrootcert=/path"];
        assert_refused(&home, &at("localhost", settings), &said);
    }
    for mode in ["verify-full", "verify-ca"] {
        let settings = format!("sslmode={mode}&{roots}");
        let said = ["not valid for name", "subjectAltName"];
        assert_refused(&home, &at("127.0.0.1", &settings), &said);
    }
    assert_refused(
        &home,
        &at("localhost", &format!("sslmode=verify-full&{none}")),
        &["none.pem", "no certificate of an authority"],
    );
    assert_refused(
        &home,
        &at("localhost", "sslmode=verify-full&sslrootcert=nowhere.pem"),
        &["nowhere.pem"],
    );

    let (expired, key) = authority.client_expired("localhost");
    cluster.certify(&expired, &key).unwrap();
    let settings = format!("sslmode=verify-full&{roots}");
    let said = ["expired", "a new certificate"];
    assert_refused(&home, &at("localhost", &settings), &said);

    // Whoever is let in with TLS alone is not without it.
    cluster.admit(BY_TLS_ALONE).unwrap();
    let said = ["no pg_hba.conf entry", "no encryption"];
    assert_refused(&home, &at("localhost", "sslmode=disable"), &said);
    let wrong = at("localhost", "sslmode=require").replace(PASSWORD, "wrong-horse");
    assert_refused(&home, &wrong, &["password authentication failed"]);
    assert!(!home.log().contains("wrong-horse"));
}

#[test]
fn what_is_not_asked_for_is_not_checked() {
    let Some(cluster) = server() else {
        return;
    };
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let encrypted = |settings: &str, expected: bool| {
        let host = start(&home, &url(&cluster, "127.0.0.1", settings));
        let endpoint = json!({"provider": "cleanmails", "url": receiver.url("/ok/a"), "secret": "a-long-secret"});
        let endpoint = host.create_endpoint(&endpoint).unwrap();
        arrives(&host, &receiver);
        let sql = format!("SELECT count(*) {CONNECTIONS} AND ssl = {}", !expected);
        assert_eq!(count(&cluster, &sql), 0, "{settings}");
        let sql = format!("SELECT count(*) {CONNECTIONS} AND ssl = {expected}");
        assert!(count(&cluster, &sql) > 0, "{settings}");
        host.delete(&format!("/v1/endpoints/{endpoint}")).unwrap();
        assert!(host.terminate().unwrap().success());
    };
    for settings in ["sslmode=prefer", "", "sslmode=disable"] {
        encrypted(settings, false);
    }
    // For another name, of an authority that nobody knows.
    certified(&cluster, &Authority::new(), "db.example.com");
    for settings in ["sslmode=prefer", "", "sslmode=require"] {
        encrypted(settings, true);
    }
    encrypted("sslmode=disable", false);
    assert!(!home.log().contains(PASSWORD));
}
