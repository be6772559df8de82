//! `solthrive-sim`: simulated homes and meters, for demonstrations and tests.

mod program;

use std::io::{IsTerminal, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use solthrive_sim::Simulation;
use solthrive_sim::clock::Clock;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use program::{Args, Command, Ready, StatusLine};

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    let ended = match Args::parse().command {
        Command::Meter(args) => run(&args),
        #[cfg(feature = "fleet")]
        Command::Fleet(args) => run_fleet(&args),
        #[cfg(feature = "proxy")]
        Command::Proxy(args) => run_proxy(&args),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("solthrive-sim: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &program::MeterArgs) -> Result<()> {
    let config = args.config(Clock::start().wall())?;
    let faults = args.faults()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // Before anything can be seen: who reads that we are ready may end us at once.
    let signals = runtime.block_on(async { Signals::listen() })?;
    let simulation = Simulation::start(config.clone())?;
    for fault in faults {
        simulation.begin_fault(fault)?;
    }
    let ready = Ready::of(&config, &simulation);
    let mut out = std::io::stdout();
    let human = args.human || out.is_terminal();
    if human {
        write!(out, "{}", ready.text())?;
    } else {
        writeln!(out, "{}", serde_json::to_string(&ready)?)?;
    }
    out.flush()?;
    let show = human && out.is_terminal();
    runtime.block_on(until_told(
        signals,
        &simulation,
        show,
        args.until_stdin_closes,
    ))?;
    if human {
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(feature = "fleet")]
fn run_fleet(args: &program::FleetArgs) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut signals = Signals::listen()?;
        args.run(async move { signals.told().await }).await
    })
}

#[cfg(feature = "proxy")]
fn run_proxy(args: &program::ProxyArgs) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let mut stdin = Stdin::watch(args.until_stdin_closes)?;
        args.run(async move {
            tokio::select! {
                () = signals.told() => {}
                () = stdin.closed() => {}
            }
        })
        .await
    })
}

/// What ends a program from outside.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Returns at SIGINT or SIGTERM.
    async fn told(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Standard input, whose end can end a program.
struct Stdin {
    closed: oneshot::Receiver<()>,
    /// While its sender is held here, the end of standard input is never announced.
    _held: Option<oneshot::Sender<()>>,
}

impl Stdin {
    /// Reads it to its end, if that is wanted.
    fn watch(wanted: bool) -> std::io::Result<Self> {
        let (sender, closed) = oneshot::channel();
        let mut held = Some(sender);
        if let Some(sender) = held.take_if(|_| wanted) {
            std::thread::Builder::new()
                .name("stdin".to_owned())
                .spawn(move || {
                    let mut sink = [0; 256];
                    while matches!(std::io::stdin().read(&mut sink), Ok(count) if count > 0) {}
                    // The program may be ending already.
                    let _ = sender.send(());
                })?;
        }
        Ok(Self {
            closed,
            _held: held,
        })
    }

    /// Returns at the end of a standard input that is watched.
    async fn closed(&mut self) {
        let _ = (&mut self.closed).await;
    }
}

/// Returns at SIGINT, SIGTERM or, if asked for, the end of standard input.
async fn until_told(
    mut signals: Signals,
    simulation: &Simulation,
    show: bool,
    until_stdin_closes: bool,
) -> Result<()> {
    let mut stdin = Stdin::watch(until_stdin_closes)?;
    let mut status = StatusLine::default();
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            () = signals.told() => return Ok(()),
            () = stdin.closed() => return Ok(()),
            _ = tick.tick(), if show => {
                let line = status.next(&simulation.truth(Duration::ZERO));
                let mut out = std::io::stdout();
                write!(out, "\r\x1b[K{line}")?;
                out.flush()?;
            }
        }
    }
}
