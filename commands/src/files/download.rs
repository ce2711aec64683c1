//! What a browser is told about a file: its name, and a type that runs nothing.

/// Characters of a name that are passed on. Browsers cut longer ones anyway.
const NAME_MAX: usize = 150;

/// The type that browsers save and never show.
const BYTES: &str = "application/octet-stream";

/// What is passed on as it is: types in which nothing can be run.
const SAFE: [&str; 6] =
    ["image/gif", "image/jpeg", "image/png", "image/webp", "application/pdf", "text/plain"];

/// The type under which a file of `content_type` is sent: its own if that is harmless. HTML, SVG and
/// whatever else a browser would run comes as bytes (OWASP ASVS 3.2.1).
pub(super) fn safe_type(content_type: &str) -> &str {
    let plays = content_type.starts_with("audio/") || content_type.starts_with("video/");
    if plays || SAFE.contains(&content_type) { content_type } else { BYTES }
}

/// `Content-Disposition` of a file to be saved as `name` (RFC 6266): once for everybody in ASCII,
/// and once as it is, percent-encoded (RFC 8187).
pub(super) fn attachment(name: &str) -> String {
    let name: String = name.chars().filter(|it| !is_odd(*it)).take(NAME_MAX).collect();
    let name = name.trim().trim_start_matches('.');
    let name = if name.is_empty() { "file" } else { name };
    let ascii: String = name.chars().map(|it| if is_plain(it) { it } else { '_' }).collect();
    let encoded: String = name.bytes().map(percent).collect();
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

/// Characters that steer instead of being read: also those that turn the direction of writing.
fn is_odd(it: char) -> bool {
    it.is_control()
        || matches!(it, '/' | '\\' | '\u{200E}' | '\u{200F}')
        || matches!(it, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Safe within quotes, and nothing that anybody would decode: a `%` may be taken for an escape.
fn is_plain(it: char) -> bool {
    it == ' ' || (it.is_ascii_graphic() && !matches!(it, '"' | '\\' | '%' | ';'))
}

/// A byte as `attr-char` of RFC 8187, section 3.2.1.
fn percent(byte: u8) -> String {
    let plain = byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte);
    if plain { char::from(byte).to_string() } else { format!("%{byte:02X}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_twice() {
        assert_eq!(
            attachment("Größe 100%.pdf"),
            "attachment; filename=\"Gr__e 100_.pdf\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20100%25.pdf"
        );
    }

    #[test]
    fn a_name_steers_nothing() {
        let name = attachment("../..\u{202E}a\r\nSet-Cookie: x\"; filename=\"b.exe");
        assert!(!name.contains(['\r', '\n', '\u{202E}']), "{name}");
        assert_eq!(name.matches('"').count(), 2, "{name}");
        assert!(attachment("...").contains("filename=\"file\""));
        assert!(attachment(&"x".repeat(1_000)).len() < 400);
    }

    #[test]
    fn nothing_that_runs_is_sent_as_what_it_is() {
        for runs in ["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "x/y"] {
            assert_eq!(safe_type(runs), BYTES);
        }
        assert_eq!(safe_type("image/png"), "image/png");
        assert_eq!(safe_type("video/mp4"), "video/mp4");
    }
}
