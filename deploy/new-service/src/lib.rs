//! Makes a service that takes part: its folder, its migrations, what it describes, and its entries in Cargo.toml, compose and
//! kustomize. It is a whole one, the template with another name: it builds, passes its tests and joins the running shop.

mod entries;
mod name;
mod plan;
mod template;

use std::path::Path;

pub use plan::Plan;

/// Why no service is made, and what to do. Nothing was written then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError(pub String);

impl std::fmt::Display for PlanError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for PlanError {}

/// What has to be written for a service of this name.
///
/// # Errors
/// The name can't be taken, something of that name is there, or the project is not laid out as expected.
pub fn plan(root: &Path, name: &str) -> Result<Plan, PlanError> {
    name::check(root, name)?;
    let mut plan = Plan::new(root);
    template::add(&mut plan, name)?;
    entries::add(&mut plan, name)?;
    Ok(plan)
}

#[cfg(test)]
mod tests;
