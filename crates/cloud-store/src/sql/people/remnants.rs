//! A search for a home that is to be gone: in every column of every table that the database itself names, so that a table
//! that is added later is searched, too.

use std::collections::BTreeMap;
use std::ops::Range;

use solthrive_domain::SiteId;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::StoreError;
use crate::chunk::{Codec, Pick};
use crate::people::Remnant;
use crate::sql::{Pool, SqlStore, ask};

/// Where a home's id stays, and why.
const KEPT: [(&str, &str, &str); 6] = [
    (
        "site",
        "id",
        "the id alone, so that what comes late is thrown away",
    ),
    (
        "assignment",
        "site",
        "which devices were there until when, for the same reason",
    ),
    ("audit", "site", "who did what; a chain, never deleted"),
    ("audit", "", "ids of what was done; a chain, never deleted"),
    ("erasure", "site", "that it was erased, and this receipt"),
    (
        "personal_token",
        "",
        "ids that a token was limited to; it opens nothing by them",
    ),
];
const CONSENT: (&str, &str, &str) = (
    "oauth_consent",
    "",
    "ids that an app was limited to; it reaches nothing by them",
);

/// What a table is searched for.
#[derive(Debug, Default)]
struct Columns {
    ids: Vec<String>,
    texts: Vec<String>,
}

/// Runs a statement that may look at all of a large table, which takes longer than others are given.
macro_rules! patiently {
    ($db:expr, |$connection:ident| $body:expr) => {
        match &$db.pool {
            Pool::Sqlite($connection) => $body,
            Pool::Postgres(pool) => {
                let begin = "BEGIN READ ONLY; SET LOCAL statement_timeout = '1h'";
                let mut transaction = pool.begin_with(begin).await?;
                let $connection = &mut *transaction;
                $body
            }
        }
    };
}

pub(super) async fn search(db: &SqlStore, site: SiteId) -> Result<Vec<Remnant>, StoreError> {
    let mut found = Vec::new();
    for (table, columns) in tables(db).await? {
        for column in &columns.ids {
            let text = format!("SELECT count(*) FROM \"{table}\" WHERE \"{column}\" = $1");
            let (rows,): (i64,) = patiently!(db, |connection| {
                sqlx::query_as(AssertSqlSafe(text))
                    .bind(site.as_uuid())
                    .fetch_one(connection)
                    .await?
            });
            found.extend(remnant(&table, column, rows));
        }
        // Why a chunk cannot be read names no home, and there are millions of them.
        if columns.texts.is_empty() || table == "chunk" {
            continue;
        }
        let any: Vec<String> = columns
            .texts
            .iter()
            .map(|column| format!("\"{column}\" LIKE $1"))
            .collect();
        let text = format!(
            "SELECT count(*) FROM \"{table}\" WHERE {}",
            any.join(" OR ")
        );
        let (rows,): (i64,) = patiently!(db, |connection| {
            sqlx::query_as(AssertSqlSafe(text))
                .bind(format!("%{site}%"))
                .fetch_one(connection)
                .await?
        });
        found.extend(remnant(&table, "", rows));
    }
    let rows = rows_of_devices(db, site).await?;
    found.extend(remnant("chunk", "", rows));
    Ok(found)
}

fn remnant(table: &str, column: &str, rows: i64) -> Option<Remnant> {
    let rows = u64::try_from(rows).ok().filter(|rows| *rows > 0)?;
    let kept = KEPT
        .iter()
        .chain([&CONSENT])
        .find(|(known, at, _)| *known == table && *at == column);
    Some(Remnant {
        table: table.to_owned(),
        column: column.to_owned(),
        rows,
        kept: kept.map(|(.., why)| *why),
    })
}

/// Every table, with its columns of ids and of text. Others hold no id that could be told from chance.
async fn tables(db: &SqlStore) -> Result<BTreeMap<String, Columns>, StoreError> {
    let text = match &db.pool {
        Pool::Sqlite(_) => {
            "SELECT sqlite_master.name, known.name, lower(known.type) FROM sqlite_master
             JOIN pragma_table_info(sqlite_master.name) AS known
             WHERE sqlite_master.type = 'table' AND sqlite_master.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        }
        Pool::Postgres(_) => {
            "SELECT relname::TEXT, attname::TEXT, atttypid::regtype::TEXT FROM pg_attribute
             JOIN pg_class ON pg_class.oid = attrelid
             WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND attnum > 0
             AND NOT attisdropped"
        }
    };
    let rows: Vec<(String, String, String)> =
        ask!(db, |pool| sqlx::query_as(text).fetch_all(pool).await?);
    let mut tables: BTreeMap<String, Columns> = BTreeMap::new();
    for (table, column, kind) in rows {
        let columns = tables.entry(table).or_default();
        match kind.as_str() {
            "uuid" => columns.ids.push(column),
            "text" => columns.texts.push(column),
            _ => {}
        }
    }
    Ok(tables)
}

/// Rows in chunks that its devices measured there, counted one by one where a chunk has others, too.
async fn rows_of_devices(db: &SqlStore, site: SiteId) -> Result<i64, StoreError> {
    let mut rows = 0;
    for (device, span) in spans(db, site).await? {
        let chunks: Vec<(i64, i64, Option<String>, Vec<u8>)> = ask!(db, |pool| {
            sqlx::query_as(
                "SELECT first_at, last_at, damaged, bytes FROM chunk WHERE device = $1 AND last_at >= $2 AND first_at < $3",
            )
            .bind(device)
            .bind(span.start)
            .bind(span.end)
            .fetch_all(pool)
            .await?
        });
        let counted = tokio::task::spawn_blocking(move || {
            let mut codec = Codec::new()?;
            let mut rows = 0_i64;
            for (first, last, damaged, bytes) in chunks {
                let is_whole = span.contains(&first) && span.contains(&last);
                if is_whole || damaged.is_some() {
                    rows += 1;
                    continue;
                }
                // One that cannot be read may have something of the home.
                let within = match codec.decode(&bytes, Pick::Only(&[])) {
                    Ok(table) => table.times().filter(|at| span.contains(at)).count(),
                    Err(_) => 1,
                };
                rows += i64::try_from(within).unwrap_or(i64::MAX);
            }
            Ok::<_, crate::chunk::ChunkError>(rows)
        });
        let counted = counted
            .await
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        rows += counted.map_err(|error| StoreError::Damaged(error.to_string()))?;
    }
    Ok(rows)
}

/// The devices that were at a site, each with the time in which what it measured is the site's: from the end of the stay
/// before, or ever, until it was bound elsewhere.
async fn spans(db: &SqlStore, site: SiteId) -> Result<Vec<(Uuid, Range<i64>)>, StoreError> {
    let rows: Vec<(Uuid, Option<i64>, Option<i64>)> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT stay.device, stay.from_at, (SELECT min(later.from_at) FROM tenure AS later
                 WHERE later.device = stay.device AND later.from_at > coalesce(stay.from_at, $2))
             FROM tenure AS stay WHERE stay.site = $1",
        )
        .bind(site.as_uuid())
        .bind(i64::MIN)
        .fetch_all(pool)
        .await?
    });
    let span = |(device, from, to): (Uuid, Option<i64>, Option<i64>)| {
        (device, from.unwrap_or(i64::MIN)..to.unwrap_or(i64::MAX))
    };
    Ok(rows.into_iter().map(span).collect())
}
