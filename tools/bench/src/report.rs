//! The results: `target/bench.json` for programs, a table for people, and the same as `bench.md`
//! beside it for docs/benchmarks.md.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::machine::Machine;

#[derive(Serialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    Higher,
    Lower,
}

/// The comparison value, measured in the same run.
#[derive(Serialize, Clone, Debug)]
pub struct Baseline {
    pub name: String,
    pub value: f64,
}

/// One figure.
#[derive(Serialize, Clone, Debug)]
pub struct Figure {
    pub name: &'static str,
    pub value: f64,
    /// `/s`, `ms`, `MiB`, or `x` for a ratio of times.
    pub unit: &'static str,
    pub better: Better,
    pub baseline: Option<Baseline>,
    /// Value ÷ baseline.
    pub ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    pub errors: u64,
    /// The command that reproduces this figure.
    pub command: String,
    /// Additional checks, and the conditions of the measurement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Figure {
    pub fn new(name: &'static str, value: f64, unit: &'static str, better: Better) -> Self {
        Self {
            name,
            value,
            unit,
            better,
            baseline: None,
            ratio: None,
            p50_ms: None,
            p99_ms: None,
            errors: 0,
            command: format!("make bench BENCH={name}"),
            note: None,
        }
    }

    pub fn against(mut self, name: &str, value: f64) -> Self {
        self.ratio = (value != 0.0).then(|| self.value / value);
        self.baseline = Some(Baseline {
            name: name.into(),
            value,
        });
        self
    }

    /// The ratio of paired measurements, if it is more precise than the quotient of the two values.
    pub fn ratio(mut self, ratio: f64) -> Self {
        self.ratio = Some(ratio);
        self
    }

    pub fn percentiles(mut self, p50_ms: f64, p99_ms: f64) -> Self {
        (self.p50_ms, self.p99_ms) = (Some(p50_ms), Some(p99_ms));
        self
    }

    pub fn errors(mut self, errors: u64) -> Self {
        self.errors = errors;
        self
    }

    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

#[derive(Serialize)]
struct Report<'a> {
    machine: &'a Machine,
    results: &'a [Figure],
}

/// Writes the complete files.
pub fn write(path: &Path, machine: &Machine, results: &[Figure]) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let text = serde_json::to_string_pretty(&Report { machine, results })?;
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    let path = path.with_extension("md");
    std::fs::write(&path, markdown(machine, results))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or("–".into(), |value| format!("{value:.digits$}"))
}

fn digits(value: f64) -> usize {
    if value < 100.0 { 2 } else { 0 }
}

fn markdown(machine: &Machine, results: &[Figure]) -> String {
    let mut text = format!(
        "{machine}.\n\n| benchmark | value | against | ratio | p50 ms | p99 ms | errors |\n|---|---|---|---|---|---|---|\n"
    );
    for figure in results {
        let value = number(Some(figure.value), digits(figure.value));
        let baseline = figure
            .baseline
            .as_ref()
            .map(|it| format!("{} {}", it.name, number(Some(it.value), digits(it.value))))
            .unwrap_or_default();
        let (ratio, p50, p99) = (
            number(figure.ratio, 2),
            number(figure.p50_ms, 1),
            number(figure.p99_ms, 1),
        );
        text.push_str(&format!(
            "| `{}` | {value} {} | {baseline} | {ratio} | {p50} | {p99} | {} |\n",
            figure.name, figure.unit, figure.errors
        ));
    }
    text.push('\n');
    for figure in results {
        if let Some(note) = &figure.note {
            text.push_str(&format!("- `{}`: {note}.\n", figure.name));
        }
    }
    text
}

pub fn print(machine: &Machine, results: &[Figure]) {
    println!("\n{machine}\n");
    println!(
        "{:<18} {:>12} {:<4} {:>8} {:>9} {:>9} {:>7}  baseline",
        "name", "value", "", "ratio", "p50 ms", "p99 ms", "errors"
    );
    for figure in results {
        let digits = digits(figure.value);
        let baseline = figure
            .baseline
            .as_ref()
            .map(|baseline| format!("{} {:.2}", baseline.name, baseline.value))
            .unwrap_or_default();
        println!(
            "{:<18} {:>12.digits$} {:<4} {:>8} {:>9} {:>9} {:>7}  {baseline}",
            figure.name,
            figure.value,
            figure.unit,
            number(figure.ratio, 2),
            number(figure.p50_ms, 2),
            number(figure.p99_ms, 2),
            figure.errors,
        );
    }
    for figure in results.iter().filter(|figure| figure.note.is_some()) {
        println!(
            "  {}: {}",
            figure.name,
            figure.note.as_deref().unwrap_or_default()
        );
    }
}
