//! The files of the pages, as they are in this program. `web/` built the check page, its script and style, the check page that works
//! without a network, and the script of the pages for operators and regulators; `pages.css` has what the other pages need beside that style.

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The script of the check page.
pub static SCRIPT: &[u8] = include_bytes!("../../web/dist/assay.js");
/// The script of the pages for operators and regulators.
pub static STAFF: &[u8] = include_bytes!("../../web/dist/staff.js");
/// The style of all pages.
pub static STYLE: &[u8] = include_bytes!("../../web/dist/assay.css");
/// What the pages of the service need beside [`STYLE`].
pub static PAGES_STYLE: &[u8] = include_bytes!("pages.css");
/// The check page.
pub static CHECK: &str = include_str!("../../web/dist/check.html");
/// The check page in one file, which works without a network.
pub static VERIFY: &str = include_str!("../../web/dist/verify.html");

/// Where [`VERIFY`] takes an attestation.
const MARKER: &str = "<!--attestation-->";
/// Before the content security policy of [`VERIFY`].
const POLICY: &str = "http-equiv=\"Content-Security-Policy\" content=\"";
/// Digits of a digest in an address.
const VERSION: usize = 16;

static STYLE_ADDRESSES: LazyLock<[String; 2]> = LazyLock::new(|| {
    [("assay", STYLE), ("pages", PAGES_STYLE)].map(|(name, bytes)| format!("/assets/{name}.css?v={}", version(bytes)))
});

/// How a page names its script.
pub struct Script {
    /// Its address, with its version.
    pub address: String,
    /// Its digest, without which a browser would run another version.
    pub integrity: String,
}

/// [`STAFF`] as pages name it.
pub static STAFF_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script {
    address: format!("/assets/staff.js?v={}", version(STAFF)),
    integrity: format!("sha256-{}", STANDARD.encode(Sha256::digest(STAFF))),
});

/// The start of the SHA-256 of a file, for addresses that name one version of it.
pub fn version(bytes: &[u8]) -> String {
    let mut digest = hex::encode(Sha256::digest(bytes));
    digest.truncate(VERSION);
    digest
}

/// The addresses of the styles of a page, with their versions.
pub fn style_addresses() -> &'static [String] {
    &*STYLE_ADDRESSES
}

/// [`VERIFY`] with an attestation in it.
pub fn verify_with(attestation: &Value) -> String {
    // within JSON, `<` occurs in texts only: nothing in one can end the element
    let json = attestation.to_string().replace('<', "\\u003c");
    VERIFY.replacen(MARKER, &format!("<script type=\"application/json\" id=\"attestation\">{json}</script>"), 1)
}

/// The content security policy that [`VERIFY`] has in itself, which names its script by digest.
pub fn verify_policy() -> &'static str {
    let behind = VERIFY.split_once(POLICY).map_or("", |(_, behind)| behind);
    behind.split('"').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{fs, path::Path};

    use serde_json::json;

    use super::*;

    #[test]
    fn the_built_files_are_those_of_the_list() {
        let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/dist");
        let sums = fs::read_to_string(dist.join("SHA256SUMS")).unwrap();
        let listed: Vec<(String, &str)> =
            sums.lines().filter_map(|line| line.split_once("  ")).map(|(sum, name)| (name.to_owned(), sum)).collect();
        let mut names: Vec<_> = listed.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["assay.css", "assay.js", "check.html", "staff.js", "verify.html"]);
        for (name, sum) in listed {
            assert_eq!(hex::encode(Sha256::digest(fs::read(dist.join(&name)).unwrap())), sum, "{name}");
        }
    }

    #[test]
    fn a_file_to_take_away_has_its_attestation_and_nothing_can_leave_the_element() {
        // the script of the page names the marker too, behind it
        assert!(!VERIFY.split_once(MARKER).unwrap().0.contains("<script"));
        let hostile = "</script><script>alert(1)</script><!--";
        let html = verify_with(&json!({ "id": hostile }));
        assert!(!html.contains("<script>alert(1)"));
        let block = html.split_once("id=\"attestation\">").unwrap().1.split_once("</script>").unwrap().0;
        assert_eq!(serde_json::from_str::<Value>(block).unwrap()["id"], hostile);
    }

    #[test]
    fn a_file_to_take_away_says_itself_that_it_sends_nothing() {
        let policy = verify_policy();
        assert!(policy.contains("script-src 'sha256-") && policy.contains("connect-src 'none'"), "{policy}");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
    }
}
