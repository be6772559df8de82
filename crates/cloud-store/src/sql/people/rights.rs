//! Rights that are asked for once more inside a write: between the judgement and the write a site can be sold, and a
//! manager removed.

/// Goes on only while the site is still its owner's, and the person who acts still manages that owner. The site's row is
/// locked until the transaction ends, so a sale comes before all of this write or after all of it.
macro_rules! still_owned {
    ($tx:ident, $by:expr, $site:expr) => {{
        let locked =
            sqlx::query("UPDATE site SET version = version WHERE id = $1 AND owner_org = $2")
                .bind($site.site().as_uuid())
                .bind($site.owner().as_uuid())
                .execute(&mut *$tx)
                .await?
                .rows_affected();
        if locked == 0 {
            return Err($crate::StoreError::RightOver);
        }
        $crate::sql::people::rights::manages!($tx, $by, $site.owner());
    }};
}

/// Goes on only while the person who acts still manages the org. Its row is locked until the transaction ends: two
/// managers who take each other out come one after the other.
macro_rules! still_managed {
    ($tx:ident, $by:expr, $org:expr) => {{
        sqlx::query("UPDATE org SET version = version + 1 WHERE id = $1")
            .bind($org.as_uuid())
            .execute(&mut *$tx)
            .await?;
        $crate::sql::people::rights::manages!($tx, $by, $org);
    }};
}

/// Locks the site's row until the transaction ends: whoever writes about the site at the same time comes before, or after.
/// What is asked then is asked in a statement of its own; see `manages`.
macro_rules! lock_site {
    ($tx:ident, $site:expr) => {
        sqlx::query("UPDATE site SET version = version WHERE id = $1")
            .bind($site.as_uuid())
            .execute(&mut *$tx)
            .await?
    };
}

/// Goes on only while the person who acts still works for the installer, as its admin or technician.
macro_rules! still_works_for {
    ($tx:ident, $by:expr, $org:expr) => {
        if let Some(user) = $by.user() {
            let works: Option<(String,)> = sqlx::query_as(
                "SELECT role FROM membership WHERE org = $1 AND app_user = $2 AND role IN ('admin', 'technician')",
            )
            .bind($org.org().as_uuid())
            .bind(user.as_uuid())
            .fetch_optional(&mut *$tx)
            .await?;
            if works.is_none() {
                return Err($crate::StoreError::RightOver);
            }
        }
    };
}

/// Asked after the lock, in a statement of its own: PostgreSQL shows a statement what was there when it began, not what
/// it waited for.
macro_rules! manages {
    ($tx:ident, $by:expr, $org:expr) => {
        if let Some(user) = $by.user() {
            let admin: Option<(String,)> = sqlx::query_as(
                "SELECT role FROM membership WHERE org = $1 AND app_user = $2 AND role = 'admin'",
            )
            .bind($org.as_uuid())
            .bind(user.as_uuid())
            .fetch_optional(&mut *$tx)
            .await?;
            if admin.is_none() {
                return Err($crate::StoreError::RightOver);
            }
        }
    };
}

pub(super) use {lock_site, manages, still_managed, still_owned, still_works_for};
