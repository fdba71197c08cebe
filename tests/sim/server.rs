//! A real redis-server, for what must be true of both.

use crate::client::{SOON, now};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub struct Server {
    child: Child,
    pub addr: SocketAddr,
}

impl Server {
    /// Starts a redis-server without persistence on a free port.
    pub fn start() -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = free.local_addr().unwrap();
        drop(free);
        let port = addr.port().to_string();
        let directory = std::env::temp_dir();
        let child = Command::new("redis-server")
            .args([
                "--port",
                &port,
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .args(["--daemonize", "no", "--dir"])
            .arg(directory)
            .stdout(Stdio::null())
            .spawn()
            .expect(
                "this test needs redis-server 7 in PATH (Debian, Ubuntu: apt install redis-server)",
            );
        let mut server = Self { child, addr };
        let deadline = now() + SOON;
        // The attempt itself is the wait: the kernel answers at once whether somebody listens.
        while TcpStream::connect(addr).is_err() {
            assert!(now() < deadline, "redis-server does not listen");
            let ended = server.child.try_wait().unwrap();
            assert!(ended.is_none(), "redis-server has ended: {ended:?}");
            std::thread::park_timeout(Duration::from_millis(5));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
