//! A real server for the time of a test.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

/// Which server: all three are there wherever `./test` has run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Version {
    /// The system's `redis-server`; 7.0 on Debian 12. The only one with TLS.
    Redis70,
    /// Redis 8.2, from `target/servers`.
    Redis82,
    /// Valkey 9.1, from `target/servers`.
    Valkey91,
}

impl Version {
    pub const ALL: [Self; 3] = [Self::Redis70, Self::Redis82, Self::Valkey91];

    fn program(self) -> PathBuf {
        match self {
            Self::Redis70 => "redis-server".into(),
            Self::Redis82 => brought("redis-8.2"),
            Self::Valkey91 => brought("valkey-9.1"),
        }
    }
}

/// What `tests/get-servers` has put there.
fn brought(name: &str) -> PathBuf {
    // target/tmp, of whatever target directory is in use.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let ours = target.join("servers").join(name);
    if ours.exists() {
        return ours;
    }
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/servers")
        .join(name)
}

/// A server of its own, which keeps nothing unless told to.
pub struct Redis {
    version: Version,
    child: Child,
    pub address: SocketAddr,
    /// A unix socket that it listens on as well.
    pub socket: PathBuf,
    directory: PathBuf,
    arguments: Vec<String>,
}

impl Redis {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// With more arguments, for example `["--requirepass", "secret"]`.
    pub fn with(arguments: &[&str]) -> Self {
        Self::of(Version::Redis70, arguments)
    }

    /// Of a certain version, with the modules that bring JSON, Bloom filters and sketches.
    pub fn with_modules(version: Version) -> Self {
        let paths = ["rejson.so", "redisbloom.so"].map(brought);
        let mut arguments = Vec::new();
        for path in &paths {
            // Without it the server would only end, and say so to nobody.
            assert!(
                path.exists(),
                "this test needs {}: tests/get-servers brings it",
                path.display()
            );
            arguments.extend(["--loadmodule", path.to_str().unwrap()]);
        }
        Self::of(version, &arguments)
    }

    /// Of a certain version, with more arguments.
    pub fn of(version: Version, arguments: &[&str]) -> Self {
        let directory = std::env::temp_dir().join(format!("hitless-{:x}", super::unique()));
        let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
        for _ in 0..20 {
            let address: SocketAddr = format!("127.0.0.1:{}", some_port()).parse().unwrap();
            if TcpListener::bind(address).is_err() {
                continue;
            }
            let mut arguments = arguments.clone();
            if arguments.iter().any(|word| word == "--cluster-enabled") {
                // Otherwise its port and 10,000, among those of outgoing connections.
                arguments.extend(["--cluster-port".into(), some_port().to_string()]);
            }
            // Anew for each try: one that fails, as where a node finds the port of its bus taken, takes its
            // directory with it.
            std::fs::create_dir_all(&directory).unwrap();
            let socket = directory.join("socket");
            let child = spawn(version, address, &directory, &arguments);
            let mut server = Self {
                version,
                child,
                address,
                socket,
                directory: directory.clone(),
                arguments,
            };
            if server.is_up() {
                return server;
            }
        }
        panic!("redis-server finds no port to listen on");
    }

    /// Waits until it accepts connections. False: it has ended, for want of its port.
    fn is_up(&mut self) -> bool {
        let output = BufReader::new(self.child.stdout.take().unwrap());
        let (tell, told) = mpsc::channel();
        // Reads on after that: a server must not wait for somebody who reads its log.
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // It listens by then, and may have data to load.
                if line.contains("Server initialized") {
                    let _ = tell.send(());
                }
            }
        });
        match told.recv_timeout(super::SOON) {
            Ok(()) => true,
            Err(mpsc::RecvTimeoutError::Disconnected) => false,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("the server does not listen"),
        }
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends its process a signal, by name: `STOP`, `CONT`.
    pub fn signal(&self, name: &str) {
        // By the shell: the program of that name is not on every machine.
        let kill = format!("kill -s {name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.unwrap().success(), "no signal");
    }

    /// Starts it again at the same address, after [`kill`](Self::kill).
    pub fn restart(&mut self) {
        let _ = std::fs::remove_file(&self.socket);
        self.child = spawn(self.version, self.address, &self.directory, &self.arguments);
        assert!(self.is_up(), "redis-server does not start again");
    }

    /// An address for a URL: `127.0.0.1:12345`.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }
}

/// A port outside the range that outgoing connections take theirs from.
fn some_port() -> u64 {
    10_000 + (super::unique().wrapping_mul(7919) >> 3) % 20_000
}

fn spawn(version: Version, address: SocketAddr, directory: &Path, arguments: &[String]) -> Child {
    let program = version.program();
    Command::new(&program)
        .args(["--port", &address.port().to_string(), "--bind", "127.0.0.1"])
        .args(["--unixsocket", &directory.join("socket").to_string_lossy()])
        .args([
            "--dir",
            &directory.to_string_lossy(),
            "--save",
            "",
            "--appendonly",
            "no",
        ])
        .args(["--enable-debug-command", "yes", "--daemonize", "no"])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "this test needs {}, which does not start ({error}); ./test installs it \
                 (redis-server by apt-get install redis-server, the others by tests/get-servers)",
                program.display()
            )
        })
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
