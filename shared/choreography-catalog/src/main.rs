//! `cargo run -p choreography-catalog -- compare`

use std::{
    env,
    fmt::Display,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use choreography_catalog::{
    Catalog, CatalogError, Files, asyncapi,
    compare::{Moment, Published, compare, publication},
    differences, eventcatalog, pact,
    registry::{Credentials, Limits, Options, RegisterReport, Registry, RegistryError, Subject, register, subjects},
    write,
};
use chrono::{NaiveDate, Utc};
use clap::{Args, Parser, Subcommand};
use serde::Serialize;

/// Something breaks, is refused, or a file is not what it should be.
const FOUND: u8 = 1;
/// There is nothing to go by.
const BAD_INPUT: u8 = 2;

/// Makes documents and consumer contracts of a choreography's descriptions, schemas and golden payloads, and says what a change of
/// the schemas breaks, and for whom. Ends with 0 if all is well, with 1 if something was found or refused, with 2 if a folder or the
/// registry can't be used.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The folder of the services' descriptions.
    #[arg(long, global = true, default_value = "deploy/choreography")]
    choreography: PathBuf,
    /// The folder of the payloads' schemas (TYPE.vN.json).
    #[arg(long, global = true, default_value = "shared/contracts/schemas")]
    schemas: PathBuf,
    /// The folder of the golden payloads (TYPE.vN.json).
    #[arg(long, global = true, default_value = "shared/contracts/golden")]
    golden: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes an AsyncAPI 3.1 document of each service.
    Asyncapi {
        #[command(flatten)]
        documents: Documents,
        /// Where to.
        #[arg(long, default_value = "deploy/choreography/asyncapi")]
        into: PathBuf,
    },
    /// Writes an EventCatalog: a page of each service, event and topic.
    Eventcatalog {
        #[command(flatten)]
        documents: Documents,
        /// Where to.
        #[arg(long, default_value = "deploy/choreography/catalog")]
        into: PathBuf,
    },
    /// Writes a Pact V4 contract of each consumer and provider.
    Pact {
        /// Where to.
        #[arg(long, default_value = "target/pacts")]
        into: PathBuf,
        /// Writes nothing, and says what is not as it would be written.
        #[arg(long)]
        check: bool,
    },
    /// Says what breaks, and for whom, if these schemas and descriptions follow the published ones.
    Compare {
        #[command(flatten)]
        past: Past,
        /// Prints the report as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Makes these schemas and descriptions the published ones, unless something breaks.
    Publish {
        #[command(flatten)]
        past: Past,
    },
    /// Registers the published schemas in a schema registry that speaks Confluent's API. What is there already is left alone.
    ///
    /// A user and a password are read from SCHEMA_REGISTRY_USER and SCHEMA_REGISTRY_PASSWORD, or from the files that the same names
    /// with _FILE lead to.
    Register(Register),
}

#[derive(Args)]
struct Register {
    /// The registry's address, below which /subjects stands.
    #[arg(long, value_name = "URL")]
    registry: String,
    /// The folder of what is published.
    #[arg(long, default_value = "shared/contracts/published")]
    published: PathBuf,
    /// Writes nothing, and says what would be done.
    #[arg(long)]
    dry_run: bool,
    /// Prints the report as JSON.
    #[arg(long)]
    json: bool,
    /// Sets the compatibility of a subject to NONE before a further schema is registered in it. It stays so.
    #[arg(long)]
    lift_compatibility: bool,
}

#[derive(Args)]
struct Documents {
    /// The version that services and topics have in the documents.
    #[arg(long, default_value = env!("CARGO_PKG_VERSION"))]
    release: String,
    /// Writes nothing, and says what is not as it would be written.
    #[arg(long)]
    check: bool,
}

#[derive(Args)]
struct Past {
    /// The folder of what is published.
    #[arg(long, default_value = "shared/contracts/published")]
    published: PathBuf,
    /// For how many days an event can come after it was written: the services' EVENT_HORIZON.
    #[arg(long, default_value_t = 30)]
    retention_days: u32,
    /// The day to go by, instead of the clock's.
    #[arg(long, value_name = "YYYY-MM-DD")]
    today: Option<NaiveDate>,
}

impl Past {
    fn moment(&self) -> Moment {
        let today = self.today.unwrap_or_else(|| Utc::now().date_naive());
        Moment { today, retention_days: self.retention_days }
    }
}

type Answer = Result<(String, u8), String>;

fn main() -> ExitCode {
    let (text, code) = match run(&Arguments::parse()) {
        Ok(answer) => answer,
        Err(wrong) => {
            eprintln!("{wrong}");
            return ExitCode::from(BAD_INPUT);
        }
    };
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::from(code),
        // The program that read it has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(code),
        Err(error) => {
            eprintln!("the report can't be written: {error}");
            ExitCode::from(BAD_INPUT)
        }
    }
}

