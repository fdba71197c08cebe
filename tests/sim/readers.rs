//! Commands that wait for entries and elements: who is served in which order, and how a wait ends, on the
//! simulator as on real servers and through it before them.

use crate::client::{Client, SOON, now, show};
use crate::common::redis::{Redis, Version};
use hitless::Value;
use hitless::sim::Sim;
use std::net::SocketAddr;

/// Several connections to one server, and one that does what the others wait for.
struct Scene {
    address: SocketAddr,
    actor: Client,
    waiting: usize,
}

impl Scene {
    fn new(address: SocketAddr) -> Self {
        let mut actor = Client::dial(address);
        assert_eq!(actor.call("FLUSHALL"), Value::Okay);
        Self {
            address,
            actor,
            waiting: 0,
        }
    }

    /// A connection whose command waits; its number comes first.
    fn waiter(&mut self, hello: &str, command: &str) -> (u64, Client) {
        let mut client = Client::dial(self.address);
        client.call(hello);
        let Value::Int(id) = client.call("CLIENT ID") else {
            panic!("no number");
        };
        client.send(command);
        self.waiting += 1;
        let wanted = format!("blocked_clients:{}\r\n", self.waiting);
        let deadline = now() + SOON;
        while !show(&self.actor.call("INFO clients")).contains(&wanted) {
            assert!(now() < deadline, "{command} does not wait");
        }
        (id.try_into().unwrap(), client)
    }

    /// What a connection that waited was answered.
    fn answer(&mut self, client: &mut Client) -> String {
        self.waiting -= 1;
        show(&client.reply())
    }

    fn act(&mut self, command: &str) -> String {
        show(&self.actor.call(command))
    }
}

/// Everything that happens, as it is answered.
fn story(address: SocketAddr) -> Vec<String> {
    let mut scene = Scene::new(address);
    let mut told = Vec::new();

    // Everybody who reads gets an entry.
    scene.act("XADD s 1-1 a 1");
    let mut readers = Vec::new();
    for (hello, command) in [
        ("HELLO 2", "XREAD BLOCK 0 STREAMS s $"),
        ("HELLO 3", "XREAD COUNT 1 BLOCK 0 STREAMS t s $ $"),
        ("HELLO 2", "XREAD BLOCK 0 STREAMS s 7"),
        ("HELLO 2", "BLPOP later other 0"),
    ] {
        readers.push(scene.waiter(hello, command).1);
    }
    told.push(scene.act("XADD s 2-1 a 1"));
    for reader in &mut readers[..2] {
        told.push(scene.answer(reader));
    }
    told.push(scene.act("XADD s 7-1 a 1"));
    told.push(scene.answer(&mut readers[2]));
    // No element, whatever has come to its key.
    told.push(scene.act("XADD later 1-1 a 1"));
    told.push(scene.act("RPUSH other x"));
    told.push(scene.answer(&mut readers[3]));

    // Each entry is for one consumer of a group: the one that has waited longest.
    scene.act("XGROUP CREATE s g $");
    let consumers: Vec<_> = ["a", "b", "c", "d"]
        .iter()
        .map(|name| {
            let command = format!("XREADGROUP GROUP g {name} BLOCK 0 STREAMS s >");
            scene.waiter("HELLO 3", &command)
        })
        .collect();
    let [a, b, c, d] = <[_; 4]>::try_from(consumers).ok().unwrap();
    let (mut a, mut b, mut c, mut d) = (a, b, c, d);
    scene.act("XADD s 8-1 a 1");
    told.push(scene.answer(&mut a.1));
    for command in ["MULTI", "XADD s 9-1 a 1", "XADD s 9-2 a 2", "EXEC"] {
        scene.act(command);
    }
    told.push(scene.answer(&mut b.1));
    told.push(scene.act(&format!("CLIENT UNBLOCK {} ERROR", c.0)));
    told.push(scene.answer(&mut c.1));
    told.push(scene.act(&format!("CLIENT UNBLOCK {}", d.0)));
    told.push(scene.answer(&mut d.1));
    told.push(scene.act(&format!("CLIENT UNBLOCK {} ERROR", d.0)));
    told.push(
        scene
            .act("XPENDING s g - + 10")
            .replace(|c: char| c.is_ascii_digit(), ""),
    );

    // A group ends with its stream, and whoever reads for it is told; others wait on.
    let (_, mut other) = scene.waiter("HELLO 2", "XREAD BLOCK 0 STREAMS s $");
    for end in ["XGROUP DESTROY s g", "DEL s", "SET s x", "FLUSHALL"] {
        scene.act("DEL s");
        scene.act("XGROUP CREATE s g $ MKSTREAM");
        let (_, mut reader) = scene.waiter("HELLO 2", "XREADGROUP GROUP g a BLOCK 0 STREAMS s >");
        told.push(scene.act(end));
        told.push(scene.answer(&mut reader));
    }
    told.push(scene.act("XADD s 99-1 a 1"));
    told.push(scene.answer(&mut other));

    // The key that was filled first counts, not the one that was named first.
    let (_, mut both) = scene.waiter("HELLO 2", "BLPOP one two 0");
    for command in ["MULTI", "RPUSH two x", "RPUSH one y", "EXEC"] {
        scene.act(command);
    }
    told.push(scene.answer(&mut both));
    told.push(scene.act("LRANGE one 0 -1"));

    // A wait that ends by itself.
    let mut short = Client::dial(address);
    told.push(show(&short.call("XREAD BLOCK 1 STREAMS none $")));
    told
}

#[test]
fn readers_are_served_and_let_go_as_real_servers_do_it() {
    let sim = Sim::builder().start().unwrap();
    let ours = story(sim.addr(sim.node(0)));
    for version in [Version::Redis82, Version::Valkey91] {
        let server = Redis::of(version, &[]);
        assert_eq!(ours, story(server.address), "{version:?}");
        let proxy = Sim::builder().proxy_to(server.address).start().unwrap();
        let through = story(proxy.addr(proxy.node(0)));
        assert_eq!(ours, through, "{version:?}, through the simulator");
    }
}
