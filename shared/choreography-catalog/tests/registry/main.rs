//! What is published goes to a schema registry: to a real one, and to servers that are none, deny, or fail.

mod apicurio;
mod compatibility;
mod denials;
mod program;
mod shop;
