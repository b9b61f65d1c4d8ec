//! The pages for people: requests in, pages of `crate::pages` out, and the files that `web/` built.
//!
//! **In:** requests without tokens. **Out:** HTML that is written once for each state of what it shows, and kept. What decides about a
//! page is its key in `cache`: a list asks the database which attestations it has, as the public list does, and an attestation that
//! was shown before asks it nothing. `staff` has the pages for readers with a token, which are the same for everybody: their script asks the API. `page` has what all answers share, `failure` what a browser sees of a problem document.
//!
//! **Never:** an answer that depends on a token, a page with data of a customer.

pub mod attestation;
pub mod cache;
pub mod failure;
pub mod files;
pub mod history;
pub mod home;
pub mod page;
pub mod staff;
