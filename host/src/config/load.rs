//! Reading settings: the defaults, a file, the environment and flags, one over the other.

use super::{Config, DEFAULTS, ENV_PREFIX, Wrong, inbound};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
};
use toml::{Table, Value, de::DeTable};

/// Variables with the prefix that are no settings: of the command line and of the build.
const ENV_OTHER: [&str; 3] = [
    "COUNTERSIGN_CONFIG",
    "COUNTERSIGN_STORE",
    "COUNTERSIGN_WASM_DIR",
];

/// Where a value comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Origin {
    /// The defaults.
    #[default]
    Default,
    /// A line of the file, from 1.
    File { path: PathBuf, line: usize },
    /// A variable of the environment.
    Variable(String),
    /// A flag of the command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => Ok(()),
            Self::File { path, line } => write!(f, "{}:{line}: ", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}: "),
            Self::Flag => f.write_str("command line: "),
        }
    }
}

/// A setting that cannot be used. The operator's mistake.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {source}")]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The file is not TOML. Its text is not repeated: it may hold a token.
    #[error("{at}not TOML: {problem}")]
    Syntax { at: Origin, problem: String },
    /// No setting of this name.
    #[error("{at}there is no setting `{key}`{}; `countersign config` prints all of them", did_you_mean(.nearest))]
    UnknownKey {
        at: Origin,
        key: String,
        nearest: Option<String>,
    },
    /// The setting has no such value.
    #[error("{at}setting `{key}`: {problem}")]
    Value {
        at: Origin,
        key: String,
        problem: String,
    },
}

impl From<Wrong> for ConfigError {
    /// For a setting that was checked when it was read.
    fn from(Wrong { key, problem }: Wrong) -> Self {
        Self::Value {
            at: Origin::Default,
            key: key.to_owned(),
            problem,
        }
    }
}

fn did_you_mean(nearest: &Option<String>) -> String {
    match nearest {
        Some(key) => format!(" (did you mean `{key}`?)"),
        None => String::new(),
    }
}

/// A configuration file. Its text may hold a token, so it does not print.
#[derive(Clone)]
pub struct ConfigFile {
    pub path: PathBuf,
    pub text: String,
}

/// Where settings come from, each overruling the one before it. They may hold a token, so they do not print.
#[derive(Clone, Default)]
pub struct Sources {
    pub file: Option<ConfigFile>,
    /// The environment. Settings are what starts with [`ENV_PREFIX`]; sources of inbound events name other variables.
    pub env: BTreeMap<String, String>,
    /// Flags, by setting: `api.listen`.
    pub flags: BTreeMap<&'static str, String>,
}

impl Sources {
    /// The same sources with what the file says now.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`]
    pub fn read_again(&self) -> Result<Self, ConfigError> {
        let path = self.file.as_ref().map(|file| file.path.as_path());
        Ok(Self {
            file: path.map(ConfigFile::read).transpose()?,
            ..self.clone()
        })
    }
}

