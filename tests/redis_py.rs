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
    unreachable_pub,
    reason = "a test panics when a claim is false, and its module is seen by nobody else"
)]

#[path = "common/programs.rs"]
#[allow(dead_code, reason = "each test uses its part")]
mod programs;

use programs::{program, run};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version that the script was written for and that others may repeat its findings with.
const REDIS_PY: &str = "8.1.0";

const INSTALL: &str = "this test needs python3 with the module venv \
                       (Debian, Ubuntu: apt install python3 python3-venv)";

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

#[test]
fn redis_py_moves_through_every_maintenance_without_an_error() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/redis_py.py");
    let mut command = Command::new(python());
    // -B: leaves no compiled copies of anything beside the sources.
    match run(command.arg("-B").arg(script).arg(program("simulate"))) {
        Ok(report) => println!("{report}"),
        Err(report) => panic!("{report}"),
    }
}
