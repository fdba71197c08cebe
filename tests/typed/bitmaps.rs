//! Bits, numbers of some bits, and HyperLogLogs.

use crate::common::redis::Version;
use crate::trial::{Trial, everywhere};
use hitless::{BitUnit, Bitfield, BitfieldOffset, BitfieldOverflow, BitfieldType, Commands};

const RAW: &[u8] = b"\x00\xff\r\n";

#[test]
fn bitmaps() {
    everywhere("bitmaps", |t| {
        says!(t, setbit(RAW, 7, true) => false);
        says!(t, setbit(RAW, 7, true) => true);
        says!(t, getbit(RAW, 7) => true);
        says!(t, getbit(RAW, 700) => false);
        says!(t, get(RAW) => b"\x01".to_vec());
        t.client.set("v", b"\x00\xff\xf0").unwrap();
        says!(t, bitcount("v") => 12);
        says!(t, bitcount("none") => 0);
        says!(t, bitcount_range("v", 1, 1, BitUnit::Byte) => 8);
        says!(t, bitcount_range("v", -8, -1, BitUnit::Bit) => 4);
        says!(t, bitpos("v", true) => 8);
        says!(t, bitpos("v", false) => 0);
        says!(t, bitpos("none", true) => -1);
        says!(t, bitpos_range("v", false, 1, -1, BitUnit::Byte) => 20);
        says!(t, bitpos_range("v", true, 10, 12, BitUnit::Bit) => 10);
        says!(t, bitpos_range("v", true, 0, 7, BitUnit::Bit) => -1);
        operations(t);
        numbers(t);
    });
}

fn operations(t: &Trial) {
    t.client
        .mset([("a", b"\x0c"), ("b", b"\x0a"), ("c", b"\x09")])
        .unwrap();
    let all = ["a", "b", "c"];
    let made = || t.client.get::<Vec<u8>>(RAW).unwrap()[0];
    says!(t, bit_and(RAW, all) => 1);
    assert_eq!(made(), 0b1000);
    says!(t, bit_or(RAW, all) => 1);
    assert_eq!(made(), 0b1111);
    says!(t, bit_xor(RAW, all) => 1);
    assert_eq!(made(), 0b1111);
    says!(t, bit_not(RAW, "a") => 1);
    assert_eq!(made(), 0b1111_0011);
    if t.version != Version::Redis82 {
        refuses!(t, bit_diff(RAW, all) as u64, "ERR");
        refuses!(t, bit_diff1(RAW, all) as u64, "ERR");
        refuses!(t, bit_and_or(RAW, all) as u64, "ERR");
        refuses!(t, bit_one(RAW, all) as u64, "ERR");
        return;
    }
    says!(t, bit_diff(RAW, all) => 1);
    assert_eq!(made(), 0b0100);
    says!(t, bit_diff1(RAW, all) => 1);
    assert_eq!(made(), 0b0011);
    says!(t, bit_and_or(RAW, all) => 1);
    assert_eq!(made(), 0b1000);
    says!(t, bit_one(RAW, all) => 1);
    assert_eq!(made(), 0b0111);
}

fn numbers(t: &Trial) {
    use BitfieldOffset::{Bit, Index};
    use BitfieldType::{Signed, Unsigned};
    let steps = Bitfield::new()
        .set(Unsigned(8), Bit(0), 255)
        .incr_by(Unsigned(8), Index(0), 10)
        .incr_by(Signed(5), Bit(100), 1)
        .overflow(BitfieldOverflow::Saturate)
        .incr_by(Unsigned(2), Index(50), 9)
        .overflow(BitfieldOverflow::Fail)
        .incr_by(Unsigned(2), Index(50), 1)
        .overflow(BitfieldOverflow::Wrap)
        .incr_by(Unsigned(2), Index(50), 1)
        .get(Signed(64), Bit(0));
    let yields = vec![Some(0), Some(9), Some(1), Some(3), None, Some(0)];
    let got = got!(t, bitfield(b"\xff", &steps)).unwrap();
    assert_eq!(got[..6], yields);
    let reads = Bitfield::new()
        .get(Unsigned(8), Index(0))
        .get(Signed(4), Bit(4));
    says!(t, bitfield(b"\xff", &reads) => vec![Some(9), Some(-7)]);
    says!(t, bitfield_ro(b"\xff", &reads) => vec![9, -7]);
    says!(t, bitfield_ro(b"\xff", &Bitfield::new()) => vec![]);
    refuses!(t, bitfield_ro(b"\xff", &steps) as Vec<i64>, "ERR");
    let unknown = Bitfield::new().get(Unsigned(64), Bit(0));
    refuses!(t, bitfield(b"\xff", &unknown) as Vec<Option<i64>>, "ERR");
}

#[test]
fn hyperloglog() {
    everywhere("hyperloglogs", |t| {
        says!(t, pfadd(RAW, [RAW, b"b"]) => true);
        says!(t, pfadd(RAW, [RAW]) => false);
        says!(t, pfadd("other", ["b", "c"]) => true);
        says!(t, pfcount(RAW) => 2);
        says!(t, pfcount([RAW, b"other"]) => 3);
        says!(t, pfmerge("other", [RAW]) => ());
        says!(t, pfcount("other") => 3);
        says!(t, pfcount("none") => 0);
        t.client.set("text", "no count").unwrap();
        refuses!(t, pfcount("text") as u64, "WRONGTYPE");
    });
}
