//! A real redis-server, for what must be true of both.

use crate::client::SOON;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

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
            .stdout(Stdio::piped())
            .spawn()
            .expect(
                "this test needs redis-server 7 in PATH (Debian, Ubuntu: apt install redis-server)",
            );
        let mut server = Self { child, addr };
        let output = BufReader::new(server.child.stdout.take().unwrap());
        let (tell, told) = mpsc::channel();
        // Reads on after that: a server must not wait for somebody who reads its log.
        let reader = std::thread::Builder::new().name("server".into());
        let reader = reader.spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if line.contains("Ready to accept connections") {
                    let _ = tell.send(());
                }
            }
        });
        assert!(reader.is_ok(), "{reader:?}");
        let up = told.recv_timeout(SOON);
        assert!(up.is_ok(), "redis-server does not listen: {up:?}");
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
