//! The calls of the Rust client. Its types are those of the host.

use super::{Answer, Operation, operations, referred};
use anyhow::{Context, bail};
use serde_json::Value;
use std::{
    fmt::Write as _,
    io::Write as _,
    process::{Command, Stdio},
};

const HEAD: &str = "//! The calls of the API, one for each operation. Generated from `docs/openapi.json`, which says more of each; do not change it\n\
    //! by hand.\n\nuse crate::{Call, Error, call::{bytes, json, nothing}, types};\n";

/// The text of `client/src/calls.rs`.
pub fn rust(document: &Value) -> anyhow::Result<String> {
    let mut text = HEAD.to_owned();
    for operation in operations(document) {
        write(&mut text, &operation)?;
    }
    formatted(&text)
}

fn write(text: &mut String, operation: &Operation<'_>) -> anyhow::Result<()> {
    let (answer, reader) = match &operation.answer {
        Answer::Nothing => ("()".to_owned(), "nothing"),
        Answer::Json(name) => (format!("types::{name}"), "json"),
        Answer::Bytes => ("Vec<u8>".to_owned(), "bytes"),
    };
    let mut arguments: Vec<String> = Vec::new();
    for name in &operation.path_parameters {
        arguments.push(format!("{name}: &str"));
    }
    let mut chain = String::new();
    if let Some((name, _)) = &operation.query {
        arguments.push(format!("query: &types::{name}"));
        chain += ".query(query)";
    }
    if let Some((schema, _)) = operation.body {
        let name = referred(schema).context("a body has a schema with a name")?;
        arguments.push(format!("body: &types::{name}"));
        chain += ".body(body)";
    }
    let fails = !chain.is_empty();
    let returned = match fails {
        true => format!("Result<Call<{answer}>, Error>"),
        false => format!("Call<{answer}>"),
    };
    let path = operation.path.trim_start_matches("/v1/").split('/');
    let parts = path.map(|part| match part.strip_prefix('{') {
        Some(name) => name.trim_end_matches('}').to_owned(),
        None => format!("\"{part}\""),
    });
    let parts = parts.collect::<Vec<_>>().join(", ");
    let errors = match fails {
        true => "///\n/// # Errors\n/// [`Error::Request`]\n",
        false => "",
    };
    writeln!(
        text,
        "\n/// {summary}\n{errors}pub fn {id}({arguments}) -> {returned} {{ Call::new(\"{method}\", &[{parts}], {reader}){chain} }}",
        summary = operation.summary,
        id = operation.id,
        arguments = arguments.join(", "),
        method = operation.method,
    )?;
    Ok(())
}

/// As `cargo fmt` has it.
fn formatted(text: &str) -> anyhow::Result<String> {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("rustfmt is part of every toolchain")?;
    let mut input = rustfmt.stdin.take().context("stdin is piped")?;
    input.write_all(text.as_bytes())?;
    drop(input);
    let output = rustfmt.wait_with_output()?;
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout)?),
        false => bail!("rustfmt refuses what was generated:\n{text}"),
    }
}
