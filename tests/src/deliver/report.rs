//! What was measured, as a table and as JSON.

use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt};

/// Who was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// A client that signs and posts, and keeps nothing: what this machine could do.
    Raw,
    /// BullMQ, Redis, undici; the disk once a second.
    BullMq,
    /// The same with the disk before every answer.
    BullMqAlways,
    /// This project's host.
    Ours,
}

const CELLS: [(Cell, &str); 4] = [
    (Cell::Raw, "raw loop"),
    (Cell::BullMq, "BullMQ"),
    (Cell::BullMqAlways, "BullMQ, fsync"),
    (Cell::Ours, "Countersign"),
];

/// What is to be reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bar {
    AtLeast(f64),
    AtMost(f64),
}

impl Bar {
    fn reached(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, ">= {}", figure(*least)),
            Self::AtMost(most) => write!(f, "<= {}", figure(*most)),
        }
    }
}

/// One figure of each sender.
#[derive(Debug, Clone)]
pub struct Row {
    /// What was measured, with its unit.
    pub what: String,
    bar: Option<Bar>,
    /// One value a run.
    values: BTreeMap<Cell, Vec<f64>>,
}

/// All figures.
#[derive(Debug, Clone, Default)]
pub struct Report {
    rows: Vec<Row>,
    remarks: Vec<String>,
}

impl Report {
    /// Without a figure.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what a run measured. The bar is for our own figure.
    pub fn note(&mut self, what: &str, cell: Cell, value: f64, bar: Option<Bar>) {
        let known = self.rows.iter().position(|row| row.what == what);
        let place = known.unwrap_or_else(|| {
            self.rows.push(Row {
                what: what.to_owned(),
                bar: None,
                values: BTreeMap::new(),
            });
            self.rows.len() - 1
        });
        if let Some(row) = self.rows.get_mut(place) {
            row.bar = row.bar.or(bar);
            row.values.entry(cell).or_default().push(value);
        }
    }

    /// Adds a sentence, once.
    pub fn remark(&mut self, text: String) {
        if !self.remarks.contains(&text) {
            self.remarks.push(text);
        }
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let cells = row.values.iter().map(|(cell, values)| {
                let value = json!({ "median": median(values), "runs": values });
                (format!("{cell:?}").to_lowercase(), value)
            });
            let reached = row.reached();
            let bar = row.bar.map(|bar| bar.to_string());
            json!({
                "what": row.what, "bar": bar, "reached": reached,
                "measured": cells.collect::<serde_json::Map<_, _>>(),
            })
        });
        json!({ "rows": rows.collect::<Vec<_>>(), "remarks": self.remarks })
    }
}

impl Row {
    fn reached(&self) -> Option<bool> {
        let ours = median(self.values.get(&Cell::Ours)?)?;
        Some(self.bar?.reached(ours))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = self.rows.iter().map(|row| row.what.len()).max();
        let wide = widest.unwrap_or(0);
        write!(f, "{:<wide$}", "what")?;
        for (_, name) in CELLS {
            write!(f, "  {name:>13}")?;
        }
        writeln!(f, "  {:>10}", "bar")?;
        for row in &self.rows {
            write!(f, "{:<wide$}", row.what)?;
            for (cell, _) in CELLS {
                let value = row.values.get(&cell).and_then(|values| median(values));
                let text = value.map_or_else(|| "-".to_owned(), figure);
                write!(f, "  {text:>13}")?;
            }
            let bar = row.bar.map(|bar| bar.to_string()).unwrap_or_default();
            let state = match row.reached() {
                Some(true) => "reached",
                Some(false) => "MISSED",
                None => "",
            };
            writeln!(f, "  {bar:>10}  {state}")?;
        }
        for remark in &self.remarks {
            writeln!(f, "{remark}")?;
        }
        Ok(())
    }
}

/// The middle one; of an even number the lower of the two.
fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

/// Three digits that count.
fn figure(value: f64) -> String {
    match value {
        1_000.0.. => {
            let thousands = (value / 1_000.0).floor();
            format!("{thousands},{:03.0}", (value - thousands * 1_000.0).floor())
        }
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_held_against_the_median() {
        let mut report = Report::new();
        for value in [19_000.0, 20_001.5, 30_000.0] {
            report.note(
                "deliveries/s",
                Cell::Ours,
                value,
                Some(Bar::AtLeast(20_000.0)),
            );
        }
        report.note("p99 ms", Cell::Ours, 9.0, Some(Bar::AtMost(8.0)));
        let text = report.to_string();
        assert!(
            text.contains("20,001") && text.contains("reached"),
            "{text}"
        );
        assert!(text.contains("MISSED"), "{text}");
        assert_eq!(report.json()["rows"][0]["reached"], true);
    }
}
