//! Where stories are told: the worlds that they share, and who has which.
//!
//! A story mostly waits: for a lost replica's session to end, for a retry. So there are two worlds, and a story that needs one to itself
//! keeps only half of the others waiting.

use tokio::sync::{OnceCell, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::World;

static STAGES: [Stage; 2] = [Stage::empty(), Stage::empty()];

struct Stage {
    turn: RwLock<()>,
    world: OnceCell<World>,
}

impl Stage {
    const fn empty() -> Self {
        Self { turn: RwLock::const_new(()), world: OnceCell::const_new() }
    }

    async fn world(&'static self) -> &'static World {
        self.world.get_or_init(World::start).await
    }
}

/// A world for a story that is told beside others, as long as the guard lives.
pub async fn shared() -> (RwLockReadGuard<'static, ()>, &'static World) {
    let [first, second] = &STAGES;
    let (turn, stage) = tokio::select! {
        biased;
        turn = first.turn.read() => (turn, first),
        turn = second.turn.read() => (turn, second),
    };
    (turn, stage.world().await)
}

/// A world for one story alone, as long as the guard lives.
pub async fn alone() -> (RwLockWriteGuard<'static, ()>, &'static World) {
    let (turn, stage) = free().await;
    (turn, stage.world().await)
}

/// The place of a shared world, whose stories wait as long as the guard lives: for a story that starts a world of its own.
pub async fn instead() -> RwLockWriteGuard<'static, ()> {
    free().await.0
}

async fn free() -> (RwLockWriteGuard<'static, ()>, &'static Stage) {
    let [first, second] = &STAGES;
    tokio::select! {
        biased;
        turn = second.turn.write() => (turn, second),
        turn = first.turn.write() => (turn, first),
    }
}
