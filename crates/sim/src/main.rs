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
        args.run(async move {
            tokio::select! {
                _ = signals.interrupt.recv() => {}
                _ = signals.terminate.recv() => {}
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
}

/// Returns at SIGINT, SIGTERM or, if asked for, the end of standard input.
async fn until_told(
    mut signals: Signals,
    simulation: &Simulation,
    show: bool,
    until_stdin_closes: bool,
) -> Result<()> {
    let (closed, mut stdin_closed) = tokio::sync::oneshot::channel();
    // While its sender is held here, the end of standard input is never announced.
    let mut held = Some(closed);
    if let Some(closed) = held.take_if(|_| until_stdin_closes) {
        std::thread::Builder::new()
            .name("stdin".to_owned())
            .spawn(move || {
                let mut sink = [0; 256];
                while matches!(std::io::stdin().read(&mut sink), Ok(count) if count > 0) {}
                // The program may be ending already.
                let _ = closed.send(());
            })?;
    }
    let mut status = StatusLine::default();
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            _ = signals.interrupt.recv() => return Ok(()),
            _ = signals.terminate.recv() => return Ok(()),
            _ = &mut stdin_closed => return Ok(()),
            _ = tick.tick(), if show => {
                let line = status.next(&simulation.truth(Duration::ZERO));
                let mut out = std::io::stdout();
                write!(out, "\r\x1b[K{line}")?;
                out.flush()?;
            }
        }
    }
}
