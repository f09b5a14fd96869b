//! `archive`: takes finished sagas and old records out of the database, into a file, and ends.

mod file;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, bail};
use choreography_core::{participant::Participant, routes::Routed};
use choreography_postgres::{FinishedRows, Keep, OldRecords, Pool};
use chrono::{DateTime, Utc};
use clap::{ArgGroup, Args};
use serde_json::{Map, Value, json};

use crate::settings::{EngineSettings, delta, duration};
use file::ArchiveFile;

/// Takes rows of finished sagas, and old records, out of the database
///
/// Each row becomes a line of JSON in a new file of the folder that --to names, and is deleted once that line is on the disk. If the
/// command ends in between, the row is written again by the next one. It may run beside the service, and at any time again.
#[derive(Args, Clone, Debug)]
#[command(group(ArgGroup::new("where").required(true).args(["to", "purge", "dry_run"])))]
pub struct ArchiveRequest {
    /// Only what is older, as 400d. At least EVENT_HORIZON and REDRIVE_HORIZON together: within them an event may still come that
    /// needs the row.
    #[arg(long, value_parser = duration)]
    older_than: Duration,
    /// The folder in which the new file is made.
    #[arg(long)]
    to: Option<PathBuf>,
    /// Delete without keeping.
    #[arg(long)]
    purge: bool,
    /// Only count.
    #[arg(long)]
    dry_run: bool,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// What was done with the rows of each table.
struct Summary {
    tables: Vec<(&'static str, usize)>,
    file: Option<PathBuf>,
}

/// Does what was asked for, and prints what became of it.
pub(crate) async fn archive(
    routed: &Routed,
    settings: &EngineSettings,
    pool: &Pool,
    request: &ArchiveRequest,
) -> Result<()> {
    let horizon = settings.event_horizon + settings.redrive_horizon;
    if request.older_than < horizon {
        bail!(
            "--older-than is {}, but must be at least {}: EVENT_HORIZON and REDRIVE_HORIZON together, within which an event may still \
             come that needs the row",
            in_days(request.older_than),
            in_days(horizon)
        );
    }
    let service = routed.name();
    if routed.archive().finished.is_none() && routed.archive().records.is_empty() {
        bail!(
            "{service} declares nothing that may be archived: say so in its routes, by on.ends(…) and on.records(…).archived(…)"
        );
    }
    let now: DateTime<Utc> =
        sqlx::query_scalar("SELECT now()").fetch_one(pool).await.context("the database can't be reached")?;
    let before = now - delta(request.older_than);
    let mut file = match &request.to {
        Some(folder) => Some(ArchiveFile::create(folder, service, now)?),
        None => None,
    };
    let tables = pages(routed, pool, before, request, &mut file).await?;
    let summary = Summary { tables, file: file.map(ArchiveFile::finish).transpose()?.flatten() };
    println!("{}", if request.json { summary.json(service, before, request) } else { summary.text(before, request) });
    Ok(())
}

/// Page after page; how many rows of each table.
async fn pages(
    routed: &Routed,
    pool: &Pool,
    before: DateTime<Utc>,
    request: &ArchiveRequest,
    file: &mut Option<ArchiveFile>,
) -> Result<Vec<(&'static str, usize)>> {
    let (aggregates, archive) = (routed.aggregate_table(), routed.archive());
    let mut keep = |lines: &[String]| file.as_mut().map_or(Ok(()), |file| file.keep(lines));
    let mut tables = Vec::new();
    if let Some(finished) = &archive.finished {
        let (rows, mut last, mut count) = (FinishedRows { aggregates, finished, before }, String::new(), 0);
        while let Some(page) = rows.page(pool, &last, keeping(request, &mut keep)).await? {
            (last, count) = (page.last, count + page.rows);
        }
        tables.push((aggregates.name, count));
    }
    for records in &archive.records {
        let (rows, mut last, mut count) = (OldRecords { aggregates, records, before }, i64::MIN, 0);
        while let Some(page) = rows.page(pool, last, keeping(request, &mut keep)).await? {
            (last, count) = (page.last, count + page.rows);
        }
        tables.push((records.table, count));
    }
    Ok(tables)
}

/// As the settings have it: humantime itself would say 37 days in months, hours and seconds.
fn in_days(duration: Duration) -> String {
    const DAY: u64 = 86_400;
    match duration.as_secs() {
        seconds if seconds >= DAY && seconds.is_multiple_of(DAY) => format!("{}d", seconds / DAY),
        _ => humantime::format_duration(duration).to_string(),
    }
}

fn keeping<'a>(
    request: &ArchiveRequest,
    keep: &'a mut (dyn FnMut(&[String]) -> std::io::Result<()> + Send),
) -> Keep<'a> {
    if request.dry_run { Keep::Nothing } else { Keep::In(keep) }
}

impl Summary {
    fn text(&self, before: DateTime<Utc>, request: &ArchiveRequest) -> String {
        let done = match request {
            ArchiveRequest { dry_run: true, .. } => "would be archived",
            ArchiveRequest { purge: true, .. } => "purged",
            _ => "archived",
        };
        let mut lines: Vec<String> = self
            .tables
            .iter()
            .map(|(table, rows)| format!("{table}: {rows} rows from before {before} {done}"))
            .collect();
        lines.extend(self.file.as_ref().map(|file| format!("kept in {}", file.display())));
        if request.dry_run {
            lines.push("records of rows that would be archived with them are not counted".into());
        }
        lines.join("\n")
    }

    fn json(&self, service: &str, before: DateTime<Utc>, request: &ArchiveRequest) -> String {
        let tables: Map<String, Value> =
            self.tables.iter().map(|(table, rows)| ((*table).to_owned(), Value::from(*rows))).collect();
        json!({
            "service": service,
            "before": before,
            "dryRun": request.dry_run,
            "rows": tables,
            "file": self.file,
        })
        .to_string()
    }
}
