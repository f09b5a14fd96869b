//! The list of orders, page by page, on a real PostgreSQL: nothing is left out or shown twice while orders come and go, and no page
//! reads more than its share of a large table.

use std::time::Duration;

use api::Gate;
use axum::Router;
use one_service::{Answer, OneService, call, served};
use order::{
    MIGRATIONS, Order,
    customers::{Customers, PersonalData},
    http::{OF_A_CUSTOMER, OF_ALL},
};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

type World = OneService<Order>;

async fn start() -> (World, Router) {
    let world = OneService::start(Order { deadline: Duration::from_secs(900) }, &MIGRATIONS).await;
    let api = served(order::http::routes(world.context(), Gate::open(), Customers::new(PersonalData::Sealed)));
    (world, api)
}

/// The id of the order that was placed as number `n`: a UUIDv7, whose first part is milliseconds.
fn id(n: u64) -> String {
    let millis = u128::from(0x0190_0000_0000 + n);
    Uuid::from_u128(millis << 80 | 0x7000_8000_0000_0000_0000).to_string()
}

/// Orders of these numbers, each with its customer and status.
async fn placed(world: &World, numbers: impl Iterator<Item = u64>, of: impl Fn(u64) -> (&'static str, &'static str)) {
    let (mut ids, mut customers, mut statuses) = (Vec::new(), Vec::new(), Vec::new());
    for n in numbers {
        let (customer, status) = of(n);
        ids.push(id(n));
        customers.push(customer);
        statuses.push(status);
    }
    sqlx::query(
        "INSERT INTO orders (order_id, user_id, status, total_amount, currency, items, created_at, updated_at)
         SELECT order_id, user_id, status, 200, 'EUR', '[{\"sku\": \"chair\", \"quantity\": 2, \"price\": 100}]', now(), now()
         FROM unnest($1::text[], $2::text[], $3::text[]) AS placed (order_id, user_id, status)",
    )
    .bind(ids)
    .bind(customers)
    .bind(statuses)
    .execute(&world.pool)
    .await
    .unwrap();
}

async fn page(api: &Router, query: &str) -> (Vec<String>, Option<String>) {
    let Answer { status, body, .. } = call(api, "GET", &format!("/orders?{query}"), &[], "").await;
    assert!(status.is_success(), "{status}: {body}");
    let orders = body["orders"].as_array().unwrap().iter();
    let ids = orders.map(|order| order["orderId"].as_str().unwrap().to_owned()).collect();
    (ids, body["next"].as_str().map(str::to_owned))
}

/// All pages of a list, and how many there are.
async fn all(api: &Router, query: &str) -> (Vec<String>, usize) {
    let (mut found, mut next) = page(api, query).await;
    let mut pages = 1;
    while let Some(cursor) = next {
        let (more, behind) = page(api, &format!("{query}&cursor={cursor}")).await;
        found.extend(more);
        next = behind;
        pages += 1;
        assert!(pages < 1_000, "the list does not end");
    }
    (found, pages)
}

fn ids(numbers: impl Iterator<Item = u64>) -> Vec<String> {
    numbers.map(id).collect()
}

#[tokio::test]
async fn pages_have_each_order_once_while_orders_come_and_go() {
    let (world, api) = start().await;
    placed(&world, 1..=250, |_| ("ada", "completed")).await;
    sqlx::query("INSERT INTO orders (order_id, status, created_at, updated_at) VALUES ($1, 'none', now(), now())")
        .bind(id(300))
        .execute(&world.pool)
        .await
        .unwrap();
    let (usual, _) = page(&api, "").await;
    assert_eq!(usual, ids((201..=250).rev()), "50, and not the one of which nothing is known but its id");

    let (mut found, mut next) = page(&api, "limit=100").await;
    let mut came = 1_000;
    while let Some(cursor) = next {
        placed(&world, came..came + 10, |_| ("ada", "pending")).await;
        came += 10;
        // The archive takes an old one that was not shown yet, and one that was.
        sqlx::query("DELETE FROM orders WHERE order_id = ANY($1)")
            .bind(ids([10, 240].into_iter()))
            .execute(&world.pool)
            .await
            .unwrap();
        let (more, behind) = page(&api, &format!("limit=100&cursor={cursor}")).await;
        found.extend(more);
        next = behind;
    }
    assert_eq!(found, ids((1..=250).rev().filter(|n| *n != 10)));
    assert_eq!(came, 1_020, "three pages");
    let (newest, _) = page(&api, "limit=1").await;
    assert_eq!(newest, ids([1_019].into_iter()), "what came meanwhile stands before the first page");
}

#[tokio::test]
async fn a_list_is_of_a_customer_and_of_a_status_and_its_last_page_has_no_next() {
    let (world, api) = start().await;
    let of = |n: u64| (["ada", "bob"][(n % 2) as usize], ["pending", "cancelled", "completed"][(n % 3) as usize]);
    placed(&world, 1..=60, of).await;
    let numbers = |fits: fn(u64) -> bool| ids((1..=60).rev().filter(|n| fits(*n)));
    assert_eq!(all(&api, "userId=ada&limit=7").await.0, numbers(|n| n % 2 == 0));
    assert_eq!(all(&api, "status=pending&limit=7").await.0, numbers(|n| n % 3 == 0));
    assert_eq!(all(&api, "userId=bob&status=cancelled&limit=3").await.0, numbers(|n| n % 2 == 1 && n % 3 == 1));
    assert_eq!(all(&api, "userId=carol").await, (vec![], 1));
    assert_eq!(all(&api, "limit=30").await.1, 2, "a full last page is the last one");
    let order = &call(&api, "GET", "/orders?limit=1", &[], "").await.body["orders"][0];
    let shown: Vec<&String> = order.as_object().unwrap().keys().collect();
    assert_eq!(shown, ["createdAt", "currency", "orderId", "status", "totalAmount", "updatedAt", "userId"]);
}

