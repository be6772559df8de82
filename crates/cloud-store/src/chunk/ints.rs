//! Integers in the narrowest of three widths that holds them all: what waits in memory stays small.

/// A list of `i64` at 2, 4 or 8 bytes each. It widens by itself and never narrows.
#[derive(Debug, Clone)]
pub(super) enum Ints {
    Two(Vec<i16>),
    Four(Vec<i32>),
    Eight(Vec<i64>),
}

impl Default for Ints {
    fn default() -> Self {
        Self::Two(Vec::new())
    }
}

impl Ints {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Two(list) => list.len(),
            Self::Four(list) => list.len(),
            Self::Eight(list) => list.len(),
        }
    }

    /// The value at `index`, which must exist.
    pub(super) fn get(&self, index: usize) -> i64 {
        match self {
            Self::Two(list) => list[index].into(),
            Self::Four(list) => list[index].into(),
            Self::Eight(list) => list[index],
        }
    }

    pub(super) fn push(&mut self, value: i64) {
        self.insert(self.len(), value);
    }

    /// Puts `value` before the one at `index`, or at the end.
    pub(super) fn insert(&mut self, index: usize, value: i64) {
        match self {
            Self::Two(list) => {
                if let Ok(value) = value.try_into() {
                    return list.insert(index, value);
                }
            }
            Self::Four(list) => {
                if let Ok(value) = value.try_into() {
                    return list.insert(index, value);
                }
            }
            Self::Eight(list) => return list.insert(index, value),
        }
        self.widen(value);
        self.insert(index, value);
    }

    /// All values at full width.
    pub(super) fn to_vec(&self) -> Vec<i64> {
        match self {
            Self::Two(list) => list.iter().map(|value| i64::from(*value)).collect(),
            Self::Four(list) => list.iter().map(|value| i64::from(*value)).collect(),
            Self::Eight(list) => list.clone(),
        }
    }

    /// All values divided by `per_one`, appended to `out`.
    pub(super) fn scan(&self, per_one: f64, out: &mut Vec<f64>) {
        match self {
            Self::Two(list) => out.extend(list.iter().map(|value| f64::from(*value) / per_one)),
            Self::Four(list) => out.extend(list.iter().map(|value| f64::from(*value) / per_one)),
            Self::Eight(list) => out.extend(list.iter().map(|value| *value as f64 / per_one)),
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        match self {
            Self::Two(list) => list.capacity() * 2,
            Self::Four(list) => list.capacity() * 4,
            Self::Eight(list) => list.capacity() * 8,
        }
    }

    /// To the next width that holds `value`.
    fn widen(&mut self, value: i64) {
        let all = self.to_vec();
        *self = if let Ok(_fits) = i32::try_from(value) {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "only lists of two bytes come here"
            )]
            Self::Four(all.into_iter().map(|value| value as i32).collect())
        } else {
            Self::Eight(all)
        };
    }
}

impl From<Vec<i64>> for Ints {
    /// Keeps full width: for what is read now and dropped soon.
    fn from(values: Vec<i64>) -> Self {
        Self::Eight(values)
    }
}
