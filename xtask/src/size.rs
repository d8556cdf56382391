//! `cargo xtask size`: what the shipped modules weigh, against their budgets, and where it goes.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;

use anyhow::{Context, Result, bail};
use comfy_table::Table;
use wasmparser::{KnownCustom, Name, Parser, Payload};

use crate::workspace::Workspace;
use crate::{table, wasm};

const KIB: usize = 1024;

/// What has a budget. More than one file are added up, each compressed by itself, as they are loaded.
struct Budget {
    name: &'static str,
    /// In the folder of outputs.
    files: &'static [&'static str],
    /// `None` where only the sum has one.
    gzip_bytes_max: Option<usize>,
}

/// Compressed with gzip, because that is what most servers send. A module that outgrows its budget needs a reason in the
/// commit that raises it.
const BUDGETS: [Budget; 6] = [
    Budget {
        name: "kernel-slim",
        files: &["kernel-slim.wasm"],
        gzip_bytes_max: Some(20 * KIB),
    },
    Budget {
        name: "kernel",
        files: &["kernel.wasm"],
        gzip_bytes_max: Some(88 * KIB),
    },
    Budget {
        name: "toolkit",
        files: &["toolkit/toolkit_bg.wasm"],
        gzip_bytes_max: None,
    },
    Budget {
        name: "events",
        files: &["events/events_bg.wasm"],
        gzip_bytes_max: Some(120 * KIB),
    },
    Budget {
        name: "explain",
        files: &["explain/explain_bg.wasm"],
        gzip_bytes_max: Some(124 * KIB),
    },
    Budget {
        name: "kernel + toolkit",
        files: &["kernel.wasm", "toolkit/toolkit_bg.wasm"],
        gzip_bytes_max: Some(150 * KIB),
    },
];

/// Bytes of a file, or of several.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
struct Weight {
    raw: usize,
    gzip: usize,
    brotli: usize,
}

impl Budget {
    fn is_exceeded(&self, weight: Weight) -> bool {
        self.gzip_bytes_max.is_some_and(|max| weight.gzip > max)
    }
}

/// How many budgets are kept and exceeded.
pub(crate) struct Weighed {
    pub(crate) within: u64,
    pub(crate) over: u64,
}

/// Prints the table; fails when a budget is exceeded. Weighs what is built already: build first.
pub(crate) fn size(workspace: &Workspace) -> Result<()> {
    if weigh(workspace)?.over > 0 {
        bail!("over budget; `cargo xtask size --functions MODULE` says what weighs most");
    }
    Ok(())
}

/// Prints the table.
pub(crate) fn weigh(workspace: &Workspace) -> Result<Weighed> {
    let mut rows = Vec::new();
    for budget in &BUDGETS {
        let mut weight = Weight::default();
        for file in budget.files {
            let path = workspace.outputs().join(file);
            let bytes = fs::read(&path).with_context(|| {
                format!("{} is missing; run `cargo xtask build`", path.display())
            })?;
            weight.add(Weight::of(&bytes)?);
        }
        rows.push((budget, weight));
    }
    println!("{}", summary(&rows));
    let is_over = |(budget, weight): &&(&Budget, Weight)| budget.is_exceeded(*weight);
    let over = rows.iter().filter(is_over).count();
    Ok(Weighed {
        within: (rows.len() - over) as u64,
        over: over as u64,
    })
}

impl Weight {
    fn of(bytes: &[u8]) -> Result<Self> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(bytes)?;
        let mut brotli = Vec::new();
        // Quality 11 and a window of 4 MiB, what static files are compressed with.
        brotli::CompressorWriter::new(&mut brotli, 4096, 11, 22).write_all(bytes)?;
        Ok(Self {
            raw: bytes.len(),
            gzip: gzip.finish()?.len(),
            brotli: brotli.len(),
        })
    }

    fn add(&mut self, other: Self) {
        self.raw += other.raw;
        self.gzip += other.gzip;
        self.brotli += other.brotli;
    }
}

fn summary(rows: &[(&Budget, Weight)]) -> Table {
    let header = ["module", "raw", "gzip", "brotli", "budget (gzip)", "used"];
    let mut table = table::plain(&header, 1..=5);
    for (budget, weight) in rows {
        let (limit, used) = match budget.gzip_bytes_max {
            Some(max) => (max.to_string(), weight.gzip as f64 * 100.0 / max as f64),
            None => ("-".to_owned(), f64::NAN),
        };
        table.add_row([
            budget.name.to_owned(),
            weight.raw.to_string(),
            weight.gzip.to_string(),
            weight.brotli.to_string(),
            limit,
            match budget.is_exceeded(*weight) {
                true => format!("{used:.1} % OVER"),
                false if used.is_nan() => "-".to_owned(),
                false => format!("{used:.1} %"),
            },
        ]);
    }
    table
}

/// Functions that are named one by one.
const FUNCTIONS_SHOWN: usize = 40;

/// Prints bytes of code by crate and by function, of one module or of all that have a budget.
pub(crate) fn functions(workspace: &Workspace, module: Option<&str>) -> Result<()> {
    let known: Vec<_> = wasm::names().collect();
    let chosen = match module {
        Some(name) if known.contains(&name) => vec![name],
        Some(name) => bail!("there is no module {name}; there are {}", known.join(", ")),
        None => known,
    };
    for name in chosen {
        let breakdown = Breakdown::of(&wasm::with_names(workspace, name)?)?;
        println!(
            "\n{name}: {} bytes of code, {} of data",
            breakdown.code, breakdown.data
        );
        println!("{}", breakdown.by_crate());
        println!("{}", breakdown.by_function());
    }
    Ok(())
}

