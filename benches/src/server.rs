//! A redis-server of our own. Depends on nothing, because several programs include it.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Server {
    child: Child,
    pub address: SocketAddr,
    directory: PathBuf,
    /// More arguments.
    options: Vec<String>,
}

/// A port that nobody has, below those that outgoing connections take.
pub fn free_port() -> Result<u16, String> {
    let first = 11_000 + (std::process::id() % 20_000) as u16;
    (first..first + 200)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .ok_or_else(|| "no port is free".to_owned())
}

impl Server {
    pub fn start(options: &[&str]) -> Result<Self, String> {
        let directory = std::env::temp_dir().join(format!("hitless-bench-{}", std::process::id()));
        std::fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        let child = spawn(address, &directory, &options)?;
        let mut server = Self {
            child,
            address,
            directory,
            options,
        };
        server.await_up()?;
        Ok(server)
    }

    /// The id of its process.
    pub fn id(&self) -> String {
        self.child.id().to_string()
    }

    fn await_up(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(self.address).is_err() {
            let has_ended = self.child.try_wait().is_ok_and(|status| status.is_some());
            if has_ended || Instant::now() > deadline {
                return Err("redis-server does not listen".to_owned());
            }
            std::thread::yield_now();
        }
        Ok(())
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again; yields when it listened.
    pub fn restart(&mut self) -> Result<Instant, String> {
        self.child = spawn(self.address, &self.directory, &self.options)?;
        self.await_up()?;
        Ok(Instant::now())
    }
}

fn spawn(address: SocketAddr, directory: &Path, options: &[String]) -> Result<Child, String> {
    Command::new("redis-server")
        .args(["--port", &address.port().to_string(), "--bind", "127.0.0.1"])
        .args([
            "--save",
            "",
            "--appendonly",
            "no",
            "--enable-debug-command",
            "yes",
        ])
        .arg("--dir")
        .arg(directory)
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| {
            format!("redis-server does not start ({error}); apt-get install redis-server")
        })
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
