//! Settings that change while the program runs.

use super::{Config, ConfigError, Sources, Wrong, load::Settings};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// The settings in force. Whoever needs one asks for it each time, or watches for changes.
pub struct LiveConfig {
    sources: Sources,
    in_force: Mutex<Settings>,
    sender: watch::Sender<Arc<Config>>,
}

/// What a reload did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Settings that are in force now.
    pub changed: Vec<String>,
    /// Settings that differ and are taken up by the next start only.
    pub after_restart: Vec<String>,
}

impl LiveConfig {
    /// Reads and checks the settings. Also returns environment variables that look like settings and are none.
    ///
    /// # Errors
    /// [`ConfigError`]
    pub fn load(sources: Sources) -> Result<(Self, Vec<String>), ConfigError> {
        let (settings, strangers) = Settings::collect(&sources)?;
        let config = settings.config()?;
        let live = Self {
            sources,
            in_force: Mutex::new(settings),
            sender: watch::Sender::new(Arc::new(config)),
        };
        Ok((live, strangers))
    }

    /// The settings in force.
    pub fn current(&self) -> Arc<Config> {
        Arc::clone(&self.sender.borrow())
    }

    /// The settings in force, and whether they have changed since they were last looked at.
    pub fn watch(&self) -> watch::Receiver<Arc<Config>> {
        self.sender.subscribe()
    }

    /// The error, with where the setting in force comes from.
    pub fn located(&self, wrong: Wrong) -> ConfigError {
        let in_force = self.in_force.lock().unwrap_or_else(PoisonError::into_inner);
        in_force.located(wrong)
    }

    /// Reads the file again and puts in force what can change at run time. `prepare` makes of the new settings what is to be put
    /// in place with them, such as what a file holds that they name.
    ///
    /// # Errors
    /// [`ConfigError`], also of `prepare`; nothing has changed then.
    pub fn reload<T>(
        &self,
        prepare: impl FnOnce(&Config) -> Result<T, Wrong>,
    ) -> Result<(Reloaded, T), ConfigError> {
        let (new, _) = Settings::collect(&self.sources.read_again()?)?;
        // As a whole it must be sound, too: the next start would refuse it.
        new.config()?;
        let mut in_force = self.in_force.lock().unwrap_or_else(PoisonError::into_inner);
        let mut merged = in_force.clone();
        let (changed, after_restart) = merged.take_over(&new, Config::changes_while_running);
        let config = merged.config()?;
        let prepared = prepare(&config).map_err(|wrong| merged.located(wrong))?;
        *in_force = merged;
        self.sender.send_replace(Arc::new(config));
        let reloaded = Reloaded {
            changed,
            after_restart,
        };
        Ok((reloaded, prepared))
    }
}
