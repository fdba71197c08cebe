//! Every order of what happens to two addresses, up to a length, against what really stands behind them.

use super::*;

/// What may happen next.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// The pool gets one more connection, to the address that it uses.
    Fill,
    /// One is made, of which is told later, and that is not used before.
    Begin,
    Tell,
    /// Its server says that it moves to the other address.
    AnnounceElsewhere,
    /// Its server says that it moves.
    Announce,
    /// The address leads to another server.
    Change,
    /// A link moves.
    Replace,
}

const EVENTS: [Event; 7] = [
    Event::Fill,
    Event::Begin,
    Event::Tell,
    Event::AnnounceElsewhere,
    Event::Announce,
    Event::Change,
    Event::Replace,
];

/// How a move goes on that was announced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Move {
    /// It was not said where, and nothing has moved.
    Open,
    Elsewhere,
    Behind,
}

#[derive(Clone, Debug)]
struct Link {
    id: LinkId,
    at: usize,
    server: u64,
    has_moved: bool,
}

#[derive(Clone, Debug)]
struct World {
    origins: Origins,
    links: Vec<Link>,
    /// The server behind each address.
    servers: [u64; 2],
    next: u64,
    /// The address that is used.
    at: usize,
    going: Option<Move>,
    untold: Option<(LinkId, usize)>,
}

fn address(at: usize) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], [6379, 6380][at]))
}

fn literal(at: usize) -> Endpoint {
    crate::handoff::endpoint_of(address(at))
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            origins: Origins::default(),
            links: Vec::new(),
            servers: [0, 1],
            next: 2,
            at: 0,
            going: None,
            untold: None,
        };
        world.connect(0);
        world.connect(0);
        world
    }

    fn connect(&mut self, at: usize) -> LinkId {
        let id = LinkId::new(self.next);
        self.next += 1;
        self.links.push(Link {
            id,
            at,
            server: self.servers[at],
            has_moved: false,
        });
        id
    }

    fn is_untold(&self, link: &Link) -> bool {
        self.untold.is_some_and(|(untold, _)| untold == link.id)
    }

    /// False: that cannot happen now.
    fn apply(&mut self, event: Event) -> bool {
        let here = self.at;
        match event {
            Event::Fill => {
                let link = self.connect(here);
                self.origins.handle_filled((link, Some(address(here))));
            }
            Event::Begin => {
                if self.untold.is_some() {
                    return false;
                }
                let link = self.connect(here);
                self.untold = Some((link, here));
            }
            Event::Tell => {
                let Some((link, at)) = self.untold.take() else {
                    return false;
                };
                self.origins.handle_filled((link, Some(address(at))));
            }
            Event::AnnounceElsewhere | Event::Announce => {
                if self.going.is_some() {
                    return false;
                }
                let (to, going) = match event {
                    Event::Announce => (None, Move::Open),
                    _ => (Some(literal(1 - here)), Move::Elsewhere),
                };
                self.going = Some(going);
                let mut known = self.links.iter().filter(|link| !self.is_untold(link));
                let newest = known.next_back().unwrap().id;
                (self.origins).handle_move(Some(address(here)), to.as_ref(), newest);
            }
            Event::Change => {
                if self.going != Some(Move::Open) {
                    return false;
                }
                self.going = Some(Move::Behind);
                self.servers[here] = self.next;
            }
            Event::Replace => return self.replace(),
        }
        true
    }

    /// The first link that is to move does.
    fn replace(&mut self) -> bool {
        let here = self.at;
        let to = match self.going {
            Some(Move::Behind) => here,
            // The name has led elsewhere, so that the address is not changed any more.
            Some(Move::Open | Move::Elsewhere) => 1 - here,
            None => return false,
        };
        let server = self.servers[to];
        let untold = self.untold.map(|(link, _)| link);
        let is_old = |link: &&mut Link| {
            link.at == here
                && !link.has_moved
                && Some(link.id) != untold
                && (to != here || link.server != server)
        };
        let Some(old) = self.links.iter_mut().find(is_old) else {
            // All have moved.
            self.going = None;
            self.at = to;
            // Whoever comes back to where it was before finds another server there.
            self.servers[1 - to] = self.next;
            return true;
        };
        old.has_moved = true;
        let old = (old.id, Some(address(here)));
        self.going = Some(match self.going {
            Some(Move::Behind) => Move::Behind,
            _ => Move::Elsewhere,
        });
        let new = self.connect(to);
        self.origins.handle_replaced(old, (new, Some(address(to))));
        true
    }

    fn check(&self, events: &[Event]) {
        for one in self.links.iter().filter(|link| !self.is_untold(link)) {
            let at = Some(address(one.at));
            for other in self
                .links
                .iter()
                .filter(|other| other.at == one.at && !self.is_untold(other))
            {
                let are_same = self.origins.are_same(at, one.id, other.id);
                assert_eq!(are_same, self.origins.are_same(at, other.id, one.id));
                assert!(
                    !are_same || one.server == other.server,
                    "{events:?}: {one:?} {other:?}"
                );
            }
            let dial = self.origins.dial((one.id, at));
            let reached = self.origins.first_reached(at);
            assert_eq!(
                dial == Dial::Leads,
                reached.is_none_or(|first| first <= one.id)
            );
            // What becomes of an address that was left is not known before the pool comes back to it: its links are
            // ended by then.
            let is_back = |link: &Link| link.at == one.at && link.server == self.servers[one.at];
            let is_known = one.at == self.at || self.links.iter().any(is_back);
            if dial == Dial::Leads && is_known {
                assert_eq!(one.server, self.servers[one.at], "{events:?}: {one:?}");
            }
        }
    }

    /// All that can follow, up to so many events. Yields how many worlds were looked at.
    fn explore(&self, events: &mut Vec<Event>, left: usize) -> usize {
        self.check(events);
        if left == 0 {
            return 1;
        }
        let mut count = 1;
        for event in EVENTS {
            let mut next = self.clone();
            if next.apply(event) {
                events.push(event);
                count += next.explore(events, left - 1);
                events.pop();
            }
        }
        count
    }
}

