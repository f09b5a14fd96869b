//! Which kind of failure an SQL error is (https://www.postgresql.org/docs/current/errcodes-appendix.html).

use crate::store::StoreError;

/// Sorts an error by what the engine does about it.
pub fn store_error(error: sqlx::Error) -> StoreError {
    let text = error.to_string();
    match &error {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            kind(&code, database.constraint().is_some(), text)
        }
        // Our own rows can't be read back: a mistake or a foreign hand in the tables, never the input's fault.
        _ => StoreError::Unavailable(text),
    }
}

fn kind(code: &str, names_a_constraint: bool, text: String) -> StoreError {
    match code {
        // A missing partition is a check violation that names no constraint: the day is made, then it passes.
        "23514" if !names_a_constraint => StoreError::Contention(text),
        // Serialisation failure, deadlock, lock time-out, statement time-out.
        "40001" | "40P01" | "55P03" | "57014" => StoreError::Contention(text),
        _ if code.starts_with("22") || code.starts_with("23") => StoreError::Data(text),
        _ => StoreError::Unavailable(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_sorted_by_what_can_be_done_about_them() {
        let sorted = |code, constraint| kind(code, constraint, String::new());
        assert_eq!(sorted("23505", true), StoreError::Data(String::new()));
        assert_eq!(sorted("22003", false), StoreError::Data(String::new()));
        assert_eq!(sorted("23514", true), StoreError::Data(String::new()));
        assert_eq!(sorted("23514", false), StoreError::Contention(String::new()));
        assert_eq!(sorted("40P01", false), StoreError::Contention(String::new()));
        assert_eq!(sorted("57P01", false), StoreError::Unavailable(String::new()));
        assert_eq!(sorted("42P01", false), StoreError::Unavailable(String::new()));
    }
}
