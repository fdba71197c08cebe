//! What is measured: the same operation through hitless, redis-rs and a bare socket. Measures
//! nothing itself.
//!
//! Every contender reads a value of 16 bytes into a `Vec<u8>` of the caller; the bare socket only
//! compares it, as the least that a round trip can cost.

pub mod contest;
pub mod crew;
pub mod load;
pub mod mixed;
pub mod report;
pub mod times;

use crew::Operation;
use hitless::{Client, Cmd, Commands};
use redis::Commands as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A value of 16 bytes.
pub const KEY: &str = "bench:value";
/// A list of [`ELEMENTS`] values of 16 bytes.
pub const LIST: &str = "bench:list";
pub const ELEMENTS: usize = 10_000;
pub const PIPELINED: usize = 100;
const VALUE: &[u8; 16] = b"0123456789abcdef";

/// Puts the values in place.
pub fn prepare(address: &str) {
    let client = ours(address, 1);
    client.set(KEY, VALUE.as_slice()).expect("SET");
    client.del(LIST).expect("DEL");
    for _ in 0..ELEMENTS / 1000 {
        let values = vec![VALUE.as_slice(); 1000];
        client
            .execute(&Cmd::new("RPUSH").arg(LIST).args(values))
            .expect("RPUSH");
    }
}

/// The process id of the server.
pub fn server_process(address: &str) -> String {
    let text: String = ours(address, 1)
        .query(&Cmd::new("INFO").arg("server"))
        .expect("INFO");
    let id = text
        .lines()
        .find_map(|line| line.strip_prefix("process_id:"));
    id.unwrap_or_default().trim().to_owned()
}

pub fn ours(address: &str, connections: usize) -> Client {
    let url = format!("redis://{address}?pool_size={connections}");
    Client::connect(url).expect("a connection of hitless")
}

pub fn get_ours(client: &Client) {
    let value: Vec<u8> = client.get(KEY).expect("GET");
    assert_eq!(value.len(), VALUE.len());
}

pub fn set_ours(client: &Client) {
    client.set(KEY, VALUE.as_slice()).expect("SET");
}

pub fn redis_rs(address: &str) -> redis::Connection {
    let client = redis::Client::open(format!("redis://{address}")).expect("address");
    client.get_connection().expect("a connection of redis-rs")
}

pub fn set_redis_rs(connection: &mut impl redis::ConnectionLike) {
    let set = redis::Cmd::set(KEY, VALUE.as_slice());
    set.exec(connection).expect("SET");
}

pub fn get_redis_rs(connection: &mut impl redis::ConnectionLike) {
    let value: Vec<u8> = redis::Cmd::get(KEY).query(connection).expect("GET");
    assert_eq!(value.len(), VALUE.len());
}

/// A pool that does not send a PING before each use.
pub fn r2d2(address: &str, connections: u32) -> r2d2::Pool<redis::Client> {
    let client = redis::Client::open(format!("redis://{address}")).expect("address");
    r2d2::Pool::builder()
        .max_size(connections)
        .test_on_check_out(false)
        .connection_timeout(Duration::from_secs(10))
        .build(client)
        .expect("connections of r2d2")
}

/// A socket, and nothing else.
pub struct Raw {
    socket: TcpStream,
    request: Vec<u8>,
    reply: Vec<u8>,
    buffer: [u8; 64],
}

impl Raw {
    pub fn new(address: &str) -> Self {
        let socket = TcpStream::connect(address).expect("a socket");
        socket.set_nodelay(true).expect("TCP_NODELAY");
        Self {
            socket,
            request: format!("*2\r\n$3\r\nGET\r\n${}\r\n{KEY}\r\n", KEY.len()).into_bytes(),
            reply: [b"$16\r\n", VALUE.as_slice(), b"\r\n"].concat(),
            buffer: [0; 64],
        }
    }

