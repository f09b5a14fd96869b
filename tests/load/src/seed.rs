//! Sagas that have finished long ago, written straight into the databases, so that what is slow with many of them shows.

use anyhow::{Context as _, Result};
use chrono::{NaiveTime, Utc};
use local::System;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use crate::progress::{self, say, say_again};

/// What the statements call.
pub const IDS: &str = include_str!("../seed/ids.sql");
const DATABASES: [(&str, &str); 5] = [
    ("order", include_str!("../seed/order.sql")),
    ("inventory", include_str!("../seed/inventory.sql")),
    ("payment", include_str!("../seed/payment.sql")),
    ("shipping", include_str!("../seed/shipping.sql")),
    ("sandbox", include_str!("../seed/sandbox.sql")),
];
/// In one statement.
const SAGAS: i64 = 100_000;

/// Seeds so many, then vacuums and checkpoints, as time would have. Stock must be there.
pub async fn run(system: &System, sagas: usize, skus: usize) -> Result<()> {
    say(&format!("seeding {sagas} finished sagas"));
    let (sagas, skus) = (i64::try_from(sagas)?, i64::try_from(skus)?);
    // The inbox has a partition for today, of which it knows all: ids from midnight on are in it.
    let first = Utc::now().date_naive().and_time(NaiveTime::MIN).and_utc().timestamp_millis();
    for (database, sql) in DATABASES {
        let server: PgConnectOptions = system.postgres.admin_url().parse()?;
        let mut db = PgConnection::connect_with(&server.database(database)).await?;
        sqlx::raw_sql(IDS).execute(&mut db).await.with_context(|| format!("seeding {database}"))?;
        let mut from = 1;
        while from <= sagas {
            let to = (from + SAGAS - 1).min(sagas);
            for statement in statements(sql) {
                let statement = sqlx::query(statement).bind(from).bind(to).bind(first).bind(skus);
                statement.execute(&mut db).await.with_context(|| format!("seeding {database}"))?;
            }
            say_again(&format!("{database}: {to} of {sagas}"));
            from = to + 1;
        }
        progress::close();
        sqlx::raw_sql("VACUUM (ANALYZE)").execute(&mut db).await?;
        sqlx::raw_sql("CHECKPOINT").execute(&mut db).await?;
    }
    Ok(())
}

fn statements(sql: &'static str) -> impl Iterator<Item = &'static str> {
    sql.split(";\n").filter(|statement| !statement.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_statement_writes_one_stretch_of_sagas() {
        for (database, sql) in DATABASES {
            assert!(statements(sql).count() >= 2, "{database}");
            for statement in statements(sql) {
                assert!(statement.contains("generate_series($1::bigint, $2::bigint)"), "{database}: {statement}");
            }
        }
    }
}
