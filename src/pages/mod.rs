//! The pages that people read in a browser, as HTML. "Page" means a web page here; the pages of accounts belong to `attest`.
//!
//! **In:** what is published (statements, reports, ids of keys), the language and the clock's time, all as arguments. **Out:** HTML in
//! English or German, which needs no script but for readers with a token (`staff`). A page verifies nothing and says so; it names the command and the check page, which do.
//! `language`, `text` and `amount` say things in a language, `facts` has the ratios of a statement and `chart` draws them, `badge` says in a word whether
//! a policy is met, `frame` surrounds every page, and each page is a file with its template: `home`, `history`, `attestation` with `later`, `staff`, `failure`. `files` has what `web/` built.
//!
//! **Never:** a request, the database, anything of a customer, text of an exchange that is not escaped, a script or a style within
//! the HTML, a page without a bound on its size.

pub mod amount;
pub mod attestation;
mod badge;
mod chart;
#[cfg(test)]
mod examples;
pub mod facts;
pub mod failure;
pub mod files;
pub mod frame;
pub mod history;
pub mod home;
pub mod language;
pub mod later;
pub mod staff;
mod text;
