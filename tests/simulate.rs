//! The program `simulate`, as somebody uses it who puts it before a service of their own.
#![cfg(all(feature = "sim", target_os = "linux"))]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    dead_code,
    unreachable_pub,
    reason = "a test panics when a claim is false, uses only parts of what is shared, and its modules \
              are seen by nobody else"
)]

#[path = "common/programs.rs"]
mod programs;

use programs::program;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

/// How long anything may take that must happen.
const SOON: Duration = Duration::from_secs(60);

/// The program, built once for all tests.
fn simulate() -> Command {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    Command::new(BUILT.get_or_init(|| program("simulate")))
}

struct Running {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    /// What it said first.
    start: String,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = simulate()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (tell, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        let input = child.stdin.take();
        let start = lines.recv_timeout(SOON).unwrap();
        Self {
            child,
            input,
            lines,
            start,
        }
    }

    /// The text of a member of the first line.
    fn told(&self, name: &str) -> &str {
        let key = format!("\"{name}\":\"");
        let at = self.start.find(&key).unwrap() + key.len();
        self.start[at..].split('"').next().unwrap()
    }

    fn order(&mut self, line: &str) -> String {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
        self.lines.recv_timeout(SOON).unwrap()
    }

    fn exit(mut self) -> i32 {
        // Its end closes its output, which ends the lines.
        while self.lines.recv_timeout(SOON).is_ok() {}
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody has at the moment, outside of those for outgoing connections.
fn free_port() -> u16 {
    (0..100)
        .map(|_| fastrand::u16(10_000..32_000))
        .find(|port| {
            let all = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.255.255.254"];
            all.iter().all(|ip| TcpListener::bind((*ip, *port)).is_ok())
        })
        .unwrap()
}

/// A service: a connection that has asked for notifications and does not heed them.
fn service(at: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
        .write_all(b"HELLO 3\r\nCLIENT MAINT_NOTIFICATIONS ON\r\nPING\r\n")
        .unwrap();
    let mut said = Vec::new();
    while !said.ends_with(b"+PONG\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        said.push(byte[0]);
    }
    stream
}

#[test]
fn it_goes_on_when_nobody_types_any_more_and_is_where_it_was_told_to_be() {
    let port = free_port();
    let number = port.to_string();
    let mut running = Running::start(&["--port", &number, "--control", "127.0.0.1:0"]);
    assert!(running.start.contains(&format!("\"port\":{number}")));
    let control = running.told("control").to_owned();
    running.input = None;
    let at: SocketAddr = format!("127.0.0.1:{port}").parse().unwrap();
    let service = service(at);
    let stream = TcpStream::connect(control).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let mut answers = BufReader::new(&stream).lines();
    let mut order = |line: &str| {
        (&stream).write_all(format!("{line}\n").as_bytes()).unwrap();
        answers.next().unwrap().unwrap()
    };
    assert_eq!(order("wait-opted-in 0 1 60"), r#"{"ok":true,"count":1}"#);
    assert_eq!(order("moving 0 1 1 close 0"), r#"{"ok":true,"seq":0}"#);
    assert_eq!(order("wait-retired 0 60"), r#"{"ok":true}"#);
    assert_eq!(order("wait-open 0 0 60"), r#"{"ok":true,"count":0}"#);
    assert_eq!(
        order("expect-cause maintenance 1"),
        r#"{"ok":true,"count":1}"#
    );
    assert!(order("connections").contains(r#""cause":"maintenance""#));
    assert!(order("timeline").contains("node 0 moving (0)"));
    assert!(order("nonsense").contains(r#""ok":false,"error":"#));
    assert_eq!(order("quit"), r#"{"ok":true}"#);
    drop(service);
    assert_eq!(running.exit(), 0);
}

#[test]
fn it_ends_with_its_input_if_it_was_asked_to() {
    let mut running = Running::start(&["--until-eof"]);
    assert_eq!(running.order("migrated"), r#"{"ok":true,"seq":0}"#);
    running.input = None;
    assert_eq!(running.exit(), 0);
}

/// Asks a DNS server for the addresses of a name: the code of the reply, and them.
fn look_up(server: &str, name: &str) -> (u8, Vec<[u8; 4]>) {
    let mut query = vec![1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        query.push(label.len() as u8);
        query.extend_from_slice(label.as_bytes());
    }
    query.extend([0, 0, 1, 0, 1]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    socket.send_to(&query, server).unwrap();
    let mut reply = [0; 512];
    let size = socket.recv(&mut reply).unwrap();
    assert_eq!(reply[..2], [1, 2]);
    let answers = reply[query.len()..size].chunks_exact(16);
    let addresses = answers.map(|one| one[12..].try_into().unwrap()).collect();
    (reply[3] & 15, addresses)
}

#[test]
fn its_names_exist_for_those_who_ask_its_dns_server() {
    let mut running =
        Running::start(&["--nodes", "3", "--dns", "127.0.0.1:0", "--advertised", "2"]);
    let dns = running.told("dns").to_owned();
    let local = |last| [127, 0, 0, last];
    let name = "sim.hitless.test";
    assert_eq!(look_up(&dns, name), (0, vec![local(1), local(2)]));
    assert_eq!(look_up(&dns, "Node3.hitless.test"), (0, vec![local(3)]));
    assert_eq!(look_up(&dns, "elsewhere.test"), (3, vec![]));
    assert_eq!(running.order("advertise 2"), r#"{"ok":true}"#);
    assert_eq!(look_up(&dns, name), (0, vec![local(3)]));
    // The same for a file, at the start and later.
    assert!(running.start.contains("127.0.0.1 sim.hitless.test"));
    let hosts = running.order("hosts");
    assert!(hosts.contains("127.0.0.3 sim.hitless.test"), "{hosts}");
    assert!(hosts.contains("127.0.0.2 node2.hitless.test"), "{hosts}");
}

fn script(name: &str, text: &str) -> PathBuf {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, text).unwrap();
    file
}

#[test]
fn a_script_decides_how_the_program_ends() {
    for (name, text, code) in [
        (
            "good.txt",
            "# a comment\n\nmigrating 1 # and another\nwait 0\nquit\n",
            0,
        ),
        ("unknown.txt", "migrating 1\nnonsense\nquit\n", 1),
        ("false.txt", "expect-cause maintenance 1\nquit\n", 1),
        ("late.txt", "wait-open 0 1 0\nquit\n", 1),
    ] {
        let file = script(name, text);
        let running = Running::start(&["--script", file.to_str().unwrap()]);
        assert_eq!(running.exit(), code, "{name}");
    }
}

#[test]
fn every_kind_of_order_is_understood() {
    let mut running = Running::start(&["--nodes", "4", "--scale", "0.001"]);
    let at: SocketAddr = format!(
        "127.0.0.1:{}",
        running
            .start
            .split("\"port\":")
            .nth(1)
            .unwrap()
            .split('}')
            .next()
            .unwrap()
    )
    .parse()
    .unwrap();
    let _service = service(at);
    for order in [
        "next-seq 7",
        "migrating 1",
        "migrating 1 [\"2\"]",
        "migrated",
        "failing-over 1 s",
        "failed-over",
        "smigrating 1,2,5-9",
        "smigrated 127.0.0.1:1 127.0.0.2:1 1,2 127.0.0.1:1 127.0.0.3:1 5-9",
        "failover 1",
        "push 0 SOMETHING 1 two",
        "send 1 >1\\r\\n+RAW\\r\\n",
        "dns-delay 1",
        "dns-delay 0",
        "opt-in 1 redis7",
        "fault 1 next 2 delay 1",
        "fault 1 one-in 9 answer get ERR not now",
        "fault 1 cut 3",
        "fault 1 reset",
        "fault 1 garble what\\r\\n",
        "clear-faults 1",
        "retire 3",
        "revive 3",
        "advertise 0 1",
        "multi-proxy 1",
        "moving-front 0 2 1",
        "moving-late 2 3 1",
        "moving-null 3 0 1",
        "moving-text 0 nowhere:1 1 close 0 keep",
        "play 1 5 migration failover",
        "play 0 5",
        "nodes",
        "resolve sim.hitless.test",
        "help",
    ] {
        let answer = running.order(order);
        assert!(answer.starts_with(r#"{"ok":true"#), "{order}: {answer}");
    }
    for order in [
        "smigrated 1 2",
        "fault 1 nonsense",
        "fault 9 reset",
        "kill 999",
        "play 1 1 nonsense",
        "wait -1",
        "moving 0",
    ] {
        let answer = running.order(order);
        assert!(answer.starts_with(r#"{"ok":false"#), "{order}: {answer}");
    }
    assert_eq!(running.order("quit"), r#"{"ok":true}"#);
    assert_eq!(running.exit(), 0);
}

#[test]
fn the_help_shows_three_worked_examples_whose_orders_exist() {
    let output = simulate().arg("--help").output().unwrap();
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).unwrap();
    let (examples, orders) = help
        .split_once("three worked examples")
        .unwrap()
        .1
        .split_once("\norders;")
        .unwrap();
    for number in ["\n1. ", "\n2. ", "\n3. "] {
        assert!(examples.contains(number), "{number} in {examples}");
    }
    // Lines of orders stand further in than the sentences around them.
    let lines = examples
        .lines()
        .filter_map(|line| line.strip_prefix("     "));
    let mut found = 0;
    for line in lines {
        let first = line.split_whitespace().next().unwrap();
        if !["simulate", "redis-server", "dig", "echo"].contains(&first) {
            let mut known = orders.split(|c: char| c != '-' && !c.is_alphanumeric());
            assert!(known.any(|word| word == first), "{line}");
            found += 1;
        }
        for option in line
            .split_whitespace()
            .filter(|word| word.starts_with("--"))
        {
            let listed = help.contains(&format!("\n  {option} "));
            // The option of another program.
            assert!(listed || first == "redis-server", "{option}");
        }
    }
    assert!(found >= 8, "{found}");
    // Each option of the list is read.
    let options = help.lines().filter_map(|line| line.strip_prefix("  --"));
    let mut count = 0;
    for line in options {
        let option = line.split_whitespace().next().unwrap();
        let output = simulate()
            .args([&format!("--{option}"), "?", "--nonsense"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            !said.contains(&format!("unknown option --{option};")),
            "{said}"
        );
        count += 1;
    }
    assert!(count >= 18, "{count}");
    let output = simulate().arg("--nonsense").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}
