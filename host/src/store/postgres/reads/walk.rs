//! Reading what fits of the first so many rows, so that a read ends after a known number of them, however few fit.
//!
//! A page is two questions about one moment: what of the rows that are looked at fits, and where they end. Rows of another table
//! are looked up for each row with `LATERAL … LIMIT`, which is what keeps the database from reading the whole of that table.

use super::super::{
    rows,
    session::{Fault, Parameters, Session},
};
use std::str::FromStr;
use tokio_postgres::Row;

/// What is known of a page once its rows have been read.
pub(super) struct Page {
    pub(super) rows: Vec<Row>,
    /// There are as many as were asked for, so no more were looked at.
    pub(super) is_full: bool,
}

/// The rows of a page, `limit` at most.
pub(super) async fn page(
    session: &Session,
    sql: &str,
    parameters: Parameters<'_>,
    limit: u32,
) -> Result<Page, Fault> {
    let rows = session.rows(sql, parameters).await?;
    let is_full = rows.len() >= limit as usize;
    Ok(Page { rows, is_full })
}

/// The last of the rows that a page looks at and the one behind it, in a column named `id`: `None` where there is none.
pub(super) async fn edge<T: FromStr>(
    session: &Session,
    sql: &str,
    parameters: Parameters<'_>,
) -> Result<(Option<T>, Option<T>), Fault> {
    let found = session.rows(sql, parameters).await?;
    let at = |place: usize| found.get(place).map(|row| rows::id(row, "id")).transpose();
    Ok((at(0)?, at(1)?))
}
