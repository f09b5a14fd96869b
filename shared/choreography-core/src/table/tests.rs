use chrono::DateTime;

use super::*;
use crate::{records, table, words};

words! {
    /// Of a parcel.
    enum State {
        #[default]
        None = "none",
        Sent = "sent",
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Parcel {
    state: State,
    pieces: i64,
    address: Option<Json<Vec<String>>>,
    seen: Option<DateTime<chrono::Utc>>,
    seal: Vec<u8>,
    late: bool,
}

table!(Parcel in parcels by order_id: state, pieces, address, seen; once: seal, late);

#[derive(Debug)]
struct Line {
    order_id: String,
    pieces: i64,
}

records!(Line in ledger: order_id, pieces);

#[derive(Clone, Debug, Default, PartialEq)]
struct Shelf {
    pieces: i64,
    name: String,
}

table!(Shelf in shelves by id: pieces; once: name; update: "pieces = new.pieces, counted = now()");

fn sent() -> Parcel {
    Parcel {
        state: State::Sent,
        pieces: 3,
        address: Some(Json(vec!["1 \"Road\"".into()])),
        seen: Some(DateTime::UNIX_EPOCH),
        seal: vec![0, 255],
        late: true,
    }
}

fn read(cells: Vec<Cell<'static>>) -> Result<Parcel, String> {
    let mut from = |column: usize, _| Ok(cells[column].clone());
    Parcel::read(&mut Cells::new(Parcel::TABLE, &mut from)).map_err(|unreadable| unreadable.to_string())
}

fn cells(row: &Parcel) -> Vec<Cell<'static>> {
    (0..Parcel::TABLE.columns.len())
        .map(|column| match Row::cell(row, column) {
            Cell::Text(text) => Cell::Text(text.into_owned().into()),
            Cell::Bytes(bytes) => Cell::Bytes(bytes.into_owned().into()),
            Cell::Null => Cell::Null,
            Cell::Integer(number) => Cell::Integer(number),
            Cell::Boolean(truth) => Cell::Boolean(truth),
            Cell::Time(time) => Cell::Time(time),
            Cell::Json(json) => Cell::Json(json),
        })
        .collect()
}

#[test]
fn what_is_declared_is_the_table() {
    let columns: Vec<_> = Parcel::TABLE.columns.iter().map(|column| (column.name, column.kind)).collect();
    let expected = [
        ("state", Kind::Text),
        ("pieces", Kind::Integer),
        ("address", Kind::Json),
        ("seen", Kind::Time),
        ("seal", Kind::Bytes),
        ("late", Kind::Boolean),
    ];
    assert_eq!((Parcel::TABLE.name, Parcel::TABLE.key, columns), ("parcels", "order_id", expected.to_vec()));
    let once: Vec<_> = Parcel::TABLE.columns.iter().filter(|column| column.once).map(|column| column.name).collect();
    assert_eq!(once, ["seal", "late"]);
    let own = Some("pieces = new.pieces, counted = now()");
    assert_eq!([Parcel::TABLE, Line::TABLE, Shelf::TABLE].map(|table| table.update), [None, None, own]);
    assert_eq!((Line::TABLE.name, Line::TABLE.columns[1].kind), ("ledger", Kind::Integer));
}

#[test]
fn a_row_comes_back_as_it_was_written() {
    for row in [Parcel::default(), sent()] {
        assert_eq!(read(cells(&row)), Ok(row));
    }
}

#[test]
fn what_cannot_be_read_names_table_column_and_what_stands_there() {
    let with = |column: usize, cell| {
        let mut cells = cells(&sent());
        cells[column] = cell;
        read(cells).unwrap_err()
    };
    assert_eq!(with(0, Cell::Text("lost".into())), r#"parcels.state: "lost" is not one of the known words"#);
    assert_eq!(with(1, Cell::Null), "parcels.pieces: Integer is missing");
    assert!(with(2, Cell::Json("{}".into())).starts_with("parcels.address: invalid type: map"));
    assert_eq!(with(4, Cell::Boolean(true)), "parcels.seal: Bytes is expected, not Boolean(true)");
}

#[test]
fn rows_of_any_table_are_compared_by_value() {
    let (row, same) = (AnyRow::new(sent()), AnyRow::new(sent()));
    assert_eq!(row, same);
    assert_ne!(row, AnyRow::new(Parcel::default()));
    assert_eq!(row.get::<Parcel>(), Some(&sent()));
    assert_eq!((row.table().name, row.cell(1)), ("parcels", Cell::Integer(3)));
    let line = AnyRecord::new(Line { order_id: "o1".into(), pieces: 2 });
    assert_eq!(line.get::<Line>().map(|line| line.pieces), Some(2));
    assert_eq!((line.table().name, line.cell(0), line.cell(2)), ("ledger", Cell::Text("o1".into()), Cell::Null));
}

/// In logs and in the messages of failing tests.
#[test]
fn rows_of_any_table_are_written_as_what_they_are() {
    let line = AnyRecord::new(Line { order_id: "o1".into(), pieces: 2 });
    assert_eq!(format!("{line:?}"), r#"Line { order_id: "o1", pieces: 2 }"#);
    assert_eq!(format!("{:?}", AnyRow::new(sent())), format!("{:?}", sent()));
}
