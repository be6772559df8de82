//! Names of inputs and channels, numbered once so that rows carry a byte instead of a word.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

/// The table `name`, in memory. A home has a dozen.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    texts: BTreeMap<i64, String>,
    numbers: BTreeMap<String, i64>,
}

impl Names {
    /// Reads the table.
    pub(super) fn load(db: &Connection) -> rusqlite::Result<Self> {
        let mut names = Self::default();
        let mut select = db.prepare("SELECT id, text FROM name")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            names.insert(row.get(0)?, row.get(1)?);
        }
        Ok(names)
    }

    /// The name with this number.
    pub(super) fn text(&self, number: i64) -> Option<&str> {
        self.texts.get(&number).map(String::as_str)
    }

    /// The number of a name, entered into the table when it is new.
    pub(super) fn number(&mut self, db: &Connection, text: &str) -> rusqlite::Result<i64> {
        if let Some(number) = self.numbers.get(text) {
            return Ok(*number);
        }
        let number = self.number_or_next(text);
        db.execute(
            "INSERT INTO name (id, text) VALUES (?1, ?2)",
            params![number, text],
        )?;
        Ok(number)
    }

    /// The number of a name, the next free one when it is new.
    pub(super) fn number_or_next(&mut self, text: &str) -> i64 {
        let next = self.texts.last_key_value().map_or(1, |(last, _)| last + 1);
        let number = self.numbers.get(text).copied().unwrap_or(next);
        self.insert(number, text.to_owned());
        number
    }

    fn insert(&mut self, number: i64, text: String) {
        self.numbers.insert(text.clone(), number);
        self.texts.insert(number, text);
    }
}
