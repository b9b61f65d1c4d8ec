//! Who may do what: tokens and the keys that sign them.
