//! Columns that line up, and text broken at words.

use std::fmt::Display;

/// Between two columns.
const GAP: usize = 2;
/// The last column is broken no narrower than this.
const LEAST: usize = 24;

/// One field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cell {
    text: String,
    right: bool,
}

impl Cell {
    /// A number: its last digits line up.
    pub(super) fn number(text: impl Display) -> Self {
        Self {
            text: text.to_string(),
            right: true,
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            right: false,
        }
    }
}

/// Rows below a heading; a last column that is too wide goes on in the next line.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Without a heading when there are no heads.
    pub(super) fn new(heads: &[&str]) -> Self {
        let heading: Vec<Cell> = heads.iter().map(|head| (*head).into()).collect();
        Self {
            rows: [heading]
                .into_iter()
                .filter(|row| !row.is_empty())
                .collect(),
        }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The lines, none of them with blanks at its end.
    pub(super) fn lines(&self, width: usize) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let column = |at: usize| self.rows.iter().filter_map(move |row| row.get(at));
        let shape: Vec<(usize, bool)> = (0..columns)
            .map(|at| {
                let widest = column(at).map(|cell| cell.text.chars().count()).max();
                (widest.unwrap_or(0), column(at).any(|cell| cell.right))
            })
            .collect();
        let before: usize = shape.iter().rev().skip(1).map(|(wide, _)| wide + GAP).sum();
        let last = width.saturating_sub(before).max(LEAST);
        self.rows
            .iter()
            .flat_map(|row| lines_of(row, &shape, before, last))
            .collect()
    }
}

/// `shape` is each column's width, and whether its numbers end together.
fn lines_of(row: &[Cell], shape: &[(usize, bool)], before: usize, last: usize) -> Vec<String> {
    let mut line = String::new();
    let mut more = Vec::new();
    for (at, (cell, (width, right))) in row.iter().zip(shape).enumerate() {
        let is_last = at + 1 == shape.len();
        let pieces = if is_last && !right {
            wrap(&cell.text, last)
        } else {
            vec![cell.text.clone()]
        };
        let first = pieces.first().map_or("", String::as_str);
        let blanks = " ".repeat(width.saturating_sub(first.chars().count()));
        let (left, right) = if *right {
            (blanks.as_str(), "")
        } else {
            ("", blanks.as_str())
        };
        line.extend([left, first, right]);
        if !is_last {
            line += &" ".repeat(GAP);
        }
        let below = pieces.into_iter().skip(1);
        more.extend(below.map(|piece| format!("{}{piece}", " ".repeat(before))));
    }
    std::iter::once(line.trim_end().to_owned())
        .chain(more)
        .collect()
}

/// Lines of at most `width` characters, where the words allow it; line ends stay.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            let wide = line.chars().count() + 1 + word.chars().count() > width;
            if wide && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_numbers_end_together_and_a_wide_last_column_goes_on_below() {
        let mut table = Table::new(&["DAY", "ROWS", "WHAT"]);
        table.row(["2026-06-01".into(), Cell::number(86400), "sound".into()]);
        table.row(["2026-06-02".into(), Cell::number(7)]);
        table.row([
            "2026-06-03".into(),
            Cell::number(12),
            "column solar_kw is damaged: a code is missing".into(),
        ]);
        insta::assert_snapshot!(table.lines(44).join("\n"), @r"
        DAY          ROWS  WHAT
        2026-06-01  86400  sound
        2026-06-02      7
        2026-06-03     12  column solar_kw is
                           damaged: a code is
                           missing
        ");
    }
}