    pub fn get(&mut self) {
        self.socket.write_all(&self.request).expect("write");
        let mut filled = 0;
        while filled < self.reply.len() {
            filled += self.socket.read(&mut self.buffer[filled..]).expect("read");
        }
        assert_eq!(self.buffer[..filled], self.reply[..]);
    }
}

fn each(threads: usize, make: impl Fn() -> Operation) -> Vec<Operation> {
    (0..threads).map(|_| make()).collect()
}

pub fn gets_ours(address: &str, threads: usize, connections: usize) -> Vec<Operation> {
    let client = ours(address, connections);
    each(threads, || {
        let client = client.clone();
        Box::new(move || get_ours(&client))
    })
}

pub fn gets_redis_rs(address: &str) -> Vec<Operation> {
    let mut connection = redis_rs(address);
    vec![Box::new(move || get_redis_rs(&mut connection))]
}

pub fn gets_r2d2(address: &str, threads: usize, connections: u32) -> Vec<Operation> {
    let pool = r2d2(address, connections);
    each(threads, || {
        let pool = pool.clone();
        Box::new(move || get_redis_rs(&mut *pool.get().expect("a connection from r2d2")))
    })
}

pub fn gets_raw(address: &str, threads: usize) -> Vec<Operation> {
    each(threads, || {
        let mut raw = Raw::new(address);
        Box::new(move || raw.get())
    })
}

pub fn pipeline_ours(address: &str) -> Vec<Operation> {
    let client = ours(address, 1);
    vec![Box::new(move || {
        let mut pipeline = hitless::pipe();
        for _ in 0..PIPELINED {
            pipeline.add(&Cmd::new("GET").arg(KEY));
        }
        let values: Vec<Vec<u8>> = pipeline.query(&client).expect("pipeline");
        assert_eq!(values.len(), PIPELINED);
    })]
}

pub fn pipeline_redis_rs(address: &str) -> Vec<Operation> {
    let mut connection = redis_rs(address);
    vec![Box::new(move || {
        let mut pipeline = redis::pipe();
        for _ in 0..PIPELINED {
            pipeline.get(KEY);
        }
        let values: Vec<Vec<u8>> = pipeline.query(&mut connection).expect("pipeline");
        assert_eq!(values.len(), PIPELINED);
    })]
}

pub fn lrange_ours(address: &str) -> Vec<Operation> {
    let client = ours(address, 1);
    vec![Box::new(move || {
        let values: Vec<Vec<u8>> = client
            .query(&Cmd::new("LRANGE").arg(LIST).arg(0).arg(-1))
            .expect("LRANGE");
        assert_eq!(values.len(), ELEMENTS);
    })]
}

pub fn lrange_redis_rs(address: &str) -> Vec<Operation> {
    let mut connection = redis_rs(address);
    vec![Box::new(move || {
        let values: Vec<Vec<u8>> = connection.lrange(LIST, 0, -1).expect("LRANGE");
        assert_eq!(values.len(), ELEMENTS);
    })]
}

fn array() -> Vec<u8> {
    let mut bytes = format!("*{ELEMENTS}\r\n").into_bytes();
    for _ in 0..ELEMENTS {
        bytes.extend_from_slice(b"$16\r\n");
        bytes.extend_from_slice(VALUE);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

pub fn decode_ours() -> Vec<Operation> {
    use hitless::unstable::{Decoder, Frame};
    use hitless::{Limits, Value};
    let bytes = array();
    vec![Box::new(move || {
        let step = Decoder::new(Limits::default())
            .decode(&bytes)
            .expect("well-formed");
        let Some(Frame::Reply(Value::Array(values))) = step.frame else {
            panic!("no array")
        };
        assert_eq!(values.len(), ELEMENTS);
    })]
}

pub fn decode_redis_rs() -> Vec<Operation> {
    let bytes = array();
    vec![Box::new(move || {
        let value = redis::parse_redis_value(&bytes).expect("well-formed");
        let redis::Value::Array(values) = value else {
            panic!("no array")
        };
        assert_eq!(values.len(), ELEMENTS);
    })]
}
