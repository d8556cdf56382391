//! Takes out the texts of panics. A panic in these modules is a trap, and nobody reads what it would say; but the compiler
//! leaves the code that words it, with formatting and Unicode tables behind it.
//!
//! What never returns and is only there to panic becomes the trap that it ends in. That changes no behaviour: these
//! functions write nothing that anybody can read before they trap. In a module that formats nothing else, formatting goes
//! too; that it does not is checked, not assumed.

use std::collections::HashSet;
use std::ops::Range;

use anyhow::{Context, Result, bail};
use walrus::ir::Value;
use walrus::ir::{Call, RefFunc, ReturnCall, Visitor, dfs_in_order};
use walrus::{
    ConstExpr, DataKind, FunctionBuilder, FunctionId, FunctionKind, Module, ModuleConfig, passes,
};

/// Beginnings of the names of functions that only panic.
const PANICS: [&str; 11] = [
    "core::panicking::",
    "core::option::expect_failed",
    "core::option::unwrap_failed",
    "core::result::unwrap_failed",
    "core::cell::panic_",
    "core::slice::index::slice_",
    "core::slice::copy_from_slice_impl::len_mismatch_fail",
    "core::str::slice_error_fail",
    "alloc::raw_vec::capacity_overflow",
    "alloc::raw_vec::handle_error",
    "alloc::alloc::handle_alloc_error",
];

/// The module without texts of panics. `formats` says whether it formats for other reasons too.
pub(super) fn without_texts(module: &[u8], formats: bool) -> Result<Vec<u8>> {
    let mut config = ModuleConfig::new();
    config.generate_producers_section(false);
    let mut module = config
        .parse(module)
        .context("the compiler wrote no valid wasm module")?;
    let panics = chosen(&module, |name, returns| !returns && is_panic(name));
    if panics.is_empty() {
        bail!(
            "no function of the module is known to panic only; are its names stripped, or do they have another form?"
        );
    }
    replace_with_traps(&mut module, &panics);
    passes::gc::run(&mut module);
    if !formats {
        let formatting = chosen(&module, |name, _| is_formatting(name));
        if let Some((caller, callee)) = call_into(&module, &formatting) {
            bail!(
                "{caller} calls {callee}: this module is meant to format nothing; write the text without `format!`, `write!` and `to_string`"
            );
        }
        replace_with_traps(&mut module, &formatting);
        passes::gc::run(&mut module);
        blank_places(&mut module);
    }
    Ok(module.emit_wasm())
}

fn is_panic(name: &str) -> bool {
    PANICS.iter().any(|beginning| name.starts_with(beginning))
}

fn is_formatting(name: &str) -> bool {
    name.starts_with("core::fmt::")
        || name.starts_with("<core::fmt::")
        || name.contains(" as core::fmt::")
        || name.starts_with("alloc::fmt::")
}

/// The functions of the module itself whose demangled name and whose returning or not is as wanted.
fn chosen(module: &Module, wanted: impl Fn(&str, bool) -> bool) -> HashSet<FunctionId> {
    let named = module.funcs.iter_local().filter(|(id, local)| {
        let returns = !module.types.get(local.ty()).results().is_empty();
        wanted(&name(module, *id), returns)
    });
    named.map(|(id, _)| id).collect()
}

/// Without the hash at its end. Empty for a function without a name.
fn name(module: &Module, id: FunctionId) -> String {
    let mangled = module.funcs.get(id).name.as_deref().unwrap_or_default();
    format!("{:#}", rustc_demangle::demangle(mangled))
}

fn replace_with_traps(module: &mut Module, functions: &HashSet<FunctionId>) {
    for id in functions {
        let local = module.funcs.get(*id).kind.unwrap_local();
        let (ty, args) = (local.ty(), local.args.clone());
        let (params, results) = module.types.params_results(ty);
        let (params, results) = (params.to_vec(), results.to_vec());
        let mut builder = FunctionBuilder::new(&mut module.types, &params, &results);
        builder.func_body().unreachable();
        module.funcs.get_mut(*id).kind = FunctionKind::Local(builder.local_func(args));
    }
}

