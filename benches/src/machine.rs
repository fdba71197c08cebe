//! On what a run was made: processor, system, server, compiler, day. Measures nothing.

use crate::report::Machine;
use crate::{info, ours};
use std::fs;
use std::process::Command;
use std::thread;

/// What the command prints; nothing where there is none.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text).trim().to_owned()
}

pub fn look(address: &str) -> Machine {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processors
        .lines()
        .find(|line| line.starts_with("model name"))
        .and_then(|line| line.split(": ").nth(1));
    let version = info(&ours(address, 1), "server", "redis_version");
    Machine {
        processor: processor.unwrap_or("unknown").to_owned(),
        processors: thread::available_parallelism().map_or(0, Into::into),
        system: said("uname", &["-sr"]),
        server: format!("redis-server {version}"),
        compiler: said("rustc", &["--version"]),
        date: said("date", &["-u", "+%Y-%m-%d"]),
    }
}
