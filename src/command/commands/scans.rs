//! Methods that yield iterators. Send nothing until an element is asked for.

/// The methods of `Commands` that yield an iterator.
macro_rules! scans {
    ($(
        $(#[$meta:meta])*
        $name:ident $matching:ident $optional:ident ($($key:ident)?) $command:literal;
    )*) => {$(
        $(#[$meta])*
        fn $name<T: FromValue>(&self $(, $key: impl ToArg)?) -> Scan<'_, Self, T> {
            self.$optional($($key,)? &ScanOptions::new())
        }

        #[doc = concat!("As [`", stringify!($name), "`](Commands::", stringify!($name), "), of what matches a pattern.")]
        fn $matching<T: FromValue>(&self, $($key: impl ToArg,)? pattern: impl ToArg) -> Scan<'_, Self, T> {
            self.$optional($($key,)? &ScanOptions::new().pattern(pattern))
        }

        #[doc = concat!("As [`", stringify!($name), "`](Commands::", stringify!($name), "), with options.")]
        fn $optional<T: FromValue>(&self, $($key: impl ToArg,)? options: &ScanOptions) -> Scan<'_, Self, T> {
            Scan::new(self, Cmd::named(named!($command))$(.arg($key))?, options)
        }
    )*};
}
pub(super) use scans;
