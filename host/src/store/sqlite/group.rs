//! What the writes of one transaction share.

use super::rows::{number, signed};
use crate::ids::EndpointId;
use countersign_core::delivery::EndpointHealth;
use rusqlite::{Connection, OptionalExtension, params};
use std::{cell::RefCell, collections::HashMap};

/// The writing connection, and what its present transaction knows of endpoints.
///
/// Hundreds of outcomes of one endpoint may share a transaction. Its health goes into its row once, at the end or before
/// anybody looks at the row, and its version is looked up once.
pub(super) struct Group {
    connection: Connection,
    /// As the last outcome of this transaction has it. Not in the rows yet.
    health: RefCell<HashMap<EndpointId, EndpointHealth>>,
    /// As they are in the rows; `None` for an endpoint that is deleted or was never there.
    versions: RefCell<HashMap<EndpointId, Option<u64>>>,
}

impl Group {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            connection,
            health: RefCell::default(),
            versions: RefCell::default(),
        }
    }

    /// For writes that neither read nor change the rows of endpoints, and for beginning and ending transactions.
    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// For all other writes.
    pub(super) fn settled(&self) -> rusqlite::Result<&Connection> {
        self.settle()?;
        self.versions.borrow_mut().clear();
        Ok(&self.connection)
    }

    /// Keeps the health of an endpoint after an outcome.
    pub(super) fn note_health(&self, endpoint: &EndpointId, health: &EndpointHealth) {
        let mut noted = self.health.borrow_mut();
        noted.insert(endpoint.clone(), health.clone());
    }

    /// The version of an endpoint that is not deleted.
    pub(super) fn version(&self, endpoint: &EndpointId) -> rusqlite::Result<Option<u64>> {
        if let Some(known) = self.versions.borrow().get(endpoint) {
            return Ok(*known);
        }
        let version = self
            .connection
            .prepare_cached("SELECT version FROM endpoints WHERE id = ? AND deleted_at_ms IS NULL")?
            .query_row([endpoint.as_str()], |row| number(row, "version"))
            .optional()?;
        let mut versions = self.versions.borrow_mut();
        versions.insert(endpoint.clone(), version);
        Ok(version)
    }

    /// Brings noted health into the rows.
    pub(super) fn settle(&self) -> rusqlite::Result<()> {
        let mut noted = self.health.borrow_mut();
        if noted.is_empty() {
            return Ok(());
        }
        let mut update = self.connection.prepare_cached(
            "UPDATE endpoints SET failed_in_a_row = ?, exhausted_in_a_row = ?, pauses_in_a_row = ?,
                                  failing_since_ms = ?, last_success_at_ms = ?, warned_percent = ?, unwell = ?
             WHERE id = ?",
        )?;
        for (endpoint, health) in noted.drain() {
            update.execute(params![
                health.failed_in_a_row,
                health.exhausted_in_a_row,
                health.pauses_in_a_row,
                health.failing_since_ms.map(signed),
                health.last_success_at_ms.map(signed),
                health.warned_percent,
                health.unwell,
                endpoint.as_str(),
            ])?;
        }
        Ok(())
    }

    /// The transaction has ended, or what was done in it is undone.
    pub(super) fn forget(&self) {
        self.health.borrow_mut().clear();
        self.versions.borrow_mut().clear();
    }

    /// Closes the connection.
    pub(super) fn close(self) -> rusqlite::Result<()> {
        self.connection.close().map_err(|(_, error)| error)
    }
}
