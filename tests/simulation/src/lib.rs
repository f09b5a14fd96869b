//! The shop's own rules in the simulator: its customers, its providers, and what must hold of money, goods and ends.

mod check;
mod clients;
pub mod coverage;
mod forgery;
mod observation;
mod plant;
mod poisons;
mod shop;
mod stock_taker;
mod usage;
mod world;

pub use plant::Plant;
pub use shop::simulation;
