use clap::Parser;

use super::*;

/// Called, unless it is said otherwise, at the sandbox.
#[derive(Debug)]
struct Mail;

impl Provided for Mail {
    const PROVIDER: &'static str = "the mail service";
    const PREFIX: &'static str = "MAIL";
}

/// Chosen, with limits that are called otherwise.
struct Bank;

impl Provided for Bank {
    const PROVIDER: &'static str = "the bank";
    const PREFIX: &'static str = "MY_BANK";
    const LIMITS: &'static str = "BANK";
    const CHOICE: bool = true;
}

#[derive(Parser)]
struct Program<S: Provided> {
    #[command(flatten)]
    engine: EngineSettings,
    #[command(flatten)]
    provider: ProviderSettings<S>,
}

fn parse<S: Provided>(arguments: &[&str]) -> Result<Program<S>, String> {
    let arguments = ["program", "--database-url", "postgres://x"].iter().chain(arguments);
    Program::try_parse_from(arguments).map_err(|error| error.to_string())
}

fn wrong<S: Provided>(arguments: &[&str]) -> String {
    let calls = parse::<S>(arguments)
        .and_then(|program| program.provider.calls(&program.engine).map_err(|error| error.to_string()));
    calls.map(drop).expect_err("it is accepted")
}

#[test]
fn a_wrong_setting_is_refused_with_its_variables_name() {
    assert!(wrong::<Mail>(&["--mail-url", "here"]).starts_with("MAIL_URL:"));
    assert!(wrong::<Mail>(&["--mail-timeout", "0s"]).contains("MAIL_TIMEOUT"));
    assert!(wrong::<Mail>(&["--mail-timeout", "4s"]).starts_with("MAIL_TIMEOUT:"));
    assert!(wrong::<Mail>(&["--mail-key-lifetime", "soon"]).contains("MAIL_KEY_LIFETIME"));
    assert!(wrong::<Mail>(&["--mail-key-lifetime", "10m"]).starts_with("MAIL_KEY_LIFETIME:"));
    assert!(wrong::<Mail>(&["--mail-token", "a\nb"]).starts_with("MAIL_TOKEN:"));
    assert!(wrong::<Mail>(&["--mail-token-file", "/no"]).starts_with("MAIL_TOKEN_FILE:"));
}

#[test]
fn a_choice_of_provider_says_what_else_is_needed() {
    let http = ["--my-bank", "http", "--my-bank-url"];
    let with = |url, more: &[&'static str]| wrong::<Bank>(&[&http[..], &[url], more].concat());
    assert!(wrong::<Bank>(&["--my-bank", "mint"]).contains("MY_BANK"));
    assert_eq!(wrong::<Bank>(&["--my-bank", "http"]), "MY_BANK_URL is needed, because MY_BANK is http");
    assert!(wrong::<Bank>(&["--sandbox-url", "here"]).starts_with("SANDBOX_URL:"));
    assert!(wrong::<Bank>(&["--bank-timeout", "4s"]).starts_with("BANK_TIMEOUT:"));
    assert!(wrong::<Bank>(&["--bank-key-lifetime", "10m"]).starts_with("BANK_KEY_LIFETIME:"));
    assert!(with("ftp://bank", &[]).starts_with("MY_BANK_URL:"));
    assert!(with("http://bank", &["--my-bank-token", "a\nb"]).starts_with("MY_BANK_TOKEN:"));
    assert!(with("http://bank", &["--my-bank-token-file", "/no"]).starts_with("MY_BANK_TOKEN_FILE:"));
}

#[test]
fn nothing_has_to_be_set_to_call_the_sandbox() {
    for calls in [
        parse::<Mail>(&[]).map(|program| program.provider.calls(&program.engine).map(drop)),
        parse::<Bank>(&[]).map(|program| program.provider.calls(&program.engine).map(drop)),
        parse::<Bank>(&["--my-bank", "http", "--my-bank-url", "http://bank"])
            .map(|program| program.provider.calls(&program.engine).map(drop)),
    ] {
        assert_eq!(calls, Ok(Ok(())));
    }
}

#[test]
fn a_call_is_sent_again_for_as_long_as_its_key_is_surely_known() {
    let program = parse::<Mail>(&["--mail-key-lifetime", "1h", "--event-skew", "5m"]).unwrap();
    // An hour without two calls of 5 s and the skew.
    assert_eq!(program.provider.resend_within(&program.engine), Ok(TimeDelta::seconds(3_600 - 10 - 300)));
    let program = parse::<Mail>(&["--mail-key-lifetime", "310s", "--event-skew", "5m"]).unwrap();
    assert!(program.provider.resend_within(&program.engine).is_err(), "nothing is left of it");
}

#[test]
fn a_call_must_have_room_to_ask_and_to_send() {
    let room = |timeout, call| {
        let program = parse::<Mail>(&["--mail-timeout", timeout, "--call-timeout", call]).unwrap();
        program.provider.request_timeout(&program.engine)
    };
    assert_eq!(room("2s", "5s"), Ok(Duration::from_secs(2)));
    assert_eq!(room("2s", "4s"), Ok(Duration::from_secs(2)));
    assert!(room("2001ms", "4s").unwrap_err().starts_with("MAIL_TIMEOUT:"));
}

#[test]
fn a_token_is_not_shown() {
    let program = parse::<Mail>(&["--mail-token", "hush"]).unwrap();
    let shown = format!("{:?}", program.provider);
    assert!(shown.contains("token") && !shown.contains("hush"), "{shown}");
}
