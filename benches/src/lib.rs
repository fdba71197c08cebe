//! What is measured: the same operation through hitless, redis-rs and a bare socket. Measures
//! nothing itself.
//!
//! Every contender reads a value of 16 bytes into a `Vec<u8>` of the caller; the bare socket only
//! compares it, as the least that a round trip can cost.

pub mod awake;
pub mod bench;
pub mod child;
pub mod contest;
pub mod crew;
pub mod curves;
pub mod load;
pub mod machine;
pub mod report;
pub mod rounds;
pub mod rows;
pub mod server;
pub mod shapes;
pub mod times;

use crew::Operation;
use hitless::{Client, Cmd, Commands};
use redis::Commands as _;
use shapes::{KEY, VALUE, each, mix};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A list of [`ELEMENTS`] values of 16 bytes.
pub const LIST: &str = "bench:list";
pub const ELEMENTS: usize = 10_000;

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

/// A field of what the server says of itself; empty where it does not.
pub fn info(client: &Client, section: &str, field: &str) -> String {
    let text: String = client.query(&Cmd::new("INFO").arg(section)).expect("INFO");
    let values = text.lines().filter_map(|line| line.split_once(':'));
    let mut values = values.filter(|(name, _)| *name == field);
    let value = values.next().map_or("", |(_, value)| value.trim());
    value.to_owned()
}

/// The process id of the server.
pub fn server_process(address: &str) -> String {
    info(&ours(address, 1), "server", "process_id")
}

/// The client as it is without any option.
pub fn by_default(address: &str) -> Client {
    Client::connect(format!("redis://{address}")).expect("a connection of hitless")
}

/// A client that has, and uses, so many connections.
pub fn spread(address: &str, connections: usize) -> Client {
    let options = format!("pool_size={connections}&min_connections={connections}&max_in_flight=1");
    Client::connect(format!("redis://{address}?{options}")).expect("a connection of hitless")
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
    get: [Vec<u8>; 2],
    set: [Vec<u8>; 2],
    buffer: [u8; 64],
}

impl Raw {
    pub fn new(address: &str) -> Self {
        let socket = TcpStream::connect(address).expect("a socket");
        socket.set_nodelay(true).expect("TCP_NODELAY");
        let key = format!("${}\r\n{KEY}\r\n", KEY.len());
        let value = [b"$16\r\n", VALUE.as_slice(), b"\r\n"].concat();
        Self {
            socket,
            get: [
                format!("*2\r\n$3\r\nGET\r\n{key}").into_bytes(),
                value.clone(),
            ],
            set: [
                [b"*3\r\n$3\r\nSET\r\n", key.as_bytes(), &value].concat(),
                b"+OK\r\n".to_vec(),
            ],
            buffer: [0; 64],
        }
    }

    pub fn get(&mut self) {
        Self::run(&mut self.socket, &self.get, &mut self.buffer);
    }

    pub fn set(&mut self) {
        Self::run(&mut self.socket, &self.set, &mut self.buffer);
    }

    fn run(socket: &mut TcpStream, [request, reply]: &[Vec<u8>; 2], buffer: &mut [u8]) {
        socket.write_all(request).expect("write");
        let mut filled = 0;
        while filled < reply.len() {
            filled += socket.read(&mut buffer[filled..]).expect("read");
        }
        assert_eq!(buffer[..filled], reply[..]);
    }
}

pub fn gets_ours(address: &str, threads: usize, connections: usize) -> Vec<Operation> {
    let client = ours(address, connections);
    each(threads, || {
        let client = client.clone();
        move || get_ours(&client)
    })
}

pub fn gets_r2d2(address: &str, threads: usize, connections: u32) -> Vec<Operation> {
    let pool = r2d2(address, connections);
    each(threads, || {
        let pool = pool.clone();
        move || get_redis_rs(&mut *pool.get().expect("a connection from r2d2"))
    })
}

pub fn gets_raw(address: &str, threads: usize) -> Vec<Operation> {
    each(threads, || {
        let mut raw = Raw::new(address);
        move || raw.get()
    })
}

/// So many threads of the mix.
pub fn mix_ours(client: &Client, threads: usize) -> Vec<Operation> {
    mix(threads, || {
        let client = client.clone();
        move |is_set| match is_set {
            true => set_ours(&client),
            false => get_ours(&client),
        }
    })
}

/// So many threads of the mix.
pub fn mix_r2d2(pool: &r2d2::Pool<redis::Client>, threads: usize) -> Vec<Operation> {
    mix(threads, || {
        let pool = pool.clone();
        move |is_set| {
            let mut connection = pool.get().expect("a connection from r2d2");
            match is_set {
                true => set_redis_rs(&mut *connection),
                false => get_redis_rs(&mut *connection),
            }
        }
    })
}

/// A pipeline of so many GETs.
pub fn pipeline_ours(address: &str, commands: usize) -> Vec<Operation> {
    let client = ours(address, 1);
    vec![Box::new(move || {
        let mut pipeline = hitless::pipe();
        for _ in 0..commands {
            pipeline.add(&Cmd::new("GET").arg(KEY));
        }
        let values: Vec<Vec<u8>> = pipeline.query(&client).expect("pipeline");
        assert_eq!(values.len(), commands);
    })]
}

pub fn pipeline_redis_rs(address: &str, commands: usize) -> Vec<Operation> {
    let mut connection = redis_rs(address);
    vec![Box::new(move || {
        let mut pipeline = redis::pipe();
        for _ in 0..commands {
            pipeline.get(KEY);
        }
        let values: Vec<Vec<u8>> = pipeline.query(&mut connection).expect("pipeline");
        assert_eq!(values.len(), commands);
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
