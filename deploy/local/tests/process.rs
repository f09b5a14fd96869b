//! Children of this process.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use local::cpu::is_running;
use local::{LocalError, ProcessSpec, RunDir, ServiceProcess};

type TestResult = Result<(), Box<dyn std::error::Error>>;

const PATIENCE: Duration = Duration::from_secs(20);
/// Says to this test program that it is the launcher which gets killed.
const VICTIM: &str = "LOCAL_TEST_VICTIM_LOG";

fn shell(run: &RunDir, script: &str) -> ProcessSpec {
    ProcessSpec::new("shell", "/bin/sh", run.path().join("shell.log")).args(["-c", script])
}

#[test]
fn a_dropped_process_leaves_neither_itself_nor_its_children() -> TestResult {
    let run = RunDir::create()?;
    let process = ServiceProcess::spawn(shell(&run, "sleep 600 & sleep 600; true"))?;
    let start = Instant::now();
    let mut tree = Vec::new();
    while tree.len() < 3 {
        tree = local::cpu::process_tree(process.pid());
        assert!(start.elapsed() < PATIENCE, "never three processes: {tree:?}");
    }
    drop(process);
    while tree.iter().any(|pid| is_running(*pid)) {
        assert!(start.elapsed() < PATIENCE, "still there: {tree:?}");
    }
    Ok(())
}

#[tokio::test]
async fn output_goes_to_the_log_and_the_exit_status_is_told() -> TestResult {
    let run = RunDir::create()?;
    let spec = shell(&run, "echo hello $WHO; echo oops >&2; exit 3").env("WHO", "you");
    let process = ServiceProcess::spawn(spec)?;
    assert_eq!(process.wait_exit(PATIENCE).await?.code(), Some(3));
    assert_eq!(process.log_tail(9), "hello you\noops");
    assert_eq!(process.log_tail(1), "oops");
    assert!(matches!(process.terminate(), Err(LocalError::Gone { .. })));
    Ok(())
}

#[tokio::test]
async fn a_frozen_process_does_not_hear_sigterm_until_it_is_thawed() -> TestResult {
    let run = RunDir::create()?;
    let script = "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done";
    let process = ServiceProcess::spawn(shell(&run, script))?;
    let up = || async { (process.log_tail(1) == "up").then_some(()).ok_or("silent".into()) };
    process.wait_until("up", PATIENCE, up).await?;
    process.freeze()?;
    process.terminate()?;
    let frozen = process.wait_exit(Duration::from_millis(200)).await;
    assert!(matches!(frozen, Err(LocalError::NotInTime { .. })), "{frozen:?}");
    process.thaw()?;
    assert_eq!(process.wait_exit(PATIENCE).await?.code(), Some(7));
    Ok(())
}

#[tokio::test]
async fn waiting_for_a_process_that_ends_stops_at_once_with_its_last_words() -> TestResult {
    let run = RunDir::create()?;
    let process = ServiceProcess::spawn(shell(&run, "echo no database; exit 1"))?;
    let waited = process.wait_ready("http://127.0.0.1:1/readyz", PATIENCE).await;
    assert!(matches!(&waited, Err(LocalError::Ended { tail, .. }) if tail == "no database"), "{waited:?}");
    Ok(())
}

#[tokio::test]
async fn waiting_in_vain_says_what_was_seen_last() -> TestResult {
    let run = RunDir::create()?;
    let process = ServiceProcess::spawn(shell(&run, "sleep 600"))?;
    let short = Duration::from_millis(200);
    let waited = process.wait_ready("http://127.0.0.1:1/readyz", short).await;
    let said = waited.map_err(|error| error.to_string());
    assert!(said.as_ref().is_err_and(|said| said.contains("refused")), "{said:?}");
    Ok(())
}

#[tokio::test]
async fn a_process_is_ready_once_its_url_answers_well_and_not_before() -> TestResult {
    let run = RunDir::create()?;
    let process = ServiceProcess::spawn(shell(&run, "sleep 600"))?;
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/readyz", listener.local_addr()?);
    let answers = std::thread::spawn(move || -> std::io::Result<()> {
        for status in ["503 Service Unavailable", "200 OK"] {
            let (mut client, _) = listener.accept()?;
            let _ = client.read(&mut [0; 1024])?;
            write!(client, "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")?;
        }
        Ok(())
    });
    process.wait_ready(&url, PATIENCE).await?;
    answers.join().map_err(|_| "panicked")??;
    Ok(())
}

/// The launcher's part in the test below; alone it does nothing.
#[test]
fn victim() -> TestResult {
    let Some(log) = std::env::var_os(VICTIM) else {
        return Ok(());
    };
    // Started from a thread that ends, as an async runtime's may: the child must not end with it.
    let start = move || {
        let spec = ProcessSpec::new("orphan", "/bin/sleep", log).arg("600");
        ServiceProcess::spawn(spec)
    };
    let child = std::thread::spawn(start).join().map_err(|_| "panicked")??;
    println!("pid {} end", child.pid());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

#[test]
fn a_launcher_killed_with_9_leaves_no_child_behind() -> TestResult {
    let run = RunDir::create()?;
    let mut launcher = Command::new(std::env::current_exe()?)
        .args(["--exact", "victim", "--nocapture"])
        .env(VICTIM, run.path().join("orphan.log"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = String::new();
    let mut output = launcher.stdout.take().ok_or("no output")?;
    let pid: u32 = loop {
        let mut byte = [0; 1];
        output.read_exact(&mut byte)?;
        said.push(char::from(byte[0]));
        if let Some((_, rest)) = said.split_once("pid ")
            && let Some((pid, _)) = rest.split_once(" end")
        {
            break pid.parse()?;
        }
    };
    assert!(is_running(pid));
    launcher.kill()?;
    launcher.wait()?;
    let start = Instant::now();
    while is_running(pid) {
        assert!(start.elapsed() < PATIENCE, "the orphan {pid} lives on");
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
