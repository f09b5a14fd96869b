//! What the services' programs describe is what is committed.

use std::path::Path;
use std::process::Command;

use local::binaries;
use local::system::services;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../choreography");

#[tokio::test]
async fn each_program_describes_itself_as_committed_without_settings_or_secrets() {
    binaries::build_shop("local").await.unwrap();
    for service in services() {
        let program = binaries::sibling(service).unwrap();
        // Nothing of the environment: neither settings nor a home, and no server to ask.
        let output = Command::new(&program).arg("describe").env_clear().current_dir("/").output().unwrap();
        assert!(output.status.success(), "{service} describe: {}", String::from_utf8_lossy(&output.stderr));
        let file = Path::new(COMMITTED).join(format!("{service}.json"));
        let committed = std::fs::read_to_string(&file).unwrap();
        let update = format!("{} describe > deploy/choreography/{service}.json", program.display());
        assert_eq!(String::from_utf8_lossy(&output.stdout), committed, "after a wanted change: {update}");
    }
}

/// The page of all settings, from what each program prints by `settings`: rows that all services have, then each one's own.
fn page(tables: &[(&str, String)]) -> String {
    let rows = |table: &str| -> Vec<String> { table.lines().skip(2).map(str::to_owned).collect() };
    let is_everywhere = |row: &String| tables.iter().all(|(_, table)| rows(table).contains(row));
    let section = |title: &str, rows: Vec<String>| {
        let head = "| setting | default | what it is |\n|---|---|---|\n";
        format!("\n## {title}\n\n{head}{}\n", rows.join("\n"))
    };
    let mut page = String::from(INTRODUCTION);
    let (_, first) = &tables[0];
    page.push_str(&section("Every service", rows(first).into_iter().filter(is_everywhere).collect()));
    for (service, table) in tables {
        let own: Vec<String> = rows(table).into_iter().filter(|row| !is_everywhere(row)).collect();
        page.push_str(&section(service, own));
    }
    page
}

const INTRODUCTION: &str = "# Settings

All settings of the services, generated from what `--help` says (`order settings` prints those of order). Each is a variable of the
environment, and `--its-name` on the command line. Durations are written like `500ms`, `30s`, `15m`, `7d`. A wrong value ends the program
with the setting's name.
";

#[tokio::test]
async fn the_page_of_settings_says_what_the_programs_say() {
    binaries::build_shop("local").await.unwrap();
    let printed = |service: &str| {
        let program = binaries::sibling(service).unwrap();
        let output = Command::new(program).arg("settings").env_clear().current_dir("/").output().unwrap();
        assert!(output.status.success(), "{service} settings: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let tables: Vec<(&str, String)> = services().into_iter().map(|service| (service, printed(service))).collect();
    let (file, expected) = (Path::new(COMMITTED).join("../../shared/docs/settings.md"), page(&tables));
    if std::env::var_os("UPDATE_PAGES").is_some() {
        std::fs::write(&file, &expected).unwrap();
    }
    let update = "UPDATE_PAGES=1 cargo test --release --workspace --test described";
    assert_eq!(std::fs::read_to_string(&file).unwrap_or_default(), expected, "after a wanted change: {update}");
}
