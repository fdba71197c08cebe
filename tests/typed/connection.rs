//! Connections: this one, and those of others.

use crate::common::redis::Version;
use crate::trial::{Form, Trial, everywhere};
use hitless::{Client, ClientFilter, ClientKind, Commands, Options, Protocol, cmd};
use std::time::Duration;

#[test]
fn connection() {
    everywhere("connection", |t| {
        says!(t, ping() => ());
        says!(t, ping_message(b"\xff\r\n") => b"\xff\r\n".to_vec());
        says!(t, echo(b"\x00\xfe") => b"\x00\xfe".to_vec());
        says!(t, client_getname() => None::<String>);
        says!(t, client_getredir() => -1);
        let tracking = got!(t, client_trackinginfo()).unwrap();
        assert_eq!(tracking.flags, ["off"]);
        assert_eq!((tracking.redirect, tracking.prefixes), (None, vec![]));
        assert!(got!(t, client_id()).unwrap() > 0);
        let me = got!(t, client_info()).unwrap();
        let protocol = if t.protocol == Protocol::Resp2 { 2 } else { 3 };
        assert_eq!((me.protocol, me.database), (Some(protocol), 0));
        let last = if t.form == Form::Atomic {
            "exec"
        } else {
            "client|info"
        };
        assert_eq!(me.last_command.as_deref(), Some(last));
        assert_eq!(me.get("user"), me.user);
        assert!(me.line().contains("id="));
        others(t);
        // No time: nobody waits.
        says!(t, client_pause(Duration::ZERO) => ());
        says!(t, client_pause_writes(Duration::ZERO) => ());
        says!(t, client_unpause() => ());
        says!(t, client_unblock(u64::from(u32::MAX)) => false);
        says!(t, client_unblock_error(u64::from(u32::MAX)) => false);
        refuses!(t, client_kill(&ClientFilter::new()) as u64, "ERR");
    });
}

/// Of another client, whose connection is listed and closed.
fn others(t: &Trial) {
    let address = t.client.options().get_endpoint().to_string();
    cmd("ACL SETUSER")
        .args(("anna", "on", "nopass", "+@all"))
        .exec(&t.client)
        .unwrap();
    let options = Options::new(&address).unwrap().username("anna");
    let other = Client::connect(options.password("any").pool_size(1).client_name("other")).unwrap();
    assert_eq!(other.client_getname().unwrap().as_deref(), Some("other"));
    let id = other.client_id().unwrap();
    let list = got!(t, client_list()).unwrap();
    let listed = list.iter().find(|client| client.id == id).unwrap();
    assert_eq!(listed.name.as_deref(), Some("other"));
    assert_eq!(listed.user.as_deref(), Some("anna"));
    let by_id = got!(
        t,
        client_list_filter(&ClientFilter::new().id(id).id(u32::MAX.into()))
    )
    .unwrap();
    assert_eq!(by_id.len(), 1);
    assert_eq!(by_id[0].address, listed.address);
    let normal = ClientFilter::new().kind(ClientKind::Normal);
    let normal = got!(t, client_list_filter(&normal)).unwrap();
    assert!(normal.iter().any(|client| client.id == id));

    let filter = ClientFilter::new().user("anna");
    let filter = filter.address(&listed.address).skip_me(true);
    let local = listed.local_address.clone().unwrap();
    let nobody = filter.clone().local_address("127.0.0.1:1");
    says!(t, client_kill(&nobody) => 0);
    says!(t, client_kill(&ClientFilter::new().kind(ClientKind::Replica)) => 0);
    if t.version != Version::Redis70 {
        let old = filter.clone().min_age(Duration::from_secs(86_400));
        says!(t, client_kill(&old) => 0);
    }
    says!(t, client_kill(&filter.local_address(local).id(id)) => 1);
    let left = client_list_of(t);
    assert!(left.iter().all(|known| *known != id));
}

fn client_list_of(t: &Trial) -> Vec<u64> {
    let list = t.client.client_list().unwrap();
    list.iter().map(|client| client.id).collect()
}
