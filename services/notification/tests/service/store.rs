//! Notification's rows on a real PostgreSQL.

use notification::{End, MIGRATIONS, Notice, Notification, State};
use one_service::OneService;

#[tokio::test]
async fn rows_come_back_as_they_were_written() {
    let service = OneService::start(Notification, &MIGRATIONS).await;
    let notice = |state, ending| Notice { state, customer: Some("Ada \"A\"".into()), ending };
    let ended = |state, ending| notice(state, Some(ending));
    service
        .keeps(vec![
            Notice::default(),
            notice(State::Known, None),
            ended(State::Telling, End::Completed),
            ended(State::Told, End::Cancelled),
            ended(State::Failed, End::Completed),
        ])
        .await;
}
