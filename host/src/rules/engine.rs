//! The sandbox: modules without imports, a deadline and a memory limit for every call, and a new instance after any trap.

use super::RulesError;
use std::{thread, time::Duration};
use wasmtime::{
    Config, Instance, Memory, Module, ResourceLimiter, Store, Trap, TypedFunc, WasmParams,
    WasmResults,
};

/// How often deadlines are looked at. Short against the deadline, long against the work of a tick.
const TICK: Duration = Duration::from_millis(10);

/// What one call may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Linear memory of an instance, in bytes.
    pub memory_bytes_max: usize,
    /// Time of one call, in milliseconds. Measured by the ticker, so one tick more or less.
    pub deadline_ms: u64,
}

/// The WebAssembly engine with its ticker.
#[derive(Clone)]
pub struct Engine(wasmtime::Engine);

impl Engine {
    /// An engine. Its ticker thread ends with it.
    ///
    /// # Errors
    /// [`RulesError::Module`] when this machine cannot run the engine.
    pub fn new() -> Result<Self, RulesError> {
        let mut config = Config::new();
        config.epoch_interruption(true);
        let engine = wasmtime::Engine::new(&config).map_err(|error| unusable("engine", &error))?;
        let weak = engine.weak();
        thread::Builder::new()
            .name("rules-ticker".to_owned())
            .spawn(move || {
                loop {
                    thread::sleep(TICK);
                    match weak.upgrade() {
                        Some(engine) => engine.increment_epoch(),
                        None => return,
                    }
                }
            })
            .map_err(|error| RulesError::Module {
                module: "engine",
                problem: error.to_string(),
            })?;
        Ok(Self(engine))
    }

    /// Compiles a module. One that imports anything is refused.
    ///
    /// # Errors
    /// [`RulesError::Module`]
    pub fn compile(
        &self,
        name: &'static str,
        wasm: &[u8],
        limits: Limits,
    ) -> Result<Template, RulesError> {
        let module = Module::new(&self.0, wasm).map_err(|error| unusable(name, &error))?;
        if let Some(import) = module.imports().next() {
            return Err(RulesError::Module {
                module: name,
                problem: format!("it imports {}.{}", import.module(), import.name()),
            });
        }
        Ok(Template {
            name,
            module,
            limits,
        })
    }
}

/// A compiled module, of which instances are made.
#[derive(Clone)]
pub struct Template {
    name: &'static str,
    module: Module,
    limits: Limits,
}

impl Template {
    /// A new instance.
    ///
    /// # Errors
    /// [`RulesError::Module`]
    pub fn instance(&self) -> Result<Sandbox, RulesError> {
        let limiter = Limiter {
            memory_bytes_max: self.limits.memory_bytes_max,
            memory_refused: false,
        };
        let mut store = Store::new(self.module.engine(), limiter);
        store.limiter(|limiter| limiter);
        store.set_epoch_deadline(self.deadline_ticks());
        let instance = Instance::new(&mut store, &self.module, &[])
            .map_err(|error| unusable(self.name, &error))?;
        let memory = instance.get_memory(&mut store, "memory");
        Ok(Sandbox {
            name: self.name,
            deadline_ticks: self.deadline_ticks(),
            memory: memory.ok_or_else(|| missing(self.name, "memory"))?,
            instance,
            store,
        })
    }

    fn deadline_ticks(&self) -> u64 {
        let tick_ms = u64::try_from(TICK.as_millis()).unwrap_or(1);
        self.limits.deadline_ms.div_ceil(tick_ms).saturating_add(1)
    }
}

/// Refuses what goes beyond the limits, and remembers it.
struct Limiter {
    memory_bytes_max: usize,
    memory_refused: bool,
}

/// Most entries of a table: functions that are called indirectly.
const TABLE_ENTRIES_MAX: usize = 10_000;

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.memory_bytes_max {
            self.memory_refused = true;
            // A trap: a module that is told no may try again for ever.
            wasmtime::bail!("the memory limit is reached");
        }
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ENTRIES_MAX)
    }

    fn instances(&self) -> usize {
        1
    }

    fn memories(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        4
    }
}

/// An instance with its own memory.
pub struct Sandbox {
    name: &'static str,
    store: Store<Limiter>,
    instance: Instance,
    memory: Memory,
    deadline_ticks: u64,
}

impl Sandbox {
    /// The exported function `name`.
    ///
    /// # Errors
    /// [`RulesError::Module`] when there is none of this type.
    pub fn function<P: WasmParams, R: WasmResults>(
        &mut self,
        name: &str,
    ) -> Result<TypedFunc<P, R>, RulesError> {
        self.instance
            .get_typed_func(&mut self.store, name)
            .map_err(|_| missing(self.name, name))
    }

    /// Calls a function within the limits. After an error the instance must not be used again; [`Pool`] sees to that.
    ///
    /// # Errors
    /// [`RulesError::Deadline`], [`RulesError::Memory`], [`RulesError::Trap`]
    pub fn call<P: WasmParams, R: WasmResults>(
        &mut self,
        function: &TypedFunc<P, R>,
        arguments: P,
    ) -> Result<R, RulesError> {
        self.store.set_epoch_deadline(self.deadline_ticks);
        let called = function.call(&mut self.store, arguments);
        called.map_err(|error| match error.downcast_ref::<Trap>() {
            _ if self.store.data().memory_refused => RulesError::Memory,
            Some(Trap::Interrupt) => RulesError::Deadline,
            Some(trap) => RulesError::Trap(trap.to_string()),
            None => RulesError::Trap(error.root_cause().to_string()),
        })
    }

    /// Size of its linear memory.
    pub fn memory_bytes(&self) -> usize {
        self.memory.data_size(&self.store)
    }

    /// Writes into linear memory.
    ///
    /// # Errors
    /// [`RulesError::Answer`] when the place is outside.
    pub fn write(&mut self, place: u32, bytes: &[u8]) -> Result<(), RulesError> {
        self.memory
            .write(&mut self.store, place as usize, bytes)
            .map_err(|_| RulesError::Answer("its input is outside of its memory"))
    }

    /// Reads linear memory.
    ///
    /// # Errors
    /// [`RulesError::Answer`] when the place is outside.
    pub fn read(&self, place: u32, length: u32) -> Result<&[u8], RulesError> {
        let start = place as usize;
        let end = start.checked_add(length as usize);
        end.and_then(|end| self.memory.data(&self.store).get(start..end))
            .ok_or(RulesError::Answer("its output is outside of its memory"))
    }
}

fn unusable(module: &'static str, error: &wasmtime::Error) -> RulesError {
    RulesError::Module {
        module,
        problem: format!("{error:#}"),
    }
}

fn missing(module: &'static str, export: &str) -> RulesError {
    RulesError::Module {
        module,
        problem: format!("it has no export `{export}` of the right type"),
    }
}

#[cfg(test)]
mod tests;
