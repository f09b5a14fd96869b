//! Whose orders a caller may place, see and cancel, and which tokens are taken at all.

use std::time::Duration;

use api::{ApiSettings, Gate};
use axum::{Router, http::StatusCode};
use chrono::TimeDelta;
use clap::Parser;
use one_service::{Answer, OneService, call, served};
use order::{
    MIGRATIONS, Order,
    customers::{Customers, PersonalData},
};
use provision::token::{Bearer, new_signing_key, public_keys, sign};

const ISSUER: &str = "choreography";
const AUDIENCE: &str = "shop";

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    api: ApiSettings,
}

/// Order's API behind a gate that takes tokens of one key.
pub struct Guarded {
    world: OneService<Order>,
    pub api: Router,
    key: String,
}

impl Guarded {
    async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With further settings of the gate.
    pub async fn with(settings: &[&str]) -> Self {
        let world = OneService::start(Order { deadline: Duration::from_secs(900) }, &MIGRATIONS).await;
        let key = new_signing_key().unwrap();
        let customers = Customers::new(PersonalData::Sealed);
        let api = served(order::http::routes(world.context(), gate(&key, settings), customers));
        Self { world, api, key }
    }

    pub fn customer(&self, user: &str) -> String {
        self.token(user, &[], AUDIENCE)
    }

    fn token(&self, user: &str, scopes: &[&str], audience: &str) -> String {
        let bearer = Bearer {
            user: user.into(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            issuer: ISSUER.into(),
            audience: audience.into(),
            lifetime: TimeDelta::minutes(5),
        };
        format!("Bearer {}", sign(&self.key, &bearer).unwrap())
    }

    async fn ask(&self, token: &str, method: &str, path: &str, body: &str) -> Answer {
        call(&self.api, method, path, &[("Authorization", token)], body).await
    }
}

fn gate(key: &str, settings: &[&str]) -> Gate {
    let path = std::env::temp_dir().join(format!("owners-{}-{}.json", std::process::id(), uuid::Uuid::now_v7()));
    std::fs::write(&path, public_keys(key).unwrap()).unwrap();
    let keys = ["order", "--jwt-keys-file", path.to_str().unwrap()];
    let settings = Settings::parse_from(keys.iter().chain(settings));
    let gate = settings.api.gate().unwrap();
    std::fs::remove_file(&path).unwrap();
    gate
}

fn order_of(user: &str) -> String {
    format!(
        r#"{{"userId":"{user}","currency":"EUR","items":[{{"sku":"chair","quantity":2,"price":100}}],
            "paymentMethod":"tok_visa"}}"#
    )
}

