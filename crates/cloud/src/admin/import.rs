//! The part of `admin restore` that is PostgreSQL's.

use std::fs;

use anyhow::{Result, bail};
use solthrive_cloud_store::backup::Target;

use super::folders;
use super::manifest::{DUMP, Manifest, PEPPER};
use super::postgres::Program;
use super::progress::Progress;
use super::restore::{Aside, Restore};
use crate::config::Place;

/// A backup that is to come into a database.
pub(super) struct Import<'a> {
    pub(super) args: &'a Restore,
    pub(super) manifest: &'a Manifest,
    pub(super) place: &'a Place,
    pub(super) url: &'a str,
    pub(super) aside: &'a Aside,
}

impl Import<'_> {
    /// Returns where the old things are, if there were any.
    ///
    /// `pg_restore --clean` cannot drop partitions, so what is there is renamed, in the one transaction
    /// in which the backup comes in.
    pub(super) async fn run(&self, progress: &mut Progress) -> Result<Vec<String>> {
        let (restore, psql) = (Program::find("pg_restore")?, Program::find("psql")?);
        let target = self.target().await?;
        let another_pepper = self.another_pepper()?;
        let mut old = Vec::new();
        let mut writes = restore.command();
        writes
            .args(["--file=-", "--no-owner", "--no-privileges"])
            .arg(self.args.from.join(DUMP));
        let mut reads = psql.connected(self.url);
        reads.args(["--no-psqlrc", "--quiet", "--no-password"]);
        reads.args(["--single-transaction", "--set=ON_ERROR_STOP=1"]);
        if target.relations > 0 {
            let (schema, aside) = (quoted(&target.schema), &self.aside.schema);
            let rename = format!("ALTER SCHEMA {schema} RENAME TO {aside}");
            reads.args(["--command", &rename]);
            reads.args(["--command", &format!("CREATE SCHEMA {schema}")]);
            old.push(format!("schema {aside}"));
        }
        reads.arg("--file=-");
        restore
            .piped(writes, &psql, reads, || {
                progress.say(|| "pg_restore is at work".to_owned());
            })
            .await?;
        if another_pepper {
            old.extend(self.put_pepper()?);
        }
        Ok(old)
    }

    /// The database, if something may come into it.
    async fn target(&self) -> Result<Target> {
        let mut target = Target::look(self.url).await?;
        // One that has just ended is seen for a moment.
        for _ in 0..20 {
            if target.sessions == 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            target = Target::look(self.url).await?;
        }
        if target.sessions > 0 {
            bail!(
                "{} other sessions use the database: stop every service first",
                target.sessions
            );
        }
        if target.relations > 0 && !self.args.force {
            bail!(
                "the database holds something already: name an empty one (`createdb`), or set aside what is there with --force"
            );
        }
        Ok(target)
    }

    /// Codes depend on it, so one that is another's is not lightly replaced.
    fn another_pepper(&self) -> Result<bool> {
        let (from, to) = (self.args.from.join(PEPPER), self.place.pepper());
        if !self.manifest.has(PEPPER) {
            return Ok(false);
        }
        if !to.exists() {
            return Ok(true);
        }
        let is_another = fs::read(&to)? != fs::read(&from)?;
        if is_another && !self.args.force {
            bail!(
                "{} is another pepper than the backup's; with --force it is set aside",
                to.display()
            );
        }
        Ok(is_another)
    }

    /// Returns where the old one is, if there was one.
    fn put_pepper(&self) -> Result<Option<String>> {
        let (data, to) = (&self.place.data, self.place.pepper());
        fs::create_dir_all(data)?;
        let beside = data.join("pepper.partial");
        folders::copy(&self.args.from.join(PEPPER), &beside)?;
        folders::give(&beside, data)?;
        let folder = &self.aside.folder;
        let is_there = to.exists();
        if is_there {
            folders::only_ours(folder)?;
            fs::rename(&to, folder.join(PEPPER))?;
        }
        fs::rename(&beside, &to)?;
        folders::sync(data)?;
        Ok(is_there.then(|| folder.display().to_string()))
    }
}

/// A name in SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
