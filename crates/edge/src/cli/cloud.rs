//! `solthrive-cli cloud status|register`.

use anyhow::bail;
use serde_json::{Value, json};

use super::Verdict;
use super::daemon::{NoAnswer, token};
use super::screen::Screen;
use super::site::Site;
use super::table::Table;

/// How the appliance stands to its cloud.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Whether the cloud is reached, and what waits to be delivered.
    Status,
    /// Bind this appliance to the home that an installer's code belongs to.
    ///
    /// The code is made in the installer's portal and is good for some days. Asking again with the same
    /// code gives the same answer. solthrived has to run.
    #[command(verbatim_doc_comment)]
    Register {
        /// Such as ABCDE-12345; case and dashes do not matter.
        code: String,
    },
}

pub(super) fn run(command: &Command, site: &Site, screen: &mut Screen) -> anyhow::Result<Verdict> {
    let config = site.start()?.loaded.config;
    let daemon = site.daemon(&config);
    match command {
        Command::Status => {
            let cloud = daemon.get("/api/cloud", None)?;
            let fine = matches!(
                cloud["state"].as_str(),
                Some("connected" | "off" | "starting")
            );
            if screen.json() {
                screen.value(&cloud)?;
            } else {
                show(&cloud, screen)?;
            }
            Ok(Verdict::of(fine))
        }
        Command::Register { code } => {
            let token = match token(&config.api.token_file) {
                Ok(token) => token,
                Err(why) => bail!("{why}; try again with sudo"),
            };
            let body = json!({"installer_code": code});
            let registered = match daemon.post("/api/cloud/registration", &token, &body) {
                Ok(registered) => registered,
                Err(NoAnswer::Refused { detail, .. }) => bail!("{detail}"),
                Err(error) => return Err(error.into()),
            };
            if screen.json() {
                screen.value(&registered)?;
                return Ok(Verdict::Fine);
            }
            let text = |key: &str| registered[key].as_str().unwrap_or_default().to_owned();
            screen.line(&format!(
                "Registered: this appliance belongs to site {}.",
                text("site_id")
            ))?;
            if registered["same_time_zone"] == false {
                screen.paragraph("", &format!(
                    "The site's time zone in the cloud is {}, and that of this appliance is {}: its days are cut differently. Set base.timezone to the same.",
                    text("time_zone"), config.site.tz_name))?;
                return Ok(Verdict::Problems);
            }
            Ok(Verdict::Fine)
        }
    }
}

fn show(cloud: &Value, screen: &mut Screen) -> anyhow::Result<()> {
    let mut table = Table::new(&[]);
    let mut row = |name: &str, value: &Value| {
        let text = match value {
            Value::Null => return,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        table.row([name.to_owned().into(), text.into()]);
    };
    row("state", &cloud["state"]);
    row("cloud", &cloud["url"]);
    row("device", &cloud["device_id"]);
    let delivery = &cloud["delivery"];
    row("since", &delivery["since"]);
    row("last contact", &delivery["last_contact"]);
    row("samples waiting", &delivery["waiting_rows"]);
    for (name, key) in [
        ("samples given up", "given_up_rows"),
        ("samples lost", "lost_rows"),
        ("samples ahead of the cloud's clock", "ahead_rows"),
        ("failed attempts", "failures"),
        ("next attempt in s", "next_try_s"),
    ] {
        if delivery[key].as_u64().unwrap_or(0) > 0 {
            row(name, &delivery[key]);
        }
    }
    screen.table(&table)?;
    if let Some(message) = cloud["message"].as_str() {
        screen.paragraph("", message)?;
    }
    Ok(())
}
