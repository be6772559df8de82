//! `solthrive-sim proxy`.

use std::io::Write as _;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use clap::Args;
use solthrive_sim::proxy::{self, Plan, Rule};

/// What stands between whom, and how it misbehaves.
#[derive(Debug, Args)]
pub(crate) struct ProxyArgs {
    /// Where clients connect to; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The server that every connection is forwarded to
    #[arg(long, value_name = "HOST:PORT")]
    to: String,
    /// What goes wrong: KIND[:OPTION=VALUE,…], see below. May be repeated
    #[arg(long = "fault", value_name = "FAULT")]
    faults: Vec<Rule>,
    /// Same seed, same connections and bytes are hit
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// End when standard input is closed
    #[arg(long)]
    pub(crate) until_stdin_closes: bool,
}

impl ProxyArgs {
    /// Runs it until somebody says stop.
    pub(crate) async fn run(&self, told: impl Future<Output = ()>) -> Result<()> {
        let plan = self
            .faults
            .iter()
            .cloned()
            .fold(Plan::seeded(self.seed), Plan::with);
        let proxy = proxy::start(self.listen, self.to.as_str(), plan)
            .await
            .with_context(|| format!("{} cannot be listened on", self.listen))?;
        let mut out = std::io::stdout();
        writeln!(out, "listening on {}", proxy.address())?;
        out.flush()?;
        told.await;
        writeln!(out, "{}", proxy.stop().await)?;
        Ok(())
    }
}
