//! A migration only adds: replicas of the version before run on the same database while a service is upgraded, and come back when it
//! is rolled back. What they use goes in a later release, whose migration says so.

use std::{
    fs,
    path::{Path, PathBuf},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// How a migration begins a line that says why nobody misses what it takes away.
const CONTRACTS: &str = "-- contracts:";

/// What a clause does to replicas that do not know of it; `None`: nothing.
fn harm(clause: &str) -> Option<&'static str> {
    let clause = clause.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let (has, begins) = (|part: &str| clause.contains(part), |part: &str| clause.starts_with(part));
    let harms = [
        (begins("drop table") || has("drop column"), "takes away what an older replica reads or writes"),
        (has("rename to") || has("rename column"), "takes away a name that an older replica uses"),
        (has("alter column") && has(" type "), "changes the type of what an older replica reads or writes"),
        (has("set not null"), "refuses rows of an older replica, which leaves the column empty"),
        (
            has("add column") && has("not null") && !has("default") && !has("generated"),
            "refuses rows of an older replica, which does not name the column: give it a default",
        ),
    ];
    harms.into_iter().find_map(|(is_so, harm)| is_so.then_some(harm))
}

/// The clauses of a file's statements, without comments and the bodies of functions.
fn clauses(sql: &str) -> Vec<String> {
    let lines: Vec<&str> = sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    let text = lines.join("\n");
    let outside: String = text.split("$$").step_by(2).collect();
    let mut clauses = vec![String::new()];
    let mut depth = 0;
    for letter in outside.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if letter == ';' || letter == ',' && depth == 0 {
            clauses.push(String::new());
        } else if let Some(clause) = clauses.last_mut() {
            clause.push(letter);
        }
    }
    clauses
}

fn harms(sql: &str) -> Vec<String> {
    if sql.lines().any(|line| line.starts_with(CONTRACTS)) {
        return Vec::new();
    }
    let told = |clause: &String| harm(clause.trim()).map(|harm| format!("{:?} {harm}", clause.trim()));
    clauses(sql).iter().filter_map(told).collect()
}

fn migrations() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(ROOT).join("shared/choreography-postgres/migrations")];
    let entries = |folder: &Path| fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    folders.extend(entries(&Path::new(ROOT).join("migrations")));
    folders.iter().flat_map(|folder| entries(folder)).collect()
}

#[test]
fn a_migration_only_adds_to_what_an_older_replica_uses() {
    let files = migrations();
    assert!(files.len() > 10, "{files:?}");
    let mut found = Vec::new();
    for file in files {
        let sql = fs::read_to_string(&file).expect("a migration");
        found.extend(harms(&sql).into_iter().map(|harm| format!("{}: {harm}", file.display())));
    }
    let advice = format!(
        "first a release that does not use it, then one whose migration takes it away, and says by a line `{CONTRACTS} …` since \
         which release nobody uses it"
    );
    assert!(found.is_empty(), "{advice}\n{}", found.join("\n"));
}

#[test]
fn what_an_older_replica_would_miss_is_found() {
    let harmful = [
        "ALTER TABLE a DROP COLUMN b;",
        "DROP TABLE a;",
        "ALTER TABLE a ADD COLUMN c int, ADD COLUMN b text NOT NULL;",
        "ALTER TABLE a RENAME COLUMN b TO c;",
        "ALTER TABLE a\n    ALTER COLUMN b TYPE bigint;",
        "ALTER TABLE a ALTER COLUMN b SET NOT NULL;",
    ];
    for sql in harmful {
        assert_eq!(harms(sql).len(), 1, "{sql}");
        assert!(harms(&format!("{CONTRACTS} nobody reads it since 0.2\n{sql}")).is_empty());
    }
    let harmless = [
        "CREATE TABLE a (b text NOT NULL);",
        "ALTER TABLE a ADD COLUMN b text NOT NULL DEFAULT '', ADD COLUMN c bigint;",
        "ALTER TABLE a DROP CONSTRAINT c, ADD CONSTRAINT c CHECK (b IN ('x', 'y'));",
        "-- DROP TABLE a;",
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP TABLE a; END $$;",
        "DROP INDEX i;",
    ];
    for sql in harmless {
        assert_eq!(harms(sql), Vec::<String>::new(), "{sql}");
    }
}
