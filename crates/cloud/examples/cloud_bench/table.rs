//! One table out.

use std::fs;
use std::time::Instant;

/// Figures as they are measured.
#[derive(Debug)]
pub(crate) struct Table {
    engine: &'static str,
    lines: Vec<[String; 4]>,
}

impl Table {
    pub(crate) fn new(engine: &'static str) -> Self {
        Self {
            engine,
            lines: Vec::new(),
        }
    }

    /// Adds a figure, and shows it at once: a long run should not be silent.
    pub(crate) fn add(&mut self, figure: &str, measured: String, target: &str) {
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split_whitespace().next().unwrap_or("?").to_owned();
        eprintln!("{figure}: {measured} (target {target}, load {load})");
        self.lines
            .push([figure.to_owned(), measured, target.to_owned(), load]);
    }

    pub(crate) fn print(&self) {
        println!(
            "| {} | measured | target | load |\n|---|---:|---|---:|",
            self.engine
        );
        for [figure, measured, target, load] in &self.lines {
            println!("| {figure} | {measured} | {target} | {load} |");
        }
    }
}

/// What is measured is time, so it is asked for here.
#[expect(clippy::disallowed_methods, reason = "the one place that asks")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The value below which this share of `sorted` lies.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a list"
    )]
    let at = (last as f64 * share).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}
