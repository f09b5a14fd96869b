//! Each kind of findings: a planted example, and a twin of it that is clean.

mod contracts;
mod events;
mod files;
mod mutants;
mod observed;
mod orders;
mod repeats;
mod steps;
mod tables;
mod time;
