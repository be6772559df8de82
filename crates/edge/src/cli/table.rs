//! Columns that line up, and text broken at words.

use super::screen::Tone;

/// Between two columns.
const GAP: usize = 2;
/// The last column is broken no narrower than this.
const LEAST: usize = 24;

/// One field.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Cell {
    text: String,
    tone: Tone,
    right: bool,
}

impl Cell {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// A number: its last digits line up.
    pub(super) fn number(text: impl Into<String>) -> Self {
        Self {
            right: true,
            ..Self::new(text)
        }
    }

    pub(super) fn tone(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

/// Rows below a heading; a last column that is too wide goes on in the next line.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    heads: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Without headings when there are none.
    pub(super) fn new(heads: &[&'static str]) -> Self {
        Self {
            heads: heads.to_vec(),
            rows: Vec::new(),
        }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The lines, none of them with blanks at its end.
    pub(super) fn lines(&self, width: usize, paint: impl Fn(Tone, &str) -> String) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let right = |column: usize| {
            self.rows
                .iter()
                .any(|row| row.get(column).is_some_and(|cell| cell.right))
        };
        let heading = self.heads.iter().enumerate().map(|(column, head)| Cell {
            text: (*head).to_owned(),
            tone: Tone::Quiet,
            right: right(column),
        });
        let heading: Vec<Cell> = heading.collect();
        let rows = || {
            (!heading.is_empty() && !self.rows.is_empty())
                .then_some(&heading)
                .into_iter()
                .chain(&self.rows)
        };
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                rows()
                    .filter_map(|row| row.get(column))
                    .map(|cell| cell.text.chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let before: usize = widths
            .iter()
            .take(columns.saturating_sub(1))
            .map(|width| width + GAP)
            .sum();
        let last = width.saturating_sub(before).max(LEAST);
        rows()
            .flat_map(|row| row_lines(row, &widths, before, last, &paint))
            .collect()
    }
}

fn row_lines(
    row: &[Cell],
    widths: &[usize],
    before: usize,
    last: usize,
    paint: &impl Fn(Tone, &str) -> String,
) -> Vec<String> {
    let mut line = String::new();
    let mut more = Vec::new();
    for (column, cell) in row.iter().enumerate() {
        let is_last = column + 1 == widths.len();
        let pieces = if is_last && !cell.right {
            wrap(&cell.text, last)
        } else {
            vec![cell.text.clone()]
        };
        let first = pieces.first().map_or("", String::as_str);
        let blanks = " ".repeat(widths[column].saturating_sub(first.chars().count()));
        let painted = if first.is_empty() {
            String::new()
        } else {
            paint(cell.tone, first)
        };
        if cell.right {
            line += &blanks;
            line += &painted;
        } else {
            line += &painted;
            line += &blanks;
        }
        if !is_last {
            line += &" ".repeat(GAP);
        }
        more.extend(
            pieces
                .into_iter()
                .skip(1)
                .map(|piece| format!("{}{}", " ".repeat(before), paint(cell.tone, &piece))),
        );
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

    fn plain(table: &Table, width: usize) -> String {
        table.lines(width, |_, text| text.to_owned()).join("\n")
    }

    #[test]
    fn columns_line_up_and_numbers_end_together() {
        let mut table = Table::new(&["POINT", "VALUE", "UNIT"]);
        table.row(["v_l1".into(), Cell::number("121.3"), "V".into()]);
        table.row(["e_imp".into(), Cell::number("10482.07"), "kWh".into()]);
        table.row(["f".into()]);
        insta::assert_snapshot!(plain(&table, 80), @r"
        POINT     VALUE  UNIT
        v_l1      121.3  V
        e_imp  10482.07  kWh
        f
        ");
    }

    #[test]
    fn a_wide_last_column_goes_on_below_itself() {
        let mut table = Table::new(&[]);
        table.row([
            "bus".into(),
            "nothing answers on this port: is the meter powered and the cable the right way round?"
                .into(),
        ]);
        insta::assert_snapshot!(plain(&table, 40), @r"
        bus  nothing answers on this port: is
             the meter powered and the cable the
             right way round?
        ");
    }

    #[test]
    fn a_word_longer_than_the_line_stands_alone() {
        assert_eq!(
            wrap("a /very/long/path/indeed b", 8),
            ["a", "/very/long/path/indeed", "b"]
        );
        assert_eq!(wrap("", 8), [""]);
    }

    #[test]
    fn colour_does_not_move_anything() {
        let mut table = Table::new(&[]);
        table.row([Cell::new("ok").tone(Tone::Good), "x".into()]);
        table.row([Cell::new("PROBLEM").tone(Tone::Bad), "y".into()]);
        let lines = table.lines(80, |_, text| format!("<{text}>"));
        assert_eq!(lines, ["<ok>       <x>", "<PROBLEM>  <y>"]);
    }
}
