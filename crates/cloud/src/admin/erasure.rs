//! `admin erasure`: homes that were erased, and whether a receipt is one of ours.

use std::fs;
use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use serde_json::json;
use solthrive_cloud_store::people::Erasures as _;

use super::Verdict;
use super::console::Console;
use super::screen::Screen;
use crate::receipts::{Receipt, Receipts, fingerprint};
use crate::secrets::Pepper;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Homes that were erased. Keep the list of `--json` beside your backups: `restore --erasures` erases them again
    List,
    /// Say whether this service wrote a receipt, and what it says; exit code 1 if it did not
    #[command(
        after_help = "The receipt is checked by its signature, whose key follows from the pepper of this service, and by \
the hash of it in the audit log.\n\nExamples:\n  solthrive-cloud admin erasure verify receipt.txt\n  \
solthrive-cloud admin erasure verify - < receipt.txt"
    )]
    Verify {
        /// The file with the receipt; `-` for standard input
        receipt: PathBuf,
    },
}

pub(super) async fn run(
    command: &Command,
    console: &Console,
    screen: &mut Screen,
) -> Result<Verdict> {
    match command {
        Command::List => list(console, screen).await,
        Command::Verify { receipt } => verify(receipt, console, screen).await,
    }
}

async fn list(console: &Console, screen: &mut Screen) -> Result<Verdict> {
    let passed = console.sql.passed().await?;
    screen.list(
        &passed,
        "No home was erased yet.",
        ["ID", "SITE", "CLOSED"],
        |passed| {
            [
                passed.id.to_string().into(),
                passed.site.to_string().into(),
                passed.closed_at.to_string().into(),
            ]
        },
        |passed| json!(passed),
    )?;
    Ok(Verdict::Fine)
}

async fn verify(path: &PathBuf, console: &Console, screen: &mut Screen) -> Result<Verdict> {
    let mut text = String::new();
    if path.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text)?;
    } else {
        text = fs::read_to_string(path)
            .with_context(|| format!("{} could not be read", path.display()))?;
    }
    let text = text.trim();
    let pepper = console.place.pepper();
    let pepper = fs::read(&pepper)
        .with_context(|| format!("the pepper {} could not be read", pepper.display()))?;
    let pepper: &[u8; Pepper::LEN] = pepper
        .as_slice()
        .try_into()
        .context("the pepper is not of its size")?;
    let Some(receipt) = Receipts::new(pepper)?.read(text) else {
        let facts = [("receipt", "NOT OURS, or not as it was written".to_owned())];
        screen.facts(&facts, &json!({"genuine": false}))?;
        return Ok(Verdict::Problems);
    };
    let sha256 = fingerprint(text);
    let known = console.sql.erasure(receipt.erasure).await?;
    let is_known = known.is_some_and(|known| known.receipt.as_deref() == Some(text));
    show(&receipt, &sha256, is_known, screen)?;
    Ok(Verdict::Fine)
}

fn show(receipt: &Receipt, sha256: &str, is_known: bool, screen: &mut Screen) -> Result<()> {
    let holds = receipt
        .backups
        .iter()
        .map(|holds| format!("{} (until {})", holds.backup, holds.kept_until));
    let holds = holds.collect::<Vec<_>>().join(", ");
    let rows: u64 = receipt.deleted.values().sum();
    let facts = [
        ("receipt", "genuine".to_owned()),
        ("site", receipt.site.to_string()),
        ("asked for", receipt.asked_at.to_string()),
        ("closed", receipt.closed_at.to_string()),
        ("searched", receipt.searched_at.to_string()),
        ("deleted", format!("{rows} rows")),
        (
            "backups that held it",
            if holds.is_empty() {
                "none".to_owned()
            } else {
                holds
            },
        ),
        ("SHA-256", sha256.to_owned()),
        (
            "in this store",
            if is_known {
                "yes"
            } else {
                "no: the store was put back since"
            }
            .to_owned(),
        ),
    ];
    let value =
        json!({"genuine": true, "in_store": is_known, "sha256": sha256, "receipt": receipt});
    screen.facts(&facts, &value)?;
    Ok(())
}
