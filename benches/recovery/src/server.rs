//! A redis-server of our own.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Server {
    child: Child,
    pub address: SocketAddr,
    directory: PathBuf,
}

impl Server {
    pub fn start() -> Result<Self, String> {
        let directory =
            std::env::temp_dir().join(format!("hitless-recovery-{}", std::process::id()));
        std::fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
        // Below the ports that outgoing connections take.
        let first = 11_000 + (std::process::id() % 20_000) as u16;
        for port in first..first + 200 {
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            if TcpListener::bind(address).is_err() {
                continue;
            }
            let child = spawn(address, &directory)?;
            let mut server = Self {
                child,
                address,
                directory,
            };
            server.await_up()?;
            return Ok(server);
        }
        Err("no port is free".to_owned())
    }

    fn await_up(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(self.address).is_err() {
            if Instant::now() > deadline {
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
        self.child = spawn(self.address, &self.directory)?;
        self.await_up()?;
        Ok(Instant::now())
    }
}

fn spawn(address: SocketAddr, directory: &PathBuf) -> Result<Child, String> {
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
