//! Other programs: runs them, and builds the examples. Claims nothing itself.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Longer than any of the steps takes on a slow machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(600);

/// Runs a command to its end; what it printed, or why it did not go well.
pub fn run(command: &mut Command) -> Result<String, String> {
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

/// An example, built as this test was.
pub fn example(name: &str) -> PathBuf {
    build(&["--example", name])
        .join("examples")
        .join(file(name))
}

/// A program that is a package of its own under `examples/`, built as this test was.
pub fn program(name: &str) -> PathBuf {
    build(&["--package", name]).join(file(name))
}

fn file(name: &str) -> String {
    format!("{name}{}", std::env::consts::EXE_SUFFIX)
}

/// Builds something of the workspace, and yields the directory into which cargo puts programs.
fn build(what: &[&str]) -> PathBuf {
    // target/debug/deps/name-0123456789abcdef
    let test = std::env::current_exe().unwrap();
    let directory = test.parent().and_then(Path::parent).unwrap();
    let profile = match directory.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let features = [
        ("hitless/bloom", cfg!(feature = "bloom")),
        ("hitless/json", cfg!(feature = "json")),
        ("hitless/metrics", cfg!(feature = "metrics")),
        ("hitless/serde", cfg!(feature = "serde")),
        ("hitless/sim", true),
        ("hitless/sim-tls", cfg!(feature = "sim-tls")),
        ("hitless/tls", cfg!(feature = "tls")),
        ("hitless/tls-vendored", cfg!(feature = "tls-vendored")),
        ("hitless/vector", cfg!(feature = "vector")),
    ];
    // The features of this test: with others the whole crate would be built again.
    let features: Vec<&str> = features
        .iter()
        .filter(|(_, on)| *on)
        .map(|(name, _)| *name)
        .collect();
    let mut build = Command::new(env!("CARGO"));
    // Cargo sets it for this test, and a dependency's build script is run again when it differs from that of
    // the last build: then everything would be compiled twice in each run of the tests.
    build.env_remove("CARGO_MANIFEST_DIR");
    build.args(["build", "--quiet"]).args(what);
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
        panic!("{what:?} cannot be built\n{problem}");
    }
    directory.to_path_buf()
}