impl ConfigFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`]
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Self {
                path: path.to_owned(),
                text,
            }),
            Err(source) => Err(ConfigError::Unreadable {
                path: path.to_owned(),
                source,
            }),
        }
    }
}

/// Settings with where each comes from.
#[derive(Clone)]
pub(super) struct Settings {
    table: Table,
    origins: BTreeMap<String, Origin>,
    /// Where sources of inbound events may have their secrets.
    env: BTreeMap<String, String>,
}

impl Settings {
    /// The settings of all sources, each of a known name and of the type that its default has, and the environment
    /// variables that are none.
    pub(super) fn collect(sources: &Sources) -> Result<(Self, Vec<String>), ConfigError> {
        let mut settings = Self {
            table: parse(DEFAULTS, Path::new("defaults"))?,
            origins: BTreeMap::new(),
            env: sources.env.clone(),
        };
        if let Some(file) = &sources.file {
            settings.overlay(file)?;
        }
        let of_sources: BTreeSet<String> = settings
            .value("inbound.sources")
            .into_iter()
            .flat_map(inbound::variables)
            .map(str::to_owned)
            .collect();
        let mut strangers = Vec::new();
        for (name, text) in &sources.env {
            let Some(rest) = name.strip_prefix(ENV_PREFIX) else {
                continue;
            };
            let known = settings
                .keys()
                .find(|key| key.replace('.', "_").to_uppercase() == rest);
            match known {
                Some(key) => settings.set(&key, text, Origin::Variable(name.clone()))?,
                None if ENV_OTHER.contains(&name.as_str()) || of_sources.contains(name) => {}
                None => strangers.push(name.clone()),
            }
        }
        for (key, text) in &sources.flags {
            settings.set(key, text, Origin::Flag)?;
        }
        Ok((settings, strangers))
    }

    /// The settings as values, checked.
    pub(super) fn config(&self) -> Result<Config, ConfigError> {
        let mut config: Config = self
            .table
            .clone()
            .try_into()
            .map_err(|error| self.culprit(&error))?;
        config.check().map_err(|wrong| self.located(wrong))?;
        config
            .inbound
            .prepare(&self.env)
            .map_err(|mistake| ConfigError::Value {
                at: self.origin(&mistake.key),
                key: mistake.key,
                problem: mistake.problem,
            })?;
        Ok(config)
    }

    /// The error, with where the setting comes from.
    pub(super) fn located(&self, Wrong { key, problem }: Wrong) -> ConfigError {
        ConfigError::Value {
            at: self.origin(key),
            key: key.to_owned(),
            problem,
        }
    }

    /// Which setting cannot be read: the one that alone, over the defaults, cannot be either.
    fn culprit(&self, error: &toml::de::Error) -> ConfigError {
        let alone = |key: &&String| {
            let mut defaults = parse(DEFAULTS, Path::new("defaults")).unwrap_or_default();
            if let (Some(place), Some(value)) = (find(&mut defaults, key), self.value(key)) {
                *place = value.clone();
            }
            defaults.try_into::<Config>().is_err()
        };
        let key = self.origins.keys().find(alone);
        let key = key.map_or("", String::as_str);
        ConfigError::Value {
            at: self.origin(key),
            key: key.to_owned(),
            problem: error.message().to_owned(),
        }
    }

    /// Where a setting, or else the table that it would stand in, comes from.
    fn origin(&self, key: &str) -> Origin {
        match (self.origins.get(key), key.rsplit_once('.')) {
            (Some(origin), _) => origin.clone(),
            (None, Some((table, _))) => self.origin(table),
            (None, None) => Origin::default(),
        }
    }

    fn value(&self, key: &str) -> Option<&Value> {
        let mut names = key.split('.');
        let root = self.table.get(names.next()?)?;
        names.try_fold(root, |values, name| values.get(name))
    }

    /// Takes these settings over from `other`, where `wanted` says so of a name. Returns what differs: taken over, and
    /// left.
    pub(super) fn take_over(
        &mut self,
        other: &Self,
        wanted: impl Fn(&str) -> bool,
    ) -> (Vec<String>, Vec<String>) {
        let differs = |key: &String| self.value(key) != other.value(key);
        let changed: Vec<_> = self.keys().filter(differs).collect();
        let (taken, left): (Vec<_>, Vec<_>) = changed.into_iter().partition(|key| wanted(key));
        for key in &taken {
            if let (Some(place), Some(value)) = (find(&mut self.table, key), other.value(key)) {
                *place = value.clone();
                self.origins.insert(key.clone(), other.origin(key));
            }
        }
        (taken, left)
    }

    /// Puts the settings of a file over those that are there.
    fn overlay(&mut self, file: &ConfigFile) -> Result<(), ConfigError> {
        let lines = lines(&file.text);
        let at = |key: &str| Origin::File {
            path: file.path.clone(),
            line: lines.get(key).copied().unwrap_or(1),
        };
        self.overlay_section("", parse(&file.text, &file.path)?, &lines, &at)
    }

    /// The same for one section of it, whose settings and sections are named with `section` before them.
    fn overlay_section(
        &mut self,
        section: &str,
        values: Table,
        lines: &BTreeMap<String, usize>,
        at: &dyn Fn(&str) -> Origin,
    ) -> Result<(), ConfigError> {
        for (key, value) in values {
            let name = joined(section, &key);
            let Some(place) = find(&mut self.table, &name) else {
                return Err(self.unknown(&name, at(&name)));
            };
            match (place, value) {
                (Value::Table(_), Value::Table(values)) if !OPEN.contains(&name.as_str()) => {
                    self.overlay_section(&name, values, lines, at)?;
                }
                (Value::Table(_), value) if !value.is_table() => {
                    return Err(ConfigError::Value {
                        at: at(&name),
                        problem: format!("is a section: write [{name}] and its settings below it"),
                        key: name,
                    });
                }
                (place, value) if !place.same_type(&value) => {
                    return Err(ConfigError::Value {
                        at: at(&name),
                        problem: format!(
                            "must be of type {}, not {}",
                            place.type_str(),
                            value.type_str()
                        ),
                        key: name,
                    });
                }
                (place, value) => {
                    *place = value;
                    let within = format!("{name}.");
                    let deeper = lines.keys().filter(|key| key.starts_with(&within));
                    let origins = deeper.map(|key| (key.clone(), at(key)));
                    self.origins.extend(origins);
                    let origin = at(&name);
                    self.origins.insert(name, origin);
                }
            }
        }
        Ok(())
    }

    /// Sets one setting from text, read as the type that its default has; a list has commas.
    fn set(&mut self, key: &str, text: &str, at: Origin) -> Result<(), ConfigError> {
        let Some(place) = find(&mut self.table, key) else {
            return Err(self.unknown(key, at));
        };
        let read = match place {
            // Not quoted: whoever tries this may have written keys into it.
            Value::Table(_) => {
                let problem = "is a table, which only a file can set".to_owned();
                let key = key.to_owned();
                return Err(ConfigError::Value { at, key, problem });
            }
            Value::Integer(_) => text.parse().ok().map(Value::Integer),
            Value::Float(_) => text.parse().ok().map(Value::Float),
            Value::Boolean(_) => text.parse().ok().map(Value::Boolean),
            Value::Array(_) => {
                let items = text
                    .split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty());
                let items = items.map(|item| match item.parse() {
                    Ok(number) => Value::Integer(number),
                    Err(_) => Value::String(item.to_owned()),
                });
                Some(Value::Array(items.collect()))
            }
            _ => Some(Value::String(text.to_owned())),
        };
        match read {
            Some(value) => {
                *place = value;
                self.origins.insert(key.to_owned(), at);
                Ok(())
            }
            None => Err(ConfigError::Value {
                at,
                key: key.to_owned(),
                problem: format!("must be of type {}, not `{text}`", place.type_str()),
            }),
        }
    }

    /// Every setting as `section.key`, or `section.section.key`.
    pub(super) fn keys(&self) -> impl Iterator<Item = String> + '_ {
        let mut keys = Vec::new();
        collect_keys("", &self.table, &mut keys);
        keys.into_iter()
    }

    fn unknown(&self, key: &str, at: Origin) -> ConfigError {
        // Also compared without the section, for a key in the wrong one.
        let likeness = |known: &String| {
            let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
            strsim::jaro_winkler(known, key).max(strsim::jaro_winkler(&last(known), &last(key)))
        };
        let sections = self.table.keys().filter(|_| !key.contains('.')).cloned();
        let nearest = self
            .keys()
            .chain(sections)
            .map(|known| (likeness(&known), known))
            .filter(|(likeness, _)| *likeness > 0.8)
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, known)| known);
        ConfigError::UnknownKey {
            at,
            key: key.to_owned(),
            nearest,
        }
    }
}

/// Sections whose names are the operator's own: each is one setting.
const OPEN: [&str; 1] = ["inbound.sources"];

/// The place of a setting or section.
fn find<'a>(table: &'a mut Table, key: &str) -> Option<&'a mut Value> {
    match key.rsplit_once('.') {
        None => table.get_mut(key),
        Some((section, key)) => find(table, section)?.as_table_mut()?.get_mut(key),
    }
}

fn joined(section: &str, key: &str) -> String {
    match section {
        "" => key.to_owned(),
        section => format!("{section}.{key}"),
    }
}

fn collect_keys(section: &str, values: &Table, keys: &mut Vec<String>) {
    for (key, value) in values {
        let name = joined(section, key);
        match value {
            Value::Table(values) if !OPEN.contains(&name.as_str()) => {
                collect_keys(&name, values, keys);
            }
            _ => keys.push(name),
        }
    }
}

fn parse(text: &str, path: &Path) -> Result<Table, ConfigError> {
    text.parse().map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        ConfigError::Syntax {
            at: Origin::File {
                path: path.to_owned(),
                line: line(text, start),
            },
            problem: error.message().to_owned(),
        }
    })
}

/// The line of each section and setting, and of what stands in one.
fn lines(text: &str) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    if let Ok(sections) = DeTable::parse(text) {
        collect_lines(text, "", sections.get_ref(), &mut lines);
    }
    lines
}

fn collect_lines(
    text: &str,
    section: &str,
    values: &DeTable<'_>,
    lines: &mut BTreeMap<String, usize>,
) {
    for (key, value) in values {
        let name = joined(section, key.get_ref());
        lines.insert(name.clone(), line(text, key.span().start));
        if let Some(values) = value.get_ref().as_table() {
            collect_lines(text, &name, values, lines);
        }
    }
}

fn line(text: &str, at: usize) -> usize {
    let before = text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    before.saturating_add(1)
}
