//! What is committed of the API's description, and what is generated from it, is what the code says.
//!
//! `COUNTERSIGN_BLESS=1 cargo test --release -p countersign-tests --test openapi` writes the files; read their difference.

use countersign_tests::clients;
use std::path::Path;

const DOCUMENT: &str = "docs/openapi.json";
const RUST: &str = "client/src/calls.rs";
const TYPESCRIPT: &str = "npm/src/client/operations.ts";
/// Written by hand, but for the list of operations.
const MANUAL: &str = "docs/API.md";

#[test]
fn the_description_both_clients_and_the_manual_are_those_of_the_code() {
    let document = countersign_host::api::openapi();
    let mut json = serde_json::to_string_pretty(&document).unwrap();
    json.push('\n');
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let manual = std::fs::read_to_string(root.join(MANUAL)).unwrap();
    let manual = clients::with_operations(&manual, &document)
        .expect("docs/API.md has a place for the operations");
    let bless = std::env::var_os("COUNTERSIGN_BLESS").is_some();
    for (file, text) in [
        (DOCUMENT, json),
        (RUST, clients::rust(&document).unwrap()),
        (TYPESCRIPT, clients::typescript(&document)),
        (MANUAL, manual),
    ] {
        let path = root.join(file);
        if bless {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == text,
            "{file} is not what the code says; COUNTERSIGN_BLESS=1 cargo test --release -p countersign-tests --test openapi writes it"
        );
    }
}
