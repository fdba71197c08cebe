//! Vector sets, which Redis 8 has.

use crate::common::redis::{Redis, Version};
use crate::trial::{Trial, on, with_modules};
use hitless::{
    Commands, ErrorKind, RawVector, Result, VAddOptions, VSimOptions, VectorMatch,
    VectorQuantization, VectorQuery, VectorSetInfo,
};

const KEY: &[u8] = b"words\xff\x00";
const KING: &[u8] = b"king\xfe\x00";

#[test]
fn vector_sets() {
    with_modules("vector_sets", &[Version::Redis82], |t| {
        nothing(t);
        elements(t);
        shapes(t);
        attributes(t);
        searches(t);
        numbers(t);
    });
}

#[test]
fn a_server_without_vector_sets_says_so() {
    for version in [Version::Redis70, Version::Valkey91] {
        on(version, &Redis::of(version, &[]), |t| {
            refuses!(t, vadd("key", &[1.0], "a") as bool, "ERR");
        });
    }
}

fn nothing(t: &Trial) {
    says!(t, vcard(KEY) => 0);
    refuses!(t, vdim(KEY) as u64, "ERR");
    says!(t, vismember(KEY, KING) => false);
    says!(t, vemb(KEY, KING) => None);
    says!(t, vemb_raw(KEY, KING) => None);
    says!(t, vinfo(KEY) => None);
    says!(t, vgetattr(KEY, KING) => None::<String>);
    says!(t, vsetattr(KEY, KING, "{}") => false);
    says!(t, vdelattr(KEY, KING) => false);
    says!(t, vlinks(KEY, KING) => Vec::<Vec<String>>::new());
    says!(t, vlinks_with_scores(KEY, KING) => Vec::<Vec<(String, f64)>>::new());
    says!(t, vrandmember(KEY) => None::<String>);
    says!(t, vrandmember_multiple(KEY, 3) => Vec::<String>::new());
    says!(t, vrem(KEY, KING) => false);
    says!(t, vsim(KEY, &VectorQuery::element(KING)) => Vec::<String>::new());
}

fn elements(t: &Trial) {
    let plain = VAddOptions::new().quantization(VectorQuantization::Float);
    says!(t, vadd_options(KEY, &[1.0, 2.0], KING, &plain) => true);
    says!(t, vadd_options(KEY, &[3.0_f32, 4.0], KING, &plain) => false);
    says!(t, vadd_options(KEY, &Vec::from([-3.0_f32, -4.0]), 7, &plain) => true);
    says!(t, vcard(KEY) => 2);
    says!(t, vdim(KEY) => 2);
    says!(t, vismember(KEY, KING) => true);
    says!(t, vemb(KEY, KING) => Some(vec![3.0, 4.0]));
    // Whether there are more levels is chance; all elements are on the lowest.
    let links: Result<Vec<Vec<Vec<u8>>>> = got!(t, vlinks(KEY, KING));
    assert_eq!(links.unwrap().last().unwrap(), &[b"7"]);
    let links: Result<Vec<Vec<(i64, f64)>>> = got!(t, vlinks_with_scores(KEY, KING));
    let links = links.unwrap();
    let [(other, score)] = links.last().unwrap()[..] else {
        panic!("{links:?}");
    };
    assert_eq!(other, 7);
    assert!(score < 0.001, "the opposite direction: {score}");
    says!(t, vrem(KEY, 7) => true);
    says!(t, vrem(KEY, 7) => false);
    says!(t, vrandmember(KEY) => KING.to_vec());
    says!(t, vrandmember_multiple(KEY, 3) => vec![KING.to_vec()]);
    says!(t, vrandmember_multiple(KEY, -2) => vec![KING.to_vec(); 2]);
    t.client.set("text", 1).unwrap();
    refuses!(t, vcard("text") as u64, "WRONGTYPE");
}

