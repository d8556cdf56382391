//! Which way to a wasm toolchain comes next: a pure function of what is known, so that it can be tested as a table.

use std::env;
use std::str::FromStr;

use anyhow::{Result, bail};

/// Forces one way; see [`Mode`].
pub(crate) const MODE_VARIABLE: &str = "COUNTERSIGN_WASM_TOOLCHAIN";

/// What the user asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The first way that works.
    Auto,
    /// Only a target that is installed already.
    Target,
    /// Only `rustup target add`.
    Rustup,
    /// Only a private sysroot, cached or new.
    Sysroot,
}

impl Mode {
    pub(crate) fn from_environment() -> Result<Self> {
        match env::var(MODE_VARIABLE) {
            Ok(word) => word.parse(),
            Err(_) => Ok(Self::Auto),
        }
    }
}

impl FromStr for Mode {
    type Err = anyhow::Error;

    fn from_str(word: &str) -> Result<Self> {
        match word {
            "" | "auto" => Ok(Self::Auto),
            "target" => Ok(Self::Target),
            "rustup" => Ok(Self::Rustup),
            "sysroot" => Ok(Self::Sysroot),
            _ => bail!("{MODE_VARIABLE} is `{word}`; it may be auto, target, rustup or sysroot"),
        }
    }
}

/// What is known about one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Try {
    /// It may work.
    Open,
    /// It cannot work or did not, for this reason.
    Ruled(String),
}

impl Try {
    fn is_open(&self) -> bool {
        *self == Self::Open
    }
}

/// What is known so far. A way that fails is ruled out here, then [`choose`] is asked again.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) mode: Mode,
    /// The `rustc` in use has the target.
    pub(super) installed: bool,
    /// There is a private sysroot whose compiler is still the same.
    pub(super) cached: bool,
    /// `rustup target add`.
    pub(super) rustup: Try,
    /// Building from the sources of a compiler on this machine.
    pub(super) sources: Try,
    /// Installing a compiler with sources through apt.
    pub(super) apt: Try,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Installed,
    Cached,
    Rustup,
    BuildSysroot,
    Apt,
    GiveUp,
}

/// The first way that is allowed and not ruled out, cheapest first.
pub(super) fn choose(facts: &Facts) -> Way {
    let allowed = |mode| facts.mode == Mode::Auto || facts.mode == mode;
    if facts.installed && allowed(Mode::Target) {
        Way::Installed
    } else if facts.cached && allowed(Mode::Sysroot) {
        Way::Cached
    } else if facts.rustup.is_open() && allowed(Mode::Rustup) {
        Way::Rustup
    } else if facts.sources.is_open() && allowed(Mode::Sysroot) {
        Way::BuildSysroot
    } else if facts.apt.is_open() && allowed(Mode::Sysroot) {
        Way::Apt
    } else {
        Way::GiveUp
    }
}

/// Why nothing worked and what to do about it.
pub(super) fn explain(facts: &Facts) -> String {
    let mut text = String::from("no way to compile WebAssembly:\n");
    let target = crate::toolchain::TARGET;
    text.push_str(&format!(
        "  - target {target}: {}\n",
        if facts.installed {
            "installed"
        } else {
            "not installed"
        }
    ));
    for (name, state) in [
        ("rustup", &facts.rustup),
        ("private sysroot", &facts.sources),
        ("apt", &facts.apt),
    ] {
        if let Try::Ruled(reason) = state {
            text.push_str(&format!("  - {name}: {reason}\n"));
        }
    }
    if facts.mode != Mode::Auto {
        text.push_str(&format!(
            "{MODE_VARIABLE} allows one way only; unset it to try them all.\n"
        ));
    }
    text.push_str("Install one of these and run the command again:\n");
    text.push_str(&format!("  with rustup:  rustup target add {target}\n"));
    text.push_str(&format!(
        "  on Debian:    sudo apt-get install {}",
        super::debian::PACKAGES.join(" ")
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no() -> Try {
        Try::Ruled("no".into())
    }

    fn facts(installed: bool, cached: bool, rustup: bool, sources: bool, apt: bool) -> Facts {
        let state = |open| if open { Try::Open } else { no() };
        let (rustup, sources, apt) = (state(rustup), state(sources), state(apt));
        Facts {
            mode: Mode::Auto,
            installed,
            cached,
            rustup,
            sources,
            apt,
        }
    }

    #[test]
    fn the_cheapest_open_way_is_taken() {
        let table = [
            (facts(true, true, true, true, true), Way::Installed),
            (facts(false, true, true, true, true), Way::Cached),
            (facts(false, false, true, true, true), Way::Rustup),
            (facts(false, false, false, true, true), Way::BuildSysroot),
            (facts(false, false, false, false, true), Way::Apt),
            (facts(false, false, false, false, false), Way::GiveUp),
        ];
        for (facts, want) in table {
            assert_eq!(choose(&facts), want, "{facts:?}");
        }
    }

    #[test]
    fn a_mode_allows_its_own_ways_only() {
        let table = [
            (Mode::Target, true, Way::Installed),
            (Mode::Target, false, Way::GiveUp),
            (Mode::Rustup, true, Way::Rustup),
            (Mode::Sysroot, true, Way::Cached),
        ];
        for (mode, installed, want) in table {
            let facts = Facts {
                mode,
                ..facts(installed, true, true, true, true)
            };
            assert_eq!(choose(&facts), want, "{facts:?}");
        }
        let unreachable = Facts {
            mode: Mode::Rustup,
            ..facts(true, true, false, true, true)
        };
        assert_eq!(choose(&unreachable), Way::GiveUp);
        let fresh = Facts {
            mode: Mode::Sysroot,
            ..facts(true, false, true, false, true)
        };
        assert_eq!(choose(&fresh), Way::Apt);
    }

    #[test]
    fn every_way_is_left_once_it_is_ruled_out() {
        let mut facts = facts(false, false, true, true, true);
        let mut order = Vec::new();
        loop {
            let way = choose(&facts);
            order.push(way);
            match way {
                Way::Rustup => facts.rustup = no(),
                Way::BuildSysroot => facts.sources = no(),
                Way::Apt => facts.apt = no(),
                Way::Installed | Way::Cached | Way::GiveUp => break,
            }
        }
        assert_eq!(
            order,
            [Way::Rustup, Way::BuildSysroot, Way::Apt, Way::GiveUp]
        );
    }

    #[test]
    fn giving_up_says_why_and_what_to_install() {
        let mut facts = facts(false, false, false, false, false);
        facts.rustup = Try::Ruled("rustup did not answer".into());
        let text = explain(&facts);
        for part in [
            "rustup did not answer",
            "rustup target add wasm32-unknown-unknown",
            "apt-get install rustc-web",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn modes_are_words() {
        assert_eq!("sysroot".parse::<Mode>().expect("a mode"), Mode::Sysroot);
        assert_eq!("".parse::<Mode>().expect("a mode"), Mode::Auto);
        assert!("nightly".parse::<Mode>().is_err());
    }
}
