//! Order's settings.

use std::time::Duration;

use api::ApiSettings;
use choreography::EngineSettings;
use clap::Parser;
use shop::setting::duration;

/// Takes orders, watches their deadline, and says how they end. All settings come from the environment.
#[derive(Parser)]
#[command(version)]
pub struct Settings {
    #[command(flatten)]
    pub engine: EngineSettings,
    #[command(flatten)]
    pub api: ApiSettings,
    /// How long an order may take before its cancellation is requested.
    #[arg(long, env, default_value = "15m", value_parser = up_to_a_year)]
    pub order_deadline: Duration,
    /// How long a request is recognised by its Idempotency-Key.
    #[arg(long, env, default_value = "7d", value_parser = up_to_a_year)]
    pub idempotency_retention: Duration,
}

/// Far longer than any order takes, and far from what dates can hold.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

fn up_to_a_year(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration <= LONGEST { Ok(duration) } else { Err("must be at most 365d".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str, value: &str) -> Result<Settings, String> {
        let arguments = ["order", "--database-url", "postgres://x", name, value];
        Settings::try_parse_from(arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn a_wrong_setting_is_refused_with_its_name() {
        assert_eq!(
            parse("--order-deadline", "90s").map(|settings| settings.order_deadline),
            Ok(Duration::from_secs(90))
        );
        for name in ["--order-deadline", "--idempotency-retention"] {
            assert!(parse(name, "365d").is_ok());
            for value in ["soon", "0s", "366d"] {
                let refused = parse(name, value).map(|_| ()).unwrap_err();
                assert!(refused.contains(name), "{refused}");
            }
        }
    }
}
