//! Places on earth.

use crate::trial::{Trial, everywhere};
use hitless::{Commands, GeoAddOptions, GeoArea, GeoCenter, GeoMatch, GeoPoint};
use hitless::{GeoSearchOptions, GeoUnit};

const PALERMO: GeoPoint = GeoPoint::new(13.361389, 38.115556);
const CATANIA: GeoPoint = GeoPoint::new(15.087269, 37.502669);
const BETWEEN: GeoPoint = GeoPoint::new(15.0, 37.0);

/// A member that is no text.
const RAW: &[u8] = b"Catania\xff";

/// Whether two places are the same but for what the server's 52 bits leave out.
fn same(one: GeoPoint, other: GeoPoint) -> bool {
    (one.longitude - other.longitude).abs() < 1e-4 && (one.latitude - other.latitude).abs() < 1e-4
}

fn members(found: Vec<GeoMatch<Vec<u8>>>) -> Vec<Vec<u8>> {
    found.into_iter().map(|found| found.member).collect()
}

#[test]
fn geo() {
    everywhere("geo", |t| {
        let catania = [(CATANIA, RAW)];
        says!(t, geo_add("towns", &[(PALERMO, "Palermo")]) => 1);
        let options = GeoAddOptions::new;
        says!(t, geo_add_options("towns", &catania, &options().if_present()) => 0);
        says!(t, geo_add_options("towns", &[(BETWEEN, RAW)], &options().if_absent()) => 1);
        says!(t, geo_add_options("towns", &catania, &options().count_changed()) => 1);
        refuses!(
            t,
            geo_add("towns", &[(GeoPoint::new(0.0, 90.0), "pole")]) as u64,
            "ERR"
        );

        let apart: Option<f64> =
            got!(t, geo_dist("towns", "Palermo", RAW, GeoUnit::Kilometers)).unwrap();
        assert_eq!(apart.map(f64::floor), Some(166.0));
        let apart: Option<f64> =
            got!(t, geo_dist("towns", "Palermo", RAW, GeoUnit::Miles)).unwrap();
        assert_eq!(apart.map(f64::floor), Some(103.0));
        let apart: Option<f64> = got!(t, geo_dist("towns", "Palermo", RAW, GeoUnit::Feet)).unwrap();
        assert!(apart > Some(500_000.0));
        says!(t, geo_dist("towns", "Palermo", "none", GeoUnit::Meters) => None);
        let hash = |text: &str| Some(text.to_owned());
        says!(t, geo_hash("towns", ["Palermo", "none"]) => vec![hash("sqc8b49rny0"), None]);
        let places: Vec<Option<GeoPoint>> =
            got!(t, geo_pos("towns", [b"none".as_slice(), RAW])).unwrap();
        assert!(
            matches!(places[..], [None, Some(place)] if same(place, CATANIA)),
            "{places:?}"
        );
        search(t);
        stores(t);
        polygons(t);
    });
}

fn search(t: &Trial) {
    let options = GeoSearchOptions::new;
    let circle = GeoArea::circle(BETWEEN, 200.0, GeoUnit::Kilometers);
    let both = vec![RAW.to_vec(), b"Palermo".to_vec()];
    let found = got!(t, geo_search("towns", &circle, &options().nearest_first())).unwrap();
    assert!(
        found
            .iter()
            .all(|found| found.distance.is_none() && found.hash.is_none())
    );
    assert_eq!(members(found), both);
    let far = options().farthest_first().count(1).with_distance();
    let found: Vec<GeoMatch<String>> = got!(t, geo_search("towns", &circle, &far)).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&*found[0].member, found[0].distance.map(f64::floor)),
        ("Palermo", Some(190.0))
    );
    assert_eq!((found[0].hash, found[0].point), (None, None));

    let wide = GeoArea::rectangle(GeoCenter::member(RAW), 1.0, 1.0, GeoUnit::Meters);
    let all = options()
        .with_distance()
        .with_hash()
        .with_point()
        .count_any(5);
    let found: Vec<GeoMatch<Vec<u8>>> = got!(t, geo_search("towns", &wide, &all)).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].distance, Some(0.0));
    assert_eq!(found[0].hash, Some(3_479_447_370_796_909));
    assert!(
        found[0].point.is_some_and(|point| same(point, CATANIA)),
        "{found:?}"
    );
    let nothing = GeoArea::circle(GeoPoint::new(0.0, 0.0), 1.0, GeoUnit::Feet);
    says!(t, geo_search("towns", &nothing, &all) => Vec::<GeoMatch<String>>::new());
    refuses!(
        t,
        geo_search("towns", &circle, &options().count(0)) as Vec<GeoMatch<String>>,
        "ERR"
    );

    let near = options().nearest_first().with_point();
    let found = got!(
        t,
        geo_radius("towns", BETWEEN, 200.0, GeoUnit::Kilometers, &near)
    )
    .unwrap();
    assert!(
        found[0].point.is_some_and(|point| same(point, CATANIA)),
        "{found:?}"
    );
    assert_eq!(members(found), both);
    let found = got!(
        t,
        geo_radius_by_member("towns", RAW, 1.0, GeoUnit::Miles, &options())
    )
    .unwrap();
    assert_eq!(members(found), [RAW]);
}

fn stores(t: &Trial) {
    let circle = GeoArea::circle(BETWEEN, 100.0, GeoUnit::Kilometers);
    let options = GeoSearchOptions::new();
    says!(t, geo_search_store("near", "towns", &circle, &options) => 1);
    let score = t.client.zscore("near", RAW).unwrap();
    assert_eq!(score, Some(3_479_447_370_796_909.0));
    says!(t, geo_search_store_dist("near", "towns", &circle, &options) => 1);
    assert_eq!(
        t.client.zscore("near", RAW).unwrap().map(f64::floor),
        Some(56.0)
    );
    refuses!(
        t,
        geo_search_store("near", "towns", &circle, &options.with_hash()) as u64,
        "ERR"
    );
}

fn polygons(t: &Trial) {
    let corner = GeoPoint::new;
    let around = [
        corner(14.0, 37.0),
        corner(16.0, 37.0),
        corner(16.0, 38.0),
        corner(14.0, 38.0),
    ];
    let polygon = GeoArea::polygon(&around);
    if t.version == crate::common::redis::Version::Valkey91 {
        let found = got!(t, geo_search("towns", &polygon, &GeoSearchOptions::new())).unwrap();
        assert_eq!(members(found), [RAW]);
    } else {
        let options = GeoSearchOptions::new();
        refuses!(
            t,
            geo_search("towns", &polygon, &options) as Vec<GeoMatch<String>>,
            "ERR"
        );
    }
}
