//! `solthrive-cli version`.

use serde_json::json;

use super::Verdict;
use super::screen::Screen;
use super::site::Site;
use super::table::Table;

/// Versions of this tool and of the daemon that runs.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args, site: &Site, screen: &mut Screen) -> anyhow::Result<Verdict> {
    let ours = env!("CARGO_PKG_VERSION");
    let daemon = site
        .start()
        .ok()
        .map(|started| site.daemon(&started.loaded.config));
    let running = daemon.and_then(|daemon| daemon.get("/api/system", None).ok());
    let running = running.and_then(|system| system["version"].as_str().map(ToOwned::to_owned));
    let machine = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    if screen.json() {
        screen.value(&json!({
            "version": ours, "daemon": running, "machine": machine, "sqlite": rusqlite::version(),
            "profiles": solthrive_meter::profile::EMBEDDED.len(),
        }))?;
        return Ok(Verdict::Fine);
    }
    let mut table = Table::new(&[]);
    table.row(["solthrive-cli".into(), ours.into()]);
    let stale = running.as_ref().is_some_and(|running| running != ours);
    table.row([
        "solthrived".into(),
        running.unwrap_or_else(|| "not running".to_owned()).into(),
    ]);
    table.row(["machine".into(), machine.into()]);
    table.row(["SQLite".into(), rusqlite::version().into()]);
    table.row([
        "meter profiles".into(),
        format!("{} built in", solthrive_meter::profile::EMBEDDED.len()).into(),
    ]);
    screen.table(&table)?;
    if stale {
        screen.line("The daemon that runs is of another version: restart it (sudo systemctl restart solthrived).")?;
    }
    Ok(Verdict::Fine)
}
