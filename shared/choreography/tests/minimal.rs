//! The smallest example runs.

#[path = "../examples/minimal.rs"]
mod minimal;

#[test]
fn two_services_hear_each_other_in_memory() {
    minimal::main();
}
