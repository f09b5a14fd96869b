//! What measurements share: latencies, ratios of what was measured side by side, and the tables that show them.

pub mod clock;
pub mod latency;
pub mod ratio;
pub mod table;
