//! `cargo run -p choreography-check -- deploy/choreography`

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use choreography_check::{Choreography, Kind, LIMIT, check, page};
use clap::Parser;

/// Something was found.
const FOUND: u8 = 1;
/// There is nothing that could be checked.
const BAD_INPUT: u8 = 2;

/// Reads what all services of a choreography describe, and says what will go wrong: where, by which shortest order of events,
/// and what to do. Ends with 0 if nothing was found, with 1 if something was, with 2 if the input can't be checked.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Folders of descriptions, or files. An owners.json among them says who owns which topic.
    #[arg(default_value = "deploy/choreography")]
    paths: Vec<PathBuf>,
    /// Prints the report as JSON.
    #[arg(long)]
    json: bool,
    /// Prints the choreography as a page instead: a table, the way of the events, and each service's states (Markdown, Mermaid).
    #[arg(long, conflicts_with = "json")]
    draw: bool,
    /// Says what a kind of findings means, why it hurts and what to do; `all` for every kind.
    #[arg(long, value_name = "KIND")]
    explain: Option<String>,
    /// How many states to explore at most, of each group of services whose events meet.
    #[arg(long, default_value_t = LIMIT)]
    limit: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let answer = match &arguments.explain {
        Some(name) => explain(name).map(|text| (text, 0)),
        None => checked(&arguments),
    };
    let (text, code) = match answer {
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

fn checked(arguments: &Arguments) -> Result<(String, u8), String> {
    let choreography = Choreography::read(&arguments.paths).map_err(|error| error.to_string())?;
    if arguments.draw {
        return Ok((page(&choreography), 0));
    }
    let report = check(&choreography, arguments.limit);
    let code = if report.is_clean() { 0 } else { FOUND };
    let text = if arguments.json {
        let json =
            serde_json::to_string_pretty(&report).map_err(|error| format!("no JSON can be made of it: {error}"))?;
        format!("{json}\n")
    } else {
        report.to_string()
    };
    Ok((text, code))
}

fn explain(name: &str) -> Result<String, String> {
    let kinds: Vec<Kind> = if name == "all" { Kind::ALL.to_vec() } else { Kind::named(name).into_iter().collect() };
    if kinds.is_empty() {
        let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        return Err(format!("{name} is no kind of findings; there are: all, {}", known.join(", ")));
    }
    let text = |kind: &Kind| format!("{kind}\n  {}\n  {}\n  do: {}\n", kind.means(), kind.hurts(), kind.fix());
    Ok(kinds.iter().map(text).collect::<Vec<_>>().join("\n"))
}
