//! `admin audit`.

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};
use solthrive_cloud_store::meta::{AuditCheck, AuditRow, Registry as _};

use super::Verdict;
use super::console::Console;
use super::output::{hex, instant};
use super::screen::Screen;
use super::table::Cell;

#[derive(Debug, Args)]
#[command(after_help = "\
Each row's hash covers the row and the hash of the one before it. --check recomputes all of them: a row \
that was changed, added or taken out breaks the chain, but for the end of it. Whoever keeps the last hash \
elsewhere (a backup's manifest does) can tell that, too.

Examples:
  solthrive-cloud admin audit -n 20
  solthrive-cloud admin audit --check")]
pub(super) struct Audit {
    /// The newest so many
    #[arg(short = 'n', long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
    /// Check the whole chain instead; exit code 1 when it is broken
    #[arg(long)]
    check: bool,
}

pub(super) async fn run(args: &Audit, console: &Console, screen: &mut Screen) -> Result<Verdict> {
    if args.check {
        return check(console, screen).await;
    }
    let mut rows = console
        .sql
        .audit(&console.operator, None, args.count)
        .await?;
    // Like a log: the newest last.
    rows.reverse();
    screen.list(
        &rows,
        "Nothing was done yet.",
        ["NUMBER", "WHEN", "WHO", "WHAT", "ABOUT"],
        |row| {
            [
                Cell::number(row.seq),
                instant(row.at).into(),
                row.actor.as_str().into(),
                row.action.as_str().into(),
                about(row).into(),
            ]
        },
        json_of,
    )?;
    Ok(Verdict::Fine)
}

fn about(row: &AuditRow) -> String {
    let named = |name: &str, id: Option<String>| id.map(|id| format!("{name} {id}"));
    [
        named("org", row.org.map(|id| id.to_string())),
        named("site", row.site.map(|id| id.to_string())),
        named("device", row.device.map(|id| id.to_string())),
        row.details.clone(),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join(", ")
}

fn json_of(row: &AuditRow) -> Value {
    let details: Option<Value> = row
        .details
        .as_ref()
        .and_then(|text| serde_json::from_str(text).ok());
    json!({
        "seq": row.seq, "at": instant(row.at), "actor": row.actor, "action": row.action,
        "org": row.org, "site": row.site, "device": row.device, "details": details,
        "hash": hex(&row.hash),
    })
}

async fn check(console: &Console, screen: &mut Screen) -> Result<Verdict> {
    match console.sql.audit_check(&console.operator).await? {
        AuditCheck::Whole { rows, hash } => {
            let hash = hex(&hash);
            let facts = [
                ("audit log", "whole".to_owned()),
                ("rows", rows.to_string()),
                ("last hash", hash.clone()),
            ];
            screen.facts(&facts, &json!({"whole": true, "rows": rows, "hash": hash}))?;
            Ok(Verdict::Fine)
        }
        AuditCheck::Broken { seq } => {
            let what = format!("row {seq} is missing, or not as it was written");
            let facts = [("audit log", "BROKEN".to_owned()), ("where", what)];
            screen.facts(&facts, &json!({"whole": false, "broken_at": seq}))?;
            Ok(Verdict::Problems)
        }
    }
}
