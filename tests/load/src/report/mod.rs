//! What is printed, and written into a folder.

mod charts;
mod svg;
mod tables;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

pub use crate::table::Table;

use crate::measurement::Measured;
use crate::progress;

/// Prints as it is told, and keeps all for the page.
pub struct Report {
    folder: Option<PathBuf>,
    page: String,
    charts: usize,
}

impl Report {
    /// `folder`: where the page and its charts go, if they are wanted. It is made now, so that no run is in vain.
    pub fn new(folder: Option<PathBuf>) -> Result<Self> {
        if let Some(folder) = &folder {
            fs::create_dir_all(folder).with_context(|| format!("{} can't be made", folder.display()))?;
        }
        let command = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
        let processors = std::thread::available_parallelism().map_or(0, usize::from);
        let page = format!("# Load\n\n`load {command}`, on {} with {processors} processors.\n", model());
        Ok(Self { folder, page, charts: 0 })
    }

    pub fn table(&mut self, table: &Table) {
        progress::close();
        println!("\n{}", table.text().trim_end());
        self.page.push_str(&format!("\n{}", table.markdown()));
    }

    pub fn run(&mut self, run: &Measured) {
        println!();
        self.page.push_str(&format!("\n## {}\n", run.title));
        for table in tables::of_run(run) {
            self.table(&table);
        }
    }

    /// Charts of runs that are to be looked at side by side.
    pub fn charts(&mut self, runs: &[&Measured]) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        self.charts += 1;
        let charts = [
            ("percentiles", charts::percentiles(runs)),
            ("timeline", charts::timeline(runs)),
            ("processors", charts::processors(runs)),
        ];
        for (name, chart) in charts {
            let name = format!("{name}-{}.svg", self.charts);
            let path = folder.join(&name);
            fs::write(&path, chart).with_context(|| format!("{} can't be written", path.display()))?;
            self.page.push_str(&format!("\n![{name}]({name})\n"));
        }
        self.write()
    }

    /// Writes the page as it is by now.
    pub fn write(&self) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let path = folder.join("report.md");
        fs::write(&path, &self.page).with_context(|| format!("{} can't be written", path.display()))
    }
}

/// The processor's name, as Linux tells it.
fn model() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    named.map_or_else(|| "a machine".to_owned(), |(_, name)| name.trim().to_owned())
}
