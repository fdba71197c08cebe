//! Commands of keys, whatever their values are.

/// The commands of keys, for a form.
macro_rules! keys {
    ($form:ident) => {
        $form! {
            /// `DEL`: removes keys; yields how many existed.
            fn del(keys: impl ToArgs) -> u64 { "DEL" => keys }

            /// `EXISTS`: how many of the keys exist. A key that is named twice counts twice.
            fn exists(keys: impl ToArgs) -> u64 { "EXISTS" => keys }

            /// `PEXPIRE`: lets a key vanish after a time, in steps of 1 ms. False: there is no such key. Less than
            /// 1 ms is sent as zero, with which the server removes the key at once.
            fn expire(key: impl ToArg, after: Duration) -> bool {
                // Not EXPIRE, whose seconds would round a short time to nothing.
                "PEXPIRE" => key, after.as_millis()
            }
        }
    };
}
pub(in crate::command) use keys;
