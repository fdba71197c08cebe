//! Access control.

use crate::common::redis::Version;
use crate::trial::{Trial, everywhere};
use hitless::{Client, Commands, Options};

#[test]
fn acl() {
    everywhere("acl", |t| {
        says!(t, acl_whoami() => "default".to_owned());
        says!(t, acl_getuser("anna") => None);
        says!(t, acl_setuser("anna") => ());
        let rules: [&[u8]; 8] = [
            b"reset",
            b"on",
            b">secret",
            b"~app:*",
            b"%R~\xff*",
            b"&news",
            b"+@read",
            b"(+set ~x)",
        ];
        says!(t, acl_setuser_rules("anna", rules) => ());
        user(t);
        says!(t, acl_users() => vec!["anna".to_owned(), "default".to_owned()]);
        let lines: hitless::Result<Vec<Vec<u8>>> = got!(t, acl_list());
        let lines = lines.unwrap();
        assert!(lines.iter().any(|line| line.starts_with(b"user anna on ")));
        says!(t, acl_dryrun("anna", ("GET", "app:1")) => "OK".to_owned());
        says!(t, acl_dryrun("anna", ("GET", b"\xff\x00")) => "OK".to_owned());
        assert!(
            got!(t, acl_dryrun("anna", "FLUSHALL"))
                .unwrap()
                .contains("flushall")
        );
        refusals(t);
        assert!(got!(t, acl_cat()).unwrap().contains(&"hash".to_owned()));
        assert!(
            got!(t, acl_cat_categoryname("hash"))
                .unwrap()
                .contains(&"hget".to_owned())
        );
        let digits = |text: String| {
            (
                text.bytes().all(|byte| byte.is_ascii_hexdigit()),
                text.len(),
            )
        };
        assert_eq!(digits(got!(t, acl_genpass()).unwrap()), (true, 64));
        assert_eq!(digits(got!(t, acl_genpass_bits(30)).unwrap()), (true, 8));
        refuses!(t, acl_load() as (), "ERR");
        refuses!(t, acl_save() as (), "ERR");
        refuses!(t, acl_setuser_rules("anna", "no rule") as (), "ERR");
        says!(t, acl_deluser(["anna", "none"]) => 1);
    });
}

fn user(t: &Trial) {
    let anna = got!(t, acl_getuser("anna")).unwrap().unwrap();
    assert!(anna.flags.contains(&"on".to_owned()));
    let [hash] = &anna.passwords[..] else {
        panic!("{anna:?}")
    };
    assert!(hash.starts_with("2bb80d537b1da3e3") && !format!("{anna:?}").contains("2bb80d"));
    assert_eq!(anna.rules.commands, "-@all +@read");
    assert_eq!(anna.rules.keys, "~app:* %R~\u{fffd}*");
    assert_eq!(anna.rules.channels, "&news");
    assert_eq!(
        anna.rules.databases.is_some(),
        t.version == Version::Valkey91
    );
    let [selector] = &anna.selectors[..] else {
        panic!("{anna:?}")
    };
    assert_eq!(selector.commands, "-@all +set");
    assert_eq!(
        (selector.keys.as_str(), selector.channels.as_str()),
        ("~x", "")
    );
}

/// What a client of that user is refused.
fn refusals(t: &Trial) {
    says!(t, acl_log_reset() => ());
    let address = t.client.options().get_endpoint().to_string();
    let options = Options::new(&address)
        .unwrap()
        .username("anna")
        .password("secret");
    let anna = Client::connect(options.pool_size(1)).unwrap();
    assert_eq!(
        anna.acl_whoami::<String>().unwrap_err().code(),
        Some("NOPERM")
    );
    assert_eq!(anna.get::<()>(b"\xfe").unwrap_err().code(), Some("NOPERM"));
    let entries = got!(t, acl_log(100)).unwrap();
    let key = entries.iter().find(|entry| entry.reason == "key").unwrap();
    assert_eq!(
        (key.context.as_str(), &key.object[..]),
        ("toplevel", &b"\xfe"[..])
    );
    assert_eq!((&key.username[..], key.count), (&b"anna"[..], 1));
    assert_eq!(key.client.user.as_deref(), Some("anna"));
    assert_eq!(key.client.last_command.as_deref(), Some("get"));
    let is_new = t.version != Version::Redis70;
    assert_eq!((key.id.is_some(), key.created.is_some()), (is_new, is_new));
    assert_eq!(key.created, key.updated);
    assert!(entries.iter().any(|entry| entry.object == b"acl|whoami"));
    assert_eq!(got!(t, acl_log(1)).unwrap().len(), 1);
}
