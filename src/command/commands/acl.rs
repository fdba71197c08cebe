//! Commands of access control: users, what they may do, and what was refused.

/// The commands of access control, for a form.
macro_rules! acl {
    ($form:ident) => { $form! {
        /// `ACL SETUSER`: makes a user who may do nothing, unless there is one of this name.
        fn acl_setuser(name: impl ToArg) -> () { "ACL SETUSER" => name }

        /// `ACL SETUSER`: changes a user, or makes one, by rules in their order. The server takes all of them or
        /// none.
        ///
        /// ```no_run
        /// use hitless::Commands;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let rules = ["reset", "on", ">a password", "~app:*", "+@read"];
        /// client.acl_setuser_rules("anna", rules)?;
        /// let anna = client.acl_getuser("anna")?;
        /// assert_eq!(anna.map(|user| user.rules.keys), Some("~app:*".to_owned()));
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn acl_setuser_rules(name: impl ToArg, rules: impl ToArgs) -> () { "ACL SETUSER" => name, rules }

        /// `ACL GETUSER`: what a user may do; `None` if there is no such user.
        fn acl_getuser(name: impl ToArg) -> Option<AclUser> { "ACL GETUSER" => name }

        /// `ACL DELUSER`: removes users and closes their connections; yields how many there were. The user
        /// `default` stays.
        fn acl_deluser(names: impl ToArgs) -> u64 { "ACL DELUSER" => names }

        /// `ACL USERS`: the names of all users.
        fn acl_users<T>() -> T { "ACL USERS" }

        /// `ACL LIST`: all users with their rules, a line for each, as the server's file has them.
        fn acl_list<T>() -> T { "ACL LIST" }

        /// `ACL WHOAMI`: the user of this client.
        fn acl_whoami<T>() -> T { "ACL WHOAMI" }

        /// `ACL CAT`: the categories of commands.
        fn acl_cat() -> Vec<String> { "ACL CAT" }

        /// `ACL CAT`: the commands of a category.
        fn acl_cat_categoryname(category: impl ToArg) -> Vec<String> { "ACL CAT" => category }

        /// `ACL GENPASS`: a random password of 64 hexadecimal digits.
        fn acl_genpass() -> String { "ACL GENPASS" }

        /// `ACL GENPASS`: a random password in hexadecimal digits, of at least so many bits.
        fn acl_genpass_bits(bits: u32) -> String { "ACL GENPASS" => bits }

        /// `ACL DRYRUN`: whether a user may send a command, which begins with its name and is not executed. `OK`,
        /// or why not. From 7.0 on.
        ///
        /// ```no_run
        /// use hitless::Commands;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let answer = client.acl_dryrun("anna", ("SET", "app:1", "value"))?;
        /// if answer != "OK" {
        ///     println!("{answer}");
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn acl_dryrun(name: impl ToArg, command: impl ToArgs) -> String { "ACL DRYRUN" => name, command }

        /// `ACL LOG`: the newest refusals, at most so many.
        fn acl_log(count: u64) -> Vec<AclLogEntry> { "ACL LOG" => count }

        /// `ACL LOG RESET`: makes the server forget the refusals.
        fn acl_log_reset() -> () { "ACL LOG" => "RESET" }

        /// `ACL LOAD`: reads the users from the server's file. The server refuses where it has none.
        fn acl_load() -> () { "ACL LOAD" }

        /// `ACL SAVE`: writes the users into the server's file. The server refuses where it has none.
        fn acl_save() -> () { "ACL SAVE" }
    }};
}
pub(in crate::command) use acl;
