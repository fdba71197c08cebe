//! What every row needs: the server, how much effort, and the programs beside this one. Measures nothing.

use crate::child::Child;
use crate::contest::{Contender, Contest, Effort};
use crate::report::Row;
use crate::server_process;
use std::env;
use std::path::PathBuf;
use std::process::Command;

/// The rows of a part, or why it cannot be measured here.
pub type Measured = Result<Vec<Row>, String>;

pub struct Bench {
    pub address: String,
    pub effort: Effort,
    /// The id of the server's process.
    server: String,
    /// The program of valkey-glide, if it takes part.
    glide: Option<PathBuf>,
}

impl Bench {
    pub fn new(address: String, effort: Effort, glide: Option<PathBuf>) -> Self {
        Self {
            server: server_process(&address),
            address,
            effort,
            glide,
        }
    }

    /// The id of the server's process.
    pub fn server(&self) -> &str {
        &self.server
    }

    pub fn contest<C: Into<Contender>>(&self, unit: &'static str, contenders: Vec<C>) -> Contest {
        Contest::new(&self.server, self.effort, unit, contenders)
    }

    /// The same with fewer and longer rounds.
    pub fn long_contest(&self, unit: &'static str, contenders: Vec<Contender>) -> Contest {
        let effort = self.effort.with_long_rounds();
        Contest::new(&self.server, effort, unit, contenders)
    }

    /// Adds so many threads of valkey-glide, if it takes part, and says as the how manieth contender.
    /// `work` is a word that its program knows.
    pub fn join_glide(
        &self,
        contenders: &mut Vec<Contender>,
        work: &str,
        threads: usize,
    ) -> Option<usize> {
        let mut command = Command::new(self.glide.as_ref()?);
        command.args([&self.address, work, &threads.to_string()]);
        contenders.push(Child::start(command).into());
        Some(contenders.len() - 1)
    }
}

/// The program of this name beside the one that runs.
pub fn sibling(name: &str) -> PathBuf {
    env::current_exe().expect("own path").with_file_name(name)
}

/// Runs a command; its outputs together.
pub fn output(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "{command:?}: {text}");
    text
}

/// The rows that a program writes to its output, as [`Measured`] in JSON.
pub fn rows_of(command: &mut Command) -> Measured {
    let output = command.output();
    let output = output.map_err(|error| format!("{command:?} does not start: {error}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        // Where a panic says what it is about.
        let reason: Vec<&str> = text.trim().lines().take(2).collect();
        let reason = reason.join(" ");
        let program = command.get_program().to_string_lossy();
        return Err(format!("{program}: {reason}"));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("{command:?}: {error}"))?
}
