//! For whom something is read. PostgreSQL holds the rows of other homes back then, whatever the statement asks for:
//! `migrations/postgres/0013_second_wall.sql` says how. SQLite has no such thing; there the statement alone says it.

use solthrive_domain::access::{OwnedSite, ReadableFleet, ReadableSite};
use solthrive_domain::{OrgId, SiteId};
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Postgres, Transaction};
use uuid::Uuid;

/// For whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sql) enum Sees {
    /// For the service itself.
    Everything,
    /// What belongs to a site.
    Site(SiteId),
    /// Sums of an installer's fleet.
    Fleet(OrgId),
    /// A site that a person may have to do with.
    Person(Uuid),
    /// The same of a program that asks for its org.
    Program(Uuid),
    /// All sites that a person may have to do with.
    PersonsList(Uuid),
    /// The same of a program that asks for its org.
    ProgramsList(Uuid),
    /// For nobody that is known.
    Nothing,
}

impl From<ReadableSite> for Sees {
    fn from(site: ReadableSite) -> Self {
        Self::Site(site.site())
    }
}

impl From<OwnedSite> for Sees {
    fn from(site: OwnedSite) -> Self {
        Self::Site(site.site())
    }
}

impl From<ReadableFleet> for Sees {
    fn from(fleet: ReadableFleet) -> Self {
        Self::Fleet(fleet.org())
    }
}

impl Sees {
    /// What `solthrive.sees` is set to. Words of ours and an id: there is nothing in it to be escaped.
    fn setting(self) -> Option<String> {
        let (kind, id) = match self {
            Self::Everything => return None,
            Self::Nothing => return Some("nothing".to_owned()),
            Self::Site(site) => ("site", site.as_uuid()),
            Self::Fleet(org) => ("org", org.as_uuid()),
            Self::Person(id) => ("person", id),
            Self::Program(org) => ("program", org),
            Self::PersonsList(id) => ("person-list", id),
            Self::ProgramsList(org) => ("program-list", org),
        };
        Some(format!("{kind} {id}"))
    }

    /// A connection that sees no more.
    pub(in crate::sql) async fn of(self, pool: &PgPool) -> Result<Seeing, sqlx::Error> {
        let Some(setting) = self.setting() else {
            return Ok(Seeing::Everything(pool.acquire().await?));
        };
        // Both in one message: the wall costs one way to the database and back.
        let begin = format!("BEGIN READ ONLY; SET LOCAL solthrive.sees = '{setting}'");
        let transaction = pool.begin_with(AssertSqlSafe(begin)).await?;
        Ok(Seeing::Part(transaction))
    }
}

/// A connection that sees what it may. It only reads, so its transaction is left to be rolled back when the connection
/// is given back, where nobody waits.
pub(in crate::sql) enum Seeing {
    /// All of it.
    Everything(PoolConnection<Postgres>),
    /// Until this transaction ends.
    Part(Transaction<'static, Postgres>),
}

impl Seeing {
    pub(in crate::sql) fn connection(&mut self) -> &mut PgConnection {
        match self {
            Self::Everything(connection) => connection,
            Self::Part(transaction) => transaction,
        }
    }
}

/// Runs one reading statement for somebody.
macro_rules! seen {
    ($store:expr, $sees:expr, |$pool:ident| $body:expr) => {
        match &$store.pool {
            $crate::sql::Pool::Sqlite($pool) => $body,
            $crate::sql::Pool::Postgres(pool) => {
                let mut seeing = $crate::sql::sees::Sees::of($sees, pool).await?;
                let $pool = seeing.connection();
                $body
            }
        }
    };
}

pub(in crate::sql) use seen;
