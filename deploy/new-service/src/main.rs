//! `cargo run -p new-service -- loyalty`

use std::{env, path::PathBuf, process::Command, process::ExitCode};

use clap::Parser;
use new_service::{Plan, PlanError, plan};

/// Creates a service from a template and enters it everywhere: it builds, passes its tests and joins the running shop.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The service's name, such as loyalty. Its program, database, role, Kafka user and consumer group have it too.
    name: String,
    /// The project's folder; by default the project that this is run in.
    #[arg(long)]
    root: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match make(&arguments) {
        Ok(plan) => {
            tell(&arguments.name, &plan);
            ExitCode::SUCCESS
        }
        Err(refused) => {
            eprintln!("{refused}");
            ExitCode::FAILURE
        }
    }
}

fn make(arguments: &Arguments) -> Result<Plan, PlanError> {
    let root = arguments.root.clone().or_else(project).ok_or_else(|| {
        PlanError(
            "no folder above this one has Cargo.toml and services/: run this in the project, or give --root".into(),
        )
    })?;
    let plan = plan(&root, &arguments.name)?;
    plan.carry_out()?;
    let update = ["update", "--workspace", "--offline", "--quiet"];
    let updated = Command::new("cargo").args(update).current_dir(&root).status();
    if !updated.is_ok_and(|status| status.success()) {
        eprintln!("Cargo.lock does not list the service yet: run cargo update --workspace");
    }
    Ok(plan)
}

fn project() -> Option<PathBuf> {
    let here = env::current_dir().ok()?;
    let is_project =
        |folder: &&std::path::Path| folder.join("Cargo.toml").is_file() && folder.join("services").is_dir();
    here.ancestors().find(is_project).map(PathBuf::from)
}

fn tell(name: &str, plan: &Plan) {
    for file in plan.files() {
        println!("wrote {file}");
    }
    println!("\n{name} takes part. What next:\n");
    for (command, what) in [
        (format!("cargo test --release --workspace --test {name}"), "its rules, its rows, what it describes"),
        ("cargo test --release --workspace --test entries".into(), "that it stands wherever it must"),
        (
            "UPDATE_PAGES=1 cargo test --release --workspace --test pages".into(),
            "the tables and pictures of the pages, with it",
        ),
        ("cargo run --release -p choreography-catalog -- asyncapi".into(), "its document for other teams"),
        ("cargo run --release -p choreography-catalog -- eventcatalog".into(), "the catalog, with it"),
        ("cargo run".into(), "the shop, with it"),
    ] {
        println!("    {command:<62} {what}");
    }
    println!("\nThen make it yours: services/{name}/README.md says what is where.");
}
