//! `docs/CONVERSIONS.md`.

use super::{Fate, Passages, fields, full, passages, there_and_back, types, without};
use countersign_core::{
    event::{Event, Source},
    provider::Provider,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

/// Which fields a source's events carry, by type.
type Carried = BTreeMap<String, BTreeSet<String>>;

const INTRODUCTION: &str = "# Conversions

What survives when a normalised event becomes the body of a provider's delivery and is read again. Generated: a full event of
every type goes there and back. `COUNTERSIGN_BLESS=1 cargo test --release -p countersign-tests --test conversions` writes this
file anew; without the variable the same test compares it.

`type` always comes back. `provider` and `provider_event` become those of the new provider, `original` its body, `dedupe` its id
of repeats, if it has one.
";

/// The whole document.
///
/// # Errors
/// A full event did not make the way.
pub fn document(samples: &[Event]) -> anyhow::Result<String> {
    let mut all = Vec::new();
    for provider in Provider::ALL {
        all.push((provider, passages(provider)?));
    }
    let mut text = INTRODUCTION.to_owned();
    event_types(&mut text, &all)?;
    required(&mut text, &all)?;
    field_table(&mut text, &all)?;
    pairs(&mut text, &all, samples)?;
    Ok(text)
}

fn header(text: &mut String, first: &str, all: &[(Provider, Passages)]) -> std::fmt::Result {
    let names: Vec<_> = all.iter().map(|(provider, _)| provider.name()).collect();
    writeln!(text, "| {first} | {} |", names.join(" | "))?;
    writeln!(text, "|{}", " --- |".repeat(names.len() + 1))
}

fn event_types(text: &mut String, all: &[(Provider, Passages)]) -> std::fmt::Result {
    text.push_str("\n## Event types\n\nThe provider's own name; `-` where it has none and rendering is refused. Types that are not listed are expressible nowhere.\n\n");
    header(text, "type", all)?;
    for event_type in types() {
        let names: Vec<_> = all
            .iter()
            .map(|(_, passages)| match passages.get(&event_type) {
                Some(passage) => format!("`{}`", passage.name),
                None => "-".to_owned(),
            })
            .collect();
        writeln!(text, "| `{event_type}` | {} |", names.join(" | "))?;
    }
    Ok(())
}

fn required(text: &mut String, all: &[(Provider, Passages)]) -> std::fmt::Result {
    text.push_str("\n## Required fields\n\nWithout one of these, rendering is refused and names it.\n\n| provider | fields |\n| --- | --- |\n");
    for (provider, passages) in all {
        let names = list(required_by(passages).iter());
        writeln!(text, "| {} | {names} |", provider.name())?;
    }
    Ok(())
}

fn required_by(passages: &Passages) -> BTreeSet<String> {
    let required = passages.values().flat_map(|passage| &passage.required);
    required.cloned().collect()
}

fn field_table(text: &mut String, all: &[(Provider, Passages)]) -> std::fmt::Result {
    text.push_str(
        "\n## Fields\n\n\"yes\" is said of all types that the provider can express; where only some keep the field, they are named. \"Filled\": \
         where the field was absent, it comes back with what another field said.\n\n",
    );
    header(text, "field", all)?;
    for field in fields(&full("email.sent")).keys() {
        let cells: Vec<_> = all
            .iter()
            .map(|(_, passages)| cell(passages, field))
            .collect();
        writeln!(text, "| `{field}` | {} |", cells.join(" | "))?;
    }
    Ok(())
}

/// What becomes of a field, over all types: each fate with the types that it is said of.
fn cell(passages: &Passages, field: &str) -> String {
    let mut fates: Vec<(String, BTreeSet<&String>)> = Vec::new();
    for (event_type, passage) in passages {
        let words = match passage.fates.get(field) {
            Some(Fate::Kept) => "yes".to_owned(),
            Some(Fate::KeptOrFilled) => "yes; filled".to_owned(),
            Some(Fate::Changed { from, to }) => format!("changed: `{from}` to `{to}`"),
            Some(Fate::Lost) | None => continue,
        };
        match fates.iter_mut().find(|(known, _)| *known == words) {
            Some((_, types)) => {
                types.insert(event_type);
            }
            None => fates.push((words, BTreeSet::from([event_type]))),
        }
    }
    if fates.is_empty() {
        return "no".to_owned();
    }
    let said = fates.into_iter().map(|(words, types)| {
        let left_out = passages.keys().filter(|name| !types.contains(name));
        match (left_out.clone().count(), types.len()) {
            (0, _) => words,
            (out, within) if out < within => format!("{words}, but not {}", list(left_out)),
            _ => format!("{words}, of {}", list(types.into_iter())),
        }
    });
    said.collect::<Vec<_>>().join("; ")
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let quoted: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    match quoted.is_empty() {
        true => "-".to_owned(),
        false => quoted.join(", "),
    }
}

fn pairs(text: &mut String, all: &[(Provider, Passages)], samples: &[Event]) -> anyhow::Result<()> {
    text.push_str(
        "\n## From one provider to another\n\nOf a source that is also sent for, it is known what its bodies can carry: what survives above. Of the others, \
         it is what the samples in `tests/inbound` carry. \"Moved\": not there any more, but what it said is found in another field. \
         \"To supply\": required, but not carried by every type.\n",
    );
    for source in Source::ALL {
        let own = all
            .iter()
            .find(|(provider, _)| source == Source::from(*provider));
        let carried = match own {
            Some((_, passages)) => carried_by(passages),
            None => carried_in(samples, source),
        };
        write!(
            text,
            "\n### From {}\n\n| to | types lost | fields lost | moved | to supply |\n| --- | --- | --- | --- | --- |\n",
            source.name()
        )?;
        for (provider, passages) in all {
            if source != Source::from(*provider) {
                let row = pair(&carried, *provider, passages)?;
                writeln!(text, "| {} | {row} |", provider.name())?;
            }
        }
    }
    Ok(())
}

fn carried_by(passages: &Passages) -> Carried {
    let kept = |(event_type, passage): (&String, &super::Passage)| {
        let fields = passage
            .fates
            .iter()
            .filter(|(_, fate)| **fate != Fate::Lost);
        let fields = fields.map(|(field, _)| field.clone()).collect();
        (event_type.clone(), fields)
    };
    passages.iter().map(kept).collect()
}

fn carried_in(samples: &[Event], source: Source) -> Carried {
    let mut carried = Carried::new();
    for event in samples.iter().filter(|event| event.provider == source) {
        let known = carried
            .entry(event.event_type.as_str().to_owned())
            .or_default();
        known.extend(fields(event).into_keys());
    }
    carried
}

/// One row: what happens to events that know what the source's events carry, found out by sending them there and back.
fn pair(carried: &Carried, provider: Provider, passages: &Passages) -> anyhow::Result<String> {
    let types_lost = carried.keys().filter(|name| !passages.contains_key(*name));
    let (mut lost, mut moved, mut to_supply) = <(BTreeSet<_>, BTreeSet<_>, BTreeSet<_>)>::default();
    for (event_type, known) in carried {
        let Some(passage) = passages.get(event_type) else {
            continue;
        };
        to_supply.extend(passage.required.difference(known));
        let mut event = full(event_type);
        for field in fields(&event).keys() {
            if !known.contains(field) && !passage.required.contains(field) {
                event = without(&event, field)?;
            }
        }
        let after = fields(&there_and_back(&event, provider)?);
        for (field, value) in fields(&event) {
            if after.contains_key(&field) || !known.contains(&field) {
                continue;
            }
            match after.iter().find(|(_, place)| holds(place, &value)) {
                Some((place, _)) => moved.insert((field, place.clone())),
                None => lost.insert(field),
            };
        }
    }
    let ways = moved
        .iter()
        .map(|(field, place)| format!("`{field}` to `{place}`"));
    let moved = match moved.is_empty() {
        true => "-".to_owned(),
        false => ways.collect::<Vec<_>>().join(", "),
    };
    Ok(format!(
        "{} | {} | {moved} | {}",
        list(types_lost),
        list(lost.iter()),
        list(to_supply.into_iter())
    ))
}

/// Whether a field holds what another one said: the same text, one word of it, or the first of a list.
fn holds(place: &Value, value: &Value) -> bool {
    let text = match value {
        Value::Array(items) => items.first().and_then(Value::as_str),
        value => value.as_str(),
    };
    let (Some(text), Some(place)) = (text, one(place)) else {
        return false;
    };
    place == text || place.split(' ').any(|word| word == text)
}

fn one(place: &Value) -> Option<&str> {
    match place {
        Value::Array(items) => items.first()?.as_str(),
        place => place.as_str(),
    }
}
