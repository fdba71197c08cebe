//! What one node of a cluster says of it.

use crate::common::redis::Version;
use crate::trial::{Trial, everywhere_with};
use hitless::{ClusterFailover, Commands, SlotState};

/// No node has this number.
const NOBODY: &str = "0123456789012345678901234567890123456789";

#[test]
fn cluster() {
    everywhere_with("cluster", &["--cluster-enabled", "yes"], |t| {
        says!(t, cluster_reset() => ());
        says!(t, cluster_reset_hard() => ());
        says!(t, cluster_set_config_epoch(7) => ());
        let me = got!(t, cluster_myid()).unwrap();
        assert_eq!(me.len(), 40);
        slots(t);
        what_is_known(t, &me);
        keys(t);
        moves(t, &me);
        others(t, &me);
        says!(t, cluster_saveconfig() => ());
        let words = got!(t, cluster_bumpepoch()).unwrap();
        assert!(
            words.starts_with("STILL") || words.starts_with("BUMPED"),
            "{words}"
        );
        t.client.flushall().unwrap();
        says!(t, cluster_flushslots() => ());
        assert_eq!(t.client.cluster_info().unwrap().slots_assigned, 0);
    });
}

fn slots(t: &Trial) {
    says!(t, cluster_addslots([0, 1, 2]) => ());
    says!(t, cluster_delslots([0, 2]) => ());
    says!(t, cluster_delslotsrange((1, 1)) => ());
    assert_eq!(got!(t, cluster_slots()).unwrap(), []);
    says!(t, cluster_addslotsrange([(0, 100), (200, 16_383)]) => ());
    refuses!(t, cluster_addslots(5) as (), "ERR");
}

fn what_is_known(t: &Trial, me: &str) {
    let info = got!(t, cluster_info()).unwrap();
    assert_eq!((info.slots_assigned, info.slots_ok), (16_285, 16_285));
    assert_eq!((info.slots_pfail, info.slots_fail), (0, 0));
    // Servers bring the number of primaries up to date a little later.
    assert!(info.known_nodes == 1 && info.size <= 1);
    assert_eq!((info.current_epoch, info.my_epoch), (7, 7));
    let state: String = info.info.get("cluster_state").unwrap();
    assert_eq!(info.is_ok, state == "ok");

    let address = t.client.options().get_endpoint().to_string();
    let port: u16 = address.rsplit(':').next().unwrap().parse().unwrap();
    let nodes = got!(t, cluster_nodes()).unwrap();
    let [node] = &nodes[..] else {
        panic!("{nodes:?}")
    };
    assert_eq!(
        (node.id.as_str(), node.port, node.config_epoch),
        (me, port, 7)
    );
    assert!(node.bus_port.is_some_and(|bus| bus != port));
    assert_eq!(node.flags, ["myself", "master"]);
    assert_eq!(node.slots, [0..=100, 200..=16_383]);
    assert!(node.is_connected && node.primary.is_none());

    let shards = got!(t, cluster_shards()).unwrap();
    let [shard] = &shards[..] else {
        panic!("{shards:?}")
    };
    assert_eq!(shard.slots, node.slots);
    let [only] = &shard.nodes[..] else {
        panic!("{shards:?}")
    };
    assert_eq!(
        (only.id.as_str(), only.port, only.tls_port),
        (me, Some(port), None)
    );
    assert_eq!(
        (only.role.as_str(), only.health.as_str()),
        ("master", "online")
    );

    let ranges = got!(t, cluster_slots()).unwrap();
    let [first, last] = &ranges[..] else {
        panic!("{ranges:?}")
    };
    assert_eq!((&first.slots, &last.slots), (&(0..=100), &(200..=16_383)));
    let [only] = &last.nodes[..] else {
        panic!("{ranges:?}")
    };
    assert_eq!((only.id.as_str(), only.port), (me, port));
    assert!(got!(t, cluster_links()).unwrap().is_empty());

    match t.version {
        Version::Redis70 => {
            refuses!(t, cluster_myshardid() as String, "ERR");
        }
        Version::Redis82 | Version::Valkey91 => {
            let shard_id = got!(t, cluster_myshardid()).unwrap();
            assert_eq!(shard_id.len(), 40);
            assert!(shard.id.as_ref().is_none_or(|id| *id == shard_id));
        }
    }
}

fn keys(t: &Trial) {
    says!(t, cluster_keyslot(b"{\xff}a") => crc16(b"\xff") % 16_384);
    let slot = t.client.cluster_keyslot("foo").unwrap();
    assert_eq!(slot, 12_182);
    says!(t, cluster_countkeysinslot(slot) => 0);
    says!(t, cluster_getkeysinslot(slot, 10) => Vec::<String>::new());
    if t.version == Version::Redis70 {
        refuses!(t, cluster_slot_stats(0, 1) as _, "ERR");
        refuses!(t, cluster_slot_stats_most("key-count", 3) as _, "ERR");
        refuses!(t, cluster_flushslot(slot) as (), "ERR");
        return;
    }
    let stats = got!(t, cluster_slot_stats(99, 200)).unwrap();
    let known: Vec<u16> = stats.iter().map(|slot| slot.slot).collect();
    assert_eq!(known, [99, 100, 200]);
    assert_eq!(stats[0].counts["key-count"], 0);
    let most = got!(t, cluster_slot_stats_most("key-count", 3)).unwrap();
    assert_eq!(most.len(), 3);
    if t.version == Version::Valkey91 {
        says!(t, cluster_flushslot(slot) => ());
    } else {
        refuses!(t, cluster_flushslot(slot) as (), "ERR");
    }
}

/// The checksum that slots are made of.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| {
            crc << 1 ^ if crc & 0x8000 == 0 { 0 } else { 0x1021 }
        })
    })
}

fn moves(t: &Trial, me: &str) {
    refuses!(
        t,
        cluster_setslot(7, SlotState::Importing(NOBODY)) as (),
        "ERR"
    );
    refuses!(
        t,
        cluster_setslot(7, SlotState::Migrating(NOBODY)) as (),
        "ERR"
    );
    says!(t, cluster_setslot(7, SlotState::Node(me)) => ());
    says!(t, cluster_setslot(7, SlotState::Stable) => ());
    if t.version == Version::Valkey91 {
        says!(t, cluster_getslotmigrations() => vec![]);
    } else {
        refuses!(t, cluster_getslotmigrations() as _, "ERR");
    }
    // There is nobody to whom they could go.
    refuses!(
        t,
        cluster_migrateslots(&[(0, 1), (5, 7)], NOBODY) as (),
        "ERR"
    );
    refuses!(t, cluster_cancelslotmigrations() as (), "ERR");
}

fn others(t: &Trial, me: &str) {
    says!(t, cluster_replicas(me) => vec![]);
    says!(t, cluster_count_failure_reports(me) => 0);
    refuses!(t, cluster_replicas(NOBODY) as _, "ERR");
    refuses!(t, cluster_meet("no address", 1) as (), "ERR");
    refuses!(t, cluster_forget(NOBODY) as (), "ERR");
    refuses!(t, cluster_replicate(NOBODY) as (), "ERR");
    // It is no replica.
    refuses!(t, cluster_failover() as (), "ERR");
    refuses!(
        t,
        cluster_failover_mode(ClusterFailover::Force) as (),
        "ERR"
    );
    refuses!(
        t,
        cluster_failover_mode(ClusterFailover::Takeover) as (),
        "ERR"
    );
}
