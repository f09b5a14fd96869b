//! What must hold of the shop, besides what must hold of any services: at any moment, and once everything rests.

mod messages;
mod moment;
mod orders;
mod reasons;
mod stock;

pub use moment::at_any_moment;

use order::order_row::{OrderRow, Status};

use crate::shop::Shop;

/// Everything that is wrong.
pub fn at_rest(shop: &Shop) -> Vec<String> {
    let mut findings = Vec::new();
    orders::check(shop, &mut findings);
    reasons::check(shop, &mut findings);
    stock::check(shop, &mut findings);
    messages::check(shop, &mut findings);
    findings
}

/// How orders ended.
pub fn count(shop: &Shop) {
    for (_, row) in shop.order.rows::<OrderRow>() {
        match row.status {
            Status::Completed => shop.core.count("end", "completed"),
            Status::Cancelled => shop.core.count("end", "cancelled"),
            _ => {}
        }
    }
}
