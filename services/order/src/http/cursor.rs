//! Where a list of orders goes on: the last order that was looked at, in a form that clients hand back as it is.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use uuid::Uuid;

/// What the bytes mean; another meaning gets another number.
const FORM: u8 = 1;

pub fn written(order: Uuid) -> String {
    let mut bytes = vec![FORM];
    bytes.extend(order.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// `None`: it was never written here.
pub fn read(cursor: &str) -> Option<Uuid> {
    match BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?.split_first()? {
        (&FORM, id) => Uuid::from_slice(id).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_nothing_else_is_one() {
        let order = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
        let cursor = written(order);
        assert_eq!(read(&cursor), Some(order));
        let other_form = BASE64_URL_SAFE_NO_PAD.encode([&[2][..], order.as_bytes()].concat());
        for garbage in ["", "x", "%%%", &order.to_string(), &cursor[1..], &format!("{cursor}AA"), &other_form] {
            assert_eq!(read(garbage), None, "{garbage}");
        }
    }
}