/// What a module is made of.
struct Breakdown {
    code: usize,
    data: usize,
    /// Demangled name and bytes, largest first.
    functions: Vec<(String, usize)>,
}

impl Breakdown {
    fn of(module: &[u8]) -> Result<Self> {
        let (mut code, mut data) = (0, 0);
        let mut imported = 0;
        let mut bodies = Vec::new();
        let mut names: BTreeMap<u32, String> = BTreeMap::new();
        for payload in Parser::new(0).parse_all(module) {
            match payload.context("no valid wasm module")? {
                Payload::ImportSection(section) => imported = imported_functions(section)?,
                Payload::CodeSectionStart { range, .. } => code = range.len(),
                Payload::CodeSectionEntry(body) => bodies.push(body.range().len()),
                Payload::DataSection(section) => data = section.range().len(),
                Payload::CustomSection(section) => {
                    if let KnownCustom::Name(reader) = section.as_known() {
                        for part in reader {
                            read_names(part?, &mut names)?;
                        }
                    }
                }
                _ => {}
            }
        }
        if names.is_empty() {
            bail!("the module holds no names of functions");
        }
        let mut functions: Vec<_> = (imported..)
            .zip(bodies)
            .map(|(index, bytes)| (names.remove(&index).unwrap_or_default(), bytes))
            .collect();
        functions.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        Ok(Self {
            code,
            data,
            functions,
        })
    }

    fn by_crate(&self) -> Table {
        let mut crates: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (name, bytes) in &self.functions {
            let (count, sum) = crates.entry(crate_of(name)).or_default();
            *count += 1;
            *sum += bytes;
        }
        let mut rows: Vec<_> = crates.into_iter().collect();
        rows.sort_by_key(|(_, (_, sum))| std::cmp::Reverse(*sum));
        let mut table = table::plain(&["crate", "bytes", "share", "functions"], 1..=3);
        for (name, (count, sum)) in rows {
            let share = format!("{:.1} %", sum as f64 * 100.0 / self.code as f64);
            table.add_row([name.to_owned(), sum.to_string(), share, count.to_string()]);
        }
        table
    }

    fn by_function(&self) -> Table {
        let mut table = table::plain(&["function", "bytes"], 1..=1);
        for (name, bytes) in self.functions.iter().take(FUNCTIONS_SHOWN) {
            let short: String = name.chars().take(100).collect();
            table.add_row([short, bytes.to_string()]);
        }
        table
    }
}

/// Imported functions come first in the numbering.
fn imported_functions(section: wasmparser::ImportSectionReader<'_>) -> Result<u32> {
    let mut functions = 0;
    for import in section.into_imports() {
        if matches!(import?.ty, wasmparser::TypeRef::Func(_)) {
            functions += 1;
        }
    }
    Ok(functions)
}

fn read_names(part: Name<'_>, names: &mut BTreeMap<u32, String>) -> Result<()> {
    if let Name::Function(functions) = part {
        for naming in functions {
            let naming = naming?;
            names.insert(
                naming.index,
                format!("{:#}", rustc_demangle::demangle(naming.name)),
            );
        }
    }
    Ok(())
}

/// The first crate that a demangled name mentions: the type's own, or the trait's where the type is a parameter.
fn crate_of(name: &str) -> &str {
    let end = name.find("::").unwrap_or(name.len());
    let path = name.get(..end).unwrap_or_default();
    let start = path.rfind(|character: char| !(character.is_alphanumeric() || character == '_'));
    match start {
        Some(at) => path.get(at + 1..).unwrap_or_default(),
        None if end == name.len() => "(no path)",
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_are_read_from_names() {
        for (name, want) in [
            ("sha2::sha256::compress256", "sha2"),
            ("<T as base64ct::encoding::Encoding>::encode", "base64ct"),
            ("<alloc::vec::Vec<T> as core::ops::Drop>::drop", "alloc"),
            ("<&mut core::fmt::Formatter>::pad", "core"),
            ("memcpy", "(no path)"),
        ] {
            assert_eq!(crate_of(name), want, "{name}");
        }
    }

    #[test]
    fn equal_bytes_weigh_the_same_and_compress() {
        let text = "the same over and over, ".repeat(100);
        let weight = Weight::of(text.as_bytes()).expect("a weight");
        assert_eq!(weight.raw, text.len());
        assert!(
            weight.gzip < 100 && weight.brotli < weight.gzip,
            "{weight:?}"
        );
    }

    #[test]
    fn a_budget_that_is_exceeded_is_marked() {
        let budget = |gzip_bytes_max| Budget {
            name: "a",
            files: &[],
            gzip_bytes_max,
        };
        let weight = Weight {
            gzip: 11,
            ..Weight::default()
        };
        for (max, is_over) in [(Some(10), true), (Some(11), false), (None, false)] {
            let budget = budget(max);
            assert_eq!(budget.is_exceeded(weight), is_over);
            let table = summary(&[(&budget, weight)]).to_string();
            assert_eq!(table.contains("OVER"), is_over, "{table}");
        }
    }

    #[test]
    fn a_module_is_taken_apart() {
        // One function of no arguments, its body empty, its name `a::b`.
        let module = [
            b"\0asm\x01\0\0\0".as_slice(),
            b"\x01\x04\x01\x60\0\0",
            b"\x03\x02\x01\0",
            b"\x0a\x04\x01\x02\0\x0b",
            b"\0\x0e\x04name\x01\x07\x01\0\x04a::b",
        ]
        .concat();
        let breakdown = Breakdown::of(&module).expect("a module");
        assert_eq!(breakdown.functions, [("a::b".to_owned(), 2)]);
        assert!(Breakdown::of(module.get(..24).expect("no names")).is_err());
    }
}
