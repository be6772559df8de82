//! Which rows of a column have a value.

/// One bit per row. While no row is absent it takes no memory at all.
#[derive(Debug, Clone, Default)]
pub(super) struct Mask {
    rows: usize,
    absent: usize,
    /// Set bits are present rows; empty while all are.
    words: Vec<u64>,
}

impl Mask {
    /// `rows` rows, all of them absent.
    pub(super) fn absent(rows: usize) -> Self {
        Self {
            rows,
            absent: rows,
            words: vec![0; rows.div_ceil(64)],
        }
    }

    /// `rows` rows, all of them present.
    pub(super) fn full(rows: usize) -> Self {
        Self {
            rows,
            absent: 0,
            words: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// How many rows are present.
    pub(super) fn count(&self) -> usize {
        self.rows - self.absent
    }

    pub(super) fn is_full(&self) -> bool {
        self.absent == 0
    }

    /// Whether `row` is present; beyond the end nothing is.
    pub(super) fn get(&self, row: usize) -> bool {
        row < self.rows && (self.is_full() || self.words[row / 64] >> (row % 64) & 1 == 1)
    }

    pub(super) fn push(&mut self, present: bool) {
        if self.is_full() && present {
            self.rows += 1;
            return;
        }
        self.spell_out();
        let row = self.rows;
        if row / 64 == self.words.len() {
            self.words.push(0);
        }
        self.words[row / 64] |= u64::from(present) << (row % 64);
        self.rows += 1;
        self.absent += usize::from(!present);
    }

    /// Puts a row before `row`, or at the end.
    pub(super) fn insert(&mut self, row: usize, present: bool) {
        if self.is_full() && present {
            self.rows += 1;
            return;
        }
        let tail: Vec<bool> = (row..self.rows).map(|row| self.get(row)).collect();
        self.truncate(row);
        self.push(present);
        for present in tail {
            self.push(present);
        }
    }

    /// The present rows, in order.
    pub(super) fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.rows).filter(|row| self.get(*row))
    }

    /// The last present row.
    pub(super) fn last_row(&self) -> Option<usize> {
        (0..self.rows).rev().find(|row| self.get(*row))
    }

    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        self.words.capacity() * 8
    }

    /// Lengths of runs of equal rows, the first of present ones (0 if it begins absent).
    pub(super) fn runs(&self) -> Vec<i64> {
        let mut runs = Vec::new();
        let (mut now, mut length) = (true, 0);
        for row in 0..self.rows {
            if self.get(row) != now {
                runs.push(length);
                (now, length) = (!now, 0);
            }
            length += 1;
        }
        runs.push(length);
        runs
    }

    /// From [`Self::runs`]; `None` when they do not sum up to `rows`.
    pub(super) fn from_runs(runs: &[i64], rows: usize) -> Option<Self> {
        let mut mask = Self::default();
        let mut present = true;
        for run in runs {
            let run = usize::try_from(*run)
                .ok()
                .filter(|run| mask.rows + run <= rows)?;
            for _ in 0..run {
                mask.push(present);
            }
            present = !present;
        }
        (mask.rows == rows).then_some(mask)
    }

    fn spell_out(&mut self) {
        if self.is_full() && self.words.is_empty() {
            self.words = vec![u64::MAX; self.rows.div_ceil(64)];
            self.clear_beyond();
        }
    }

    fn truncate(&mut self, rows: usize) {
        let gone = (rows..self.rows).filter(|row| !self.get(*row)).count();
        self.rows = rows;
        if !self.words.is_empty() {
            self.words.truncate(rows.div_ceil(64));
            self.clear_beyond();
        }
        self.absent -= gone;
        if self.is_full() {
            self.words = Vec::new();
        }
    }

    /// Bits after the last row are zero, so that a push may set them.
    fn clear_beyond(&mut self) {
        if !self.rows.is_multiple_of(64)
            && let Some(last) = self.words.last_mut()
        {
            *last &= (1 << (self.rows % 64)) - 1;
        }
    }
}
