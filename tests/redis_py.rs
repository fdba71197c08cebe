//! The simulator drives redis-py, a client that others wrote against real servers.
//!
//! What is promised, and where redis-py goes its own way, is in `interop/redis_py.py`. Linux only: redis-py
//! ignores the port of a target, and only there the simulator's nodes share one.
//!
//! Needs `python3` with its module `venv` (Debian, Ubuntu: python3 and python3-venv). redis-py itself is
//! taken from where it is installed in the right version, and otherwise from PyPI into `target/tmp`.
#![cfg(all(feature = "sim", target_os = "linux"))]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test panics when a claim is false"
)]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// The version that the script was written for and that others may repeat its findings with.
const REDIS_PY: &str = "8.1.0";

const INSTALL: &str = "this test needs python3 with the module venv \
                       (Debian, Ubuntu: apt install python3 python3-venv)";

/// Longer than any of the steps takes on a slow machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(600);

/// Runs a command to its end; what it printed, or why it did not go well.
fn run(command: &mut Command) -> Result<String, String> {
    let said = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{said} does not start: {error}"))?;
    // A program has ended when it and its children have closed both.
    let (tell, told) = mpsc::channel();
    let streams: [Box<dyn Read + Send>; 2] = [
        Box::new(child.stdout.take().unwrap()),
        Box::new(child.stderr.take().unwrap()),
    ];
    for mut stream in streams {
        let tell = tell.clone();
        let reader = std::thread::Builder::new().name("output".into());
        let reader = reader.spawn(move || {
            let mut text = Vec::new();
            let read = stream.read_to_end(&mut text);
            // Nobody listens any more if it took too long.
            let _ = tell.send(read.map(|_| String::from_utf8_lossy(&text).into_owned()));
        });
        reader.map_err(|error| format!("no thread for the output of {said}: {error}"))?;
    }
    let mut output = String::new();
    for _ in 0..2 {
        match told.recv_timeout(PATIENCE) {
            Ok(text) => output += &text.map_err(|error| format!("{said}: {error}"))?,
            Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{said} has not ended after {PATIENCE:?}\n{output}"));
            }
        }
    }
    let status = child.wait().map_err(|error| format!("{said}: {error}"))?;
    if status.success() {
        Ok(output)
    } else {
        Err(format!("{said}: {status}\n{output}"))
    }
}

/// Whether this Python has the right redis-py.
fn has_redis_py(python: &Path) -> bool {
    let question = "import redis; print(redis.__version__)";
    run(Command::new(python).args(["-c", question])).is_ok_and(|version| version.trim() == REDIS_PY)
}

/// A Python with the right redis-py: the system's, or one of our own.
fn python() -> PathBuf {
    let system = PathBuf::from("python3");
    if let Err(problem) = run(Command::new(&system).args(["-c", "import venv, ensurepip"])) {
        panic!("{INSTALL}\n{problem}");
    }
    if has_redis_py(&system) {
        return system;
    }
    let home = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let kept = home.join(format!("redis-py-{REDIS_PY}"));
    let python = kept.join("bin/python");
    if has_redis_py(&python) {
        return python;
    }
    // Under a name of its own until it is complete: a run that is interrupted, or one at the same time,
    // must not leave half of it to others.
    let fresh = home.join(format!("redis-py-{REDIS_PY}-{}", std::process::id()));
    if let Err(problem) = run(Command::new(&system).args(["-m", "venv"]).arg(&fresh)) {
        panic!("{INSTALL}\n{problem}");
    }
    let package = format!("redis=={REDIS_PY}");
    let arguments = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ];
    let mut pip = Command::new(fresh.join("bin/python"));
    if let Err(problem) = run(pip.args(arguments).arg(&package)) {
        panic!("this test needs {package} from PyPI, or installed for python3\n{problem}");
    }
    // Fails if another run was faster, whose work is as good, or left something useless.
    if std::fs::rename(&fresh, &kept).is_err() && !has_redis_py(&python) {
        std::fs::remove_dir_all(&kept).unwrap();
        std::fs::rename(&fresh, &kept).unwrap();
    }
    let _ = std::fs::remove_dir_all(&fresh);
    assert!(
        has_redis_py(&python),
        "{} has no {package}",
        python.display()
    );
    python
}

/// The example that runs the simulator, built as this test was.
fn simulate() -> PathBuf {
    // target/debug/deps/redis_py-0123456789abcdef
    let test = std::env::current_exe().unwrap();
    let directory = test.parent().and_then(Path::parent).unwrap();
    let profile = match directory.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let features = [
        ("sim", true),
        ("sim-tls", cfg!(feature = "sim-tls")),
        ("tls", cfg!(feature = "tls")),
        ("tls-vendored", cfg!(feature = "tls-vendored")),
    ];
    // The features of this test: with others the whole crate would be built again.
    let features: Vec<&str> = features
        .iter()
        .filter(|(_, on)| *on)
        .map(|(name, _)| *name)
        .collect();
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--example", "simulate"]);
    build.args(["--profile", profile, "--features", &features.join(",")]);
    build
        .arg("--manifest-path")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    build.arg("--target-dir").arg(target);
    // With a chosen platform everything is one level deeper.
    if let Some(platform) = directory.parent().filter(|parent| *parent != target) {
        build.arg("--target").arg(platform.file_name().unwrap());
    }
    if let Err(problem) = run(&mut build) {
        panic!("the example simulate cannot be built\n{problem}");
    }
    directory.join("examples/simulate")
}

#[test]
fn redis_py_moves_through_every_maintenance_without_an_error() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/redis_py.py");
    let mut command = Command::new(python());
    // -B: leaves no compiled copies of anything beside the sources.
    match run(command.arg("-B").arg(script).arg(simulate())) {
        Ok(report) => println!("{report}"),
        Err(report) => panic!("{report}"),
    }
}
