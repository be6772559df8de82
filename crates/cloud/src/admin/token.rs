//! `admin token`.

use std::io::Read as _;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use solthrive_cloud_store::meta::{DeviceLine, Registry as _, TokenHash, TokenLine};

use super::console::Console;
use super::output::hex;
use super::rotate::{self, Rotate};
use super::screen::Screen;
use super::{Verdict, find};
use crate::secrets::{DeviceToken, given_token, hash_token};

/// Digits of a hash that name a token well enough: a device has two at most.
const LEAST_DIGITS: usize = 8;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Give a device a second token. It is shown once; the one that it has works on
    ///
    /// A device has two slots. Where both are taken, the older token goes; a rotation that is not over ends.
    #[command(after_help = "\
Examples:
  solthrive-cloud admin token new ST-0001
  solthrive-cloud admin token new ST-0001 --token-stdin < token.txt   # one that exists already

Afterwards put it on the device (/etc/solthrive/device_token), and revoke the old one once it calls.")]
    New(New),
    /// Take a token out of use. Within seconds nobody is let in with it
    #[command(after_help = "\
Examples:
  solthrive-cloud admin token revoke ST-0001 --hash 3f9a01bc      # `device show` lists the hashes
  solthrive-cloud admin token revoke ST-0001 --token-stdin < token.txt")]
    Revoke(Revoke),
    /// Ask for another token of a device, which takes over by itself
    ///
    /// The device is told its next token when it calls, and has only to be of a version that keeps it. Its old
    /// one works until it uses the next, and is over then. This is care taken in time: where a token leaked,
    /// whoever has it would be told the next one too, so give the device another by hand and revoke the old.
    #[command(after_help = "\
Examples:
  solthrive-cloud admin token rotate ST-0001
  solthrive-cloud admin token rotate --all --older-than 90d")]
    Rotate(Rotate),
    /// Rotations that are not over, the oldest first
    Rotations,
}

#[derive(Debug, Args)]
pub(super) struct New {
    /// The device, by id or serial
    device: String,
    /// Take this token from standard input instead of drawing one
    #[arg(long)]
    token_stdin: bool,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// The device, by id or serial
    device: String,
    /// The first digits of the token's SHA-256
    #[arg(long, value_name = "DIGITS", required_unless_present = "token_stdin")]
    hash: Option<String>,
    /// Read the token from standard input: on the command line everybody on the machine could see it
    #[arg(long, conflicts_with = "hash")]
    token_stdin: bool,
    /// Even if it is the only token that the device has
    #[arg(long)]
    last: bool,
}

pub(super) async fn run(
    command: &Command,
    console: &Console,
    screen: &mut Screen,
) -> Result<Verdict> {
    match command {
        Command::New(new) => add(new, console, screen).await?,
        Command::Revoke(args) => revoke(args, console, screen).await?,
        Command::Rotate(args) => return rotate::rotate(args, console, screen).await,
        Command::Rotations => rotate::list(console, screen).await?,
    }
    Ok(Verdict::Fine)
}

async fn add(new: &New, console: &Console, screen: &mut Screen) -> Result<()> {
    let device = find::device(console, &new.device).await?;
    let drawn = if new.token_stdin {
        None
    } else {
        Some(DeviceToken::draw()?)
    };
    let hash = match &drawn {
        Some(token) => token.hash(),
        None => hash_token(&from_stdin()?),
    };
    let now = console.clock.now();
    if !console
        .sql
        .add_token(&console.operator, device.id, hash, now)
        .await?
    {
        bail!("the device is not there any more");
    }
    let mut facts = vec![("device", device.serial.clone())];
    let mut value = json!({"device": device.id, "token_hash": hash_text(&hash)});
    if let Some(token) = &drawn {
        facts.push(("token", token.reveal().to_owned()));
        value["token"] = json!(token.reveal());
    }
    facts.push(("SHA-256", hash_text(&hash)));
    screen.facts(&facts, &value)?;
    if drawn.is_some() && !screen.json() {
        screen.paragraph("\nThe token is not kept, so this is the only time that it is shown.")?;
    }
    Ok(())
}

async fn revoke(args: &Revoke, console: &Console, screen: &mut Screen) -> Result<()> {
    let device = find::device(console, &args.device).await?;
    let tokens = of(&device, console).await?;
    let hashes: Vec<TokenHash> = tokens.iter().map(|token| token.hash).collect();
    let token = match &args.hash {
        Some(digits) => by_digits(digits, &hashes)?,
        None => hash_token(&from_stdin()?),
    };
    if !hashes.contains(&token) {
        bail!(
            "{} has no such token; `admin device show` lists the hashes",
            device.serial
        );
    }
    // One that is offered goes together with the one that it would take over from.
    let mut others = tokens
        .iter()
        .filter(|other| other.hash != token && !other.is_next);
    let is_next = tokens.iter().any(|it| it.hash == token && it.is_next);
    if others.next().is_none() && !is_next && !args.last {
        bail!(
            "it is the only token of {}, which could never call again: give it another first (`admin token new`), shut it out (`admin device deactivate`), or insist with --last",
            device.serial
        );
    }
    let now = console.clock.now();
    if !console
        .sql
        .revoke_token(&console.operator, token, now)
        .await?
    {
        bail!("the token was taken out of use already");
    }
    let facts = [
        ("device", device.serial.clone()),
        ("revoked", hash_text(&token)),
    ];
    Ok(screen.facts(
        &facts,
        &json!({"device": device.id, "revoked": hash_text(&token)}),
    )?)
}

fn by_digits(digits: &str, tokens: &[TokenHash]) -> Result<TokenHash> {
    if digits.len() < LEAST_DIGITS {
        bail!("name at least {LEAST_DIGITS} digits of the hash");
    }
    let digits = digits.to_ascii_lowercase();
    let mut meant = tokens
        .iter()
        .filter(|token| hash_text(token).starts_with(&digits));
    match (meant.next(), meant.next()) {
        (Some(token), None) => Ok(*token),
        _ => bail!(
            "the device has no token whose hash begins with {digits}; `admin device show` lists them"
        ),
    }
}

/// A token that somebody else made.
fn from_stdin() -> Result<String> {
    let mut text = String::new();
    std::io::stdin().take(1024).read_to_string(&mut text)?;
    let Some(token) = given_token(&text) else {
        bail!("on standard input there is to be a token: one line of 32 to 512 letters and digits");
    };
    Ok(token.to_owned())
}

/// The tokens of a device, the oldest first.
pub(super) async fn of(device: &DeviceLine, console: &Console) -> Result<Vec<TokenLine>> {
    let mut all = console.sql.device_tokens(&console.operator).await?;
    all.retain(|token| token.device == device.id);
    Ok(all)
}

/// As it is shown.
pub(super) fn hash_text(hash: &TokenHash) -> String {
    hex(&hash.0)
}
