//! Commands of vector sets: elements with vectors, and searches for similar ones. Redis 8.

/// The commands of vector sets, for a form.
macro_rules! vector_sets {
    ($form:ident) => { $form! {
        /// `VADD`: gives an element of a vector set its vector. True: the element is new; false: its vector was
        /// replaced. The first element of a key decides how many numbers a vector has.
        ///
        /// Numbers are `f32` or `f64`, and travel as 4 bytes each. One that is not finite is
        /// [`ErrorKind::Usage`](crate::ErrorKind::Usage).
        ///
        /// ```no_run
        /// use hitless::{Commands, VAddOptions, VSimOptions, VectorQuery};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// client.vadd("words", &[0.9, 0.1, 0.3], "king")?;
        /// let royal = VAddOptions::new().attributes(r#"{"letters":5}"#);
        /// client.vadd_options("words", &[0.8, 0.2, 0.4], "queen", &royal)?;
        ///
        /// let like_king: Vec<String> = client.vsim("words", &VectorQuery::element("king"))?;
        /// let short = VSimOptions::new().count(3).filter(".letters < 6");
        /// let near = VectorQuery::vector(&[0.7, 0.2, 0.4]);
        /// for (word, score) in client.vsim_withscores::<String>("words", &near, &short)? {
        ///     println!("{word}: {score}");
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn vadd(key: impl ToArg, vector: &[impl VectorNumber], element: impl ToArg) -> bool {
            "VADD" => key, Packed(vector), element
        }

        /// `VADD` with options: see [`VAddOptions`](crate::VAddOptions).
        fn vadd_options(
            key: impl ToArg,
            vector: &[impl VectorNumber],
            element: impl ToArg,
            options: &VAddOptions,
        ) -> bool {
            "VADD" => key, options.before(), Packed(vector), element, options
        }

        /// `VREM`: removes an element; false if it was not there.
        fn vrem(key: impl ToArg, element: impl ToArg) -> bool { "VREM" => key, element }

        /// `VCARD`: how many elements a vector set has; 0 if there is no such key.
        fn vcard(key: impl ToArg) -> u64 { "VCARD" => key }

        /// `VDIM`: how many numbers the vectors of a set have. That there is no such key is an error of the server.
        fn vdim(key: impl ToArg) -> u64 { "VDIM" => key }

        /// `VISMEMBER`: whether an element is in a vector set. Redis 8.2.
        fn vismember(key: impl ToArg, element: impl ToArg) -> bool { "VISMEMBER" => key, element }

        /// `VEMB`: the vector of an element, as near to what was added as the set keeps it; `None` if it is not
        /// there.
        fn vemb(key: impl ToArg, element: impl ToArg) -> Option<Vec<f32>> { "VEMB" => key, element }

        /// `VEMB ... RAW`: the vector of an element as the server keeps it; `None` if it is not there.
        fn vemb_raw(key: impl ToArg, element: impl ToArg) -> Option<RawVector> { "VEMB" => key, element, "RAW" }

        /// `VINFO`: what a vector set is like; `None` if there is no such key.
        fn vinfo(key: impl ToArg) -> Option<VectorSetInfo> { "VINFO" => key }

        /// `VSIM`: the elements that are most similar to an element or a vector, the most similar first; 10 at most.
        /// None if there is no such key.
        fn vsim<T>(key: impl ToArg, query: &VectorQuery) -> Vec<T> { "VSIM" => key, query }

        /// `VSIM` with options: see [`VSimOptions`](crate::VSimOptions).
        fn vsim_options<T>(key: impl ToArg, query: &VectorQuery, options: &VSimOptions) -> Vec<T> {
            "VSIM" => key, query, options
        }

        /// `VSIM ... WITHSCORES`: each element with its score: 1 is the same direction, 0.5 a right angle, 0 the
        /// opposite direction.
        fn vsim_withscores<T>(key: impl ToArg, query: &VectorQuery, options: &VSimOptions) -> Vec<(T, f64)> {
            "VSIM" => key, query, "WITHSCORES", options
        }

        /// `VSIM ... WITHSCORES WITHATTRIBS`: each element with its score and its attributes, as JSON text:
        /// `Json<..>` of your type with the feature `serde`, or `String`. Redis 8.2.
        ///
        /// ```no_run
        /// use hitless::{Commands, VSimOptions, VectorQuery};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let (king, all) = (VectorQuery::element("king"), VSimOptions::new());
        /// for near in client.vsim_withattribs::<String, String>("words", &king, &all)? {
        ///     println!("{} {} {:?}", near.element, near.score, near.attributes);
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn vsim_withattribs<T, A>(
            key: impl ToArg,
            query: &VectorQuery,
            options: &VSimOptions,
        ) -> Vec<VectorMatch<T, A>> {
            "VSIM" => key, query, "WITHSCORES", "WITHATTRIBS", options
        }

        /// `VGETATTR`: the attributes of an element, as JSON text: `Option<Json<..>>` of your type with the feature
        /// `serde`, or `Option<String>`. Nil if it has none, or is not there.
        fn vgetattr<T>(key: impl ToArg, element: impl ToArg) -> T { "VGETATTR" => key, element }

        /// `VSETATTR`: gives an element its attributes, a JSON object: `Json(&attributes)` with the feature `serde`,
        /// or a text. False: there is no such element. Servers do not look whether it is JSON.
        ///
        /// ```no_run
        /// use hitless::Commands;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// client.vsetattr("words", "king", r#"{"letters":4}"#)?;
        /// let attributes: Option<String> = client.vgetattr("words", "king")?;
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn vsetattr(key: impl ToArg, element: impl ToArg, attributes: impl ToArg) -> bool {
            "VSETATTR" => key, element, attributes
        }

        /// `VSETATTR` with nothing: removes the attributes of an element. False: there is no such element.
        fn vdelattr(key: impl ToArg, element: impl ToArg) -> bool { "VSETATTR" => key, element, "" }

        /// `VLINKS`: the neighbours of an element in the graph of its set, for each level, the highest one first.
        /// Empty if it is not there.
        fn vlinks<T>(key: impl ToArg, element: impl ToArg) -> Vec<Vec<T>> { "VLINKS" => key, element }

        /// `VLINKS ... WITHSCORES`: the neighbours of an element for each level, with their scores.
        fn vlinks_with_scores<T>(key: impl ToArg, element: impl ToArg) -> Vec<Vec<(T, f64)>> {
            "VLINKS" => key, element, "WITHSCORES"
        }

        /// `VRANDMEMBER`: an element by chance; nil if there is no such key.
        fn vrandmember<T>(key: impl ToArg) -> T { "VRANDMEMBER" => key }

        /// `VRANDMEMBER` with a count: so many different elements, or all if there are fewer. A negative count is met
        /// in any case, with elements that may come more than once.
        fn vrandmember_multiple<T>(key: impl ToArg, count: i64) -> Vec<T> { "VRANDMEMBER" => key, count }
    }};
}
pub(in crate::command) use vector_sets;
