//! Which services there are.

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    Order,
    Inventory,
    Payment,
    Shipping,
    /// Not one of the shop's four: it runs where it is added.
    Notification,
}

impl Service {
    /// The services that a system starts with.
    pub const SHOP: [Self; 4] = [Self::Order, Self::Inventory, Self::Payment, Self::Shipping];

    /// Its name: package, program, database, role and consumer group.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Inventory => "inventory",
            Self::Payment => "payment",
            Self::Shipping => "shipping",
            Self::Notification => "notification",
        }
    }
}
