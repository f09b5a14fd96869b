//! The model of PostgreSQL and PostgreSQL itself give the same answers: random small transactions, statement by
//! statement in one order, on both. After each call both have answered the same, or both wait for the same transaction;
//! at the end the same is committed.

mod both;
mod call;
mod model;
mod optimistic;
mod own_rows;
mod postgres;
mod script;
mod tables;
mod values;

use model::{OnModel, Seen, Step};
use postgres::OnPostgres;
use script::script;

const SCRIPTS: u64 = 400;
const DEADLOCKS: u64 = 400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_model_and_postgresql_answer_alike() -> anyhow::Result<()> {
    let mut real = OnPostgres::start().await?;
    let (first, last) = match std::env::var("AGREEMENT_SEED") {
        Ok(seed) => (seed.parse()?, seed.parse()?),
        Err(_) => (1, SCRIPTS),
    };
    let (mut calls, mut blocked) = (0, 0);
    for seed in first..=last {
        let steps = script(seed, false);
        calls += steps.len();
        blocked += steps.iter().filter(|step| matches!(step.seen[0].1, Seen::Blocked(_))).count();
        real.reset().await?;
        for (number, step) in steps.iter().enumerate() {
            if let Err(difference) = real.step(step).await? {
                panic!("seed {seed}:\n{}\n{difference}", story(&steps[..=number]));
            }
        }
        let (expected, committed) = (OnModel::replay(&steps).tables(), real.tables().await?);
        assert!(expected == committed, "seed {seed}:\n{}\n{}", story(&steps), difference(&expected, &committed));
    }
    println!("{calls} calls agree, {blocked} of them blocked");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_circle_of_waits_one_fails() -> anyhow::Result<()> {
    let mut real = OnPostgres::start().await?;
    let mut circles = 0;
    for seed in 1..=DEADLOCKS {
        let steps = script(seed, true);
        let Some((last, before)) = steps.split_last() else { continue };
        if !last.seen.iter().any(|(_, seen)| *seen == Seen::Done("contention".into())) {
            continue;
        }
        circles += 1;
        real.reset().await?;
        for step in before {
            if let Err(difference) = real.step(step).await? {
                panic!("seed {seed}:\n{}\n{difference}", story(&steps));
            }
        }
        let circle: Vec<usize> = last.seen.iter().map(|(slot, _)| *slot).collect();
        real.issue(last.slot, last.call.clone());
        let victims = real.victims(&circle).await?;
        assert_eq!(victims.len(), 1, "seed {seed}: {victims:?} fail\n{}", story(&steps));
    }
    assert!(circles > 5, "only {circles} circles");
    Ok(())
}

fn story(steps: &[Step]) -> String {
    let lines = steps.iter().enumerate().map(|(number, step)| {
        let mut line = format!("{number:>4}  t{} {:?}", step.slot, step.call);
        for (slot, seen) in &step.seen {
            line.push_str(&match seen {
                Seen::Done(answer) => format!("\n        t{slot}: {answer}"),
                Seen::Blocked(by) => format!("\n        t{slot} waits for t{by}"),
            });
        }
        line
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn difference(expected: &[String], committed: &[String]) -> String {
    let only = |mine: &[String], other: &[String], whose: &str| {
        let lines = mine.iter().filter(|line| !other.contains(line)).map(|line| format!("only in {whose}: {line}"));
        lines.collect::<Vec<_>>().join("\n")
    };
    format!("{}\n{}", only(expected, committed, "the model"), only(committed, expected, "PostgreSQL"))
}
