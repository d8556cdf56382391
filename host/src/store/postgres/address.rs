//! The address of a database, and how it is reached.

use super::tls::{self, Trust};
use crate::store::StoreError;
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use std::{fmt, path::PathBuf, str::FromStr, time::Duration};
use tokio_postgres::{Config, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;
use url::Url;

/// Longest wait for a connection to be made, and for a free one.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// After so long without an answer to what was sent, a connection counts as broken.
const SILENCE_MAX: Duration = Duration::from_secs(10);

const SCHEMES: [&str; 2] = ["postgres", "postgresql"];

const BEGINNING: &str = "a database's address begins with postgres://";
const BARE_PASSWORD: &str = "what follows `postgres://` has an `@` behind a `/`, `?` or `#`. Write these as %40, %2F, %3F and %23 where they belong to a \
     password";

/// Whether a password ends too early, so that the rest of it would be taken for host and path, and shown.
fn has_bare_password(rest: &str) -> bool {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at(end);
    let path = after.split(['?', '#']).next().unwrap_or_default();
    path.contains('@') || after.contains('#') || (!authority.contains('@') && after.contains('@'))
}

/// The address of a PostgreSQL database: `postgres://user:password@host:port/database?sslmode=…`. It does not print its password.
#[derive(Clone)]
pub struct Address {
    config: Config,
    trust: Trust,
    shown: String,
}

/// An address that cannot be used. It is not repeated: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}. Give an address such as postgres://user:password@db.example.com/countersign?sslmode=verify-full"
)]
pub struct AddressError(String);

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.shown)
    }
}

/// Without the password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let refused = |problem: String| Err(AddressError(problem));
        let Some((_, rest)) = text.split_once("://") else {
            return refused(BEGINNING.to_owned());
        };
        if has_bare_password(rest) {
            return refused(BARE_PASSWORD.to_owned());
        }
        let mut url = match Url::parse(text) {
            Ok(url) if SCHEMES.contains(&url.scheme()) => url,
            Ok(_) => return refused(BEGINNING.to_owned()),
            Err(error) => return refused(format!("not an address: {error}")),
        };
        // What the client does not know, or knows less of.
        let (mut mode, mut roots, mut others) = (None, None, Vec::new());
        for (key, value) in url.query_pairs() {
            match &*key {
                "sslmode" => mode = Some(value.into_owned()),
                "sslrootcert" => roots = Some(PathBuf::from(&*value)),
                _ => others.push((key.into_owned(), value.into_owned())),
            }
        }
        url.set_query(None);
        if !others.is_empty() {
            url.query_pairs_mut().extend_pairs(others);
        }
        let (ssl, trust) = match (mode.as_deref(), roots) {
            (Some("disable"), _) => (SslMode::Disable, Trust::Anybody),
            (None | Some("prefer" | "allow"), None) => (SslMode::Prefer, Trust::Anybody),
            (Some("require"), None) => (SslMode::Require, Trust::Anybody),
            (Some("verify-ca" | "verify-full"), roots) => {
                (SslMode::Require, Trust::Certified(roots))
            }
            (None | Some("prefer" | "allow" | "require"), roots) => {
                (SslMode::Require, Trust::Certified(roots))
            }
            (Some(_), _) => {
                return refused(
                    "sslmode is disable, prefer, require, verify-ca or verify-full".to_owned(),
                );
            }
        };
        let mut config = match url.as_str().parse::<Config>() {
            Ok(config) => config,
            Err(error) => {
                let mut problem = error.to_string();
                if let Some(cause) = std::error::Error::source(&error) {
                    problem = format!("{problem}: {cause}");
                }
                return refused(problem);
            }
        };
        config.ssl_mode(ssl);
        if config.get_application_name().is_none() {
            config.application_name("countersign");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_MAX);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE_MAX);
        }
        config.keepalives_idle(SILENCE_MAX);
        let mut shown = url;
        if shown.password().is_some() {
            let _ = shown.set_password(Some("***"));
        }
        let asks_for_password = shown.query_pairs().any(|(key, _)| key == "password");
        if asks_for_password {
            shown.set_query(None);
        }
        Ok(Self {
            config,
            trust,
            shown: shown.to_string(),
        })
    }
}

impl Address {
    /// Whether a text is meant to be one, rather than a file. So is the address of another database, which is refused then and not
    /// made a file of, with its password in the name.
    pub fn is_meant(text: &str) -> bool {
        let scheme = text.split_once(':').map(|(scheme, _)| scheme);
        text.contains("://") || scheme.is_some_and(|scheme| SCHEMES.contains(&scheme))
    }

    /// Connections, made as they are needed, `most` at most.
    pub(super) fn pool(&self, most: u32) -> Result<Pool, StoreError> {
        let manager = ManagerConfig {
            // Nothing is set on a connection that would outlive its transaction, so nothing is to be reset; this also suits
            // a pooler that gives each transaction another connection.
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = Manager::from_config(self.config.clone(), self.tls()?, manager);
        let pool = Pool::builder(manager)
            .max_size(most as usize)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(CONNECT_MAX))
            .create_timeout(Some(CONNECT_MAX))
            .build();
        pool.map_err(|error| StoreError::Failed {
            doing: "preparing connections",
            problem: error.to_string(),
        })
    }

    pub(super) const fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn tls(&self) -> Result<MakeRustlsConnect, StoreError> {
        tls::connector(&self.trust)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown_and_the_mode_of_tls_is_what_is_asked_for() {
        let hidden = "hunter2";
        for (text, mode, trust) in [
            ("postgres://a:hunter2@db/x", SslMode::Prefer, Trust::Anybody),
            (
                "postgresql://a:hunter2@db:6432/x?sslmode=disable&application_name=y",
                SslMode::Disable,
                Trust::Anybody,
            ),
            (
                "postgres://a:hunter2@db/x?sslmode=require",
                SslMode::Require,
                Trust::Anybody,
            ),
            (
                "postgres://a:hunter2@db/x?sslmode=verify-full",
                SslMode::Require,
                Trust::Certified(None),
            ),
            (
                "postgres://a:hunter2@db/x?sslmode=require&sslrootcert=/ca.pem",
                SslMode::Require,
                Trust::Certified(Some("/ca.pem".into())),
            ),
            (
                "postgres://a@db/x?password=hunter2",
                SslMode::Prefer,
                Trust::Anybody,
            ),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.config.get_ssl_mode(), mode, "{text}");
            assert_eq!(address.trust, trust, "{text}");
            assert_eq!(address.config.get_password(), Some(hidden.as_bytes()));
            for shown in [address.to_string(), format!("{address:?}")] {
                assert!(!shown.contains(hidden), "{shown}");
            }
        }
        for text in [
            "",
            "mysql://a:hunter2@db/x",
            "postgres://a:hunter2@db/x?sslmode=maybe",
            "postgres://a:hunter2@db:port/x",
            "postgres:/a:hunter2@db/x",
            "postgres://a:h@hunter2/x@db/x",
            "postgres://a:1/hunter2@db/x",
            "postgres://a:1?hunter2@db/x",
            "postgres://a:1#hunter2@db/x",
            "postgres://a:hunter2#@db/x",
            "postgres://a:hunter2@db/x?colour=red",
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(!error.to_string().contains(hidden), "{error}");
        }
        for (text, is_meant) in [
            ("mysql://a:hunter2@db/x", true),
            ("postgres://db/x", true),
            ("postgres:/a:hunter2@db/x", true),
            ("data/countersign.db", false),
            ("C:\\data\\countersign.db", false),
        ] {
            assert_eq!(Address::is_meant(text), is_meant, "{text}");
        }
    }
}
