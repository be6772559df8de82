//! Measurements, printed as tables with the machine's noise beside them. Nothing here passes or
//! fails: a timed test would lie on a busy machine.

mod cloud;
mod cycle;
mod edge;
mod home;
mod load;
mod path;
mod procfs;
mod storm;

/// What to measure.
#[derive(clap::Subcommand)]
pub(crate) enum Bench {
    /// The appliance: memory, processor, wake-ups, disk, poll grid, bus plan, dashboard.
    Edge(edge::Args),
    /// The cloud on both engines: durable ingest, acknowledgement, bytes on disk, queries, memory.
    Cloud(cloud::Args),
    /// From the meter to the reader: how old a sample is when a person sees it, in both modes.
    Path,
    /// Delivery: homes through a bad network while the service is killed; every row once, every day right.
    Storm(storm::Args),
}

/// Measures and prints.
pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    match bench {
        Bench::Edge(args) => edge::run(args),
        Bench::Cloud(args) => cloud::run(args),
        Bench::Path => path::run(),
        Bench::Storm(args) => storm::run(args),
    }
}
