//! The slim kernel: the vectors of every scheme that it has, and a refusal in plain words for what it leaves out.

use countersign_core::Scheme;
use countersign_kernel::Code;
use countersign_tests::{
    module::{KernelModule, Settings},
    vectors::{self, Vector},
};
use std::path::PathBuf;

fn slim() -> KernelModule {
    let executable = std::env::current_exe().unwrap();
    let target: PathBuf = executable.ancestors().nth(3).unwrap().to_owned();
    KernelModule::load(&target.join("countersign/kernel-slim.wasm")).unwrap()
}

/// The schemes that are not built in: those with public keys, with SHA-1, with a signed address or further headers, with a form
/// or JSON that must be read, and without an HMAC.
const SCHEMES_LEFT_OUT: [&str; 11] = [
    "discord", "hook0", "hubspot", "intercom", "linear", "mailgun", "mandrill", "postmark",
    "sendgrid", "square", "twilio",
];

/// The answer that stands in for a verdict where the scheme, the option or the kind of key is not built in.
fn left_out(scheme: &str, vector: &Vector) -> Option<Code> {
    let option = |name| {
        let value = vector.options.get(name);
        value.map(|value| value.to_string()).unwrap_or_default()
    };
    let algorithm = option("algorithm");
    let template = option("template");
    if SCHEMES_LEFT_OUT.contains(&scheme) {
        return Some(Code::UnknownScheme);
    }
    if !["", "\"sha256\""].contains(&algorithm.as_str())
        || template.contains("{url}")
        || template.contains("{method}")
        || vector.options.contains_key("escape_unicode")
    {
        return Some(Code::UnknownOption);
    }
    is_asymmetric(scheme, vector).then_some(Code::SecretInvalid)
}

fn is_asymmetric(scheme: &str, vector: &Vector) -> bool {
    let mut secrets = vector.secrets.iter();
    ["standard-webhooks", "svix", "resend"].contains(&scheme)
        && secrets.any(|secret| secret.starts_with("whpk_") || secret.starts_with("whsk_"))
}

#[test]
fn every_vector_passes_in_the_slim_kernel_or_is_of_what_it_leaves_out() {
    let mut kernel = slim();
    let (mut passed, mut refused, mut schemes) = (0, 0, 0);
    for (name, file) in vectors::files(&vectors::dir(None)).unwrap() {
        let passed_before = passed;
        for vector in &file.vectors {
            let settings = Settings {
                secrets: vector.secrets.iter().map(String::as_str).collect(),
                tolerance: vector.tolerance,
                options: vector.options().unwrap(),
            };
            let verifier = kernel.verifier(&file.scheme, &settings).unwrap();
            if let Some(code) = left_out(&file.scheme, vector) {
                assert_eq!(verifier, Err(code), "{name} {}", vector.id);
                refused += 1;
                continue;
            }
            let code = match verifier {
                Ok(handle) => {
                    let body = vector.request.body().unwrap();
                    let request = kernel.request(handle, &vector.request(&body)).unwrap();
                    let code = kernel.verify(handle, &request, vector.now).unwrap();
                    kernel.free(handle).unwrap();
                    code
                }
                Err(code) => code,
            };
            assert!(
                vector.expect.allows(code.name()),
                "{name} {}: {}",
                vector.id,
                code.name()
            );
            passed += 1;
        }
        schemes += usize::from(passed > passed_before);
    }
    let known = Scheme::all().filter(|scheme| !SCHEMES_LEFT_OUT.contains(&scheme.name));
    for scheme in known {
        let verifier = kernel.verifier(
            scheme.name,
            &Settings {
                secrets: vec!["c2VjcmV0"],
                ..Settings::default()
            },
        );
        assert_ne!(
            verifier.unwrap(),
            Err(Code::UnknownScheme),
            "{}",
            scheme.name
        );
    }
    println!(
        "slim: {passed} vectors of {schemes} files passed, {refused} are of what it leaves out"
    );
    assert!(passed > 0 && refused > 0);
}

#[test]
fn it_names_its_codes_and_leaves_out_sentences_and_signing() {
    let mut kernel = slim();
    for code in Code::ALL {
        let (name, sentence) = kernel.code_text(*code).unwrap();
        assert_eq!((name.as_str(), sentence), (code.name(), None));
    }
    for export in ["sign", "signer_new"] {
        assert!(!kernel.has(export), "{export}");
    }
    assert!(kernel.has("verifier_answers"));
}
