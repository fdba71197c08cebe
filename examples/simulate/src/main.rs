//! Runs the simulator for programs in any language. It rehearses maintenance and measures nothing; for
//! load and a verdict there is the drill.
//!
//! It starts a deployment, prints where it is as one line of JSON, and carries out orders: from its
//! standard input, from a script, from control connections. Each is answered with one line of JSON. It
//! runs until it is told to `quit`, so it can be left to itself like any server.
//!
//! ```text
//! $ cargo run --release -p simulate -- --nodes 3 --port 7380
//! {"host":"sim.hitless.test","nodes":[{"node":0,"address":"127.0.0.1","port":7380}, ...], ...}
//! moving 0 1 5
//! {"ok":true,"seq":0}
//! wait-open 0 0 10
//! {"ok":true,"count":0}
//! connections
//! {"ok":true,"connections":[{"id":1,"node":0,"open":false,"cause":"client", ...}]}
//! ```
//!
//! The application did well if none of its connections to node 0 has the cause `maintenance`: it left by
//! itself before the node closed. `--help` shows three worked examples and lists everything.
//!
//! On Linux all nodes have the same port, on different addresses of 127.0.0.0/8; elsewhere the ports
//! differ. An order that fails, `{"ok":false,"error":"..."}`, changes nothing and ends nothing, except a
//! script.

mod args;
mod dns;
mod faults;
mod orders;

use args::Args;
use hitless::sim::{HOST, Sim};
use serde_json::json;
use std::fmt::Display;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

fn main() -> ExitCode {
    env_logger::init();
    match Args::read(lexopt::Parser::from_env()) {
        Ok(args) if args.help => {
            let (orders, faults) = (orders::HELP, faults::HELP);
            // Fails only if nobody reads it.
            let _ = writeln!(io::stdout(), "{}\n{orders}\n\n{faults}", args::USAGE);
            ExitCode::SUCCESS
        }
        Ok(args) => run(args).unwrap_or_else(|problem| {
            eprintln!("simulate: {problem}");
            ExitCode::FAILURE
        }),
        Err(problem) => {
            eprintln!("simulate: {problem}; --help lists the options");
            ExitCode::from(2)
        }
    }
}

fn context(what: &str) -> impl Fn(io::Error) -> String {
    move |error: io::Error| format!("{what}: {error}")
}

/// Starts everything and waits for the end.
fn run(args: Args) -> Result<ExitCode, String> {
    let sim = args.builder.unwrap_or_else(Sim::builder).start();
    let sim = Arc::new(sim.map_err(context("the simulator does not start"))?);
    let (end, ended) = channel();
    if let Some(file) = &args.ca_file {
        write_ca(&sim, file)?;
    }
    let script = match &args.script {
        Some(file) => {
            let what = format!("the script {} cannot be read", file.display());
            Some(std::fs::read_to_string(file).map_err(context(&what))?)
        }
        None => None,
    };
    let dns = args
        .dns
        .map(|at| dns::serve(Arc::clone(&sim), at))
        .transpose()
        .map_err(context("the DNS server does not start"))?;
    let control = args
        .control
        .map(|at| listen(&sim, at, &end))
        .transpose()
        .map_err(context("control connections cannot be taken"))?;
    let shown = |at: Option<SocketAddr>| at.map(|at| at.to_string());
    print(json!({
        "host": HOST,
        "nodes": orders::nodes(&sim),
        "hosts": orders::hosts(&sim),
        "dns": shown(dns),
        "control": shown(control),
    }));
    let no_thread = "a thread for orders cannot be started";
    if let Some(script) = script {
        let (sim, end) = (Arc::clone(&sim), end.clone());
        spawn("script", move || play(&sim, &script, &end)).map_err(context(no_thread))?;
    }
    let typed = {
        let (sim, until_eof) = (Arc::clone(&sim), args.until_eof);
        move || listen_to_input(&sim, until_eof, &end)
    };
    spawn("input", typed).map_err(context(no_thread))?;
    // Every thread that could end the program has gone without doing so: it runs until a signal comes.
    let code = ended.recv().unwrap_or_else(|_| {
        loop {
            std::thread::park();
        }
    });
    Ok(code)
}

