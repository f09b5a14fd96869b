//! Order's settings beside the engine's.

use std::time::Duration;

use api::ApiSettings;
use choreography::duration;
use clap::Args;

use crate::customers::PersonalData;

#[derive(Args)]
pub struct Settings {
    #[command(flatten)]
    pub api: ApiSettings,
    /// How long an order may take before its cancellation is requested.
    #[arg(long, env, default_value = "15m", value_parser = up_to_a_year)]
    pub order_deadline: Duration,
    /// How long a request is recognised by its Idempotency-Key.
    #[arg(long, env, default_value = "7d", value_parser = up_to_a_year)]
    pub idempotency_retention: Duration,
    /// How names and addresses are written: `clear` while readers run that know nothing of sealed ones.
    #[arg(long, env, value_enum, default_value_t = PersonalData::Sealed)]
    pub personal_data: PersonalData,
}

/// Far longer than any order takes, and far from what dates can hold.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

fn up_to_a_year(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration <= LONGEST { Ok(duration) } else { Err("must be at most 365d".into()) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        settings: Settings,
    }

    fn parse(name: &str, value: &str) -> Result<Settings, String> {
        let parsed = Program::try_parse_from(["order", name, value]);
        parsed.map(|program| program.settings).map_err(|error| error.to_string())
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
