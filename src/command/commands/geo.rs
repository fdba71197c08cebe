//! Commands of places on earth.

/// The commands of places, for a form.
macro_rules! geo {
    ($form:ident) => { $form! {
        /// `GEOADD`: puts members where they are; yields how many are new.
        ///
        /// ```no_run
        /// use hitless::{Commands, GeoArea, GeoCenter, GeoMatch, GeoPoint, GeoSearchOptions, GeoUnit};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let palermo = GeoPoint::new(13.361389, 38.115556);
        /// let catania = GeoPoint::new(15.087269, 37.502669);
        /// client.geo_add("towns", &[(palermo, "Palermo"), (catania, "Catania")])?;
        /// let apart: Option<f64> = client.geo_dist("towns", "Palermo", "Catania", GeoUnit::Kilometers)?;
        ///
        /// let near = GeoArea::circle(GeoCenter::member("Palermo"), 200.0, GeoUnit::Kilometers);
        /// let three = GeoSearchOptions::new().nearest_first().count(3).with_distance();
        /// let towns: Vec<GeoMatch<String>> = client.geo_search("towns", &near, &three)?;
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn geo_add(key: impl ToArg, members: &[(GeoPoint, impl ToArg)]) -> u64 {
            "GEOADD" => key, members.iter().map(|(at, member)| (at.longitude, at.latitude, member))
        }

        /// `GEOADD` with options; yields how many members are new, or with
        /// [`GeoAddOptions::count_changed`] how many are new or were moved.
        fn geo_add_options(
            key: impl ToArg,
            members: &[(GeoPoint, impl ToArg)],
            options: &GeoAddOptions,
        ) -> u64 {
            "GEOADD" => key, options, members.iter().map(|(at, member)| (at.longitude, at.latitude, member))
        }

        /// `GEODIST`: how far two members are from each other; `None` if one of them is not there.
        fn geo_dist(key: impl ToArg, one: impl ToArg, other: impl ToArg, unit: GeoUnit) -> Option<f64> {
            "GEODIST" => key, one, other, unit
        }

        /// `GEOHASH`: the geohashes of members, 11 letters each, in their order.
        fn geo_hash(key: impl ToArg, members: impl ToArgs) -> Vec<Option<String>> { "GEOHASH" => key, members }

        /// `GEOPOS`: where members are, in their order. Servers keep 52 bits of a place, so that it comes back a
        /// little beside of where it was put.
        fn geo_pos(key: impl ToArg, members: impl ToArgs) -> Vec<Option<GeoPoint>> { "GEOPOS" => key, members }

        /// `GEOSEARCH`: the members in an area: see [`GeoArea`] and [`GeoSearchOptions`].
        fn geo_search<T>(key: impl ToArg, area: &GeoArea, options: &GeoSearchOptions) -> Vec<GeoMatch<T>> {
            "GEOSEARCH" => key, area, options
        }

        /// `GEOSEARCHSTORE`: stores the members of `source` in an area with their places; yields how many there
        /// are. What was at `destination` is gone. Servers refuse options that say what is to be yielded.
        fn geo_search_store(
            destination: impl ToArg,
            source: impl ToArg,
            area: &GeoArea,
            options: &GeoSearchOptions,
        ) -> u64 {
            "GEOSEARCHSTORE" => destination, source, area, options
        }

        /// `GEOSEARCHSTORE ... STOREDIST`: stores the members of `source` in an area as a sorted set whose scores
        /// are the distances from the middle, in the unit of the area; yields how many there are.
        fn geo_search_store_dist(
            destination: impl ToArg,
            source: impl ToArg,
            area: &GeoArea,
            options: &GeoSearchOptions,
        ) -> u64 {
            "GEOSEARCHSTORE" => destination, source, area, options, "STOREDIST"
        }

        /// `GEORADIUS_RO`: the members within a distance of a place. Servers advise
        /// [`geo_search`](Commands::geo_search) instead.
        fn geo_radius<T>(
            key: impl ToArg,
            center: GeoPoint,
            radius: f64,
            unit: GeoUnit,
            options: &GeoSearchOptions,
        ) -> Vec<GeoMatch<T>> {
            "GEORADIUS_RO" => key, center, radius, unit, options
        }

        /// `GEORADIUSBYMEMBER_RO`: the members within a distance of one of them, which is among them. Servers advise
        /// [`geo_search`](Commands::geo_search) instead.
        fn geo_radius_by_member<T>(
            key: impl ToArg,
            member: impl ToArg,
            radius: f64,
            unit: GeoUnit,
            options: &GeoSearchOptions,
        ) -> Vec<GeoMatch<T>> {
            "GEORADIUSBYMEMBER_RO" => key, member, radius, unit, options
        }
    }};
}
pub(in crate::command) use geo;