#[tokio::test]
async fn an_order_is_its_owners_and_the_back_offices() {
    let shop = Guarded::start().await;
    let (ada, bob) = (shop.token("ada", &[], AUDIENCE), shop.token("bob", &[], AUDIENCE));
    let office = shop.token("eve", &["back-office"], AUDIENCE);
    let placed = shop.ask(&ada, "POST", "/orders", &order_of("ada")).await;
    assert_eq!(placed.status, StatusCode::ACCEPTED, "{}", placed.body);
    let path = format!("/orders/{}", placed.body["orderId"].as_str().unwrap());
    let unknown = format!("/orders/{}", uuid::Uuid::now_v7());

    for (token, status) in [(&ada, 200), (&office, 200), (&bob, 404)] {
        assert_eq!(shop.ask(token, "GET", &path, "").await.status.as_u16(), status);
    }
    // Another's order looks like one that is not there, down to the words; each answer has a trace of its own.
    let (others, missing) = (shop.ask(&bob, "GET", &path, "").await, shop.ask(&bob, "GET", &unknown, "").await);
    let words = |answer: &Answer, path: &str| {
        let mut body = answer.body.clone();
        body["traceId"].take();
        body.to_string().replace(path.trim_start_matches("/orders/"), "…")
    };
    assert_eq!(words(&others, &path), words(&missing, &unknown));

    let cancel = format!("{path}/cancel");
    assert_eq!(shop.ask(&bob, "POST", &cancel, "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(shop.world.count("SELECT count(*) FROM orders WHERE status = 'pending'").await, 1);
    assert_eq!(shop.ask(&ada, "POST", &cancel, "").await.status, StatusCode::ACCEPTED);
    assert_eq!(shop.world.count("SELECT count(*) FROM orders WHERE status = 'cancelling'").await, 1);
}

#[tokio::test]
async fn a_customer_lists_their_own_orders_and_the_back_office_lists_all() {
    let shop = Guarded::start().await;
    let (ada, bob) = (shop.token("ada", &[], AUDIENCE), shop.token("bob", &[], AUDIENCE));
    let office = shop.token("eve", &["back-office"], AUDIENCE);
    for (token, user) in [(&ada, "ada"), (&bob, "bob"), (&ada, "ada")] {
        assert_eq!(shop.ask(token, "POST", "/orders", &order_of(user)).await.status, StatusCode::ACCEPTED);
    }
    for (token, query, customers) in [
        (&ada, "", vec!["ada", "ada"]),
        (&ada, "?userId=ada", vec!["ada", "ada"]),
        (&bob, "?status=pending", vec!["bob"]),
        (&office, "", vec!["ada", "bob", "ada"]),
        (&office, "?userId=bob", vec!["bob"]),
        (&office, "?userId=carol", vec![]),
    ] {
        let listed = shop.ask(token, "GET", &format!("/orders{query}"), "").await.body;
        let found: Vec<&str> =
            listed["orders"].as_array().unwrap().iter().map(|order| order["userId"].as_str().unwrap()).collect();
        assert_eq!(found, customers, "{query}: {listed}");
    }
    let (foreign, unknown) = (
        shop.ask(&bob, "GET", "/orders?userId=ada", "").await,
        shop.ask(&bob, "GET", "/orders?userId=carol", "").await,
    );
    assert_eq!((foreign.status, foreign.body["field"].as_str()), (StatusCode::FORBIDDEN, Some("userId")));
    assert_eq!(foreign.body["detail"], unknown.body["detail"], "who is a customer is not told");
    // A page of all is no way to the next page of another's.
    let cursor = shop.ask(&office, "GET", "/orders?limit=1", "").await.body["next"].as_str().unwrap().to_owned();
    let behind = shop.ask(&bob, "GET", &format!("/orders?cursor={cursor}"), "").await.body;
    assert!(behind["orders"].as_array().unwrap().iter().all(|order| order["userId"] == "bob"), "{behind}");
    assert_eq!(shop.ask("", "GET", "/orders", "").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn only_the_back_office_places_an_order_for_another() {
    let shop = Guarded::start().await;
    let bob = shop.token("bob", &["mail"], AUDIENCE);
    let refused = shop.ask(&bob, "POST", "/orders", &order_of("ada")).await;
    assert_eq!((refused.status, refused.body["field"].as_str()), (StatusCode::FORBIDDEN, Some("userId")));
    assert_eq!(shop.world.count("SELECT count(*) FROM orders").await, 0);
    let office = shop.token("eve", &["back-office"], AUDIENCE);
    let placed = shop.ask(&office, "POST", "/orders", &order_of("ada")).await;
    assert_eq!(placed.status, StatusCode::ACCEPTED, "{}", placed.body);
    let path = format!("/orders/{}", placed.body["orderId"].as_str().unwrap());
    assert_eq!(shop.ask(&shop.token("ada", &[], AUDIENCE), "GET", &path, "").await.status, StatusCode::OK);
    assert_eq!(shop.ask(&bob, "GET", &path, "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_token_for_another_audience_opens_nothing() {
    let shop = Guarded::start().await;
    let other_key = new_signing_key().unwrap();
    let forged = Bearer {
        user: "ada".into(),
        scopes: vec!["back-office".into()],
        issuer: ISSUER.into(),
        audience: AUDIENCE.into(),
        lifetime: TimeDelta::minutes(5),
    };
    let forged = format!("Bearer {}", sign(&other_key, &forged).unwrap());
    let unsigned = "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.".to_owned();
    for token in [shop.token("ada", &[], "bank"), forged, unsigned, "Bearer x".to_owned(), String::new()] {
        let answer = shop.ask(&token, "POST", "/orders", &order_of("ada")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{token}: {}", answer.body);
    }
    assert_eq!(shop.world.count("SELECT count(*) FROM orders").await, 0);
}
