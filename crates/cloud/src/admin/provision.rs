//! `admin device provision`.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::json;
use solthrive_cloud_store::meta::{NewDevice, Provisioned, Registry as _};
use solthrive_domain::DeviceId;

use super::console::Console;
use super::screen::Screen;
use super::serials::{BadLine, Line};
use super::{Verdict, label, serials};
use crate::clock::new_id;
use crate::secrets::DeviceToken;

/// The most bad lines that are told.
const MOST: usize = 20;

#[derive(Debug, Args)]
#[command(after_help = "\
The list is CSV. With the one column `serial`, ids and tokens are made here and shown once; with \
`serial,device_id,token_hash` the factory has made them, and the same list twice is no mistake.

Examples:
  solthrive-cloud admin device provision serials.csv --out labels.csv
  solthrive-cloud admin device provision factory.csv
  echo -e 'serial\\nST-0001' | solthrive-cloud admin device provision - --qr

Columns of the result: serial,device_id,token,label. The label is the text of the QR code on the case; \
the token is not in it.")]
pub(super) struct Provision {
    /// The list, or `-` for standard input
    list: PathBuf,
    /// Write the result to this new file, which only its owner may read
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Draw the QR code of each label
    #[arg(long, conflicts_with_all = ["out", "json"])]
    qr: bool,
    /// What the text of a label begins with
    #[arg(long, value_name = "URL", default_value = "solthrive:device")]
    label_url: String,
}

/// A device as it goes to the registry, and what the factory needs of it.
struct Made {
    line: Line,
    device: NewDevice,
    /// `None` where the factory has it.
    token: Option<DeviceToken>,
    label: String,
}

pub(super) async fn run(
    args: &Provision,
    console: &Console,
    screen: &mut Screen,
) -> Result<Verdict> {
    let text = read(&args.list)?;
    let lines = match serials::parse(&text) {
        Ok(lines) => lines,
        Err(bad) => bail!(refused(&args.list, &bad)),
    };
    let made = lines
        .into_iter()
        .map(|line| make(line, &args.label_url))
        .collect::<Result<Vec<_>>>()?;
    // Written before they are known: a token that got lost on a full disk could not be had again.
    let file = args.out.as_deref().map(|path| Draft::write(path, &made));
    let file = file.transpose()?;
    let devices: Vec<NewDevice> = made.iter().map(|made| made.device.clone()).collect();
    let told = console
        .sql
        .provision(&console.operator, &devices, console.clock.now())
        .await?;
    let taken = made
        .iter()
        .zip(&told)
        .filter(|(_, told)| **told == Provisioned::Taken);
    let taken: Vec<BadLine> = taken.map(|(made, _)| of_another(&made.line)).collect();
    if !taken.is_empty() {
        bail!(refused(&args.list, &taken));
    }
    let new = told
        .iter()
        .filter(|told| **told == Provisioned::New)
        .count();
    match file {
        Some(file) => {
            let path = file.keep()?;
            let facts = [
                ("new", new.to_string()),
                ("known before", (told.len() - new).to_string()),
                ("written to", path.display().to_string()),
            ];
            let value = json!({"new": new, "known_before": told.len() - new, "out": path});
            screen.facts(&facts, &value)?;
        }
        None => show(args, &made, &told, screen)?,
    }
    Ok(Verdict::Fine)
}

fn read(list: &Path) -> Result<Vec<u8>> {
    if list == Path::new("-") {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text)?;
        return Ok(text);
    }
    fs::read(list).with_context(|| format!("{} could not be read", list.display()))
}

fn make(line: Line, label_url: &str) -> Result<Made> {
    let (id, token, hash) = match line.given {
        Some((id, hash)) => (id, None, hash),
        None => {
            let token = DeviceToken::draw()?;
            let hash = token.hash();
            (DeviceId::from_uuid(new_id()), Some(token), hash)
        }
    };
    let device = NewDevice {
        id,
        serial: line.serial.clone(),
        token: hash,
    };
    let label = label::text(label_url, &line.serial, id);
    Ok(Made {
        line,
        device,
        token,
        label,
    })
}

fn of_another(line: &Line) -> BadLine {
    let what = if line.given.is_some() {
        format!(
            "{}, its device_id or its token is another device's already",
            line.serial
        )
    } else {
        format!(
            "a device {} is known already, with an id and a token of its own",
            line.serial
        )
    };
    BadLine {
        number: line.number,
        what,
    }
}

fn refused(list: &Path, bad: &[BadLine]) -> String {
    let mut text = format!("nothing was provisioned, because of {}:", list.display());
    for line in bad.iter().take(MOST) {
        text.push_str(&format!("\n  {line}"));
    }
    if bad.len() > MOST {
        text.push_str(&format!("\n  and {} more lines", bad.len() - MOST));
    }
    text
}

fn show(args: &Provision, made: &[Made], told: &[Provisioned], screen: &mut Screen) -> Result<()> {
    if screen.json() {
        let devices: Vec<_> = made
            .iter()
            .zip(told)
            .map(|(made, told)| {
                json!({
                    "serial": made.device.serial, "device_id": made.device.id,
                    "token": made.token.as_ref().map(DeviceToken::reveal), "label": made.label,
                    "new": *told == Provisioned::New,
                })
            })
            .collect();
        return Ok(screen.value(&devices)?);
    }
    if !args.qr {
        return csv(made, screen.out());
    }
    for made in made {
        screen.line(&format!("{}  {}", made.device.serial, made.device.id))?;
        if let Some(token) = &made.token {
            screen.line(token.reveal())?;
        }
        screen.line(&label::qr(&made.label)?)?;
        screen.line(&made.label)?;
        screen.line("")?;
    }
    Ok(())
}

fn csv(made: &[Made], out: impl std::io::Write) -> Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(["serial", "device_id", "token", "label"])?;
    for made in made {
        let token = made.token.as_ref().map_or("", DeviceToken::reveal);
        let id = made.device.id.to_string();
        writer.write_record([made.device.serial.as_str(), &id, token, &made.label])?;
    }
    Ok(writer.flush()?)
}

/// A file that appears under its name only when it is kept.
struct Draft {
    draft: PathBuf,
    path: PathBuf,
    kept: bool,
}

impl Draft {
    fn write(path: &Path, made: &[Made]) -> Result<Self> {
        if path.exists() {
            bail!("{} is there already; name a new file", path.display());
        }
        let mut name = path.as_os_str().to_owned();
        name.push(".partial");
        let draft = PathBuf::from(name);
        let failed = || format!("{} could not be written", draft.display());
        let mut file = fs::File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)
            .with_context(failed)?;
        let this = Self {
            draft: draft.clone(),
            path: path.to_owned(),
            kept: false,
        };
        csv(made, &mut file).with_context(failed)?;
        file.flush()
            .and_then(|()| file.sync_all())
            .with_context(failed)?;
        Ok(this)
    }

    fn keep(mut self) -> Result<PathBuf> {
        // The tokens are in use from here on, so the draft stays whatever happens.
        self.kept = true;
        fs::rename(&self.draft, &self.path).with_context(|| {
            format!(
                "the devices are known, but their tokens are still in {}",
                self.draft.display()
            )
        })?;
        Ok(self.path.clone())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.draft);
        }
    }
}
