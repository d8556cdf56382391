//! The look of our tables: no frame, numbers to the right, so that they paste well into a report.

use std::ops::RangeInclusive;

use comfy_table::{CellAlignment, Table, presets};

/// An empty table whose columns in `numbers` are aligned to the right.
pub(crate) fn plain(header: &[&str], numbers: RangeInclusive<usize>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header);
    for index in numbers {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
