//! A hostile module in the sandbox.

use super::*;
use crate::rules::pool::Pool;
use std::{sync::Arc, time::Instant};

const LIMITS: Limits = Limits {
    memory_bytes_max: 4 * 1024 * 1024,
    deadline_ms: 50,
};

const HOSTILE: &str = r#"(module
    (memory (export "memory") 1)
    (global $calls (mut i32) (i32.const 0))
    (func (export "count") (result i32)
        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (global.get $calls))
    (func (export "spin") (result i32) (loop (br 0)) (i32.const 0))
    (func (export "eat") (result i32)
        (loop (drop (memory.grow (i32.const 16))) (br 0)) (i32.const 0))
    (func $deep (export "recurse") (result i32) (call $deep))
    (func (export "trap") (result i32) (unreachable)))"#;

fn hostile() -> Arc<Pool<Sandbox>> {
    let engine = Engine::new().unwrap();
    let wasm = wat::parse_str(HOSTILE).unwrap();
    let template = engine.compile("hostile", &wasm, LIMITS).unwrap();
    Pool::new(move || template.instance(), |_| true).unwrap()
}

fn call(pool: &Pool<Sandbox>, name: &str) -> Result<i32, RulesError> {
    pool.with(|sandbox| {
        let function = sandbox.function::<(), i32>(name)?;
        sandbox.call(&function, ())
    })
}

#[test]
fn an_endless_loop_ends_at_its_deadline() {
    let pool = hostile();
    let began = Instant::now();
    assert!(matches!(call(&pool, "spin"), Err(RulesError::Deadline)));
    assert!(began.elapsed() >= Duration::from_millis(40));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn memory_is_bounded_and_deep_recursion_is_a_trap() {
    let pool = hostile();
    assert!(matches!(call(&pool, "eat"), Err(RulesError::Memory)));
    for name in ["recurse", "trap"] {
        let result = call(&pool, name);
        assert!(
            matches!(result, Err(RulesError::Trap(_))),
            "{name}: {result:?}"
        );
    }
}

#[test]
fn after_a_trap_the_next_call_gets_a_new_instance() {
    let pool = hostile();
    assert_eq!(call(&pool, "count").unwrap(), 1);
    assert_eq!(call(&pool, "count").unwrap(), 2);
    call(&pool, "trap").unwrap_err();
    assert_eq!(call(&pool, "count").unwrap(), 1);
}

#[test]
fn a_module_with_imports_is_refused_by_name() {
    let wasm = wat::parse_str(r#"(module (import "env" "clock" (func)))"#).unwrap();
    let engine = Engine::new().unwrap();
    let Err(error) = engine.compile("hostile", &wasm, LIMITS) else {
        panic!("compiled");
    };
    assert!(error.to_string().contains("env.clock"), "{error}");
}

#[test]
fn what_is_no_module_or_lacks_an_export_is_refused() {
    let engine = Engine::new().unwrap();
    assert!(engine.compile("junk", b"\0asm junk", LIMITS).is_err());
    let wasm = wat::parse_str("(module)").unwrap();
    let template = engine.compile("empty", &wasm, LIMITS).unwrap();
    assert!(template.instance().is_err());
    assert!(call(&hostile(), "nothing").is_err());
}

#[test]
fn reads_and_writes_outside_of_memory_are_refused() {
    hostile()
        .with(|sandbox| {
            assert!(sandbox.write(u32::MAX, b"x").is_err());
            assert!(sandbox.read(65_536, 1).is_err());
            assert!(sandbox.read(u32::MAX, u32::MAX).is_err());
            sandbox.write(0, b"abc")?;
            assert_eq!(sandbox.read(1, 2)?, b"bc");
            Ok(())
        })
        .unwrap();
}
