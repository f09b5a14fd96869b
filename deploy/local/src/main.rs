//! The local launcher: the whole system on this machine, with orders of every outcome.

mod launcher;

use std::process::ExitCode;

use clap::Parser;
use launcher::Arguments;

#[tokio::main]
async fn main() -> ExitCode {
    match launcher::run(Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
