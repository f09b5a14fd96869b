//! A service that is made in a copy of the project builds there, passes its own tests, stands wherever it must, and joins the
//! shop while that runs.
//!
//! The copy shares the target directory: Cargo knows packages by where they stand in their workspace, so what was built for this
//! test is not built again, and the new service alone is compiled.

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use choreography_check::{Choreography, fill, part};
use harness::{World, story};
use layering::entries::Project;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// The name of no service, also where a developer has made one by the example of the README.
const NAME: &str = "planted";
/// Below the project, so that Cargo finds the same configuration.
const PLACE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/new-service");
/// What a new service changes, or stands in. All else is linked.
const COPIED: [&str; 8] = [
    "Cargo.toml",
    "Cargo.lock",
    "rustfmt.toml",
    "deploy/choreography",
    "deploy/compose",
    "deploy/docker-compose.yml",
    "deploy/k8s/base/kustomization.yaml",
    "clippy.toml",
];
/// Folders that have copies or new things in them.
const MADE: [&str; 5] = ["deploy", "deploy/k8s", "deploy/k8s/base", "migrations", "services"];

/// Builds a tree of links below `folder` of the copy.
fn copy(folder: &str) {
    let (from, to) = (Path::new(ROOT).join(folder), Path::new(PLACE).join(folder));
    fs::create_dir_all(&to).unwrap();
    for entry in fs::read_dir(&from).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let inner = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        if ["target", ".git"].contains(&inner.as_str()) {
            continue;
        }
        if MADE.contains(&inner.as_str()) {
            copy(&inner);
        } else if COPIED.iter().any(|copied| Path::new(&inner).starts_with(copied)) {
            if entry.path().is_dir() {
                copy_whole(&entry.path(), &to.join(name))
            } else {
                copy_file(&entry.path(), &to.join(name))
            }
        } else {
            symlink(entry.path().canonicalize().unwrap(), to.join(name)).unwrap();
        }
    }
}

fn copy_whole(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() { copy_whole(&entry.path(), &to) } else { copy_file(&entry.path(), &to) }
    }
}

/// With its time, by which Cargo knows whether it has changed.
fn copy_file(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
    let modified = fs::metadata(from).unwrap().modified().unwrap();
    fs::File::options().write(true).open(to).unwrap().set_modified(modified).unwrap();
}

/// `target/release` or `target/debug`, in which this test lies.
fn profile_dir() -> PathBuf {
    env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned()
}

/// Cargo in the copy, with this build's target directory and features: only what is new is compiled.
fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let profile = profile_dir();
    cargo
        .current_dir(PLACE)
        .args(arguments)
        .args(["--offline", "--workspace", "--target-dir"])
        .arg(profile.parent().unwrap());
    match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => {}
        Some("release") => drop(cargo.arg("--release")),
        Some(other) => drop(cargo.args(["--profile", other])),
    }
    // What the outer Cargo says of this package would make build scripts run again.
    let is_the_builds = |name: &str| name == "CARGO_HOME" || name.starts_with("CARGO_PROFILE_");
    for (name, _) in env::vars().filter(|(name, _)| name.starts_with("CARGO_") && !is_the_builds(name)) {
        cargo.env_remove(name);
    }
    cargo
}

#[test]
fn a_service_that_is_made_builds_passes_its_tests_and_stands_wherever_it_must() {
    let _ = fs::remove_dir_all(PLACE);
    copy("");
    new_service::plan(Path::new(PLACE), NAME).unwrap().carry_out().unwrap();
    assert_eq!(Project(PLACE.into()).wrong(), [""; 0]);
    its_page_shows_what_it_describes();
    let formatted = Command::new("cargo").args(["fmt", "-p", NAME, "--check"]).current_dir(PLACE).output().unwrap();
    assert!(formatted.status.success(), "{}", String::from_utf8_lossy(&formatted.stdout));
    let output = cargo(&["test", "--test", NAME]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    for test in ["rows_come_back_as_they_were_written", "what_is_committed_is_what_it_takes_part_in"] {
        assert!(said.contains(&format!("test {test} ... ok")), "{said}");
    }
    let compiled: Vec<&str> = said.lines().filter(|line| line.trim_start().starts_with("Compiling")).collect();
    assert!(matches!(compiled[..], [] | [_]), "it alone is compiled: {compiled:?}");
    fs::remove_dir_all(PLACE).unwrap();
    story(it_joins_the_running_shop);
}

/// The template's page is right for any name.
fn its_page_shows_what_it_describes() {
    let described = Choreography::read(&[Path::new(PLACE).join("deploy/choreography")]).unwrap();
    let page = fs::read_to_string(Path::new(PLACE).join("services").join(NAME).join("README.md")).unwrap();
    let made = fill(&page, |name| part(&described, name)).unwrap();
    assert_eq!(page, made, "the template's README.md does not show what the template describes");
}

/// Its program lies beside the others by now.
async fn it_joins_the_running_shop(world: &'static World) {
    world.system.add(NAME).await.unwrap();
    let chair = world.stocked("chair", 1).await;
    let order = world.place(&[(&chair, 1)], "tok_visa", "Vienna").await;
    world.eventually(&order, "completed").await;
    world
        .until("the newcomer knows that the order was completed", || async {
            let mut database = world.database(NAME).await;
            let state: Option<String> = sqlx::query_scalar("SELECT state FROM orders WHERE order_id = $1")
                .bind(&order)
                .fetch_optional(&mut database)
                .await
                .unwrap();
            if state.as_deref() == Some("completed") { Ok(()) } else { Err(format!("{state:?}")) }
        })
        .await;
}
