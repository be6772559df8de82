//! `solthrive-cloud`: the service, and the console of whoever runs it.

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use solthrive_cloud::admin::{self, Admin};
use solthrive_cloud::app::Running;
use solthrive_cloud::clock::Clock;
use solthrive_cloud::config::Serve;
use solthrive_cloud::logging;
use tokio::signal::unix::{SignalKind, signal};

/// Takes in what SolThrive appliances deliver, keeps it, and runs the fleet.
#[derive(Debug, Parser)]
#[command(name = "solthrive-cloud", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service. Nothing has to be configured: without any option it keeps everything in
    /// ./solthrive-cloud-data and speaks TLS on port 8443 with a certificate of its own
    Serve(Box<Serve>),
    Admin(Box<Admin>),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Serve(settings) => serve(&settings),
        Command::Admin(command) => return admin::run(*command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("solthrive-cloud: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(settings: &Serve) -> anyhow::Result<()> {
    logging::start(settings.log_format);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = settings.threads {
        runtime.worker_threads(threads.into());
    }
    let runtime = runtime.enable_all().build()?;
    let done = runtime.block_on(async {
        let (mut terminate, mut interrupt) = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        );
        let running = Running::start(settings, Clock::system()).await?;
        let scheme = if settings.plain_http { "http" } else { "https" };
        // For a person and for whoever started it on port 0.
        say(&format!("listening on {scheme}://{}", running.address));
        if let Some(link) = &running.setup {
            say(&format!(
                "nobody can sign in yet: make the first admin at {link}"
            ));
        }
        let mut is_broken = false;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = running.broke() => is_broken = true,
        }
        tracing::info!("stopping: open calls are finished, what was taken in is stored");
        running.stop().await;
        anyhow::ensure!(
            !is_broken,
            "a part of the service ended by itself; the log says which"
        );
        anyhow::Ok(())
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    done
}

/// A line on standard output. Whoever started us may have stopped reading after the first one; that ends no service.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
