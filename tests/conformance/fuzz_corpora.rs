//! The corpora of the fuzz targets, each file once through its target, without a fuzzer and on any compiler.

use countersign_fuzz::TARGETS;
use std::path::Path;

#[test]
fn every_target_holds_over_its_corpus() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for target in TARGETS {
        let mut files = 0;
        for entry in std::fs::read_dir(corpora.join(target.name)).unwrap() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            (target.run)(&std::fs::read(&path).unwrap());
            files += 1;
        }
        assert!(files > 0, "the corpus of {} is empty", target.name);
        println!("{}: {files} files", target.name);
    }
}

#[test]
fn every_corpus_has_its_target() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for entry in std::fs::read_dir(corpora).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(TARGETS.iter().any(|target| target.name == name), "{name}");
    }
}

#[test]
fn every_target_has_its_fuzzer() {
    let manifest = include_str!("../../fuzz/Cargo.toml");
    for target in TARGETS {
        let bin = format!("path = \"fuzz_targets/{}.rs\"", target.name);
        assert!(manifest.contains(&bin), "{bin}");
    }
}