fn shapes(t: &Trial) {
    let raw: Result<Option<RawVector>> = got!(t, vemb_raw(KEY, KING));
    let raw = raw.unwrap().unwrap();
    assert_eq!((raw.norm, raw.range), (5.0, None));
    assert_eq!(raw.quantization, VectorQuantization::Float);
    assert_eq!(raw.data, [0.6_f32, 0.8].map(f32::to_le_bytes).concat());
    let info: Result<Option<VectorSetInfo>> = got!(t, vinfo(KEY));
    let info = info.unwrap().unwrap();
    assert_eq!((info.dimensions, info.reduced_from), (2, None));
    assert_eq!(
        (info.size, info.with_attributes, info.max_links),
        (1, 0, 16)
    );
    assert_eq!(info.quantization, VectorQuantization::Float);

    let options = (VAddOptions::new().reduce(2).in_background().effort(50))
        .quantization(VectorQuantization::Int8)
        .attributes(r#"{"n":1}"#)
        .max_links(8);
    says!(t, vadd_options("small", &[1.0, 2.0, 3.0], "a", &options) => true);
    let info: Result<Option<VectorSetInfo>> = got!(t, vinfo("small"));
    let info = info.unwrap().unwrap();
    assert_eq!((info.dimensions, info.reduced_from), (2, Some(3)));
    assert_eq!((info.size, info.with_attributes, info.max_links), (1, 1, 8));
    assert_eq!(info.quantization, VectorQuantization::Int8);
    let raw: Result<Option<RawVector>> = got!(t, vemb_raw("small", "a"));
    let raw = raw.unwrap().unwrap();
    assert_eq!(
        (raw.quantization, raw.data.len()),
        (VectorQuantization::Int8, 2)
    );
    assert!(raw.range.unwrap() > 0.0);

    let bits = VAddOptions::new().quantization(VectorQuantization::Binary);
    says!(t, vadd_options("bits", &[1.0, -2.0, 3.0], "a", &bits) => true);
    says!(t, vemb("bits", "a") => Some(vec![1.0, -1.0, 1.0]));
    let raw: Result<Option<RawVector>> = got!(t, vemb_raw("bits", "a"));
    assert_eq!(
        raw.unwrap().unwrap().quantization,
        VectorQuantization::Binary
    );
    refuses!(
        t,
        vadd_options("bits", &[1.0, 2.0, 3.0], "a", &options) as bool,
        "ERR"
    );
}

fn attributes(t: &Trial) {
    says!(t, vsetattr(KEY, KING, r#"{"a":"\u00ff"}"#) => true);
    says!(t, vgetattr(KEY, KING) => Some(r#"{"a":"\u00ff"}"#.to_owned()));
    says!(t, vdelattr(KEY, KING) => true);
    says!(t, vgetattr(KEY, KING) => None::<String>);
}

fn searches(t: &Trial) {
    for (element, vector) in [
        ("east", [1.0, 0.0]),
        ("north", [0.0, 1.0]),
        ("west", [-1.0, 0.0]),
    ] {
        let options = (VAddOptions::new().quantization(VectorQuantization::Float))
            .attributes(format!(r#"{{"letters":{}}}"#, element.len()));
        says!(t, vadd_options("winds", &vector, element, &options) => true);
    }
    let words = |list: &[&str]| -> Vec<String> { list.iter().map(|&word| word.into()).collect() };
    says!(t, vadd_options("winds", &[0.6, -0.8], b"\xff", &VAddOptions::new()
        .quantization(VectorQuantization::Float)) => true);
    says!(t, vdelattr("winds", b"\xff") => true);
    let east = VectorQuery::element("east");
    let bytes: Vec<Vec<u8>> = [&b"east"[..], b"\xff", b"north", b"west"]
        .map(Vec::from)
        .into();
    says!(t, vsim("winds", &east) => bytes);
    let query = VectorQuery::vector(&[-2.0_f32, 0.1]);
    says!(t, vsim_options("winds", &query, &VSimOptions::new().count(2)) => words(&["west", "north"]));
    let all = VSimOptions::new().exact().in_foreground();
    let scores = vec![
        (b"east".to_vec(), 1.0),
        (b"\xff".to_vec(), 0.8),
        (b"north".to_vec(), 0.5),
        (b"west".to_vec(), 0.0),
    ];
    let got: Result<Vec<(Vec<u8>, f64)>> = got!(t, vsim_withscores("winds", &east, &all));
    let got = got.unwrap().into_iter();
    // Servers compute with f32.
    let rounded: Vec<_> = got
        .map(|(word, score)| (word, (score * 1e6).round() / 1e6))
        .collect();
    assert_eq!(rounded, scores);
    let four = (VSimOptions::new().count(3).effort(100).epsilon(0.9))
        .filter(".letters == 4")
        .filter_effort(100);
    says!(t, vsim_options("winds", &east, &four) => words(&["east"]));
    let got: Result<Vec<VectorMatch<Vec<u8>, String>>> = got!(
        t,
        vsim_withattribs("winds", &east, &VSimOptions::new().count(2))
    );
    let got: Vec<_> = (got.unwrap().into_iter())
        .map(|found| (found.element, found.score > 0.9, found.attributes))
        .collect();
    let east_has = Some(r#"{"letters":4}"#.to_owned());
    let expected = [
        (b"east".to_vec(), true, east_has),
        (b"\xff".to_vec(), false, None),
    ];
    assert_eq!(got, expected);
    let none = VSimOptions::new().filter(".letters > 9");
    says!(t, vsim_withscores("winds", &east, &none) => Vec::<(String, f64)>::new());
    says!(t, vsim_withattribs("winds", &east, &none) => Vec::<VectorMatch<String, String>>::new());
    refuses!(
        t,
        vsim("winds", &VectorQuery::element("south")) as Vec<String>,
        "ERR"
    );
    refuses!(
        t,
        vsim("winds", &VectorQuery::vector(&[1.0])) as Vec<String>,
        "ERR"
    );
}

fn numbers(t: &Trial) {
    // Each number arrives as the nearest f32, also where its text would be long.
    let vector = [0.1, -1.0 / 3.0, 1e-30, 16_777_217.0];
    let options = VAddOptions::new().quantization(VectorQuantization::Float);
    says!(t, vadd_options("numbers", &vector, "a", &options) => true);
    let as_f32 = vector.map(|number| number as f32);
    says!(t, vadd_options("numbers", &as_f32, "b", &options) => true);
    let raw =
        |element: &str| -> RawVector { t.client.vemb_raw("numbers", element).unwrap().unwrap() };
    assert_eq!(raw("a"), raw("b"));
    says!(t, vadd("plain", &[1.0, 2.0], "a") => true);
    for number in [f64::NAN, f64::INFINITY, 1e300] {
        let got: Result<bool> = got!(t, vadd("plain", &[number, 1.0], "b"));
        let error = got.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Usage, "{error}");
        let near = VectorQuery::vector(&[number, 1.0]);
        let got: Result<Vec<String>> = got!(t, vsim("plain", &near));
        assert_eq!(*got.unwrap_err().kind(), ErrorKind::Usage);
    }
    says!(t, vcard("plain") => 1);
}

#[cfg(feature = "serde")]
#[test]
fn attributes_are_values_of_types() {
    use hitless::Json;
    use std::collections::BTreeMap;
    type Letters = Json<BTreeMap<String, u32>>;

    let redis = Redis::of(Version::Redis82, &[]);
    on(Version::Redis82, &redis, |t| {
        let letters = Json(BTreeMap::from([("letters".to_owned(), 4)]));
        let options = VAddOptions::new().attributes(&letters);
        says!(t, vadd_options(KEY, &[1.0], KING, &options) => true);
        says!(t, vgetattr(KEY, KING) => Some(letters.clone()));
        says!(t, vsetattr(KEY, KING, &letters) => true);
        let king = VectorQuery::element(KING);
        let got: Result<Vec<VectorMatch<Vec<u8>, Letters>>> =
            got!(t, vsim_withattribs(KEY, &king, &VSimOptions::new()));
        assert_eq!(got.unwrap()[0].attributes.as_ref().unwrap().0["letters"], 4);
    });
}
