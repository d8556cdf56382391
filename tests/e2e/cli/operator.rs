//! What an operator asks for, as JSON.

use countersign_tests::host::HostHome;
use serde_json::{Value, json};

#[test]
fn the_operators_commands_have_json_as_well() {
    let home = HostHome::new("").unwrap();
    let json = |arguments: &[&str]| -> Value {
        let ran = home.run(&[arguments, &["--json"]].concat(), &[]).unwrap();
        assert_eq!(ran.code, Some(0), "{arguments:?}: {}", ran.stderr);
        serde_json::from_str(&ran.stdout).unwrap()
    };
    let bare = |arguments: &[&str]| {
        home.run_bare(&[arguments, &["--json"]].concat(), &[])
            .unwrap()
    };
    let host = home.start().unwrap();
    let shown = json(&["core", "show"]);
    assert_eq!(
        (&shown["guest_file"], &shown["kept_at_restart"]),
        (&Value::Null, &true.into())
    );
    let version: Value = serde_json::from_str(&bare(&["version"]).stdout).unwrap();
    assert_eq!(version, host.get("/v1/version").unwrap().json);
    assert_eq!(shown["kernel_sha256"], version["kernel_sha256"]);
    let copy = home.data_dir().join("copy.db");
    let backup = json(&["backup", copy.to_str().unwrap()]);
    assert_eq!(backup["bytes"], std::fs::metadata(&copy).unwrap().len());
    assert_eq!(json(&["check"]), json!({"sound": true, "findings": []}));
    drop(host);
    let rotated = json(&["keys", "rotate"]);
    assert!(rotated["key_id"].is_string() && rotated["keys"].is_string());

    let key: Value = serde_json::from_str(&bare(&["keys", "new"]).stdout).unwrap();
    assert_eq!(key["key"].as_str().unwrap().len(), 64);
    let defaults: Value = serde_json::from_str(&bare(&["config"]).stdout).unwrap();
    assert_eq!(defaults["api"]["listen"], "127.0.0.1:8700");
    let path = home.config_path();
    let file = path.to_str().unwrap();
    let checked = home
        .run_bare(
            &["config", "--check", file, "--json"],
            &[("COUNTERSIGN_NO_SUCH", "1"), ("COUNTERSIGN_SECRET", "s")],
        )
        .unwrap();
    let checked: Value = serde_json::from_str(&checked.stdout).unwrap();
    assert_eq!(
        checked,
        json!({"file": file, "usable": true, "ignored_variables": ["COUNTERSIGN_NO_SUCH"], "warnings": []})
    );
    home.configure("[api]\nlisten = 7").unwrap();
    let wrong = bare(&["config", "--check", file]);
    let error: Value = serde_json::from_str(&wrong.stderr).unwrap();
    assert_eq!(
        (wrong.code, &error["error"]["code"]),
        (Some(2), &"config".into())
    );
}