#[cfg(feature = "tls")]
fn write_ca(sim: &Sim, file: &Path) -> Result<(), String> {
    let pem = sim.ca_pem().ok_or("--ca-file is of use only with --tls")?;
    let what = format!("the certificate cannot be written to {}", file.display());
    std::fs::write(file, pem).map_err(context(&what))
}

#[cfg(not(feature = "tls"))]
fn write_ca(_: &Sim, _: &Path) -> Result<(), String> {
    Err("--ca-file is of use only with --tls, which this program was built without".into())
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    // Not joined: threads that read end with the program.
    std::thread::Builder::new()
        .name(name.into())
        .spawn(work)
        .map(drop)
}

/// Prints a line; a program whose output nobody reads goes on all the same.
fn print(line: impl Display) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// What a line of orders asks of whoever has read it.
enum Step {
    Failed,
    GoOn,
    Quit,
}

/// Carries out one line and has it answered.
fn step(sim: &Sim, line: &str, answer: &mut dyn FnMut(&dyn Display)) -> Step {
    if line.trim() == "quit" {
        answer(&json!({"ok": true}));
        return Step::Quit;
    }
    match orders::perform(sim, line) {
        None => Step::GoOn,
        Some(done) => {
            answer(&done.value);
            match done.ok {
                true => Step::GoOn,
                false => Step::Failed,
            }
        }
    }
}

/// The end of the program has one taker; more ends than one do not matter.
fn finish(end: &Sender<ExitCode>, code: ExitCode) {
    let _ = end.send(code);
}

fn listen_to_input(sim: &Sim, until_eof: bool, end: &Sender<ExitCode>) {
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        if let Step::Quit = step(sim, &line, &mut |answer| print(answer)) {
            return finish(end, ExitCode::SUCCESS);
        }
    }
    if until_eof {
        finish(end, ExitCode::SUCCESS);
    }
}

/// Carries out a script, which ends the program if one of its orders fails.
fn play(sim: &Sim, script: &str, end: &Sender<ExitCode>) {
    for (number, line) in script.lines().enumerate() {
        match step(sim, line, &mut |answer| print(answer)) {
            Step::GoOn => {}
            Step::Quit => return finish(end, ExitCode::SUCCESS),
            Step::Failed => {
                eprintln!("simulate: line {} of the script failed: {line}", number + 1);
                return finish(end, ExitCode::FAILURE);
            }
        }
    }
}

/// Takes orders by TCP, each connection on a thread of its own.
fn listen(sim: &Arc<Sim>, at: SocketAddr, end: &Sender<ExitCode>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(at)?;
    let at = listener.local_addr()?;
    let (sim, end) = (Arc::clone(sim), end.clone());
    spawn("control", move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else {
                // Out of descriptors, most likely: the next attempt would fail at once.
                sim.wait_until(Duration::from_millis(50), |_| false);
                continue;
            };
            let (sim, end) = (Arc::clone(&sim), end.clone());
            let spawned = spawn("control-connection", move || {
                let mut out = &stream;
                for line in BufReader::new(&stream).lines().map_while(Result::ok) {
                    // One who has gone gets no answer; what was ordered is done.
                    let mut answer = |text: &dyn Display| {
                        let _ = out.write_all(format!("{text}\n").as_bytes());
                    };
                    if let Step::Quit = step(&sim, &line, &mut answer) {
                        return finish(&end, ExitCode::SUCCESS);
                    }
                }
            });
            if let Err(error) = spawned {
                eprintln!("simulate: a control connection is closed for want of a thread: {error}");
            }
        }
    })?;
    Ok(at)
}