/// Bytes of a `core::panic::Location` in wasm32: pointer and length of the file's name, line and column.
const PLACE_BYTES: usize = 16;
const WORD_BYTES: usize = 4;
/// Longest name of a source file that is looked for.
const NAME_BYTES_MAX: usize = 256;

/// Makes zeros of the places in the sources that panics would have named, and of the names of these files: nothing reads them
/// any more, and zeros weigh nothing when compressed.
fn blank_places(module: &mut Module) {
    let segments: Vec<_> = module.data.iter().map(|data| data.id()).collect();
    for id in segments {
        let data = module.data.get_mut(id);
        let DataKind::Active {
            offset: ConstExpr::Value(Value::I32(start)),
            ..
        } = data.kind
        else {
            continue;
        };
        let blank: Vec<_> = places(&data.value, start.cast_unsigned() as usize).collect();
        for range in blank.into_iter().flatten() {
            if let Some(bytes) = data.value.get_mut(range) {
                bytes.fill(0);
            }
        }
    }
}

/// Where the places stand, and the names that they point to, in a segment that is loaded at `start`.
fn places(segment: &[u8], start: usize) -> impl Iterator<Item = [Range<usize>; 2]> {
    let words = (0..segment.len()).step_by(WORD_BYTES);
    words.filter_map(move |at| {
        let pointer = word(segment, at)?.checked_sub(start)?;
        let length = word(segment, at + WORD_BYTES)?;
        let name = pointer..pointer.checked_add(length)?;
        let text = std::str::from_utf8(segment.get(name.clone())?).ok()?;
        let is_file = length <= NAME_BYTES_MAX && text.contains('/') && text.ends_with(".rs");
        is_file.then_some([at..at + PLACE_BYTES, name])
    })
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    let word = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*word) as usize)
}

/// A direct call, or a reference in code, from outside of these functions into them.
fn call_into(module: &Module, functions: &HashSet<FunctionId>) -> Option<(String, String)> {
    for (id, local) in module.funcs.iter_local() {
        if functions.contains(&id) {
            continue;
        }
        let mut calls = Calls {
            functions,
            found: None,
        };
        dfs_in_order(&mut calls, local, local.entry_block());
        if let Some(callee) = calls.found {
            return Some((name(module, id), name(module, callee)));
        }
    }
    None
}

struct Calls<'a> {
    functions: &'a HashSet<FunctionId>,
    found: Option<FunctionId>,
}

impl Calls<'_> {
    fn see(&mut self, callee: FunctionId) {
        if self.functions.contains(&callee) {
            self.found = Some(callee);
        }
    }
}

impl Visitor<'_> for Calls<'_> {
    fn visit_call(&mut self, call: &Call) {
        self.see(call.func);
    }

    fn visit_return_call(&mut self, call: &ReturnCall) {
        self.see(call.func);
    }

    fn visit_ref_func(&mut self, reference: &RefFunc) {
        self.see(reference.func);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Loaded at this address.
    const START: usize = 1024;

    fn segment(name: &str, pointer: usize, length: usize) -> Vec<u8> {
        let mut segment = vec![7; 8];
        for word in [pointer, length, 12, 34] {
            segment.extend((word as u32).to_le_bytes());
        }
        segment.extend(name.bytes());
        segment.extend(b"data of ours");
        segment
    }

    #[test]
    fn a_place_and_the_name_it_points_to_are_found() {
        let name = "core/src/signature.rs";
        let found: Vec<_> = places(&segment(name, START + 24, name.len()), START).collect();
        assert_eq!(found, [[8..24, 24..24 + name.len()]]);
    }

    #[test]
    fn what_points_elsewhere_is_left_alone() {
        let name = "core/src/signature.rs";
        for (text, pointer, length) in [
            ("no name of a file at all", START + 24, 12),
            (name, 24, name.len()),
            (name, START + 24, name.len() + 4),
            (name, START + 4000, name.len()),
            (name, START + 24, usize::MAX),
            ("signature.rs", START + 24, 12),
        ] {
            assert_eq!(places(&segment(text, pointer, length), START).count(), 0);
        }
    }
}
