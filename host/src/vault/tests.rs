//! What seals opens again, and nothing else does.

use super::*;
use crate::chance::SystemChance;

const PLACE: Place<'_> = Place {
    field: "endpoint_secrets.sealed",
    owner: "ep_1",
};

fn vault(keys: Vec<Key>) -> Vault {
    Vault::new(keys, Arc::new(SystemChance)).unwrap()
}

fn key() -> Key {
    Key::generate(&SystemChance)
}

fn secret(text: &str) -> SecretText {
    SecretText::new(text.to_owned())
}

#[test]
fn what_was_sealed_opens_and_shows_nothing() {
    let vault = vault(vec![key()]);
    for text in ["", "whsec_abc", "\u{fc}\n\0", &"x".repeat(1024)] {
        let sealed = vault.seal(PLACE, &secret(text)).unwrap();
        assert_eq!(vault.open(PLACE, &sealed).unwrap(), secret(text));
        assert!(text.is_empty() || !sealed.contains(text));
        assert_eq!(key_of(&sealed), vault.key_id());
        assert_ne!(sealed, vault.seal(PLACE, &secret(text)).unwrap());
    }
}

#[test]
fn it_opens_in_its_own_place_only() {
    let vault = vault(vec![key()]);
    let sealed = vault.seal(PLACE, &secret("s")).unwrap();
    for place in [
        Place {
            owner: "ep_2",
            ..PLACE
        },
        Place {
            field: "other",
            ..PLACE
        },
        Place {
            field: "endpoint_secrets.seale",
            owner: "dep_1",
        },
    ] {
        assert_eq!(vault.open(place, &sealed), Err(OpenError::Changed));
    }
}

#[test]
fn a_changed_digit_anywhere_is_noticed() {
    let vault = vault(vec![key()]);
    let sealed = vault.seal(PLACE, &secret("secret")).unwrap();
    for at in 0..sealed.len() {
        let mut bytes = sealed.clone().into_bytes();
        bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(vault.open(PLACE, &changed).is_err(), "digit {at}");
    }
    for cut in ["", "x1", "x1:", "x1:0011223344556677:", &sealed[..40]] {
        assert!(vault.open(PLACE, cut).is_err(), "{cut}");
    }
}

#[test]
fn the_first_key_seals_and_older_ones_still_open() {
    let (old, new) = (key(), key());
    let sealed = vault(vec![old.clone()]).seal(PLACE, &secret("s")).unwrap();
    let both = vault(vec![new.clone(), old.clone()]);
    assert!(both.open(PLACE, &sealed).is_ok());
    assert_eq!(both.key_id(), Some(new.id()));
    let alone = vault(vec![new]);
    assert_eq!(
        alone.open(PLACE, &sealed),
        Err(OpenError::OtherKey(old.id()))
    );
}

#[test]
fn keys_are_read_back_and_do_not_print() {
    let (one, two) = (key(), key());
    let text = format!(
        "# a comment\n{},\n {}\n",
        one.to_text().to_uppercase(),
        *two.to_text()
    );
    let keys = Key::parse_all(&text).unwrap();
    assert_eq!([keys[0].id(), keys[1].id()], [one.id(), two.id()]);
    assert!(!format!("{keys:?}").contains(&one.to_text()[..8]));
    for (wrong, name) in [
        ("", "None"),
        ("# x", "None"),
        ("abc", "Form"),
        (&*"0".repeat(66), "Form"),
    ] {
        let error = Key::parse_all(wrong).unwrap_err();
        assert!(format!("{error:?}").starts_with(name), "{wrong}: {error:?}");
    }
    let many = format!("{} ", *one.to_text()).repeat(17);
    assert!(matches!(Key::parse_all(&many), Err(KeyError::TooMany)));
}

#[test]
fn a_key_file_is_made_once_and_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secrets.key");
    let source = KeySource::File(path.clone());
    let made = source.keys([], &SystemChance).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = source.keys([&made[0].id()], &SystemChance).unwrap();
    assert_eq!(again[0].id(), made[0].id());
}

#[test]
fn a_key_that_is_needed_is_never_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secrets.key");
    let (needed, other) = (key(), key());
    let source = KeySource::File(path.clone());
    let error = source.keys([&needed.id()], &SystemChance).unwrap_err();
    assert!(matches!(error, KeyError::Missing { .. }));
    assert!(!path.exists());
    let given = KeySource::Given(other.to_text());
    let error = given.keys([&needed.id()], &SystemChance).unwrap_err();
    assert!(
        error.to_string().contains(&needed.id().to_string()),
        "{error}"
    );
    assert!(!error.to_string().contains(&**other.to_text()), "{error}");
}
