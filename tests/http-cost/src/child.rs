//! Processes of this program's own: each is spoken to by lines, and ends with the one that started it.

use std::{net::SocketAddr, process::Stdio, time::Duration};

use anyhow::{Context as _, Result};
use clap::Subcommand;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::{
    caller::{self, Caller},
    flood::Round,
    server::{self, Server},
};

/// What a child does.
#[derive(Debug, Subcommand)]
pub enum Role {
    /// Prints its address and serves.
    #[command(hide = true)]
    Serve {
        server: Server,
        /// How long an answer is.
        answer_bytes: usize,
    },
    /// Calls for as many milliseconds as each line says, and prints what that showed.
    #[command(hide = true)]
    Call { caller: Caller, provider: SocketAddr, connections: usize },
}

impl Role {
    /// Until the standard input ends.
    pub async fn play(&self) -> Result<()> {
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        match self {
            Self::Serve { server, answer_bytes } => {
                let served = server::serve(*server, *answer_bytes);
                tokio::select! {
                    served = served => served,
                    line = lines.next_line() => line.map(drop).map_err(Into::into),
                }
            }
            Self::Call { caller, provider, connections } => {
                while let Some(line) = lines.next_line().await? {
                    let lasting = Duration::from_millis(line.parse().context("milliseconds")?);
                    let round = caller::round(*caller, *provider, *connections, lasting).await?;
                    println!("{}", serde_json::to_string(&round)?);
                }
                Ok(())
            }
        }
    }

    fn arguments(&self) -> Vec<String> {
        match self {
            Self::Serve { server, answer_bytes } => {
                vec!["serve".into(), server.to_string(), answer_bytes.to_string()]
            }
            Self::Call { caller, provider, connections } => {
                vec!["call".into(), caller.to_string(), provider.to_string(), connections.to_string()]
            }
        }
    }
}

/// A child that runs; it ends when this is dropped.
pub struct Running {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Running {
    pub fn start(role: &Role) -> Result<Self> {
        let program = std::env::current_exe().context("this program's own file")?;
        let mut command = Command::new(program);
        command.args(role.arguments()).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("a process of this program could not be started")?;
        let input = child.stdin.take().context("a child has no standard input")?;
        let output = child.stdout.take().context("a child has no standard output")?;
        Ok(Self { child, input, output: BufReader::new(output).lines() })
    }

    pub fn pid(&self) -> Result<u32> {
        self.child.id().context("a child has ended")
    }

    async fn line(&mut self) -> Result<String> {
        self.output.next_line().await?.context("a child has ended; what it said stands above")
    }

    /// Of one that serves.
    pub async fn address(&mut self) -> Result<SocketAddr> {
        Ok(self.line().await?.parse()?)
    }

    /// Of one that calls.
    pub async fn round(&mut self, lasting: Duration) -> Result<Round> {
        self.input.write_all(format!("{}\n", lasting.as_millis()).as_bytes()).await?;
        Ok(serde_json::from_str(&self.line().await?)?)
    }
}
