//! Text tables with aligned columns, for people. Scripts use `--json`.

use std::io::{self, Write};

/// How a column is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table that grows by rows.
#[derive(Clone, Debug)]
pub struct Table<const N: usize> {
    columns: [(&'static str, Align); N],
    rows: Vec<[String; N]>,
    /// The head of a column that is left out while all its cells are empty.
    optional: Option<&'static str>,
}

impl<const N: usize> Table<N> {
    /// An empty table with these columns.
    #[must_use]
    pub const fn new(columns: [(&'static str, Align); N]) -> Self {
        Self { columns, rows: Vec::new(), optional: None }
    }

    /// Leaves out the column of this head if no row has anything in it.
    #[must_use]
    pub const fn optional(mut self, head: &'static str) -> Self {
        self.optional = Some(head);
        self
    }

    /// True if it has no rows.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds a row.
    pub fn push(&mut self, row: [String; N]) {
        self.rows.push(row.map(|cell| printable(&cell)));
    }

    /// Writes head and rows, each line with `indent` before it; columns as wide as their widest cell.
    ///
    /// # Errors
    /// As the writer's.
    pub fn write(&self, out: &mut dyn Write, indent: &str) -> io::Result<()> {
        let width = |place: usize, head: &str| {
            let cells = self.rows.iter().filter_map(|row| row.get(place)).map(|cell| cell.chars().count());
            cells.max().unwrap_or(0).max(head.chars().count())
        };
        let mut place = 0;
        let columns = self.columns.map(|(head, align)| {
            let column = (head, align, width(place, head));
            place += 1;
            column
        });
        let blank =
            |place: usize| self.rows.iter().filter_map(|row| row.get(place)).all(|cell| cell.is_empty());
        let shown = |place: usize, head: &str| self.optional != Some(head) || !blank(place);
        let shown: Vec<bool> =
            columns.iter().enumerate().map(|(place, (head, ..))| shown(place, head)).collect();
        let some = |cells: &mut dyn Iterator<Item = (&str, Align, usize)>, out: &mut dyn Write| {
            let cells = cells.zip(&shown).filter(|(_, shown)| **shown).map(|(cell, _)| cell);
            line(out, indent, cells)
        };
        some(&mut columns.iter().map(|(head, align, width)| (*head, *align, *width)), out)?;
        for row in &self.rows {
            let mut cells =
                columns.iter().zip(row).map(|((_, align, width), cell)| (cell.as_str(), *align, *width));
            some(&mut cells, out)?;
        }
        Ok(())
    }
}

fn line<'c>(
    out: &mut dyn Write,
    indent: &str,
    cells: impl Iterator<Item = (&'c str, Align, usize)>,
) -> io::Result<()> {
    let mut text = String::from(indent);
    for (place, (cell, align, width)) in cells.enumerate() {
        if place > 0 {
            text.push_str("  ");
        }
        let blank = " ".repeat(width.saturating_sub(cell.chars().count()));
        match align {
            Align::Left => text.extend([cell, &blank]),
            Align::Right => text.extend([&blank, cell]),
        }
    }
    writeln!(out, "{}", text.trim_end())
}

/// Names come from devices and from the network: what would move the cursor or change the terminal is not printed.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

#[cfg(test)]
mod tests;
