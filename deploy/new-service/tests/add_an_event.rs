//! The walk-through of "Add an event": what its patch changes is there as it says, in two services that are made for it, and the page
//! names each file. Nothing is compiled: an event more would build most of the workspace anew.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const PLACE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/add-an-event");
const PATCH: &str = "deploy/new-service/tests/add_an_event.patch";
const PAGE: &str = "shared/docs/your-own-service.md";
const SECTION: &str = "## Add an event\n";
const SERVICES: [&str; 2] = ["loyalty", "gift"];
/// What `new-service` changes or goes by.
const MADE_FROM: [&str; 6] = [
    "Cargo.toml",
    "rustfmt.toml",
    "deploy/docker-compose.yml",
    "deploy/k8s/base/kustomization.yaml",
    "deploy/choreography",
    "deploy/compose",
];

fn read(file: &str) -> String {
    fs::read_to_string(format!("{ROOT}/{file}")).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The files that the patch names, and whether each is new.
fn patched(patch: &str) -> Vec<(String, bool)> {
    let lines: Vec<&str> = patch.lines().collect();
    let pairs =
        lines.windows(2).filter_map(|pair| Some((pair[0].strip_prefix("--- ")?, pair[1].strip_prefix("+++ b/")?)));
    pairs.map(|(before, file)| (file.to_owned(), before == "/dev/null")).collect()
}

fn copy(file: &str) {
    let (from, to) = (Path::new(ROOT).join(file), Path::new(PLACE).join(file));
    if from.is_dir() {
        let entries = fs::read_dir(&from).unwrap().map(|entry| entry.unwrap());
        let files =
            entries.filter(|entry| entry.path().is_file()).map(|entry| entry.file_name().into_string().unwrap());
        files.for_each(|name| copy(&format!("{file}/{name}")));
        return;
    }
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap_or_else(|error| panic!("{file}: {error}"));
}

fn apply() {
    let patch = PathBuf::from(ROOT).join(PATCH).canonicalize().unwrap();
    // It lies within the project's own repository, of which Git must know nothing here.
    let ceiling = Path::new(PLACE).parent().unwrap().canonicalize().unwrap();
    let mut git = Command::new("git");
    git.arg("apply").arg(patch).current_dir(PLACE).env("GIT_CEILING_DIRECTORIES", ceiling);
    let output = git.output().unwrap();
    assert!(
        output.status.success(),
        "{}\nthe patch does not apply any more: apply it by hand in a copy with loyalty and gift, and write it anew by git diff",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn the_patch_of_the_walk_through_applies_to_what_is_made_and_its_page_names_each_file() {
    // A tree in which one of them was made is past the walk-through, or amid it.
    if SERVICES.iter().any(|name| Path::new(ROOT).join("services").join(name).exists()) {
        return;
    }
    let _ = fs::remove_dir_all(PLACE);
    let patch = read(PATCH);
    let files = patched(&patch);
    MADE_FROM.iter().for_each(|file| copy(file));
    let of_the_project = files.iter().filter(|(file, is_new)| !is_new && !is_of_the_made(file));
    of_the_project.for_each(|(file, _)| copy(file));
    for name in SERVICES {
        new_service::plan(Path::new(PLACE), name).unwrap().carry_out().unwrap();
    }
    apply();
    files.iter().filter(|(file, _)| file.ends_with(".rs")).for_each(|(file, _)| is_formatted(file));
    fs::remove_dir_all(PLACE).unwrap();

    let page = read(PAGE);
    let (_, section) = page.split_once(SECTION).expect("the section");
    let section = section.split("\n## ").next().unwrap();
    let unnamed: Vec<&String> =
        files.iter().map(|(file, _)| file).filter(|file| !section.contains(name(file))).collect();
    assert!(unnamed.is_empty(), "{PAGE}, {SECTION} does not name {unnamed:?}");
}

/// From standard input rustfmt looks at no other module, most of which are not in the copy.
fn is_formatted(file: &str) {
    let path = Path::new(PLACE).join(file);
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.args(["--edition", "2024", "--config-path", ROOT]).stdin(fs::File::open(&path).unwrap());
    let output = rustfmt.output().unwrap();
    assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read_to_string(&path).unwrap(), String::from_utf8_lossy(&output.stdout), "{file} is not formatted");
}

fn is_of_the_made(file: &str) -> bool {
    SERVICES.iter().any(|name| file.split('/').any(|step| step == *name))
}

/// By its last step; a service's tests are named as such.
fn name(file: &str) -> &str {
    if file.contains("/tests/") && is_of_the_made(file) { "test" } else { file.rsplit('/').next().unwrap_or(file) }
}