#[test]
fn no_number_goes_to_another_server_in_any_order() {
    let count = World::new().explore(&mut Vec::new(), 8);
    assert!(count > 10_000, "{count}");
}

fn link(number: u64) -> LinkId {
    LinkId::new(number)
}

#[test]
fn a_move_elsewhere_leaves_the_way_to_the_old_server_open() {
    let (a, b) = (Some(address(0)), Some(address(1)));
    let mut origins = Origins::default();
    origins.handle_move(a, Some(&literal(1)), link(2));
    assert_eq!(origins.dial((link(1), a)), Dial::Leads);
    // One that may lead to either, and one that says so late.
    for to in [
        None,
        Some(Endpoint::tcp("redis.example", 6379)),
        Some(literal(0)),
    ] {
        let mut origins = Origins::default();
        origins.handle_move(a, to.as_ref(), link(2));
        assert_eq!(origins.dial((link(1), a)), Dial::NotKnown);
        assert!(origins.are_same(a, link(1), link(2)));
        assert!(!origins.are_same(a, link(1), link(3)));
        origins.handle_replaced((link(2), a), (link(4), b));
        assert_eq!(origins.dial((link(1), a)), Dial::Leads);
        assert_eq!(origins.dial((link(4), b)), Dial::Leads);
    }
}

#[test]
fn all_links_that_a_move_has_made_lead_to_one_server() {
    let at = Some(address(0));
    for is_announced in [true, false] {
        let mut origins = Origins::default();
        if is_announced {
            origins.handle_move(at, None, link(3));
        }
        for (old, new) in [(3, 4), (1, 5), (2, 6)] {
            origins.handle_replaced((link(old), at), (link(new), at));
        }
        assert!(origins.are_same(at, link(4), link(6)));
        assert!(!origins.are_same(at, link(3), link(4)));
        assert_eq!(origins.dial((link(4), at)), Dial::Leads);
        assert_eq!(origins.dial((link(3), at)), Dial::LeadsElsewhere);
        assert_eq!(origins.first_reached(at), Some(link(4)));
    }
}

#[test]
fn an_address_is_one_in_either_spelling_and_a_path_is_one_too() {
    let mapped = "[::ffff:127.0.0.1]:6379".parse().ok();
    for (one, other) in [(Some(address(0)), mapped), (None, None)] {
        let mut origins = Origins::default();
        origins.handle_replaced((link(1), one), (link(2), other));
        assert!(!origins.are_same(one, link(1), link(2)));
        assert!(!origins.are_same(other, link(1), link(2)));
    }
}

#[test]
fn boundaries_go_with_the_last_link_before_them() {
    let at = Some(address(0));
    let mut origins = Origins::default();
    for number in 1..5 {
        origins.handle_replaced((link(number), at), (link(number + 1), at));
    }
    origins.forget(Some(link(3)));
    assert_eq!(origins.0.len(), 2);
    assert!(!origins.are_same(at, link(3), link(4)));
    origins.forget(None);
    assert_eq!(origins.0.len(), 0);
}
