//! Statements that connections have prepared: what they do, and how PostgreSQL goes about it.

use std::collections::BTreeSet;

use choreography_core::routes::Service;
use choreography_postgres::Session;
use one_service::OneService;
use sqlx::{AssertSqlSafe, Row as _};

/// Work that was rolled back leaves its connection to the transaction after the next.
const CONNECTIONS: usize = 4;
/// A few rows, whatever happens: one for each replica or key range; a sequence; and PostgreSQL's own.
const SMALL: [&str; 5] = [" on relays", " on outbox_ranges", " on outbox_number", " on runs", " on pg_"];
/// What waits for a retry, an answer or a decision: a gauge counts all of it.
const WAITING: [&str; 5] =
    [" on held_events", " on dead_messages", " on intents", " on stopped_keys", " on outbox_left_behind"];

/// The steps of all statements and what they do with tables, as `inbox_new` and `insert inbox`; and what reads a table
/// whole, or all of an index.
pub async fn look<S: Service>(world: &OneService<S>) -> (BTreeSet<String>, Vec<String>) {
    let mut sessions = Vec::new();
    for _ in 0..CONNECTIONS {
        sessions.push(world.pool.session().await.expect("a connection"));
    }
    let tables = "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p') AND relname NOT LIKE 'pg_%'";
    let tables = texts(&mut sessions[0], tables.to_owned()).await;
    let (mut found, mut wrong) = (BTreeSet::new(), Vec::new());
    for session in &mut sessions {
        for statement in texts(session, "SELECT statement FROM pg_prepared_statements ORDER BY 1".to_owned()).await {
            found.extend(steps(&statement).chain(uses(&statement, &tables)));
            let plan = plan(session, &statement).await;
            let counted =
                |line: &&str| statement.contains("count(") && WAITING.iter().any(|table| line.contains(table));
            let whole = whole(&plan).filter(|line| !counted(line));
            wrong.extend(whole.map(|line| format!("{line}\nin\n{statement}\n{}", plan.join("\n"))));
        }
    }
    (found, wrong)
}

/// As the connection has it: it was made for any arguments.
async fn plan(session: &mut Session, statement: &str) -> Vec<String> {
    let execute = "SELECT 'EXPLAIN (COSTS OFF) EXECUTE ' || name
                          || CASE cardinality(parameter_types)
                                  WHEN 0 THEN '' ELSE '(' || repeat('NULL, ', cardinality(parameter_types) - 1) || 'NULL)' END
                   FROM pg_prepared_statements WHERE statement = ";
    let execute = texts(session, format!("{execute}$text${statement}$text$")).await;
    texts(session, execute.into_iter().next().expect("it is prepared")).await
}

/// By the simple protocol, which prepares nothing.
async fn texts(session: &mut Session, query: String) -> Vec<String> {
    let rows = sqlx::raw_sql(AssertSqlSafe(query.clone())).fetch_all(session).await.expect(&query);
    rows.iter().map(|row| row.get(0)).collect()
}

/// Lines of a plan that read a table whole, or all of an index.
fn whole(plan: &[String]) -> impl Iterator<Item = &str> {
    let next = plan.iter().skip(1).map(String::as_str).chain([""]);
    let is_whole = |(line, next): &(&String, &str)| {
        let whole = ["Seq Scan on", "Hash Join", "Merge Join", "Bitmap Heap Scan"].iter().any(|how| line.contains(how));
        let index = line.contains("Index Scan using") || line.contains("Index Only Scan using");
        !SMALL.iter().any(|small| line.contains(small)) && (whole || index && !next.contains("Index Cond"))
    };
    plan.iter().zip(next).filter(is_whole).map(|(line, _)| line.trim())
}

/// Names as in `WITH name AS (` and `, name AS MATERIALIZED (`. Of those that are numbered, each counts as the same.
fn steps(statement: &str) -> impl Iterator<Item = String> {
    let words: Vec<&str> = statement.split_whitespace().collect();
    let name = |words: &[&str]| match words {
        [name, "AS", next] if next.starts_with('(') || *next == "MATERIALIZED" => Some(without_number(name)),
        _ => None,
    };
    words.windows(3).filter_map(name).collect::<Vec<_>>().into_iter()
}

fn without_number(name: &str) -> String {
    name.trim_end_matches(|last: char| last.is_ascii_digit()).trim_end_matches('_').to_owned()
}

/// What a statement does with tables, as `insert inbox`.
fn uses(statement: &str, tables: &[String]) -> impl Iterator<Item = String> {
    let words = statement.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let words: Vec<&str> = std::iter::once("").chain(words.filter(|word| !word.is_empty())).collect();
    let used = |words: &[&str]| {
        let (verb, table) = match words {
            [_, "INTO", table] => ("insert", *table),
            [_, "UPDATE", table] => ("update", *table),
            ["DELETE", "FROM", table] => ("delete", *table),
            [_, "FROM" | "JOIN", table] => ("read", *table),
            _ => return None,
        };
        tables.iter().any(|known| known == table).then(|| format!("{verb} {table}"))
    };
    words.windows(3).filter_map(used).collect::<Vec<_>>().into_iter()
}

/// Steps that a source names, as in `parts.step("published", …)` and `parts.step(&format!("records_{number}"), …)`.
pub fn named(source: &str) -> impl Iterator<Item = String> {
    let name = |rest: &str| {
        let rest = rest.trim_start().trim_start_matches("&format!(").strip_prefix('"')?;
        rest.split(['"', '{']).next().map(without_number)
    };
    source.split("step(").skip(1).filter_map(name).collect::<Vec<_>>().into_iter()
}
