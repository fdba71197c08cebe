//! What a client may send, byte by byte, and what a server says to bytes that make no sense. What a
//! real server says decides.

use crate::client::{Client, End, SOON};
use crate::server::Server;
use hitless::sim::{CloseCause, Sim};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::Command;

/// All that comes back until the other end closes.
fn exchange(addr: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect_timeout(&addr, SOON).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut said = Vec::new();
    // Bytes that the other end has not read make its end a reset.
    let _ = stream.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

/// The embedded store, and the simulator in front of a real server.
fn both(server: &Server) -> [Sim; 2] {
    let behind = Sim::builder().proxy_to(server.addr);
    [Sim::builder(), behind].map(|builder| builder.start().unwrap())
}

#[test]
fn inline_commands_are_understood_wherever_arrays_are() {
    let server = Server::start();
    let sims = both(&server);
    for stream in [
        &b"PING\r\nQUIT\r\n"[..],
        b"PING\nQUIT\n",
        b"\r\n\r\n  ping  \r\nQUIT\r\n",
        b"set k 'a b'\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\nGET \"k\"\r\nQUIT\r\n",
        b"SET \"\\x6b\\n\" \"it's\"\r\nGET \"k\\n\"\r\nQUIT\r\n",
        b"*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\nQUIT\r\n",
        b"ECHO\r\nNOSUCH a\r\nQUIT\r\n",
    ] {
        let expected = exchange(server.addr, stream);
        assert!(expected.ends_with("+OK\r\n"), "{expected}");
        for sim in &sims {
            let said = exchange(sim.addr(sim.node(0)), stream);
            assert_eq!(said, expected, "{}", stream.escape_ascii());
        }
    }
}

#[test]
fn a_client_that_says_hello_inline_speaks_resp3_from_then_on() {
    let server = Server::start();
    for sim in both(&server) {
        let mut client = Client::on(&sim, sim.node(0));
        client.stream.write_all(b"HELLO 3\r\n").unwrap();
        assert!(matches!(client.reply(), hitless::Value::Map(_)));
        client
            .stream
            .write_all(b"CLIENT MAINT_NOTIFICATIONS ON\r\nPING\r\n")
            .unwrap();
        assert_eq!(client.reply(), hitless::Value::Okay);
        client.reply();
        sim.migrated("1");
        assert_eq!(client.push().kind, b"MIGRATED");
    }
}

#[test]
fn what_is_no_command_is_refused_in_the_words_of_a_server() {
    let server = Server::start();
    let sims = both(&server);
    let long = "x".repeat(70_000);
    for stream in [
        "PING\r\n*1\r\n:5\r\n".to_owned(),
        "*1\r\n\r\n".to_owned(),
        "*x\r\n".to_owned(),
        "*2147483648\r\n".to_owned(),
        "*1\r\n$-1\r\n".to_owned(),
        "*1\r\n$x\r\n".to_owned(),
        "*1\r\n$536870913\r\n".to_owned(),
        "PING\r\nGET \"k\r\n".to_owned(),
        "GET 'k'x\r\n".to_owned(),
        long.clone(),
        format!("*{long}"),
        format!("*1\r\n${long}"),
    ] {
        let expected = exchange(server.addr, stream.as_bytes());
        assert!(expected.contains("-ERR Protocol error: "), "{expected}");
        for sim in &sims {
            let said = exchange(sim.addr(sim.node(0)), stream.as_bytes());
            assert_eq!(said, expected, "{:.40}", stream);
        }
    }
    for sim in &sims {
        assert!(sim.wait_until(SOON, |now| now.open() == 0));
        for record in sim.connections() {
            let cause = record.closed.map(|(_, cause)| cause);
            assert_eq!(cause, Some(CloseCause::ProtocolError), "{record:?}");
        }
    }
}

#[test]
fn a_browser_that_is_led_to_the_server_is_cut_off_without_a_word() {
    let server = Server::start();
    let sim = Sim::builder().start().unwrap();
    for stream in ["POST / HTTP/1.1\r\nHost: x\r\n\r\n", "Host: x\r\n"] {
        assert_eq!(exchange(server.addr, stream.as_bytes()), "");
        let said = exchange(sim.addr(sim.node(0)), stream.as_bytes());
        assert_eq!(said, "", "{stream}");
    }
}

#[test]
fn those_who_have_not_logged_in_may_send_only_short_requests() {
    let sim = Sim::builder().password("secret").start().unwrap();
    let addr = sim.addr(sim.node(0));
    assert_eq!(
        exchange(addr, b"*11\r\n"),
        "-ERR Protocol error: unauthenticated multibulk length\r\n"
    );
    assert_eq!(
        exchange(addr, b"*2\r\n$20000\r\n"),
        "-ERR Protocol error: unauthenticated bulk length\r\n"
    );
    let mut client = Client::on(&sim, sim.node(0));
    assert_eq!(client.call("AUTH secret"), hitless::Value::Okay);
    let long = vec![b'x'; 20_000];
    client.send_args(&[b"SET", b"k", &long]);
    assert_eq!(client.reply(), hitless::Value::Okay);
}

#[test]
fn a_client_that_hangs_up_in_the_middle_of_a_request_is_let_go() {
    let server = Server::start();
    for sim in both(&server) {
        let mut client = Client::on(&sim, sim.node(0));
        client
            .stream
            .write_all(b"*2\r\n$4\r\nECHO\r\n$100\r\nx")
            .unwrap();
        drop(client);
        assert!(sim.wait_until(SOON, |now| now.open() == 0 && !now.connections().is_empty()));
    }
}

/// Runs a tool of a real server, and gives it these bytes to read.
fn tool(name: &str, addr: SocketAddr, arguments: &[&str], input: &[u8]) -> String {
    let mut child = Command::new(name)
        .args(["-h", &addr.ip().to_string(), "-p", &addr.port().to_string()])
        .args(arguments)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("this test needs the tools of redis-server (Debian, Ubuntu: redis-tools)");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complaint}");
    assert!(!complaint.contains("WARNING"), "{complaint}");
    said
}

#[test]
fn the_tools_of_a_real_server_work() {
    let server = Server::start();
    for sim in both(&server) {
        let addr = sim.addr(sim.node(0));
        let mut many = String::new();
        for n in 0..1000 {
            many.push_str(&format!("SET piped:{n} {n}\r\n"));
        }
        let said = tool("redis-cli", addr, &["--pipe"], many.as_bytes());
        assert!(said.contains("errors: 0, replies: 1000"), "{said}");
        assert_eq!(
            tool("redis-cli", addr, &["GET", "piped:999"], b"").trim(),
            "999"
        );
        let said = tool(
            "redis-benchmark",
            addr,
            &["-n", "500", "-c", "5", "-q"],
            b"",
        );
        for test in [
            "PING_INLINE",
            "PING_MBULK",
            "SPOP",
            "ZPOPMIN",
            "LRANGE_600",
            "MSET",
        ] {
            assert!(said.contains(test), "{test} in {said}");
        }
    }
}

#[test]
fn half_of_a_connection_that_is_closed_ends_it_after_the_replies() {
    let server = Server::start();
    let sim = Sim::builder().start().unwrap();
    for addr in [server.addr, sim.addr(sim.node(0))] {
        let mut stream = TcpStream::connect_timeout(&addr, SOON).unwrap();
        stream.write_all(b"PING\r\n").unwrap();
        let mut pong = [0; 7];
        stream.read_exact(&mut pong).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(Client::new(stream).end(), End::Closed);
    }
}
