//! What breaks, and for which service: of a small choreography of another domain, and of the shop's own folders.

mod changes;
mod committed;
mod lending;
mod retention;
mod versions;
