//! `cargo run -p choreography-check -- deploy/choreography`

mod arguments;
mod observe;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use arguments::Arguments;
use choreography_check::{Choreography, Kind, check, page};
use clap::Parser;

/// Something was found.
const FOUND: u8 = 1;
/// There is nothing that could be checked.
const BAD_INPUT: u8 = 2;

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
    if !arguments.observe.observed.is_empty() {
        let comparison = observe::compared(&arguments.observe, &choreography)?;
        let fails = arguments.observe.require_exercised && !comparison.unexercised.is_empty();
        let code = if comparison.undeclared.is_empty() && !fails { 0 } else { FOUND };
        return Ok((written(&comparison, arguments.json)?, code));
    }
    let report = check(&choreography, arguments.limit);
    let code = if report.is_clean() { 0 } else { FOUND };
    Ok((written(&report, arguments.json)?, code))
}

fn written<T: serde::Serialize + std::fmt::Display>(report: &T, json: bool) -> Result<String, String> {
    if !json {
        return Ok(report.to_string());
    }
    let json = serde_json::to_string_pretty(report).map_err(|error| format!("no JSON can be made of it: {error}"))?;
    Ok(format!("{json}\n"))
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