fn run(arguments: &Arguments) -> Answer {
    let said = |error: CatalogError| error.to_string();
    let catalog = || Catalog::read(&arguments.choreography, &arguments.schemas, &arguments.golden).map_err(said);
    match &arguments.command {
        Command::Asyncapi { documents, into } => {
            made(into, &asyncapi::documents(&catalog()?, &documents.release).map_err(said)?, documents.check)
        }
        Command::Eventcatalog { documents, into } => {
            made(into, &eventcatalog::files(&catalog()?, &documents.release).map_err(said)?, documents.check)
        }
        Command::Pact { into, check } => made(into, &pact::contracts(&catalog()?).map_err(said)?, *check),
        Command::Compare { past, json } => {
            let catalog = catalog()?;
            let report = compare(&published(&past.published)?, &catalog, &past.moment());
            told(&report, report.is_clean(), *json)
        }
        Command::Publish { past } => publish(past, &catalog()?),
        Command::Register(register) => register.run(),
    }
}

/// What is published, of which there must be something.
fn published(folder: &Path) -> Result<Published, String> {
    let nothing = "nothing is published there yet: `publish` makes it what later changes are held against";
    let read = Published::read(folder).map_err(|error| error.to_string())?;
    read.ok_or_else(|| format!("{}: {nothing}", folder.display()))
}

/// Writes files, or says how they differ from what is there.
fn made(into: &Path, files: &Files, check: bool) -> Answer {
    let differ = differences(into, files).map_err(|error| error.to_string())?;
    if check {
        let code = if differ.is_empty() { 0 } else { FOUND };
        return Ok((differ.iter().map(|line| format!("{line}\n")).collect(), code));
    }
    write(into, files).map_err(|error| error.to_string())?;
    let left = differences(into, files).map_err(|error| error.to_string())?;
    let left: String = left.iter().map(|line| format!("{line}\n")).collect();
    Ok((format!("{}: {} files, {} changed\n{left}", into.display(), files.len(), differ.len()), 0))
}

fn told<T: Serialize + Display>(report: &T, is_clean: bool, json: bool) -> Answer {
    let code = if is_clean { 0 } else { FOUND };
    if !json {
        return Ok((report.to_string(), code));
    }
    let json = serde_json::to_string_pretty(report).map_err(|error| format!("no JSON can be made of it: {error}"))?;
    Ok((format!("{json}\n"), code))
}

fn publish(past: &Past, catalog: &Catalog) -> Answer {
    let published = Published::read(&past.published).map_err(|error| error.to_string())?.unwrap_or_default();
    let report = compare(&published, catalog, &past.moment());
    if !report.is_clean() {
        return Ok((format!("{report}nothing was published\n"), FOUND));
    }
    let publication = publication(&published, catalog, past.moment().today);
    write(&past.published, &publication.files).map_err(|error| error.to_string())?;
    let (folder, versions) = (past.published.display(), publication.record.events.len());
    Ok((format!("{folder}: {versions} versions, {} new schemas\n", publication.files.len() - 1), 0))
}

impl Register {
    fn run(&self) -> Answer {
        let subjects = subjects(&published(&self.published)?).map_err(|error| error.to_string())?;
        let mut report = RegisterReport::default();
        let ended = self.register(&subjects, &mut report);
        let (text, code) = told(&report, report.is_clean(), self.json)?;
        match ended {
            Ok(()) => Ok((text, code)),
            Err(wrong) if report.steps.is_empty() => Err(wrong),
            // What was done before is done, and is said.
            Err(wrong) => {
                eprintln!("{wrong}");
                Ok((text, BAD_INPUT))
            }
        }
    }

    fn register(&self, subjects: &[Subject], report: &mut RegisterReport) -> Result<(), String> {
        let said = |error: RegistryError| error.to_string();
        let credentials = Credentials::read(|name| env::var_os(name)).map_err(|error| error.to_string())?;
        let registry = Registry::at(&self.registry, credentials, Limits::default()).map_err(said)?;
        let options = Options { dry_run: self.dry_run, lift_compatibility: self.lift_compatibility };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("there is no runtime to ask the registry: {error}"))?;
        runtime.block_on(register(&registry, subjects, options, report)).map_err(said)
    }
}
