//! Which kind of failure an SQL error is (https://www.postgresql.org/docs/current/errcodes-appendix.html).

use choreography_core::store::StoreError;

/// Sorts an error by what the engine does about it: an error that concerns one input stops that input, and only one that
/// concerns every input makes every input wait.
pub fn store_error(error: sqlx::Error) -> StoreError {
    let text = error.to_string();
    match &error {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            match kind(&code, database.constraint().is_some(), database.message()) {
                Kind::Input => StoreError::Data(text),
                Kind::Passing => StoreError::Contention(text),
                Kind::All => StoreError::Unavailable(text),
            }
        }
        // A row that this version can't read, as one of a newer version or one that was written by hand.
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::TypeNotFound { .. } => {
            StoreError::Unreadable(text)
        }
        // A value that can't be sent.
        sqlx::Error::Encode(_) | sqlx::Error::InvalidArgument(_) => StoreError::Data(text),
        _ => StoreError::Unavailable(text),
    }
}

/// What a failure concerns.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// This input, and trying again can't help.
    Input,
    /// This input, and it may pass.
    Passing,
    All,
}

fn kind(code: &str, names_a_constraint: bool, message: &str) -> Kind {
    match code {
        // A missing partition is a check violation that names no constraint: the day is made, then it passes.
        "23514" if !names_a_constraint => Kind::Passing,
        // Serialisation failure, deadlock, a lock that is not free, statement time-out.
        "40001" | "40P01" | "55P03" | "57014" => Kind::Passing,
        // A value that does not fit its column's type any more, as after a newer version changed it.
        "42804" | "42846" => Kind::Input,
        // "invalid memory alloc request size": a value became too large.
        "XX000" if message.contains("alloc request size") => Kind::Input,
        // A page or an index entry is broken: inputs that do not need it go on.
        "XX001" | "XX002" => Kind::Input,
        _ => match code.get(..2) {
            // Cardinality, data, constraints, program limits, RAISE EXCEPTION, triggers and views that refuse.
            Some("21" | "22" | "23" | "54" | "P0" | "09" | "27" | "38" | "39" | "44") => Kind::Input,
            _ => Kind::All,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_concerns_one_input_is_told_from_what_concerns_all() {
        let input = [
            "21000", "22003", "22P05", "22021", "23502", "23503", "23505", "54000", "54001", "54011", "P0001", "P0004",
            "42804", "XX001", "XX002", "44000", "39000",
        ];
        let passing = ["40001", "40P01", "55P03", "57014"];
        let all = [
            "08000", "08003", "08006", "08P01", "0A000", "25006", "25P02", "28000", "28P01", "3D000", "42P01", "42501",
            "42703", "42883", "53000", "53100", "53200", "53300", "55000", "57P01", "57P02", "57P03", "57P05", "58000",
            "58030", "F0000", "XX000", "",
        ];
        for (codes, expected) in [(&input[..], Kind::Input), (&passing[..], Kind::Passing), (&all[..], Kind::All)] {
            for code in codes {
                assert_eq!(kind(code, true, "any"), expected, "{code}");
            }
        }
    }

    #[test]
    fn a_missing_partition_passes_and_a_violated_check_does_not() {
        assert_eq!(kind("23514", false, ""), Kind::Passing);
        assert_eq!(kind("23514", true, ""), Kind::Input);
    }

    #[test]
    fn a_value_that_is_too_large_is_its_inputs_affair() {
        assert_eq!(kind("XX000", false, "invalid memory alloc request size 1073741824"), Kind::Input);
    }

    #[test]
    fn rows_that_cannot_be_read_concern_who_needs_them() {
        let decode = || sqlx::Error::Decode("unknown state".into());
        let column = sqlx::Error::ColumnDecode { index: "state".into(), source: "no".into() };
        for error in [decode(), column, sqlx::Error::TypeNotFound { type_name: "mood".into() }] {
            assert!(matches!(store_error(error), StoreError::Unreadable(_)));
        }
        assert!(matches!(store_error(sqlx::Error::InvalidArgument("too long".into())), StoreError::Data(_)));
        let all = [
            sqlx::Error::PoolTimedOut,
            sqlx::Error::PoolClosed,
            sqlx::Error::Protocol("out of step".into()),
            sqlx::Error::ColumnNotFound("state".into()),
            sqlx::Error::Io(std::io::ErrorKind::BrokenPipe.into()),
        ];
        for error in all {
            assert!(matches!(store_error(error), StoreError::Unavailable(_)));
        }
    }
}
