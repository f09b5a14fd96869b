//! How large a message is to librdkafka, which refuses what is larger than `message.max.bytes`.
//!
//! Source: `rd_kafka_msg_max_wire_size` and `rd_kafka_header_add` of librdkafka: the longest overhead of a record of format
//! 2, the key, the payload, and each header with the lengths of its two parts.

use crate::trace::Header;

/// Seven lengths, counts and deltas at their longest, and the attributes (`RD_KAFKAP_MESSAGE_V2_MAX_OVERHEAD`).
const OVERHEAD: usize = 36;

/// Bytes of a message with a key and a payload of these lengths.
pub fn message(key: usize, payload: usize, headers: &[Header]) -> usize {
    OVERHEAD + key + payload + headers.iter().map(header).sum::<usize>()
}

fn header(header: &Header) -> usize {
    let (name, value) = (header.text_name().len(), header.value.as_ref().map_or(0, Vec::len));
    name + value + varint(name) + varint(value)
}

/// Bytes of a length as a zigzag varint: seven bits a byte, one of them the sign.
fn varint(length: usize) -> usize {
    let bits = usize::BITS - length.leading_zeros() + 1;
    bits.div_ceil(7).try_into().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_the_bytes_of_a_zigzag_varint() {
        assert_eq!([0, 63, 64, 8_191, 8_192, 1_000_000].map(varint), [1, 1, 2, 2, 3, 3]);
    }

    #[test]
    fn a_message_counts_with_everything_that_librdkafka_counts() {
        assert_eq!(message(0, 0, &[]), 36);
        assert_eq!(message(3, 5, &[]), 44);
        let headers = [Header::text("name", "x".repeat(100)), Header { name: b"null".to_vec(), value: None }];
        assert_eq!(message(0, 0, &headers), 36 + (4 + 1 + 100 + 2) + (4 + 1 + 1));
    }
}