#[tokio::test]
async fn a_query_that_is_wrong_is_refused_with_its_parameter() {
    let (_world, api) = start().await;
    for (query, parameter) in [
        ("cursor=garbage", "cursor"),
        ("cursor=", "cursor"),
        ("cursor=AZAAAAAAAHAAgAAAAAAAAAAA", "cursor"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("status=none", "status"),
        ("userId=", "userId"),
        ("offset=50", "offset"),
    ] {
        let answer = call(&api, "GET", &format!("/orders?{query}"), &[], "").await;
        assert_eq!(answer.status.as_u16(), 400, "{query}: {}", answer.body);
        assert_eq!(answer.body["type"], "urn:choreography:problem:invalid-parameter", "{query}");
        assert_eq!(
            (&answer.body["field"], &answer.body["instance"]),
            (&parameter.into(), &"/orders".into()),
            "{query}"
        );
    }
}

const MANY: u64 = 30_000;

/// Every thousandth order is being cancelled; every hundredth is Ada's.
fn of_many(n: u64) -> (&'static str, &'static str) {
    let customer = if n.is_multiple_of(100) { "ada" } else { "bob" };
    (customer, if n.is_multiple_of(1_000) { "cancelling" } else { "completed" })
}

#[tokio::test]
async fn few_of_a_status_among_many_are_found_by_pages_that_each_look_at_some() {
    let (world, api) = start().await;
    placed(&world, 1..=MANY, of_many).await;
    let (found, pages) = all(&api, "status=cancelling").await;
    assert_eq!(found, ids((1..=MANY).rev().filter(|n| n.is_multiple_of(1_000))));
    assert_eq!(pages, 7, "5,000 are looked at for each; the last one finds that there are no more");
    let (found, pages) = all(&api, "status=cancelling&limit=3").await;
    assert_eq!((found.len(), pages), (30, 10));
}

/// The nodes of a plan.
fn nodes<'a>(plan: &'a Value, found: &mut Vec<&'a Value>) {
    found.push(plan);
    plan["Plans"].as_array().into_iter().flatten().for_each(|inner| nodes(inner, found));
}

#[tokio::test]
async fn a_page_reads_its_share_of_many_orders_by_an_index() {
    let (world, _) = start().await;
    placed(&world, 1..=MANY, of_many).await;
    sqlx::raw_sql("ANALYZE orders").execute(&world.pool).await.unwrap();
    let middle = id(MANY / 2);
    for (query, types, arguments, index, most) in [
        (OF_ALL, "text, bigint, text, bigint", format!("'{middle}', 51, NULL, 51"), "orders_pkey", 51),
        (OF_ALL, "text, bigint, text, bigint", format!("'{middle}', 5000, 'cancelling', 51"), "orders_pkey", 5_000),
        (
            OF_A_CUSTOMER,
            "text, bigint, text, bigint, text",
            format!("'{middle}', 51, NULL, 51, 'ada'"),
            "orders_by_customer",
            51,
        ),
        (
            OF_A_CUSTOMER,
            "text, bigint, text, bigint, text",
            format!("'{middle}', 5000, 'cancelling', 51, 'bob'"),
            "orders_by_customer",
            5_000,
        ),
    ] {
        let explained = format!(
            "PREPARE listed ({types}) AS {query}; EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE listed ({arguments}); DEALLOCATE listed"
        );
        let rows = sqlx::raw_sql(AssertSqlSafe(explained)).fetch_all(&world.pool).await.unwrap();
        let plan: Value = rows[0].try_get(0).unwrap();
        let mut found = Vec::new();
        nodes(&plan[0]["Plan"], &mut found);
        let of_orders: Vec<_> = found.iter().filter(|node| node["Relation Name"] == "orders").collect();
        assert_eq!(of_orders.len(), 1, "{plan:#}");
        let scan = of_orders[0];
        assert_eq!((&scan["Index Name"], &scan["Scan Direction"]), (&index.into(), &"Backward".into()), "{plan:#}");
        let read = scan["Actual Rows"].as_f64().unwrap() + scan["Rows Removed by Filter"].as_f64().unwrap_or(0.0);
        assert!(read <= f64::from(most), "{read} rows are read for a page: {plan:#}");
    }
}

#[tokio::test]
async fn each_index_of_orders_is_of_what_never_changes() {
    let (world, _) = start().await;
    // PostgreSQL writes an updated row into its own page, and into no index, only as long as this holds.
    let indexes = "SELECT indexdef FROM pg_indexes WHERE tablename = 'orders' ORDER BY 1";
    assert_eq!(
        world.texts(indexes).await,
        [
            "CREATE INDEX orders_by_customer ON public.orders USING btree (user_id, order_id COLLATE \"C\")",
            "CREATE UNIQUE INDEX orders_pkey ON public.orders USING btree (order_id)",
        ]
    );
}
