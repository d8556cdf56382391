//! Databases that belong to one test each.

use crate::{SERVER_VARIABLE, shared};
use anyhow::Context;
use postgres::{Config, NoTls};
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// An empty database, dropped with the value.
#[derive(Debug)]
pub struct Database {
    url: String,
    name: String,
    /// Where databases are made and dropped.
    maintenance: String,
}

impl Database {
    /// `None` when this machine has no PostgreSQL.
    pub(crate) fn new() -> anyhow::Result<Option<Self>> {
        let name = name()?;
        let (maintenance, url) = match std::env::var(SERVER_VARIABLE) {
            Ok(server) => {
                let url = in_database(&server, &name)?;
                (server, url)
            }
            Err(_) => match (shared::address("postgres")?, shared::address(&name)?) {
                (Some(maintenance), Some(url)) => (maintenance, url),
                _ => return Ok(None),
            },
        };
        ask(&maintenance, &format!("CREATE DATABASE {name}"))?;
        Ok(Some(Self {
            url,
            name,
            maintenance,
        }))
    }

    /// What is in it at this moment, in a database of its own. Whoever uses this one is cut off, and nobody can use it any more.
    ///
    /// # Errors
    /// When the server does not make it.
    pub fn copy_and_cut_off(&self) -> anyhow::Result<Self> {
        let copy = name()?;
        let Self {
            name, maintenance, ..
        } = self;
        ask(
            maintenance,
            &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"),
        )?;
        let cut_off = format!(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
        );
        ask(maintenance, &cut_off)?;
        ask(
            maintenance,
            &format!("CREATE DATABASE {copy} TEMPLATE {name}"),
        )?;
        Ok(Self {
            url: in_database(&self.url, &copy)?,
            name: copy,
            maintenance: maintenance.clone(),
        })
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs statements in it.
    ///
    /// # Errors
    /// When one of them fails.
    pub fn run(&self, sql: &str) -> anyhow::Result<()> {
        ask(&self.url, sql)
    }

    /// The first column of what a query finds, as text.
    ///
    /// # Errors
    /// When it fails.
    pub fn query(&self, sql: &str) -> anyhow::Result<Vec<Option<String>>> {
        query(&self.url, sql)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A cluster of our own ends anyway; on another server there may be nobody left to ask.
        let _ = ask(
            &self.maintenance,
            &format!("DROP DATABASE {} WITH (FORCE)", self.name),
        );
    }
}

/// A name that no other test has, on this machine or another.
fn name() -> anyhow::Result<String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let moment = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    Ok(format!(
        "countersign_test_{}_{count}_{moment}",
        std::process::id()
    ))
}

/// The address of another database of a server.
fn in_database(server: &str, name: &str) -> anyhow::Result<String> {
    let (before, after) = match server.split_once('?') {
        Some((before, after)) => (before, format!("?{after}")),
        None => (server, String::new()),
    };
    let scheme = before.find("://").map(|at| at + "://".len());
    let scheme = scheme.with_context(|| format!("{SERVER_VARIABLE} is no address"))?;
    let end = before[scheme..]
        .find('/')
        .map_or(before.len(), |at| scheme + at);
    Ok(format!("{}/{name}{after}", &before[..end]))
}

/// Runs statements, and wants no answer.
pub(crate) fn ask(url: &str, sql: &str) -> anyhow::Result<()> {
    query(url, sql).map(drop)
}

/// On a thread of its own, because whoever calls may be in a runtime, in which nobody may wait.
pub(crate) fn query(url: &str, sql: &str) -> anyhow::Result<Vec<Option<String>>> {
    let asked = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                let mut config: Config = url.parse()?;
                config.connect_timeout(CONNECT_TIMEOUT);
                let mut client = config.connect(NoTls)?;
                let rows = client.simple_query(sql)?;
                let first = rows.iter().filter_map(|row| match row {
                    postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).map(str::to_owned)),
                    _ => None,
                });
                Ok::<_, postgres::Error>(first.collect())
            })
            .join()
    });
    let asked = asked.map_err(|_| anyhow::anyhow!("the client panicked"))?;
    asked.with_context(|| sql.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_of_an_address_is_replaced_and_the_rest_stays() {
        for (server, expected) in [
            ("postgres://u:p@h:1/postgres", "postgres://u:p@h:1/t"),
            ("postgres://h", "postgres://h/t"),
            (
                "postgres://h/?sslmode=require",
                "postgres://h/t?sslmode=require",
            ),
            ("postgres://h/a?host=/run/p", "postgres://h/t?host=/run/p"),
        ] {
            assert_eq!(in_database(server, "t").unwrap(), expected);
        }
        assert!(in_database("host=a", "t").is_err());
    }

    #[test]
    fn a_database_is_there_is_empty_and_goes_with_its_value() {
        let Some(database) = crate::database() else {
            return;
        };
        database
            .run("CREATE TABLE one (n bigint); INSERT INTO one VALUES (7)")
            .unwrap();
        let found = database.query("SELECT n FROM one").unwrap();
        assert_eq!(found, [Some("7".to_owned())]);
        let other = crate::database().unwrap();
        assert!(other.query("SELECT n FROM one").is_err());
        let url = database.url().to_owned();
        drop(database);
        assert!(ask(&url, "SELECT 1").is_err());
    }

    #[test]
    fn what_a_killed_server_has_committed_is_there_when_it_is_back() {
        let Some(mut cluster) = crate::cluster() else {
            return;
        };
        let url = cluster.create("kept").unwrap();
        ask(
            &url,
            "CREATE TABLE one (n bigint); INSERT INTO one VALUES (7)",
        )
        .unwrap();
        cluster.kill().unwrap();
        assert!(ask(&url, "SELECT 1").is_err());
        cluster.resume().unwrap();
        assert_eq!(
            query(&url, "SELECT n FROM one").unwrap(),
            [Some("7".to_owned())]
        );
        cluster.stop().unwrap();
        cluster.resume().unwrap();
        assert_eq!(query(&url, "SELECT n FROM one").unwrap().len(), 1);
    }
}
